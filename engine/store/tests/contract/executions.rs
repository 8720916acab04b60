//! Finding and listing executions, and reading their journals.

use std::sync::Arc;

use stepyard_asl::Timestamp;
use stepyard_machine::{ExecutionStatus, Qualifier};
use stepyard_store::{
    Chunk, CommitGroup, ExecutionQuery, ExecutionRow, ExecutionUpdate, ReadLimit, ShardId,
    StartedBy, Store,
};

use crate::fixtures::{MACHINE, SHARD, chunk, claim, commit, id, machine, row, update};

over_all_stores! {
    who_sleeps_is_due_in_time,
    history_is_read_from_any_event_in_both_directions,
    pieces_of_a_journal_end_at_their_bytes,
    executions_are_listed_newest_first,
    executions_are_listed_by_version_and_alias,
    an_execution_is_found_by_its_id,
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

async fn history_is_read_from_any_event_in_both_directions(store: &dyn Store) {
    let mut lease = claim(store).await;
    // Two events a chunk, one of them internal: visible ids are 1, 2, 3, ...
    let chunks: Vec<_> = (0..50).map(|at| chunk(1, at * 2, at + 1)).collect();
    let group =
        CommitGroup { starts: vec![row(1)], chunks: chunks.clone(), ..CommitGroup::default() };
    commit(store, &mut lease, group).await;
    let page = |from, descending, limit| {
        store.journal_page(SHARD, id(1), from, descending, ReadLimit::of_chunks(limit))
    };
    assert_eq!(page(1, false, 3).await.unwrap(), chunks[..3]);
    assert_eq!(page(20, false, 2).await.unwrap(), chunks[19..21]);
    assert_eq!(page(50, false, 9).await.unwrap(), chunks[49..]);
    let backwards: Vec<_> = chunks.iter().rev().cloned().collect();
    assert_eq!(page(u64::MAX >> 1, true, 3).await.unwrap(), backwards[..3]);
    assert_eq!(page(u64::MAX, true, 1).await.unwrap(), backwards[..1]);
    assert_eq!(page(20, true, 2).await.unwrap(), backwards[30..32]);
}

async fn pieces_of_a_journal_end_at_their_bytes(store: &dyn Store) {
    let mut lease = claim(store).await;
    // Ten bytes each, but for the fourth one.
    let sized = |at: u64| Chunk {
        body: vec![7; if at == 3 { 1_000 } else { 10 }].into(),
        ..chunk(1, at * 2, at + 1)
    };
    let chunks: Vec<_> = (0..8).map(sized).collect();
    let group =
        CommitGroup { starts: vec![row(1)], chunks: chunks.clone(), ..CommitGroup::default() };
    commit(store, &mut lease, group).await;
    let read = |from, limit| store.journal_from(SHARD, id(1), from, limit);
    let limit = ReadLimit { bytes: 20, ..ReadLimit::NONE };
    let mut pieces = Vec::new();
    let (mut from, mut is_reached) = (0, true);
    while is_reached {
        let piece = read(from, limit).await.unwrap();
        is_reached = limit.is_reached(&piece);
        from = piece.last().map_or(from, Chunk::end);
        pieces.push(piece);
    }
    // One that is too large for any piece ends the one that it is in.
    let expected = [&chunks[..2], &chunks[2..4], &chunks[4..6], &chunks[6..], &[]];
    assert_eq!(pieces, expected);
    for (bytes, count) in [(0, 0), (1, 1), (10, 1), (11, 2), (30, 3), (31, 4), (1_031, 5)] {
        let piece = read(0, ReadLimit { bytes, ..ReadLimit::NONE }).await.unwrap();
        assert_eq!(piece, chunks[..count], "{bytes} bytes");
    }
    let page = |from, descending| {
        let limit = ReadLimit { bytes: 15, ..ReadLimit::NONE };
        store.journal_page(SHARD, id(1), from, descending, limit)
    };
    assert_eq!(page(2, false).await.unwrap(), chunks[1..3]);
    assert_eq!(page(4, false).await.unwrap(), chunks[3..4]);
    let backwards: Vec<_> = chunks.iter().rev().cloned().collect();
    assert_eq!(page(u64::MAX, true).await.unwrap(), backwards[..2]);
    assert_eq!(page(5, true).await.unwrap(), backwards[3..5]);
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
