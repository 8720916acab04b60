//! What a commit writes, and when it writes nothing.

use std::slice;

use stepyard_asl::Timestamp;
use stepyard_machine::{ExecutionStatus, Redriven};
use stepyard_store::{
    CommitGroup, Error, ExecutionRow, ExecutionUpdate, ShardId, ShardLease, Store,
};

use crate::fixtures::{
    MACHINE, NODE, SHARD, chunk, claim, commit, days_later, id, names, row, update,
};

over_all_stores! {
    a_commit_is_visible,
    an_execution_may_start_and_end_in_one_commit,
    a_lost_lease_writes_nothing,
    what_was_redriven_is_open_again,
    what_was_removed_cannot_change,
    what_is_there_is_not_written_again,
}

async fn a_commit_is_visible(store: &dyn Store) {
    let mut lease = claim(store).await;
    // More rows than any batch of statements holds.
    let rows: Vec<_> = (0..200).map(row).collect();
    let chunks: Vec<_> = (0..200).map(|number| chunk(number, 0, 1)).collect();
    let group = CommitGroup { starts: rows.clone(), chunks, ..CommitGroup::default() };
    commit(store, &mut lease, group).await;
    let updates: Vec<_> =
        (0..73).map(|number| update(number, ExecutionStatus::Succeeded)).collect();
    commit(store, &mut lease, CommitGroup { updates, ..CommitGroup::default() }).await;

    let now = Timestamp(1_000);
    let open = store.due_executions(SHARD, None, now, 1_000).await.unwrap();
    assert_eq!(open, rows[73..]);
    let page = store.due_executions(SHARD, Some(rows[150].due_place()), now, 10).await.unwrap();
    assert_eq!(page, rows[151..161]);
    let found = store.find_execution(SHARD, MACHINE, "e7").await.unwrap().unwrap();
    assert_eq!((found.status, found.stopped_at), (ExecutionStatus::Succeeded, Some(Timestamp(9))));
    assert_eq!(store.find_execution(SHARD, MACHINE, "e").await.unwrap(), None);
    assert_eq!(store.load_journal(SHARD, id(7)).await.unwrap(), [chunk(7, 0, 1)]);
    assert_eq!(store.load_journal(SHARD, id(999)).await.unwrap(), []);
}

async fn an_execution_may_start_and_end_in_one_commit(store: &dyn Store) {
    let mut lease = claim(store).await;
    let group = CommitGroup {
        starts: vec![row(1), row(2)],
        updates: vec![update(2, ExecutionStatus::Failed)],
        ..CommitGroup::default()
    };
    commit(store, &mut lease, group).await;
    let status = |name: &'static str| async move {
        store.find_execution(SHARD, MACHINE, name).await.unwrap().unwrap().status
    };
    assert_eq!(status("e1").await, ExecutionStatus::Running);
    assert_eq!(status("e2").await, ExecutionStatus::Failed);
}

async fn a_lost_lease_writes_nothing(store: &dyn Store) {
    let old = claim(store).await;
    let mut lease = claim(store).await;
    assert_eq!((lease.epoch, lease.commit_seq), (old.epoch + 1, old.commit_seq));
    commit(store, &mut lease, CommitGroup { starts: vec![row(1)], ..CommitGroup::default() }).await;
    let other = store.claim_shards(NODE, &[ShardId(4)]).await.unwrap()[0];
    let repeated = ShardLease { commit_seq: lease.commit_seq - 1, ..lease };
    for leases in [vec![old], vec![repeated], vec![other, old], vec![], vec![other]] {
        let group = CommitGroup {
            leases,
            starts: vec![row(2)],
            chunks: vec![chunk(2, 0, 1)],
            ..CommitGroup::default()
        };
        let refused = store.commit(&group).await.unwrap_err();
        assert!(matches!(refused, Error::Fenced { shard: SHARD }), "{refused}");
    }
    assert_eq!(store.find_execution(SHARD, MACHINE, "e2").await.unwrap(), None);
    assert_eq!(store.load_journal(SHARD, id(2)).await.unwrap(), []);
    let leases = store.read_leases(&[SHARD, ShardId(4)]).await.unwrap();
    assert_eq!(leases, [lease, other]);
}

async fn what_was_redriven_is_open_again(store: &dyn Store) {
    let mut lease = claim(store).await;
    let group = CommitGroup { starts: vec![row(1), row(2)], ..CommitGroup::default() };
    commit(store, &mut lease, group).await;
    let updates = vec![update(1, ExecutionStatus::Failed), update(2, ExecutionStatus::Failed)];
    commit(store, &mut lease, CommitGroup { updates, ..CommitGroup::default() }).await;
    let redriven = Some(Redriven { count: 3, at: Timestamp(20) });
    let open =
        ExecutionUpdate { stopped_at: None, redriven, ..update(1, ExecutionStatus::Running) };
    commit(store, &mut lease, CommitGroup { updates: vec![open], ..CommitGroup::default() }).await;
    let again = ExecutionRow { redriven, ..row(1) };
    assert_eq!(store.find_execution(SHARD, MACHINE, "e1").await.unwrap(), Some(again.clone()));
    let due = store.due_executions(SHARD, None, Timestamp(30), 10).await.unwrap();
    assert_eq!(due, slice::from_ref(&again));
    // It ended long ago, and is in progress now.
    assert_eq!(store.remove_closed(SHARD, days_later(99), 10).await.unwrap().executions, 1);
    assert_eq!(names(store).await, ["e1"]);

    // One that starts, ends and is redriven in one commit is written as it is then.
    let redrive = ExecutionUpdate {
        id: id(4),
        stopped_at: None,
        redriven,
        ..update(4, ExecutionStatus::Running)
    };
    let group =
        CommitGroup { starts: vec![row(4)], updates: vec![redrive], ..CommitGroup::default() };
    commit(store, &mut lease, group).await;
    let found = store.find_execution(SHARD, MACHINE, "e4").await.unwrap();
    assert_eq!(found, Some(ExecutionRow { redriven, ..row(4) }));
}

async fn what_was_removed_cannot_change(store: &dyn Store) {
    let mut lease = claim(store).await;
    let group = CommitGroup {
        starts: vec![row(1), row(2)],
        chunks: vec![chunk(1, 0, 1)],
        updates: vec![update(1, ExecutionStatus::Failed)],
        ..CommitGroup::default()
    };
    commit(store, &mut lease, group).await;
    assert_eq!(store.remove_closed(SHARD, days_later(99), 10).await.unwrap().executions, 1);
    let redriven = Some(Redriven { count: 1, at: Timestamp(20) });
    let open =
        ExecutionUpdate { stopped_at: None, redriven, ..update(1, ExecutionStatus::Running) };
    let group = CommitGroup {
        leases: vec![lease],
        chunks: vec![chunk(1, 2, 3), chunk(2, 0, 1)],
        updates: vec![update(2, ExecutionStatus::Failed), open],
        ..CommitGroup::default()
    };
    let refused = store.commit(&group).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    assert_eq!(store.read_leases(&[SHARD]).await.unwrap(), [lease]);
    assert_eq!(store.load_journal(SHARD, id(1)).await.unwrap(), []);
    assert_eq!(store.load_journal(SHARD, id(2)).await.unwrap(), []);
    assert_eq!(store.find_execution(SHARD, MACHINE, "e2").await.unwrap(), Some(row(2)));
}

async fn what_is_there_is_not_written_again(store: &dyn Store) {
    let mut lease = claim(store).await;
    let first = CommitGroup {
        starts: vec![row(1)],
        chunks: vec![chunk(1, 0, 1)],
        ..CommitGroup::default()
    };
    commit(store, &mut lease, first).await;
    let same_name = ExecutionRow { id: id(2), ..row(1) };
    let groups = [
        CommitGroup { starts: vec![same_name], ..CommitGroup::default() },
        CommitGroup { chunks: vec![chunk(1, 0, 1)], ..CommitGroup::default() },
    ];
    for group in groups {
        let refused = store.commit(&CommitGroup { leases: vec![lease], ..group }).await;
        assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    }
    assert_eq!(store.read_leases(&[SHARD]).await.unwrap(), [lease]);
}
