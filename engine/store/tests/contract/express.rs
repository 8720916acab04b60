//! What is kept of Express executions.

use std::sync::Arc;

use bytes::Bytes;
use stepyard_asl::Timestamp;
use stepyard_machine::{ExecutionStatus, Qualifier};
use stepyard_store::{
    ClosedExpress, CommitGroup, ExecutionQuery, ExecutionRow, Removed, ShardId, StartedBy, Store,
};

use crate::fixtures::{MACHINE, SHARD, claim, commit, days_later, id, machine, names, row, update};

over_all_stores! {
    an_express_execution_is_kept_once,
    express_executions_of_a_state_machine_are_listed,
    express_executions_go_like_others,
    a_revision_stays_while_an_express_execution_needs_it,
}

fn express(number: u64) -> ClosedExpress {
    let row = ExecutionRow {
        status: ExecutionStatus::Failed,
        stopped_at: Some(Timestamp(9)),
        name: "same".into(),
        ..row(number)
    };
    ClosedExpress { row, journal: Bytes::from(format!("journal {number}")) }
}

async fn an_express_execution_is_kept_once(store: &dyn Store) {
    let qualifier =
        |version, alias: Option<&str>| Some(Qualifier { version, alias: alias.map(Arc::from) });
    let mut kept: Vec<_> = (0..200).map(express).collect();
    kept[1].row.qualifier = qualifier(7, None);
    kept[2].row.qualifier = qualifier(7, Some("live"));
    store.keep_express(&kept).await.unwrap();
    // A write of unknown outcome is repeated, together with what has come since.
    let changed = ClosedExpress { journal: Bytes::from_static(b"other"), ..express(5) };
    store.keep_express(&[changed, express(200)]).await.unwrap();
    store.keep_express(&[]).await.unwrap();
    for express in &kept {
        let found = store.find_express(SHARD, express.row.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(express));
    }
    assert_eq!(store.find_express(SHARD, id(200)).await.unwrap(), Some(express(200)));
    assert_eq!(store.find_express(ShardId(4), id(5)).await.unwrap(), None);
    assert_eq!(store.find_express(SHARD, id(999)).await.unwrap(), None);
    // Those who ask for other executions see nothing of it.
    assert_eq!(names(store).await.len(), 0);
    assert_eq!(store.find_execution(SHARD, MACHINE, "same").await.unwrap(), None);
    assert_eq!(store.get_execution(SHARD, id(5)).await.unwrap(), None);
}

async fn express_executions_of_a_state_machine_are_listed(store: &dyn Store) {
    let mut kept: Vec<_> = (0..9).map(express).collect();
    kept[1].row.state_machine_arn = format!("{MACHINE}-other").into();
    kept[2].row.status = ExecutionStatus::TimedOut;
    kept[3].row.name = "named 3".into();
    kept[4].row.qualifier = Some(Qualifier { version: 7, alias: None });
    kept[5].row.qualifier = Some(Qualifier { version: 7, alias: Some("live".into()) });
    kept[6].row.shard = ShardId(4);
    store.keep_express(&kept).await.unwrap();
    let all = ExecutionQuery {
        state_machine_arn: Some(MACHINE.into()),
        limit: 100,
        ..ExecutionQuery::default()
    };
    let listed = |query: ExecutionQuery| {
        let kept = &kept;
        async move {
            let rows = store.list_express(&query).await.unwrap();
            let place = |row: &ExecutionRow| kept.iter().position(|kept| kept.row == *row);
            rows.iter().map(|row| place(row).unwrap()).collect::<Vec<_>>()
        }
    };
    assert_eq!(listed(all.clone()).await, [8, 7, 6, 5, 4, 3, 2, 0]);
    let page = ExecutionQuery { after: Some(id(7)), limit: 2, ..all.clone() };
    assert_eq!(listed(page).await, [6, 5]);
    let status = Some(ExecutionStatus::TimedOut);
    assert_eq!(listed(ExecutionQuery { status, ..all.clone() }).await, [2]);
    let name_prefix = Some("named".to_owned());
    assert_eq!(listed(ExecutionQuery { name_prefix, ..all.clone() }).await, [3]);
    for (started_by, found) in
        [(StartedBy::Version(7), vec![5, 4]), (StartedBy::Alias("live".into()), vec![5])]
    {
        let started_by = Some(started_by);
        assert_eq!(listed(ExecutionQuery { started_by, ..all.clone() }).await, found);
    }
    assert_eq!(listed(ExecutionQuery { state_machine_arn: None, ..all }).await, [0; 0]);
}

async fn express_executions_go_like_others(store: &dyn Store) {
    let mut lease = claim(store).await;
    let group = CommitGroup {
        starts: vec![row(20)],
        updates: vec![update(20, ExecutionStatus::Failed)],
        ..CommitGroup::default()
    };
    commit(store, &mut lease, group).await;
    let short = machine("short", 1);
    store.create_state_machine(short.clone(), None).await.unwrap();
    store.set_retention(&short.arn, Some(2)).await.unwrap();
    let mut kept: Vec<_> = (0..5).map(express).collect();
    kept[3].row.state_machine_arn = short.arn;
    kept[4].row.shard = ShardId(4);
    store.keep_express(&kept).await.unwrap();
    let is_there = async |number| store.find_express(SHARD, id(number)).await.unwrap().is_some();

    let removed = store.remove_closed(SHARD, days_later(2), 9).await.unwrap();
    assert_eq!(removed, Removed { executions: 1, has_more: false });
    assert!(!is_there(3).await);
    let removed = store.remove_closed(SHARD, days_later(90), 3).await.unwrap();
    assert_eq!(removed, Removed { executions: 3, has_more: true });
    let removed = store.remove_closed(SHARD, days_later(90), 3).await.unwrap();
    assert_eq!(removed, Removed { executions: 1, has_more: false });
    assert!(!is_there(0).await && !is_there(1).await && !is_there(2).await);
    assert!(store.find_express(ShardId(4), id(4)).await.unwrap().is_some());
}

async fn a_revision_stays_while_an_express_execution_needs_it(store: &dyn Store) {
    let gone = machine("gone", 3);
    store.create_state_machine(gone.clone(), None).await.unwrap();
    let mut kept = express(1);
    kept.row.state_machine_arn = gone.arn.clone();
    store.keep_express(&[kept]).await.unwrap();
    store.delete_state_machine(&gone.arn).await.unwrap();
    let unused = store.remove_unused_revisions(&[gone.revision.id]).await.unwrap();
    assert!(unused.is_empty());
    assert!(store.get_revision(gone.revision.id).await.unwrap().is_some());
    store.remove_closed(SHARD, days_later(90), 9).await.unwrap();
    assert_eq!(store.remove_unused_revisions(&[]).await.unwrap(), [gone.revision.id]);
}
