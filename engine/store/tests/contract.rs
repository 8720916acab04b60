//! What every store promises, as one list over all of them.
#![expect(clippy::unwrap_used, reason = "a test")]

mod support;

use std::slice;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sqlx::{Connection, PgConnection};
use stepyard_asl::Timestamp;
use stepyard_json::{Json, Payload};
use stepyard_machine::{
    EndCounts, EventId, ExecutionStatus, MapLimits, MapRunId, MapRunRecord, MapRunTotals,
    Qualifier, Redriven,
};
use stepyard_store::{
    Activity, Alias, ChildRow, ChildrenOfStatus, Chunk, ClosedExpress, CommitGroup, Error,
    ExecutionId, ExecutionQuery, ExecutionRow, ExecutionUpdate, MapRunRow, MemoryStore,
    MetadataItem, MetadataStore, NodeId, Notice, PostgresOptions, PostgresStore, Publication,
    PublicationChange, Removed, Retention, Revision, Routing, ShardId, ShardLease, SqliteOptions,
    SqliteStore, StartedBy, StateMachine, StateMachineType, Store, Tags, TargetId, Told, Version,
    WoundUp, all_shards,
};
use support::postgres;
use uuid::Uuid;

const SHARD: ShardId = ShardId(3);
const NODE: NodeId = NodeId(Uuid::from_u128(1));
const MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:m";

fn id(number: u64) -> ExecutionId {
    let millis = i64::try_from(number).unwrap();
    ExecutionId::new(Timestamp(1_700_000_000_000 + millis), [1; 10])
}

fn row(number: u64) -> ExecutionRow {
    ExecutionRow {
        shard: SHARD,
        id: id(number),
        state_machine_arn: MACHINE.into(),
        name: format!("e{number}").into(),
        qualifier: None,
        child: None,
        revision: Uuid::from_u128(9),
        status: ExecutionStatus::Running,
        started_at: Timestamp(5),
        stopped_at: None,
        redriven: None,
        resume_at: None,
    }
}

fn chunk(number: u64, first_event: u64, first_visible_id: u64) -> Chunk {
    let body = Bytes::from(format!("chunk {number} {first_event}"));
    Chunk { shard: SHARD, execution: id(number), first_event, events: 2, first_visible_id, body }
}

fn update(number: u64, status: ExecutionStatus) -> ExecutionUpdate {
    let stopped_at = Some(Timestamp(9));
    ExecutionUpdate {
        shard: SHARD,
        id: id(number),
        status,
        stopped_at,
        redriven: None,
        resume_at: None,
    }
}

async fn claim(store: &dyn Store) -> ShardLease {
    store.claim_shards(NODE, &[SHARD]).await.unwrap()[0]
}

/// Commits and raises the lease.
async fn commit(store: &dyn Store, lease: &mut ShardLease, group: CommitGroup) {
    store.commit(&CommitGroup { leases: vec![*lease], ..group }).await.unwrap();
    lease.commit_seq += 1;
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

async fn who_sleeps_is_due_in_time(store: &dyn Store) {
    let mut lease = claim(store).await;
    let starts: Vec<_> = (0..4).map(row).collect();
    let sleep = |number, until| ExecutionUpdate {
        resume_at: Some(Timestamp(until)),
        stopped_at: None,
        ..update(number, ExecutionStatus::Running)
    };
    let updates = vec![sleep(0, 30), sleep(1, 20), sleep(3, 20)];
    commit(store, &mut lease, CommitGroup { starts, updates, ..CommitGroup::default() }).await;
    let due = async |after, until| {
        let rows = store.due_executions(SHARD, after, Timestamp(until), 2).await.unwrap();
        rows.iter().map(ExecutionRow::due_place).collect::<Vec<_>>()
    };
    assert_eq!(due(None, 19).await, [(Timestamp(0), id(2))]);
    let first = due(None, 20).await;
    assert_eq!(first, [(Timestamp(0), id(2)), (Timestamp(20), id(1))]);
    let second = due(first.last().copied(), 30).await;
    assert_eq!(second, [(Timestamp(20), id(3)), (Timestamp(30), id(0))]);
    assert_eq!(due(second.last().copied(), 30).await, []);

    let awake = ExecutionUpdate { resume_at: None, ..sleep(0, 0) };
    let updates = vec![awake, update(1, ExecutionStatus::Succeeded)];
    commit(store, &mut lease, CommitGroup { updates, ..CommitGroup::default() }).await;
    assert_eq!(due(None, 10).await, [(Timestamp(0), id(0)), (Timestamp(0), id(2))]);
    assert_eq!(due(Some((Timestamp(0), id(2))), 99).await, [(Timestamp(20), id(3))]);
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

async fn history_is_read_from_any_event_in_both_directions(store: &dyn Store) {
    let mut lease = claim(store).await;
    // Two events a chunk, one of them internal: visible ids are 1, 2, 3, ...
    let chunks: Vec<_> = (0..50).map(|at| chunk(1, at * 2, at + 1)).collect();
    let group =
        CommitGroup { starts: vec![row(1)], chunks: chunks.clone(), ..CommitGroup::default() };
    commit(store, &mut lease, group).await;
    let page = |from, descending, limit| store.journal_page(SHARD, id(1), from, descending, limit);
    assert_eq!(page(1, false, 3).await.unwrap(), chunks[..3]);
    assert_eq!(page(20, false, 2).await.unwrap(), chunks[19..21]);
    assert_eq!(page(50, false, 9).await.unwrap(), chunks[49..]);
    let backwards: Vec<_> = chunks.iter().rev().cloned().collect();
    assert_eq!(page(u64::MAX >> 1, true, 3).await.unwrap(), backwards[..3]);
    assert_eq!(page(u64::MAX, true, 1).await.unwrap(), backwards[..1]);
    assert_eq!(page(20, true, 2).await.unwrap(), backwards[30..32]);
}

async fn executions_are_listed_newest_first(store: &dyn Store) {
    let mut lease = claim(store).await;
    let other: Arc<str> = "arn:aws:states:us-east-1:000000000000:stateMachine:other".into();
    let mut rows: Vec<_> = (0..20).map(row).collect();
    rows[5].state_machine_arn = other.clone();
    let updates = vec![update(3, ExecutionStatus::Failed), update(9, ExecutionStatus::Failed)];
    commit(store, &mut lease, CommitGroup { starts: rows, updates, ..CommitGroup::default() })
        .await;
    let names = |query: ExecutionQuery| async move {
        let rows = store.list_executions(&query).await.unwrap();
        rows.iter().map(|row| row.name.to_string()).collect::<Vec<_>>()
    };
    let all = ExecutionQuery { limit: 3, ..ExecutionQuery::default() };
    assert_eq!(names(all.clone()).await, ["e19", "e18", "e17"]);
    assert_eq!(names(ExecutionQuery { after: Some(id(2)), ..all.clone() }).await, ["e1", "e0"]);
    let of = |arn: &str| ExecutionQuery { state_machine_arn: Some(arn.into()), ..all.clone() };
    assert_eq!(names(of(&other)).await, ["e5"]);
    assert_eq!(
        names(ExecutionQuery { after: Some(id(6)), ..of(MACHINE) }).await,
        ["e4", "e3", "e2"]
    );
    let failed = |query| ExecutionQuery { status: Some(ExecutionStatus::Failed), ..query };
    assert_eq!(names(failed(of(MACHINE))).await, ["e9", "e3"]);
    assert_eq!(names(failed(all.clone())).await, ["e9", "e3"]);
    let named = ExecutionQuery { name_prefix: Some("e1".into()), limit: 99, ..all };
    assert_eq!(names(named).await.len(), 11);
}

fn machine(name: &str, revision: u128) -> StateMachine {
    StateMachine {
        arn: format!("arn:aws:states:us-east-1:000000000000:stateMachine:{name}").into(),
        name: name.into(),
        machine_type: StateMachineType::Standard,
        created_at: Timestamp(1),
        revision: self::revision(revision),
        retention_days: None,
        tags: Tags::default(),
        deleting_since: None,
    }
}

fn revision(number: u128) -> Revision {
    Revision {
        id: Uuid::from_u128(number),
        definition: format!("{{\"revision\":{number}}}").into(),
        role_arn: "role".into(),
        configuration: "{}".into(),
        created_at: Timestamp(2),
    }
}

async fn state_machines_have_revisions_that_stay(store: &dyn Store) {
    for (at, name) in ["b", "a", "c"].into_iter().enumerate() {
        assert_eq!(
            store.create_state_machine(machine(name, at as u128), None).await.unwrap(),
            None
        );
    }
    let present = store.create_state_machine(machine("a", 77), None).await.unwrap();
    assert_eq!(present, Some(machine("a", 1)));
    assert_eq!(store.get_revision(Uuid::from_u128(77)).await.unwrap(), None);
    let listed = store.list_state_machines(Some(&machine("a", 1).arn), 5).await.unwrap();
    assert_eq!(listed, [machine("b", 0).summary(), machine("c", 2).summary()]);

    let arn = machine("a", 1).arn;
    let update = async |present, number| {
        store.update_state_machine(&arn, Uuid::from_u128(present), revision(number)).await.unwrap()
    };
    assert!(!update(7, 8).await, "another revision than the one that was read");
    assert!(update(1, 8).await);
    assert_eq!(store.get_state_machine(&arn).await.unwrap(), Some(machine("a", 8)));
    assert!(store.delete_state_machine(&arn).await.unwrap());
    assert!(!store.delete_state_machine(&arn).await.unwrap());
    assert!(!update(8, 9).await);
    assert_eq!(store.get_state_machine(&arn).await.unwrap(), None);
    for number in [1, 8] {
        let kept = store.get_revision(Uuid::from_u128(number)).await.unwrap();
        assert_eq!(kept.as_deref(), Some(&revision(number)));
    }
}

fn version(number: u64, revision: u128) -> Version {
    Version {
        number,
        revision: Uuid::from_u128(revision),
        description: (number == 2).then(|| "ä second one".into()),
        created_at: Timestamp(3),
    }
}

fn alias(name: &str, first: u64, second: Option<u64>) -> Alias {
    Alias {
        name: name.into(),
        description: second.map(|_| "two".into()),
        routing: Routing { first, weight: second.map_or(100, |_| 70), second },
        created_at: Timestamp(4),
        updated_at: Timestamp(5),
    }
}

async fn versions_and_aliases_change_from_what_was_read(store: &dyn Store) {
    let arn = machine("published", 0).arn;
    assert_eq!(store.publication(&arn).await.unwrap(), None);
    store.create_state_machine(machine("published", 1), Some(version(1, 1))).await.unwrap();
    let again = store.create_state_machine(machine("published", 2), Some(version(1, 2))).await;
    assert_eq!(again.unwrap(), Some(machine("published", 1)));
    let published = async || store.publication(&arn).await.unwrap().unwrap();
    let (first, second) = (version(1, 1), version(2, 8));
    let expected =
        Publication { changes: 1, last_version: 1, versions: vec![first.clone()], aliases: vec![] };
    assert_eq!(published().await, expected);

    let change =
        async |present, change| store.change_publication(&arn, present, change).await.unwrap();
    let add = PublicationChange::AddVersion;
    let put = PublicationChange::PutAlias;
    assert!(!change(0, add(second.clone())).await, "it has changed once");
    assert!(change(1, add(second.clone())).await);
    let late = PublicationChange::AddVersion(version(2, 9));
    assert!(!change(1, late).await, "somebody else has been faster");
    assert!(change(2, put(alias("b", 1, None))).await);
    assert!(change(3, put(alias("a", 2, None))).await);
    assert!(change(4, put(alias("b", 1, Some(2)))).await);
    let expected = Publication {
        changes: 5,
        last_version: 2,
        versions: vec![second.clone(), first],
        aliases: vec![alias("a", 2, None), alias("b", 1, Some(2))],
    };
    assert_eq!(published().await, expected);
    assert_eq!(store.find_version(&arn, 2).await.unwrap(), Some(second));
    assert_eq!(store.find_version(&arn, 3).await.unwrap(), None);
    assert_eq!(store.find_alias(&arn, "b").await.unwrap(), Some(alias("b", 1, Some(2))));
    assert_eq!(store.find_alias(&arn, "c").await.unwrap(), None);

    assert!(change(5, PublicationChange::RemoveAlias("b".into())).await);
    assert!(change(6, PublicationChange::RemoveVersion(2)).await);
    let left = published().await;
    assert_eq!((left.last_version, left.versions), (2, vec![version(1, 1)]));
    assert_eq!(left.aliases, [alias("a", 2, None)]);
}

async fn what_is_published_goes_with_its_state_machine(store: &dyn Store) {
    let arn = machine("m", 0).arn;
    for turn in 0..2 {
        let created = machine("m", 10 + turn);
        let first = version(1, 10 + turn);
        assert_eq!(store.create_state_machine(created, Some(first.clone())).await.unwrap(), None);
        let published = store.publication(&arn).await.unwrap().unwrap();
        assert_eq!((published.changes, published.versions), (1, vec![first]));
        assert_eq!(published.aliases, []);
        let put = PublicationChange::PutAlias(alias("PROD", 1, None));
        assert!(store.change_publication(&arn, 1, put).await.unwrap());
        assert!(store.delete_state_machine(&arn).await.unwrap());
        assert_eq!(store.publication(&arn).await.unwrap(), None);
        assert_eq!(store.find_version(&arn, 1).await.unwrap(), None);
        assert_eq!(store.find_alias(&arn, "PROD").await.unwrap(), None);
        let late = PublicationChange::AddVersion(version(2, 10));
        assert!(!store.change_publication(&arn, 2, late).await.unwrap());
    }
    store.create_state_machine(machine("m", 20), None).await.unwrap();
    assert_eq!(store.publication(&arn).await.unwrap(), Some(Publication::default()));
}

async fn executions_are_listed_by_version_and_alias(store: &dyn Store) {
    let mut lease = claim(store).await;
    let qualifier =
        |version, alias: Option<&str>| Some(Qualifier { version, alias: alias.map(Arc::from) });
    let mut starts: Vec<_> = (0..6).map(row).collect();
    starts[1].qualifier = qualifier(1, None);
    starts[2].qualifier = qualifier(1, Some("PROD"));
    starts[3].qualifier = qualifier(2, Some("PROD"));
    starts[4].qualifier = qualifier(2, Some("prod"));
    starts[5].qualifier = qualifier(1, Some("PROD"));
    starts[5].state_machine_arn = machine("other", 0).arn;
    let updates = vec![update(2, ExecutionStatus::Failed)];
    let group = CommitGroup { starts: starts.clone(), updates, ..CommitGroup::default() };
    commit(store, &mut lease, group).await;
    let found = store.find_execution(SHARD, MACHINE, "e3").await.unwrap();
    assert_eq!(found.as_ref(), Some(&starts[3]));
    let open = store.due_executions(SHARD, None, Timestamp(9), 9).await.unwrap();
    assert_eq!(open.len(), 5);
    assert_eq!(open[0], starts[0]);

    let of = |started_by| ExecutionQuery {
        state_machine_arn: Some(MACHINE.into()),
        started_by: Some(started_by),
        limit: 9,
        ..ExecutionQuery::default()
    };
    let names = |query: ExecutionQuery| async move {
        let rows = store.list_executions(&query).await.unwrap();
        rows.iter().map(|row| row.name.to_string()).collect::<Vec<_>>()
    };
    let (one, prod) = (of(StartedBy::Version(1)), of(StartedBy::Alias("PROD".into())));
    assert_eq!(names(one.clone()).await, ["e2", "e1"]);
    assert_eq!(names(of(StartedBy::Version(3))).await.len(), 0);
    assert_eq!(names(prod.clone()).await, ["e3", "e2"]);
    assert_eq!(names(ExecutionQuery { after: Some(id(2)), ..one.clone() }).await, ["e1"]);
    let failed = |query| ExecutionQuery { status: Some(ExecutionStatus::Failed), ..query };
    assert_eq!(names(failed(one)).await, ["e2"]);
    assert_eq!(names(failed(prod.clone())).await, ["e2"]);
    let named = ExecutionQuery { name_prefix: Some("e3".into()), ..prod };
    assert_eq!(names(named).await, ["e3"]);
}

const DAY_MILLIS: i64 = 86_400_000;

/// Executions that ended at 9, so many days later, and a moment more.
fn days_later(days: i64) -> Retention {
    Retention { now: Timestamp(9 + days * DAY_MILLIS + 1), days: 90 }
}

async fn names(store: &dyn Store) -> Vec<String> {
    let query = ExecutionQuery { limit: usize::MAX >> 1, ..ExecutionQuery::default() };
    let rows = store.list_executions(&query).await.unwrap();
    rows.iter().rev().map(|row| row.name.to_string()).collect()
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

async fn a_deletion_begins_once_and_ends_with_the_state_machine(store: &dyn Store) {
    store.create_state_machine(machine("kept", 1), None).await.unwrap();
    let going = machine("going", 2);
    store.create_state_machine(going.clone(), None).await.unwrap();
    assert!(store.deleting_state_machines().await.unwrap().is_empty());
    for at in [7, 8] {
        assert!(store.begin_deletion(&going.arn, Timestamp(at)).await.unwrap());
    }
    let found = store.get_state_machine(&going.arn).await.unwrap().unwrap();
    assert_eq!(found.deleting_since, Some(Timestamp(7)));
    assert_eq!(store.deleting_state_machines().await.unwrap(), slice::from_ref(&going.arn));
    assert!(store.delete_state_machine(&going.arn).await.unwrap());
    assert!(store.deleting_state_machines().await.unwrap().is_empty());
    assert!(!store.begin_deletion(&going.arn, Timestamp(9)).await.unwrap());
}

async fn tags_change_only_from_what_they_were(store: &dyn Store) {
    let tags = |keys: &[&str]| -> Tags {
        keys.iter().map(|key| ((*key).to_owned(), "v \"'\u{e9}".to_owned())).collect()
    };
    let machine = StateMachine { tags: tags(&["a"]), ..machine("tagged", 1) };
    store.create_state_machine(machine.clone(), None).await.unwrap();
    let (one, two) = (tags(&["a"]), tags(&["b", "a"]));
    assert!(!store.set_tags(&machine.arn, &two, &one).await.unwrap());
    assert!(!store.set_tags("none", &one, &two).await.unwrap());
    assert!(store.set_tags(&machine.arn, &one, &two).await.unwrap());
    let present = machine.revision.id;
    assert!(store.update_state_machine(&machine.arn, present, revision(2)).await.unwrap());
    assert_eq!(store.get_state_machine(&machine.arn).await.unwrap().unwrap().tags, two);
}

async fn activities_are_created_once(store: &dyn Store) {
    let activity = |name: &str, created_at| Activity {
        arn: format!("arn:aws:states:us-east-1:000000000000:activity:{name}").into(),
        name: name.into(),
        created_at: Timestamp(created_at),
        encryption: r#"{"type":"AWS_OWNED_KEY"}"#.into(),
        tags: Tags::from([("k".into(), "v".into())]),
    };
    let all = ["a", "b", "c"].map(|name| activity(name, 5));
    for activity in all.iter().rev() {
        assert_eq!(store.create_activity(activity.clone()).await.unwrap(), None);
    }
    let present = store.create_activity(activity("b", 6)).await.unwrap();
    assert_eq!(present.as_ref(), Some(&all[1]), "it stays as it was");
    assert_eq!(store.list_activities(None, 9).await.unwrap(), all);
    assert_eq!(store.list_activities(Some(&all[0].arn), 1).await.unwrap(), all[1..2]);

    let other = Tags::from([("k".into(), "w".into())]);
    assert!(!store.set_activity_tags(&all[0].arn, &other, &other).await.unwrap());
    assert!(!store.set_activity_tags("none", &all[0].tags, &other).await.unwrap());
    assert!(store.set_activity_tags(&all[0].arn, &all[0].tags, &other).await.unwrap());
    assert_eq!(store.get_activity(&all[0].arn).await.unwrap().unwrap().tags, other);

    assert!(store.delete_activity(&all[0].arn).await.unwrap());
    assert!(!store.delete_activity(&all[0].arn).await.unwrap());
    assert_eq!(store.get_activity(&all[0].arn).await.unwrap(), None);
    assert_eq!(store.create_activity(activity("a", 7)).await.unwrap(), None);
}

async fn an_execution_is_found_by_its_id(store: &dyn Store) {
    let mut lease = claim(store).await;
    let group = CommitGroup { starts: vec![row(1), row(2)], ..CommitGroup::default() };
    commit(store, &mut lease, group).await;
    let updates = vec![update(2, ExecutionStatus::Failed)];
    commit(store, &mut lease, CommitGroup { updates, ..CommitGroup::default() }).await;
    assert_eq!(store.get_execution(SHARD, id(1)).await.unwrap(), Some(row(1)));
    let closed = store.get_execution(SHARD, id(2)).await.unwrap().unwrap();
    assert_eq!(closed.status, ExecutionStatus::Failed);
    assert_eq!(store.get_execution(ShardId(4), id(1)).await.unwrap(), None);
    assert_eq!(store.get_execution(SHARD, id(3)).await.unwrap(), None);
}

async fn a_database_keeps_its_secret(store: &dyn Store) {
    assert_eq!(store.token_key([1; 32]).await.unwrap(), [1; 32]);
    assert_eq!(store.token_key([2; 32]).await.unwrap(), [1; 32]);
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

fn notice(target: u32, commit_seq: u64, number: u64) -> Notice {
    Notice {
        shard: SHARD,
        target: TargetId(target),
        commit_seq,
        execution: id(number),
        first_event: 7,
        redrives: 2,
    }
}

async fn notices_stay_until_their_target_is_told(store: &dyn Store) {
    let mut lease = claim(store).await;
    let first = [notice(1, 3, 2), notice(1, 3, 1), notice(u32::MAX, 3, 1)];
    let notices = first.to_vec();
    commit(store, &mut lease, CommitGroup { notices, ..CommitGroup::default() }).await;
    let later = notice(1, 4, 1);
    let notices = vec![later.clone()];
    commit(store, &mut lease, CommitGroup { notices, ..CommitGroup::default() }).await;

    let [second, earliest, other] = first;
    let of = |target, after, limit| store.notices(SHARD, TargetId(target), after, limit);
    let all = [earliest.clone(), second.clone(), later.clone()];
    assert_eq!(of(1, None, 9).await.unwrap(), all);
    assert_eq!(of(1, None, 1).await.unwrap(), slice::from_ref(&earliest));
    assert_eq!(of(1, Some(earliest.place()), 9).await.unwrap(), all[1..]);
    assert_eq!(of(1, Some(later.place()), 9).await.unwrap(), []);
    assert_eq!(store.notices(ShardId(4), TargetId(1), None, 9).await.unwrap(), []);

    let told = Told { shard: SHARD, target: TargetId(1), up_to: second.place() };
    let elsewhere = Told { shard: ShardId(4), up_to: (u64::MAX, id(9)), ..told };
    store.remove_told(&[told, elsewhere]).await.unwrap();
    assert_eq!(of(1, None, 9).await.unwrap(), slice::from_ref(&later));
    assert_eq!(of(u32::MAX, None, 9).await.unwrap(), slice::from_ref(&other));

    store.remove_notices_of_others(&[TargetId(u32::MAX)]).await.unwrap();
    assert_eq!(of(1, None, 9).await.unwrap(), []);
    assert_eq!(of(u32::MAX, None, 9).await.unwrap(), slice::from_ref(&other));
    store.remove_told(&[]).await.unwrap();
    store.remove_notices_of_others(&[]).await.unwrap();
    assert_eq!(of(u32::MAX, None, 9).await.unwrap(), []);
}

async fn a_notice_is_written_with_its_commit_or_not_at_all(store: &dyn Store) {
    let lease = claim(store).await;
    let stale = ShardLease { epoch: lease.epoch - 1, ..lease };
    for leases in [vec![stale], vec![]] {
        let group =
            CommitGroup { leases, notices: vec![notice(1, 1, 1)], ..CommitGroup::default() };
        let refused = store.commit(&group).await;
        assert!(matches!(refused, Err(Error::Fenced { shard: SHARD })), "{refused:?}");
    }
    let update = update(1, ExecutionStatus::Succeeded);
    let group = CommitGroup {
        leases: vec![lease],
        updates: vec![update],
        notices: vec![notice(1, 1, 1)],
        ..CommitGroup::default()
    };
    assert!(matches!(store.commit(&group).await, Err(Error::Conflict(_))));
    assert_eq!(store.notices(SHARD, TargetId(1), None, 9).await.unwrap(), []);
}

async fn metadata_is_replaced_by_key(store: &dyn MetadataStore) {
    let item = |image_id: &str, timestamp, text: &str| MetadataItem {
        image_id: image_id.into(),
        timestamp,
        attributes: Payload::from(Json::from(text)),
    };
    for (image_id, timestamp, text) in
        [("a", 1, "old"), ("a", 1, "new"), ("a", 5, "later"), ("b", -3, "b")]
    {
        store.put_item(item(image_id, timestamp, text)).await.unwrap();
    }
    let of_a = store.query_items("a").await.unwrap();
    assert_eq!(of_a, [item("a", 5, "later"), item("a", 1, "new")]);
    assert_eq!(store.query_items("c").await.unwrap(), []);
    let page = store.scan_items(None, 2).await.unwrap();
    assert_eq!(page, [item("a", 1, "new"), item("a", 5, "later")]);
    let rest = store.scan_items(Some(("a".into(), 5)), 9).await.unwrap();
    assert_eq!(rest, [item("b", -3, "b")]);
}

async fn sqlite() -> (tempfile::TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let store = SqliteStore::open(SqliteOptions { path }).await.unwrap();
    (folder, store)
}

/// Runs each promise over each store.
macro_rules! over_all_stores {
    ($($promise:ident),* $(,)?) => {
        mod postgres {
            $(#[tokio::test]
            async fn $promise() {
                if let Some((_, store)) = super::postgres().await {
                    super::$promise(&store).await;
                }
            })*
        }

        mod memory {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(&super::MemoryStore::new()).await;
            })*
        }

        mod sqlite {
            $(#[tokio::test]
            async fn $promise() {
                let (_folder, store) = super::sqlite().await;
                super::$promise(&store).await;
            })*
        }
    };
}

over_all_stores! {
    a_commit_is_visible,
    an_execution_may_start_and_end_in_one_commit,
    a_lost_lease_writes_nothing,
    what_was_redriven_is_open_again,
    what_was_removed_cannot_change,
    what_is_there_is_not_written_again,
    who_sleeps_is_due_in_time,
    history_is_read_from_any_event_in_both_directions,
    executions_are_listed_newest_first,
    state_machines_have_revisions_that_stay,
    versions_and_aliases_change_from_what_was_read,
    what_is_published_goes_with_its_state_machine,
    executions_are_listed_by_version_and_alias,
    what_ended_long_ago_goes_with_its_journal,
    an_express_execution_is_kept_once,
    express_executions_of_a_state_machine_are_listed,
    express_executions_go_like_others,
    a_revision_stays_while_an_express_execution_needs_it,
    more_than_one_transaction_removes_goes_as_well,
    a_state_machine_may_keep_its_executions_longer_or_shorter,
    a_deletion_begins_once_and_ends_with_the_state_machine,
    tags_change_only_from_what_they_were,
    activities_are_created_once,
    an_execution_is_found_by_its_id,
    a_database_keeps_its_secret,
    revisions_that_nobody_needs_go_the_second_time,
    child_executions_belong_to_their_state_machine,
    metadata_is_replaced_by_key,
    map_runs_are_what_was_written_last,
    map_runs_that_end_badly_are_wound_up_after_each_end,
    child_executions_are_listed_by_their_map_run,
    map_runs_go_with_their_execution,
    notices_stay_until_their_target_is_told,
    a_notice_is_written_with_its_commit_or_not_at_all,
}

#[tokio::test]
async fn a_file_is_held_by_one_process_and_keeps_all() {
    let (folder, store) = sqlite().await;
    let path = folder.path().join("test.db");
    let mut lease = claim(&store).await;
    let group = CommitGroup {
        starts: vec![row(1)],
        chunks: vec![chunk(1, 0, 1)],
        ..CommitGroup::default()
    };
    commit(&store, &mut lease, group).await;
    let second = SqliteStore::open(SqliteOptions { path: path.clone() }).await;
    let refused = second.err().unwrap().to_string();
    assert!(refused.contains("is in use by another process"), "{refused}");
    store.close().await;
    assert!(matches!(store.claim_shards(NODE, &[SHARD]).await, Err(Error::Unavailable(_))));

    let store = SqliteStore::open(SqliteOptions { path }).await.unwrap();
    assert_eq!(store.load_journal(SHARD, id(1)).await.unwrap(), [chunk(1, 0, 1)]);
    assert_eq!(store.read_leases(&[SHARD]).await.unwrap(), [lease]);
}

#[tokio::test]
async fn a_database_of_another_program_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    let text = "not a database, but somebody's file".repeat(40);
    std::fs::write(&path, &text).unwrap();
    let refused = SqliteStore::open(SqliteOptions { path: path.clone() }).await.err().unwrap();
    assert!(matches!(refused, Error::Unusable(_)), "{refused}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn postgres_is_opened_again_and_refused_when_it_is_newer_or_unsafe() {
    let Some((url, store)) = postgres().await else { return };
    let mut lease = claim(&store).await;
    let group = CommitGroup { starts: vec![row(1)], ..CommitGroup::default() };
    commit(&store, &mut lease, group).await;
    store.close().await;
    assert!(matches!(store.read_leases(&[SHARD]).await, Err(Error::Unavailable(_))));

    let options = |url: &str| PostgresOptions { url: url.into(), allow_unsafe: false };
    let again = PostgresStore::open(options(&url)).await.unwrap();
    assert_eq!(again.read_leases(&[SHARD]).await.unwrap(), [lease]);

    let careless = format!("{url}&options=-c%20synchronous_commit%3Doff");
    let refused = PostgresStore::open(options(&careless)).await.err().unwrap();
    assert!(refused.to_string().contains("synchronous_commit = off"), "{refused}");
    let accepted = PostgresOptions { url: careless, allow_unsafe: true };
    PostgresStore::open(accepted).await.unwrap();

    let mut connection = PgConnection::connect(&url).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations \
        SELECT 9999, description, installed_on, success, checksum, execution_time FROM _sqlx_migrations \
        LIMIT 1";
    sqlx::query(newer).execute(&mut connection).await.unwrap();
    let refused = PostgresStore::open(options(&url)).await.err().unwrap();
    assert!(refused.to_string().contains("newer than this program"), "{refused}");
    let refused = PostgresStore::open(options("postgres://:bad")).await.err().unwrap();
    assert!(matches!(refused, Error::Unusable(_)), "{refused}");
}

#[tokio::test]
async fn postgres_reads_on_when_its_connections_were_broken_off() {
    let Some((url, store)) = postgres().await else { return };
    let leases = [claim(&store).await];
    let read = || async { store.read_leases(&[SHARD]).await.unwrap() };
    // As many connections as there are reads at once.
    tokio::join!(read(), read(), read(), read());

    let mut other = PgConnection::connect(&url).await.unwrap();
    let terminate = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    sqlx::query(terminate).execute(&mut other).await.unwrap();
    let answers = tokio::join!(read(), read(), read(), read());
    assert_eq!(answers, (leases.into(), leases.into(), leases.into(), leases.into()));
}

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

/// As several nodes do: each reads, and makes its change to what it has read.
async fn publish(store: &dyn Store, arn: &str) -> u64 {
    loop {
        let read = store.publication(arn).await.unwrap().unwrap();
        let number = read.last_version + 1;
        let change = PublicationChange::AddVersion(version(number, 1));
        if store.change_publication(arn, read.changes, change).await.unwrap() {
            return number;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_on_postgres_never_give_a_number_twice() {
    const NODES: u64 = 4;
    const TURNS: u64 = 10;
    let Some((url, store)) = postgres().await else { return };
    let arn = machine("m", 0).arn;
    store.create_state_machine(machine("m", 1), None).await.unwrap();
    let node = |_| {
        let options = PostgresOptions { url: url.clone(), allow_unsafe: false };
        let arn = arn.clone();
        tokio::spawn(async move {
            let store = PostgresStore::open(options).await.unwrap();
            let mut numbers = Vec::new();
            for _ in 0..TURNS {
                numbers.push(publish(&store, &arn).await);
            }
            numbers
        })
    };
    let mut numbers = Vec::new();
    for ended in futures::future::join_all((0..NODES).map(node)).await {
        numbers.extend(ended.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=NODES * TURNS).collect::<Vec<_>>());
    let published = store.publication(&arn).await.unwrap().unwrap();
    let newest_first: Vec<_> = published.versions.iter().map(|version| version.number).collect();
    assert_eq!(newest_first, (1..=NODES * TURNS).rev().collect::<Vec<_>>());
}

/// A state machine goes with all of its versions, also with one that is published meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_stays_published_of_what_is_deleted_meanwhile() {
    let Some((url, store)) = postgres().await else { return };
    let arn = machine("m", 0).arn;
    let options = PostgresOptions { url, allow_unsafe: false };
    let other = Arc::new(PostgresStore::open(options).await.unwrap());
    for turn in 1..=20 {
        store.create_state_machine(machine("m", turn), None).await.unwrap();
        let publishing = {
            let (other, arn) = (other.clone(), arn.clone());
            tokio::spawn(async move {
                let mut changes = 0;
                let mut change = async |change| {
                    let done = other.change_publication(&arn, changes, change).await.unwrap();
                    changes += 1;
                    // Deletion must come in between.
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    done
                };
                while change(PublicationChange::AddVersion(version(1, 1))).await
                    && change(PublicationChange::RemoveVersion(1)).await
                {}
            })
        };
        tokio::time::sleep(Duration::from_millis(turn as u64 % 5)).await;
        assert!(store.delete_state_machine(&arn).await.unwrap());
        publishing.await.unwrap();
        assert_eq!(store.find_version(&arn, 1).await.unwrap(), None, "turn {turn}");
    }
}

const MINUTE: Duration = Duration::from_secs(60);

fn node(number: u128) -> NodeId {
    NodeId(Uuid::from_u128(number))
}

async fn owner(store: &dyn Store, asking: NodeId, shard: ShardId) -> Option<NodeId> {
    let membership = store.renew_node(asking, false, MINUTE).await.unwrap().unwrap();
    membership.shards[usize::from(shard.0)].owner
}

async fn shards_belong_to_nodes_that_live(store: &dyn Store) {
    let (one, two) = (node(1), node(2));
    let shards = all_shards();
    store.register_node(one, "one", MINUTE).await.unwrap();
    store.register_node(two, "two", MINUTE).await.unwrap();
    let held = store.claim_shards(one, &shards).await.unwrap();
    assert_eq!(held.len(), shards.len());
    assert_eq!(store.claim_shards(two, &shards).await.unwrap(), []);
    assert_eq!(owner(store, two, SHARD).await, Some(one));

    // Given to a successor, given back, and not given by somebody who does not hold it.
    let [first, second] = [held[3], held[4]];
    store.release_shards(two, &held, None).await.unwrap();
    let stale = ShardLease { epoch: 0, ..first };
    store.release_shards(one, &[stale], None).await.unwrap();
    assert_eq!(owner(store, two, SHARD).await, Some(one));
    store.release_shards(one, &[first], Some(two)).await.unwrap();
    store.release_shards(one, &[second], None).await.unwrap();
    let taken = store.claim_shards(two, &shards).await.unwrap();
    assert_eq!(taken.len(), 2);
    let fenced = CommitGroup { leases: vec![first], ..CommitGroup::default() };
    assert!(matches!(store.commit(&fenced).await, Err(Error::Fenced { shard: SHARD })));

    // One whose lease has run out loses what it has; it hears of the others all the same.
    let late = store.renew_node(one, false, Duration::ZERO).await.unwrap().unwrap();
    let living: Vec<_> = late.nodes.iter().map(|node| node.id).collect();
    assert_eq!(living, [two]);
    assert_eq!(store.claim_shards(two, &shards).await.unwrap().len(), shards.len());
    assert_eq!(store.claim_shards(one, &shards).await.unwrap(), []);

    // Another process at its address, and one that says good-bye.
    let again = node(3);
    store.register_node(again, "one", MINUTE).await.unwrap();
    assert_eq!(store.renew_node(one, false, MINUTE).await.unwrap(), None);
    let present = store.renew_node(again, true, MINUTE).await.unwrap().unwrap();
    let seen: Vec<_> =
        present.nodes.iter().map(|node| (node.id, &*node.address, node.draining)).collect();
    assert_eq!(seen, [(two, "two", false), (again, "one", true)]);
    assert!(present.nodes.iter().all(|node| node.alive_for <= MINUTE));
    store.deregister_node(two).await.unwrap();
    assert_eq!(store.claim_shards(again, &[SHARD]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn shards_of_a_shared_memory_belong_to_nodes_that_live() {
    shards_belong_to_nodes_that_live(&MemoryStore::shared(|| Timestamp(7))).await;
}

#[tokio::test]
async fn shards_in_postgres_belong_to_nodes_that_live() {
    if let Some((_, store)) = postgres().await {
        shards_belong_to_nodes_that_live(&store).await;
    }
}

#[tokio::test]
async fn a_store_of_one_process_has_one_node() {
    let (_folder, store) = sqlite().await;
    store.claim_shards(NODE, &[SHARD]).await.unwrap();
    let membership = store.renew_node(NODE, false, MINUTE).await.unwrap().unwrap();
    assert_eq!(membership.nodes.len(), 1);
    assert!(membership.shards.iter().all(|shard| shard.owner == Some(NODE)));
    assert_eq!(membership.shards[3].lease.epoch, 1);
}

/// What an owner in a lost future holds does not hold any more.
async fn raised_epochs_fence_every_owner(store: &dyn Store) {
    let shards = all_shards();
    store.register_node(NODE, "one", MINUTE).await.unwrap();
    let held = store.claim_shards(NODE, &shards).await.unwrap();
    store.raise_epochs(1_000).await.unwrap();
    for (lease, raised) in held.iter().zip(store.read_leases(&shards).await.unwrap()) {
        assert_eq!(raised, ShardLease { epoch: lease.epoch + 1_000, ..*lease });
    }
    let fenced = CommitGroup { leases: vec![held[3]], ..CommitGroup::default() };
    assert!(matches!(store.commit(&fenced).await, Err(Error::Fenced { shard: SHARD })));
}

#[tokio::test]
async fn epochs_of_a_shared_memory_can_be_raised() {
    raised_epochs_fence_every_owner(&MemoryStore::shared(|| Timestamp(7))).await;
}

#[tokio::test]
async fn epochs_in_postgres_can_be_raised() {
    if let Some((_, store)) = postgres().await {
        raised_epochs_fence_every_owner(&store).await;
    }
}

async fn a_database_keeps_its_first_id(store: &dyn Store) {
    let first = store.database_id(Uuid::from_u128(1)).await.unwrap();
    assert_eq!(first, Uuid::from_u128(1));
    assert_eq!(store.database_id(Uuid::from_u128(2)).await.unwrap(), first);
}

#[tokio::test]
async fn a_file_keeps_its_first_id() {
    let (_folder, store) = sqlite().await;
    a_database_keeps_its_first_id(&store).await;
}

#[tokio::test]
async fn a_database_of_postgres_keeps_its_first_id() {
    if let Some((_, store)) = postgres().await {
        a_database_keeps_its_first_id(&store).await;
    }
}
