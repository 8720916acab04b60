//! What the doctor sees of Map Runs and their child executions, and rebuilds.
#![expect(clippy::unwrap_used, reason = "a test")]

#[path = "support/context.rs"]
mod context;
mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use context::{MACHINE, context};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use stepyard_asl::{Timestamp, compile};
use stepyard_json::Payload;
use stepyard_machine::{
    ChildOf, Decision, Event, Execution, MapRunTotals, Moment, StartContext, Stimulus, decide,
};
use stepyard_store::doctor::{Check, Doctor, Inspect, Repair, repair_shard};
use stepyard_store::{
    ChildRow, Chunk, CommitGroup, ExecutionId, ExecutionRow, MapRunRow, NodeId, PostgresInspector,
    PostgresRepairer, Revision, ShardId, SqliteInspector, SqliteOptions, SqliteRepairer,
    SqliteStore, StateMachine, StateMachineType, Store, Tags, WoundUp, all_shards, codec,
};
use uuid::Uuid;

/// A Map Run without items, and one that runs.
const DEFINITION: &str = r#"{"StartAt":"None","States":{
    "None":{"Type":"Map","ItemsPath":"$.none","Next":"All","ItemProcessor":{"StartAt":"P",
        "ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},
        "States":{"P":{"Type":"Pass","End":true}}},"ResultPath":null},
    "All":{"Type":"Map","ItemsPath":"$.all","Label":"l","End":true,"ItemProcessor":{"StartAt":"W",
        "ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},
        "States":{"W":{"Type":"Wait","Seconds":9,"End":true}}}}}}"#;

const MOMENT: Moment = Moment { now: Timestamp(1_700_000_000_000), entropy: [7; 16] };

fn deliver(execution: &mut Execution, stimulus: Stimulus) -> Vec<Event> {
    let program = compile(DEFINITION).program.unwrap();
    let mut decided = Decision::default();
    decide(&program, execution, MOMENT, stimulus, &mut decided);
    decided.events
}

fn shard_of(context: &StartContext) -> ShardId {
    ShardId::of(&context.state_machine_arn, &context.execution_name)
}

/// The start of an execution with all that was decided of it.
fn start(number: u8, execution: &Execution, events: &[Event]) -> CommitGroup {
    let context = execution.context().unwrap();
    let (shard, id) = (shard_of(context), id(number));
    let start = ExecutionRow {
        shard,
        id,
        state_machine_arn: context.state_machine_arn.clone(),
        name: context.execution_name.clone(),
        qualifier: None,
        child: context.child_of.as_ref().and_then(ChildRow::of),
        revision: Uuid::from_u128(1),
        status: execution.status().unwrap(),
        started_at: MOMENT.now,
        stopped_at: execution.stopped_at(),
        redriven: None,
        resume_at: execution.sleeps_until(),
    };
    let chunk = Chunk {
        shard,
        execution: id,
        first_event: 0,
        events: u32::try_from(events.len()).unwrap(),
        first_visible_id: 1,
        body: codec::encode(events, 1),
    };
    let records = execution.map_run_records();
    CommitGroup {
        starts: vec![start],
        chunks: vec![chunk],
        map_runs: records.map(|record| MapRunRow::new(shard, id, record)).collect(),
        ..CommitGroup::default()
    }
}

fn id(number: u8) -> ExecutionId {
    ExecutionId::new(MOMENT.now, [number; 10])
}

/// An execution with two Map Runs, and a child execution of the second one.
async fn fill(store: &dyn Store) {
    let revision = Revision {
        id: Uuid::from_u128(1),
        definition: DEFINITION.into(),
        role_arn: "role".into(),
        configuration: "{}".into(),
        created_at: Timestamp(5),
    };
    let machine = StateMachine {
        arn: MACHINE.into(),
        name: "m".into(),
        machine_type: StateMachineType::Standard,
        created_at: Timestamp(5),
        revision,
        retention_days: None,
        tags: Tags::default(),
        deleting_since: None,
    };
    store.create_state_machine(machine, None).await.unwrap();
    let input = Payload::from_text(r#"{"none":[],"all":[1,2,3]}"#).unwrap();
    let mut parent = Execution::new();
    let begin = Stimulus::Start { context: Arc::new(context("parent")), input };
    let mut events = deliver(&mut parent, begin);
    events.extend(deliver(&mut parent, Stimulus::Continue));
    let run = parent.map_runs().next().unwrap().id();
    let totals = MapRunTotals { items: 0, children: 0 };
    events.extend(deliver(&mut parent, Stimulus::MapRunTotalsKnown { run, totals }));
    let map_run = parent.map_runs().next().unwrap();
    assert_eq!(parent.map_run_records().count(), 2);
    let state = events.iter().rev().find_map(|event| match event.kind {
        stepyard_machine::EventKind::MapRunStarted { state, .. } => Some(state),
        _ => None,
    });
    let child_of = ChildOf {
        map_run_arn: map_run.plan().arn.clone(),
        state: state.unwrap(),
        items: 3,
        redrive_count: 0,
    };
    let mut child = Execution::new();
    let child_context = StartContext { child_of: Some(child_of), ..context("child") };
    let begin =
        Stimulus::Start { context: Arc::new(child_context), input: Payload::empty_object() };
    let mut child_events = deliver(&mut child, begin);
    child_events.extend(deliver(&mut child, Stimulus::Continue));
    for group in [start(1, &parent, &events), start(2, &child, &child_events)] {
        let shard = group.starts[0].shard;
        let leases = store.claim_shards(NodeId(Uuid::nil()), &[shard]).await.unwrap();
        store.commit(&CommitGroup { leases, ..group }).await.unwrap();
    }
}

async fn findings(database: &dyn Inspect) -> BTreeSet<(Check, String)> {
    let mut doctor = Doctor::new(database);
    let mut findings = doctor.examine_whole().await.unwrap();
    for shard in all_shards() {
        doctor.examine_shard(shard, |seen| findings.extend(seen.findings)).await.unwrap();
    }
    findings.into_iter().map(|finding| (finding.check, finding.detail)).collect()
}

async fn repair(database: &dyn Repair) {
    database.rebuild_indexes().await.unwrap();
    for shard in all_shards() {
        repair_shard(database, shard).await.unwrap();
    }
    assert_eq!(findings(database.inspector()).await, [].into());
}

/// An execution that was stopped, and with it a Map Run, which is wound up and exported.
async fn fill_with_wound_up(store: &dyn Store) -> MapRunRow {
    fill(store).await;
    let mut execution = Execution::new();
    let input = Payload::from_text(r#"{"none":[],"all":[]}"#).unwrap();
    let begin = Stimulus::Start { context: Arc::new(context("stopped")), input };
    let stop = Stimulus::Stop { error: None, cause: None };
    let stimuli = [begin, Stimulus::Continue, stop];
    let events: Vec<_> =
        stimuli.into_iter().flat_map(|stimulus| deliver(&mut execution, stimulus)).collect();
    let group = start(3, &execution, &events);
    let [row] = &group.map_runs[..] else { panic!("it has a Map Run") };
    let (row, shard) = (row.clone(), row.shard);
    let leases = store.claim_shards(NodeId(Uuid::nil()), &[shard]).await.unwrap();
    store.commit(&CommitGroup { leases, ..group }).await.unwrap();
    let wound_up = WoundUp { is_exported: true };
    store.note_wound_up(&row, wound_up).await.unwrap();
    MapRunRow { wound_up: Some(wound_up), ..row }
}

/// No journal tells that, so it must not get lost with what is rebuilt.
async fn assert_stays_wound_up(database: &dyn Repair, expected: &MapRunRow) {
    repair(database).await;
    let stored = database.inspector().executions(expected.shard, None, 9).await.unwrap();
    let mut rows = stored.iter().flat_map(|stored| &stored.map_runs).flatten();
    assert!(rows.any(|row| row == expected), "{stored:#?}");
}

/// What can go wrong, the same in all databases.
const DAMAGES: [(&str, Check); 8] = [
    ("DELETE FROM map_run", Check::MapRun),
    ("UPDATE map_run SET status = 2, stopped_at = 9 WHERE stopped_at IS NULL", Check::MapRun),
    ("UPDATE map_run SET started_event = started_event + 1", Check::MapRun),
    ("UPDATE map_run SET detail = '{}'", Check::MapRun),
    ("UPDATE map_run SET shard_id = (shard_id + 1) % 64", Check::MapRun),
    ("UPDATE execution SET map_run = NULL", Check::Row),
    ("UPDATE execution SET item_count = 2 WHERE map_run IS NOT NULL", Check::Row),
    ("DELETE FROM execution", Check::JournalWithoutRow),
];

async fn database() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let store = SqliteStore::open(SqliteOptions { path: path.clone() }).await.unwrap();
    fill(&store).await;
    store.close().await;
    (folder, path)
}

async fn damage(path: &Path, sql: &'static str) {
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
}

#[tokio::test]
async fn map_runs_are_checked_and_rebuilt() {
    let (_folder, path) = database().await;
    assert_eq!(findings(&SqliteInspector::open(&path).await.unwrap()).await, [].into());
    for (sql, check) in DAMAGES {
        let (_folder, path) = database().await;
        damage(&path, sql).await;
        let found = findings(&SqliteInspector::open(&path).await.unwrap()).await;
        assert!(found.iter().any(|(found, _)| *found == check), "{sql}: {found:#?}");
        repair(&SqliteRepairer::open(&path).await.unwrap()).await;
    }
}

#[tokio::test]
async fn map_runs_in_postgres_are_checked_and_rebuilt() {
    let Some((url, store)) = support::postgres().await else { return };
    fill(&store).await;
    store.close().await;
    let inspector = PostgresInspector::open(&url).await.unwrap();
    assert_eq!(findings(&inspector).await, [].into());
    let mut connection = PgConnection::connect(&url).await.unwrap();
    for (sql, check) in DAMAGES {
        sqlx::query(sql).execute(&mut connection).await.unwrap();
        let found = findings(&inspector).await;
        assert!(found.iter().any(|(found, _)| *found == check), "{sql}: {found:#?}");
        repair(&PostgresRepairer::open(&url).await.unwrap()).await;
    }
}

#[tokio::test]
async fn what_is_wound_up_stays_so_when_its_row_is_rebuilt() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let store = SqliteStore::open(SqliteOptions { path: path.clone() }).await.unwrap();
    let row = fill_with_wound_up(&store).await;
    store.close().await;
    damage(&path, "UPDATE map_run SET status = 2").await;
    assert_stays_wound_up(&SqliteRepairer::open(&path).await.unwrap(), &row).await;
    damage(&path, "DELETE FROM execution").await;
    assert_stays_wound_up(&SqliteRepairer::open(&path).await.unwrap(), &row).await;

    let Some((url, store)) = support::postgres().await else { return };
    let row = fill_with_wound_up(&store).await;
    store.close().await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    sqlx::query("UPDATE map_run SET status = 2").execute(&mut connection).await.unwrap();
    assert_stays_wound_up(&PostgresRepairer::open(&url).await.unwrap(), &row).await;
}
