//! What happens at the same time in Postgres.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use stepyard_asl::Timestamp;
use stepyard_machine::ExecutionStatus;
use stepyard_store::{Chunk, CommitGroup, Error, ExecutionUpdate, ShardId, Store};

use crate::fixtures::{NODE, SHARD, chunk, claim, commit, days_later, id, row, update};
use crate::support::postgres;

/// Of a redrive and a removal at the same time one has no effect, whichever comes second.
#[tokio::test]
async fn postgres_redrives_or_removes() {
    let Some((url, store)) = postgres().await else { return };
    let mut lease = claim(&store).await;
    let later =
        ExecutionUpdate { stopped_at: Some(Timestamp(10)), ..update(2, ExecutionStatus::Failed) };
    let group = CommitGroup {
        starts: vec![row(1), row(2)],
        chunks: vec![chunk(1, 0, 1), chunk(2, 0, 1)],
        updates: vec![update(1, ExecutionStatus::Failed), later],
        ..CommitGroup::default()
    };
    commit(&store, &mut lease, group).await;
    let store = Arc::new(store);
    let mut other = PgConnection::connect(&url).await.unwrap();
    let waits = Duration::from_millis(200);

    let mut redrive = other.begin().await.unwrap();
    sqlx::query("UPDATE execution SET status = 1, stopped_at = NULL WHERE name = 'e1'")
        .execute(&mut *redrive)
        .await
        .unwrap();
    let removing = store.clone();
    let removal =
        tokio::spawn(async move { removing.remove_closed(SHARD, days_later(99), 1).await });
    tokio::time::sleep(waits).await;
    redrive.commit().await.unwrap();
    assert_eq!(removal.await.unwrap().unwrap().executions, 0);
    assert_eq!(store.load_journal(SHARD, id(1)).await.unwrap(), [chunk(1, 0, 1)]);

    let mut removal = other.begin().await.unwrap();
    for delete in [
        "DELETE FROM journal WHERE execution_id = $1",
        "DELETE FROM execution WHERE execution_id = $1",
    ] {
        sqlx::query(delete).bind(id(2).0).execute(&mut *removal).await.unwrap();
    }
    let (redriving, leases) = (store.clone(), vec![lease]);
    let redrive = tokio::spawn(async move {
        let open = ExecutionUpdate { stopped_at: None, ..update(2, ExecutionStatus::Running) };
        let group = CommitGroup {
            leases,
            chunks: vec![chunk(2, 2, 3)],
            updates: vec![open],
            ..CommitGroup::default()
        };
        redriving.commit(&group).await
    });
    tokio::time::sleep(waits).await;
    removal.commit().await.unwrap();
    let refused = redrive.await.unwrap();
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    assert_eq!(store.load_journal(SHARD, id(2)).await.unwrap(), []);
    assert_eq!(store.read_leases(&[SHARD]).await.unwrap(), [lease]);
}

/// Commits of different lanes, and claims between them.
#[tokio::test]
async fn postgres_commits_lanes_side_by_side() {
    let Some((_, store)) = postgres().await else { return };
    let store = Arc::new(store);
    let lane = |lane: u16| {
        let store = store.clone();
        async move {
            let shards: Vec<_> = (0..16).map(|n| ShardId(n * 4 + lane)).collect();
            let mut leases = store.claim_shards(NODE, &shards).await.unwrap();
            for turn in 0..30 {
                let chunks = shards.iter().map(|shard| Chunk {
                    shard: *shard,
                    first_event: turn,
                    ..chunk(u64::from(shard.0), 0, 1)
                });
                let group = CommitGroup {
                    leases: leases.iter().rev().copied().collect(),
                    chunks: chunks.collect(),
                    ..CommitGroup::default()
                };
                store.commit(&group).await.unwrap();
                leases.iter_mut().for_each(|lease| lease.commit_seq += 1);
            }
            assert_eq!(store.read_leases(&shards).await.unwrap(), leases);
            store.claim_shards(NODE, &shards).await.unwrap();
        }
    };
    let lanes = (0..4).map(|number| tokio::spawn(lane(number)));
    for ended in futures::future::join_all(lanes).await {
        ended.unwrap();
    }
}
