//! Map Runs and their child executions.

use std::slice;

use stepyard_asl::Timestamp;
use stepyard_machine::{
    EndCounts, EventId, ExecutionStatus, MapLimits, MapRunId, MapRunRecord, MapRunTotals, Redriven,
};
use stepyard_store::{
    ChildRow, ChildrenOfStatus, CommitGroup, Error, ExecutionQuery, ExecutionRow, MapRunRow,
    ShardLease, Store, WoundUp,
};
use uuid::Uuid;

use crate::fixtures::{SHARD, claim, commit, days_later, id, row, update};

over_all_stores! {
    map_runs_are_what_was_written_last,
    map_runs_that_end_badly_are_wound_up_after_each_end,
    child_executions_are_listed_by_their_map_run,
    map_runs_go_with_their_execution,
}

/// The Map Run of that MapRunStarted event of an execution.
fn map_run(number: u64, event: u64) -> MapRunRow {
    let record = MapRunRecord {
        id: MapRunId(EventId(event)),
        arn: map_run_arn(number, event).into(),
        status: ExecutionStatus::Running,
        started_at: Timestamp(6),
        stopped_at: None,
        limits: MapLimits { tolerated_failure_count: Some(0), ..MapLimits::default() },
        totals: None,
        executions: EndCounts::default(),
        items: EndCounts::default(),
        redriven: None,
        pending_redrive: MapRunTotals::default(),
        not_redrivable: MapRunTotals::default(),
    };
    MapRunRow::new(SHARD, id(number), record)
}

fn map_run_arn(number: u64, event: u64) -> String {
    let uuid = Uuid::from_u64_pair(number, event);
    format!("arn:aws:states:us-east-1:000000000000:mapRun:m/l:{uuid}")
}

async fn map_runs_are_what_was_written_last(store: &dyn Store) {
    let mut lease = claim(store).await;
    let written = [map_run(0, 12), map_run(0, 4), map_run(1, 4)];
    let group = CommitGroup {
        starts: (0..2).map(row).collect(),
        map_runs: written.to_vec(),
        ..CommitGroup::default()
    };
    commit(store, &mut lease, group).await;
    let listed = |number, after, limit| store.list_map_runs(SHARD, id(number), after, limit);
    let [later, first, other] = written;
    assert_eq!(listed(0, None, 9).await.unwrap(), [first.clone(), later.clone()]);
    assert_eq!(listed(0, None, 1).await.unwrap(), slice::from_ref(&first));
    assert_eq!(listed(0, Some(first.record.id), 9).await.unwrap(), slice::from_ref(&later));
    assert_eq!(listed(2, None, 9).await.unwrap(), []);

    let ended = MapRunRecord {
        status: ExecutionStatus::Failed,
        stopped_at: Some(Timestamp(9)),
        limits: MapLimits { tolerated_failure_percentage: Some(12.5), ..MapLimits::default() },
        totals: Some(MapRunTotals { items: 5, children: 3 }),
        executions: EndCounts { succeeded: 1, failed: 2, ..EndCounts::default() },
        items: EndCounts { succeeded: 2, timed_out: 3, ..EndCounts::default() },
        redriven: Some(Redriven { count: 1, at: Timestamp(8) }),
        ..first.record.clone()
    };
    let ended = MapRunRow { record: ended, ..first };
    let map_runs = vec![ended.clone()];
    commit(store, &mut lease, CommitGroup { map_runs, ..CommitGroup::default() }).await;
    assert_eq!(listed(0, None, 9).await.unwrap(), [ended.clone(), later]);
    assert_eq!(store.find_map_run(&ended.record.arn).await.unwrap(), Some(ended.clone()));
    assert_eq!(store.find_map_run(&other.record.arn).await.unwrap(), Some(other));
    assert_eq!(store.find_map_run(&map_run_arn(9, 9)).await.unwrap(), None);

    let map_runs = vec![map_run(0, 4)];
    let stale = CommitGroup { leases: vec![claim(store).await], ..CommitGroup::default() };
    let stale = ShardLease { epoch: 0, ..stale.leases[0] };
    let fenced = CommitGroup { leases: vec![stale], map_runs, ..CommitGroup::default() };
    assert!(matches!(store.commit(&fenced).await, Err(Error::Fenced { shard: SHARD })));
    assert_eq!(store.find_map_run(&ended.record.arn).await.unwrap(), Some(ended));
}

async fn map_runs_that_end_badly_are_wound_up_after_each_end(store: &dyn Store) {
    let mut lease = claim(store).await;
    let ended = |row: MapRunRow, status, at| {
        let record = MapRunRecord { status, stopped_at: Some(Timestamp(at)), ..row.record };
        MapRunRow::new(row.shard, row.execution, record)
    };
    let failed = ended(map_run(0, 4), ExecutionStatus::Failed, 9);
    let aborted = ended(map_run(1, 4), ExecutionStatus::Aborted, 9);
    let succeeded = ended(map_run(1, 7), ExecutionStatus::Succeeded, 9);
    let map_runs = vec![failed.clone(), aborted.clone(), succeeded, map_run(1, 9)];
    let starts = (0..2).map(row).collect();
    let group = CommitGroup { starts, map_runs, ..CommitGroup::default() };
    commit(store, &mut lease, group).await;
    let due = async |after: Option<&MapRunRow>, limit| {
        let after = after.map(|row| (row.execution, row.record.id));
        store.map_runs_to_wind_up(SHARD, after, limit).await.unwrap()
    };
    assert_eq!(due(None, 9).await, [failed.clone(), aborted.clone()]);
    assert_eq!(due(None, 1).await, slice::from_ref(&failed));
    assert_eq!(due(Some(&failed), 9).await, slice::from_ref(&aborted));

    let exported = WoundUp { is_exported: true };
    store.note_wound_up(&failed, exported).await.unwrap();
    store.note_wound_up(&map_run(1, 9), exported).await.unwrap();
    let earlier = ended(aborted.clone(), ExecutionStatus::Aborted, 8);
    store.note_wound_up(&earlier, exported).await.unwrap();
    assert_eq!(due(None, 9).await, slice::from_ref(&aborted), "it runs, or had another end");
    let stored = async || store.find_map_run(&failed.record.arn).await.unwrap().unwrap();
    assert_eq!(stored().await, MapRunRow { wound_up: Some(exported), ..failed.clone() });

    // It goes on and ends once more.
    let map_runs = vec![map_run(0, 4)];
    commit(store, &mut lease, CommitGroup { map_runs, ..CommitGroup::default() }).await;
    assert_eq!((stored().await.wound_up, due(None, 9).await.len()), (None, 1));
    let again = ended(map_run(0, 4), ExecutionStatus::Failed, 12);
    let map_runs = vec![again.clone()];
    commit(store, &mut lease, CommitGroup { map_runs, ..CommitGroup::default() }).await;
    assert_eq!(due(None, 9).await, [again.clone(), aborted]);
    store.note_wound_up(&again, WoundUp { is_exported: false }).await.unwrap();
    assert_eq!(stored().await.wound_up, Some(WoundUp { is_exported: false }));
}

async fn child_executions_are_listed_by_their_map_run(store: &dyn Store) {
    let mut lease = claim(store).await;
    let child = |number: u64, run: u128| {
        let child = Some(ChildRow { map_run: Uuid::from_u128(run), items: number });
        ExecutionRow { child, ..row(number) }
    };
    let starts = vec![child(0, 1), child(1, 2), row(2), child(3, 1), child(4, 1)];
    let updates = vec![update(3, ExecutionStatus::Failed)];
    let group = CommitGroup { starts, updates, ..CommitGroup::default() };
    commit(store, &mut lease, group).await;
    let list = async |status, after, limit| {
        let map_run = Some(Uuid::from_u128(1));
        let query = ExecutionQuery { map_run, status, after, limit, ..ExecutionQuery::default() };
        store.list_executions(&query).await.unwrap()
    };
    let stopped_at = Some(Timestamp(9));
    let failed = ExecutionRow { status: ExecutionStatus::Failed, stopped_at, ..child(3, 1) };
    assert_eq!(list(None, None, 9).await, [child(4, 1), failed.clone(), child(0, 1)]);
    assert_eq!(list(None, Some(id(4)), 1).await, slice::from_ref(&failed));
    assert_eq!(list(Some(ExecutionStatus::Failed), None, 9).await, [failed]);
    assert_eq!(store.get_execution(SHARD, id(0)).await.unwrap(), Some(child(0, 1)));
    let counted = |status, executions, items| ChildrenOfStatus { status, executions, items };
    assert_eq!(
        store.count_children(Uuid::from_u128(1)).await.unwrap(),
        [counted(ExecutionStatus::Running, 2, 4), counted(ExecutionStatus::Failed, 1, 3)]
    );
    assert_eq!(store.count_children(Uuid::from_u128(9)).await.unwrap(), []);
}

async fn map_runs_go_with_their_execution(store: &dyn Store) {
    let mut lease = claim(store).await;
    let group = CommitGroup {
        starts: (0..2).map(row).collect(),
        updates: vec![update(0, ExecutionStatus::Failed)],
        map_runs: vec![map_run(0, 4), map_run(1, 4)],
        ..CommitGroup::default()
    };
    commit(store, &mut lease, group).await;
    store.remove_closed(SHARD, days_later(90), 9).await.unwrap();
    assert_eq!(store.find_map_run(&map_run_arn(0, 4)).await.unwrap(), None);
    assert_eq!(store.find_map_run(&map_run_arn(1, 4)).await.unwrap(), Some(map_run(1, 4)));
}
