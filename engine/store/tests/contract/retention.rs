//! What is kept no longer.

use stepyard_asl::Timestamp;
use stepyard_machine::ExecutionStatus;
use stepyard_store::{CommitGroup, ExecutionRow, Removed, Retention, ShardId, Store};
use uuid::Uuid;

use crate::fixtures::{
    DAY_MILLIS, MACHINE, SHARD, chunk, claim, commit, days_later, id, machine, names, revision,
    row, update,
};

over_all_stores! {
    what_ended_long_ago_goes_with_its_journal,
    more_than_one_transaction_removes_goes_as_well,
    a_state_machine_may_keep_its_executions_longer_or_shorter,
    revisions_that_nobody_needs_go_the_second_time,
    child_executions_belong_to_their_state_machine,
}

async fn what_ended_long_ago_goes_with_its_journal(store: &dyn Store) {
    let mut lease = claim(store).await;
    let group = CommitGroup {
        starts: (0..5).map(row).collect(),
        chunks: (0..5).flat_map(|number| [chunk(number, 0, 1), chunk(number, 2, 3)]).collect(),
        updates: [0, 2, 3, 4].map(|number| update(number, ExecutionStatus::Failed)).into(),
        ..CommitGroup::default()
    };
    commit(store, &mut lease, group).await;
    let remove = |retention, limit| store.remove_closed(SHARD, retention, limit);
    let removed = |executions, has_more| Removed { executions, has_more };
    let not_yet = Retention { now: Timestamp(9 + 90 * DAY_MILLIS), days: 90 };
    assert_eq!(remove(not_yet, 9).await.unwrap(), removed(0, false));
    let for_ever = Retention { days: 0, ..days_later(99_999) };
    assert_eq!(remove(for_ever, 9).await.unwrap(), removed(0, false));
    let elsewhere = store.remove_closed(ShardId(4), days_later(90), 9).await.unwrap();
    assert_eq!(elsewhere, removed(0, false));
    assert_eq!(names(store).await.len(), 5);

    assert_eq!(remove(days_later(90), 3).await.unwrap(), removed(3, true));
    assert_eq!(remove(days_later(90), 3).await.unwrap(), removed(1, false));
    assert_eq!(names(store).await, ["e1"]);
    assert_eq!(store.load_journal(SHARD, id(0)).await.unwrap(), []);
    assert_eq!(store.load_journal(SHARD, id(1)).await.unwrap().len(), 2);
    assert_eq!(store.find_execution(SHARD, MACHINE, "e0").await.unwrap(), None);

    let again = ExecutionRow { id: id(7), ..row(0) };
    let group = CommitGroup { starts: vec![again], ..CommitGroup::default() };
    commit(store, &mut lease, group).await;
    assert_eq!(names(store).await, ["e1", "e0"]);
}

async fn more_than_one_transaction_removes_goes_as_well(store: &dyn Store) {
    let mut lease = claim(store).await;
    for part in 0..3 {
        let numbers = part * 150..(part + 1) * 150;
        let group = CommitGroup {
            starts: numbers.clone().map(row).collect(),
            chunks: numbers.clone().map(|number| chunk(number, 0, 1)).collect(),
            updates: numbers.map(|number| update(number, ExecutionStatus::Succeeded)).collect(),
            ..CommitGroup::default()
        };
        commit(store, &mut lease, group).await;
    }
    // One with more chunks than a transaction should remove.
    let chunks = (1..1_500).map(|at| chunk(0, at * 2, at + 1)).collect();
    commit(store, &mut lease, CommitGroup { chunks, ..CommitGroup::default() }).await;
    let first = store.remove_closed(SHARD, days_later(90), 400).await.unwrap();
    assert_eq!(first, Removed { executions: 400, has_more: true });
    let second = store.remove_closed(SHARD, days_later(90), 400).await.unwrap();
    assert_eq!(second, Removed { executions: 50, has_more: false });
    assert_eq!(store.load_journal(SHARD, id(0)).await.unwrap(), []);
    // Nothing that was removed is in the way of the next commits.
    assert_eq!(store.read_leases(&[SHARD]).await.unwrap(), [lease]);
}

async fn a_state_machine_may_keep_its_executions_longer_or_shorter(store: &dyn Store) {
    let mut lease = claim(store).await;
    let (mut starts, mut updates) = (Vec::new(), Vec::new());
    for (number, name) in (0..).zip(["default", "short", "ever", "deleted"]) {
        let machine = machine(name, u128::from(number));
        starts.push(ExecutionRow {
            state_machine_arn: machine.arn.clone(),
            name: name.into(),
            ..row(number)
        });
        updates.push(update(number, ExecutionStatus::Succeeded));
        store.create_state_machine(machine, None).await.unwrap();
    }
    commit(store, &mut lease, CommitGroup { starts, updates, ..CommitGroup::default() }).await;
    let arn = |name| machine(name, 0).arn;
    assert!(store.set_retention(&arn("short"), Some(2)).await.unwrap());
    assert!(store.set_retention(&arn("ever"), Some(0)).await.unwrap());
    assert!(store.set_retention(&arn("deleted"), Some(0)).await.unwrap());
    assert!(!store.set_retention(&arn("none"), Some(2)).await.unwrap());
    let update = revision(20);
    assert!(store.update_state_machine(&arn("short"), Uuid::from_u128(1), update).await.unwrap());
    let shown = store.get_state_machine(&arn("short")).await.unwrap().unwrap();
    assert_eq!((shown.retention_days, shown.revision.id), (Some(2), Uuid::from_u128(20)));
    store.delete_state_machine(&arn("deleted")).await.unwrap();

    store.remove_closed(SHARD, days_later(2), 9).await.unwrap();
    assert_eq!(names(store).await, ["default", "ever", "deleted"]);
    store.remove_closed(SHARD, days_later(90), 9).await.unwrap();
    assert_eq!(names(store).await, ["ever"]);
    assert!(store.set_retention(&arn("ever"), None).await.unwrap());
    store.remove_closed(SHARD, days_later(90), 9).await.unwrap();
    assert_eq!(names(store).await.len(), 0);
}

async fn revisions_that_nobody_needs_go_the_second_time(store: &dyn Store) {
    let mut lease = claim(store).await;
    for (number, name) in [(1, "used"), (2, "unused"), (3, "present")] {
        store.create_state_machine(machine(name, number), None).await.unwrap();
    }
    let arn = |name| machine(name, 0).arn;
    store.update_state_machine(&arn("unused"), Uuid::from_u128(2), revision(4)).await.unwrap();
    let start = ExecutionRow { state_machine_arn: arn("used"), ..row(1) };
    let updates = vec![update(1, ExecutionStatus::Succeeded)];
    commit(
        store,
        &mut lease,
        CommitGroup { starts: vec![start], updates, ..CommitGroup::default() },
    )
    .await;
    assert_eq!(store.remove_unused_revisions(&[]).await.unwrap().len(), 0);
    store.delete_state_machine(&arn("used")).await.unwrap();
    store.delete_state_machine(&arn("unused")).await.unwrap();

    let mut found = store.remove_unused_revisions(&[]).await.unwrap();
    found.sort();
    assert_eq!(found, [2, 4].map(Uuid::from_u128));
    assert!(store.get_revision(found[0]).await.unwrap().is_some());
    assert_eq!(store.remove_unused_revisions(&found[..1]).await.unwrap(), found[1..]);
    assert_eq!(store.get_revision(found[0]).await.unwrap(), None);
    store.remove_closed(SHARD, days_later(90), 9).await.unwrap();
    let rest = store.remove_unused_revisions(&found).await.unwrap();
    assert_eq!(rest, [Uuid::from_u128(1)]);
    assert!(store.get_revision(Uuid::from_u128(3)).await.unwrap().is_some());
}

async fn child_executions_belong_to_their_state_machine(store: &dyn Store) {
    let mut lease = claim(store).await;
    store.create_state_machine(machine("parent", 1), None).await.unwrap();
    store.create_state_machine(machine("parents", 2), None).await.unwrap();
    let arn = machine("parent", 0).arn;
    let child = format!("{arn}/label").into();
    let start = ExecutionRow { state_machine_arn: child, ..row(1) };
    let updates = vec![update(1, ExecutionStatus::Succeeded)];
    commit(
        store,
        &mut lease,
        CommitGroup { starts: vec![start], updates, ..CommitGroup::default() },
    )
    .await;
    store.set_retention(&arn, Some(200)).await.unwrap();
    store.remove_closed(SHARD, days_later(90), 9).await.unwrap();
    assert!(store.get_execution(SHARD, id(1)).await.unwrap().is_some());
    store.delete_state_machine(&arn).await.unwrap();
    store.delete_state_machine(&machine("parents", 0).arn).await.unwrap();
    assert_eq!(store.remove_unused_revisions(&[]).await.unwrap(), [Uuid::from_u128(2)]);
    store.remove_closed(SHARD, days_later(90), 9).await.unwrap();
    assert_eq!(store.get_execution(SHARD, id(1)).await.unwrap(), None);
    let mut found = store.remove_unused_revisions(&[]).await.unwrap();
    found.sort();
    assert_eq!(found, [1, 2].map(Uuid::from_u128));
}
