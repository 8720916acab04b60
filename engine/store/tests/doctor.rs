//! Databases that are damaged in every way that the doctor knows.
#![expect(clippy::unwrap_used, reason = "a test")]

#[path = "support/context.rs"]
mod context;
mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use context::{MACHINE, context};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, SqliteConnection};
use stepyard_asl::{Program, Timestamp, compile};
use stepyard_json::Payload;
use stepyard_machine::{
    Command, Decision, Event, EventKind, Execution, ExecutionKind, ExecutionStatus, Moment,
    Qualifier, StartContext, Stimulus, decide,
};
use stepyard_store::doctor::{Check, Doctor, Finding, Inspect, Repair, repair_shard};
use stepyard_store::{
    Alias, Chunk, ClosedExpress, CommitGroup, ExecutionId, ExecutionRow, ExecutionUpdate,
    MemoryStore, NodeId, Notice, PostgresInspector, PostgresRepairer, PublicationChange, Revision,
    Routing, ShardId, SqliteInspector, SqliteOptions, SqliteRepairer, SqliteStore, StateMachine,
    StateMachineType, Store, Tags, TargetId, Version, all_shards, codec,
};
use uuid::Uuid;

const DEFINITION: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","Next":"W"},
    "W":{"Type":"Wait","Seconds":1000,"End":true}}}"#;

/// Executions of one shard.
const EXECUTIONS: usize = 3;

fn program() -> Arc<Program> {
    compile(DEFINITION).program.unwrap()
}

/// Names that lie in one shard.
fn names() -> (ShardId, Vec<String>) {
    let shard = ShardId::of(MACHINE, "e0");
    let numbered = (0..).map(|number| format!("e{number}"));
    (shard, numbered.filter(|name| ShardId::of(MACHINE, name) == shard).take(EXECUTIONS).collect())
}

/// All but the first one were started by an alias.
fn qualifier(name: &str) -> Option<Qualifier> {
    (name != "e0").then(|| Qualifier { version: 1, alias: Some("PROD".into()) })
}

/// An execution up to its Wait state, and the rest.
struct Journal {
    start: Vec<Event>,
    end: Vec<Event>,
    due: Timestamp,
}

fn journal(name: &str) -> Journal {
    journal_of(name, ExecutionKind::Standard)
}

fn journal_of(name: &str, kind: ExecutionKind) -> Journal {
    let (program, mut execution) = (program(), Execution::new());
    let context = StartContext { qualifier: qualifier(name), kind, ..context(name) };
    let mut decided = Decision::default();
    let moment = Moment { now: Timestamp(1_700_000_000_000), entropy: [7; 16] };
    let start = Stimulus::Start { context: context.into(), input: Payload::empty_object() };
    decide(&program, &mut execution, moment, start, &mut decided);
    let start = std::mem::take(&mut decided.events);
    let (timer, due) = decided
        .commands
        .iter()
        .find_map(|command| match command {
            Command::StartTimer { timer, due } => Some((*timer, *due)),
            _ => None,
        })
        .unwrap();
    let moment = Moment { now: due, ..moment };
    decide(&program, &mut execution, moment, Stimulus::TimerDue { timer }, &mut decided);
    Journal { start, end: decided.events, due }
}

fn chunk(shard: ShardId, id: ExecutionId, before: &[Event], events: &[Event]) -> Chunk {
    let visible = before.iter().filter(|event| event.kind.is_visible()).count() as u64;
    Chunk {
        shard,
        execution: id,
        first_event: before.len() as u64,
        events: u32::try_from(events.len()).unwrap(),
        first_visible_id: visible + 1,
        body: codec::encode(events, visible + 1),
    }
}

fn id(number: usize) -> ExecutionId {
    ExecutionId::new(Timestamp(1_700_000_000_000 + i64::try_from(number).unwrap()), [3; 10])
}

/// An Express execution, whose time was over before its Wait state was.
fn express() -> ClosedExpress {
    let Journal { mut start, end, .. } = journal_of("x", ExecutionKind::Express);
    let (started_at, stopped_at) = (start[0].at, end.last().map(|end| end.at));
    start.extend(end);
    let row = ExecutionRow {
        shard: ShardId::of(MACHINE, "x"),
        id: id(9),
        state_machine_arn: MACHINE.into(),
        name: "x".into(),
        qualifier: qualifier("x"),
        child: None,
        revision: Uuid::from_u128(1),
        status: ExecutionStatus::TimedOut,
        started_at,
        stopped_at,
        redriven: None,
        resume_at: None,
    };
    ClosedExpress { row, journal: codec::encode(&start, 1) }
}

/// Three executions: the first one has ended, the others sleep. Of the start and the end of the first one somebody has still
/// to be told. Beside them an Express execution.
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
    let created_at = Timestamp(5);
    let version =
        Version { number: 1, revision: Uuid::from_u128(1), description: None, created_at };
    store.create_state_machine(machine, Some(version)).await.unwrap();
    let alias = Alias {
        name: "PROD".into(),
        description: None,
        routing: Routing { first: 1, weight: 100, second: None },
        created_at,
        updated_at: created_at,
    };
    let put = PublicationChange::PutAlias(alias);
    assert!(store.change_publication(MACHINE, 1, put).await.unwrap());
    let (shard, names) = names();
    let lease = store.claim_shards(NodeId(Uuid::nil()), &[shard]).await.unwrap()[0];
    let mut group = CommitGroup { leases: vec![lease], ..CommitGroup::default() };
    for (number, name) in names.iter().enumerate() {
        let Journal { start, end, due } = journal(name);
        group.starts.push(ExecutionRow {
            shard,
            id: id(number),
            state_machine_arn: MACHINE.into(),
            name: name.as_str().into(),
            qualifier: qualifier(name),
            child: None,
            revision: Uuid::from_u128(1),
            status: ExecutionStatus::Running,
            started_at: start[0].at,
            stopped_at: None,
            redriven: None,
            resume_at: Some(due),
        });
        group.chunks.push(chunk(shard, id(number), &[], &start));
        if number == 0 {
            group.chunks.push(chunk(shard, id(number), &start, &end));
            let notice = |target: u32, first_event: usize| Notice {
                shard,
                target: TargetId(target),
                commit_seq: lease.commit_seq,
                execution: id(number),
                first_event: first_event as u64,
                redrives: 0,
            };
            group.notices = vec![notice(1, 0), notice(2, start.len())];
            group.updates.push(ExecutionUpdate {
                shard,
                id: id(number),
                status: ExecutionStatus::Succeeded,
                stopped_at: Some(due),
                redriven: None,
                resume_at: None,
            });
        }
    }
    store.commit(&group).await.unwrap();
    store.keep_express(&[express()]).await.unwrap();
}

async fn findings(database: &dyn Inspect) -> Vec<Finding> {
    let mut doctor = Doctor::new(database);
    let mut findings = doctor.examine_whole().await.unwrap();
    for shard in all_shards() {
        let seen = doctor.examine_shard(shard, |seen| findings.extend(seen.findings));
        seen.await.unwrap();
    }
    findings
}

fn checks(findings: &[Finding]) -> BTreeSet<Check> {
    findings.iter().map(|finding| finding.check).collect()
}

/// A folder with a filled database that nobody has open.
async fn database() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let store = SqliteStore::open(SqliteOptions { path: path.clone() }).await.unwrap();
    fill(&store).await;
    store.close().await;
    (folder, path)
}

async fn connect(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).connect().await.unwrap()
}

async fn damage(path: &Path, sql: &str) {
    let mut connection = connect(path).await;
    let shard = names().0.0;
    let sql = sql
        .replace("SHARD", &shard.to_string())
        .replace("FIRST", &format!("x'{}'", id(0).0.simple()))
        .replace("LAST", &format!("x'{}'", id(2).0.simple()));
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
}

/// Damages a database and looks at it.
async fn found_after(sql: &str) -> Vec<Finding> {
    let (_folder, path) = database().await;
    damage(&path, sql).await;
    findings(&SqliteInspector::open(&path).await.unwrap()).await
}

#[tokio::test]
async fn a_sound_database_has_no_findings_also_while_a_server_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let store = SqliteStore::open(SqliteOptions { path: path.clone() }).await.unwrap();
    fill(&store).await;
    let inspector = SqliteInspector::open(&path).await.unwrap();
    assert_eq!(findings(&inspector).await, []);
    let counts = Doctor::new(&inspector).examine_shard(names().0, |_| {}).await.unwrap();
    assert_eq!((counts.executions, counts.events), (3, 5 * 3 + 2));
    let counts = Doctor::new(&inspector).examine_shard(express().row.shard, |_| {}).await.unwrap();
    assert_eq!((counts.executions, counts.events), (1, 6));
    let refused = SqliteRepairer::open(&path).await.err().unwrap().to_string();
    assert!(refused.contains("is in use by another process"), "{refused}");

    let memory = MemoryStore::new();
    fill(&memory).await;
    assert_eq!(findings(&memory).await, []);
}

#[tokio::test]
async fn every_damage_is_found() {
    let cases: [(&str, &[Check]); 33] = [
        ("UPDATE notice SET first_event = 3 WHERE target = 2", &[Check::Notice]),
        ("UPDATE notice SET execution_id = LAST, first_event = 5", &[Check::Notice]),
        ("UPDATE notice SET redrives = 1 WHERE target = 2", &[Check::Notice]),
        ("UPDATE notice SET redrives = -1 WHERE target = 2", &[Check::Notice]),
        ("UPDATE express_execution SET status = 3", &[Check::Express]),
        ("UPDATE express_execution SET stopped_at = 9", &[Check::Express]),
        ("UPDATE express_execution SET name = 'y'", &[Check::Express]),
        ("UPDATE express_execution SET revision_id = zeroblob(16)", &[Check::Express]),
        ("UPDATE express_execution SET shard_id = (shard_id + 1) % 64", &[Check::Express]),
        ("UPDATE express_execution SET journal = x'00'", &[Check::Express]),
        ("UPDATE execution SET version = 2 WHERE execution_id = LAST", &[Check::Row]),
        ("UPDATE execution SET alias = NULL WHERE execution_id = LAST", &[Check::Row]),
        ("DELETE FROM state_machine_version", &[Check::Publication]),
        ("UPDATE state_machine_version SET revision_id = x'00'", &[Check::Publication]),
        ("UPDATE state_machine SET last_version = NULL", &[Check::Publication]),
        ("DELETE FROM execution WHERE execution_id = LAST", &[Check::JournalWithoutRow]),
        ("DELETE FROM journal WHERE execution_id = LAST", &[Check::RowWithoutJournal]),
        ("UPDATE execution SET status = 3 WHERE execution_id = FIRST", &[Check::Row]),
        ("UPDATE execution SET stopped_at = 9 WHERE execution_id = FIRST", &[Check::Row]),
        ("UPDATE execution SET stopped_at = NULL WHERE execution_id = FIRST", &[Check::Row]),
        ("UPDATE execution SET status = 9 WHERE execution_id = FIRST", &[Check::Form]),
        (
            "UPDATE execution SET redrive_count = 1, redriven_at = 9 WHERE execution_id = FIRST",
            &[Check::Row],
        ),
        (
            "UPDATE execution SET resume_at = resume_at + 1 WHERE execution_id = LAST",
            &[Check::Sleep],
        ),
        (
            "UPDATE execution SET shard_id = (SHARD + 1) % 64; \
             UPDATE journal SET shard_id = (SHARD + 1) % 64",
            &[Check::Shard, Check::Shards],
        ),
        ("UPDATE journal SET body = x'00' WHERE execution_id = LAST", &[Check::Chunks]),
        ("DELETE FROM journal WHERE execution_id = FIRST AND first_event = 0", &[Check::Chunks]),
        (
            "UPDATE journal SET first_event = 6 WHERE execution_id = FIRST AND first_event = 5",
            &[Check::Chunks],
        ),
        ("UPDATE journal SET events = events + 1 WHERE execution_id = LAST", &[Check::Chunks]),
        (
            "UPDATE journal SET first_visible_id = 9 WHERE execution_id = FIRST AND first_event = 5",
            &[Check::Chunks],
        ),
        ("DELETE FROM revision", &[Check::Revision, Check::Publication, Check::Express]),
        (
            "UPDATE revision SET definition = \
             '{\"StartAt\":\"P\",\"States\":{\"P\":{\"Type\":\"Pass\",\"End\":true}}}'",
            &[Check::Revision, Check::Express],
        ),
        ("DELETE FROM machine", &[Check::Row, Check::Shard, Check::Express]),
        ("DELETE FROM shard WHERE shard_id = 9", &[Check::Shards]),
    ];
    for (sql, expected) in cases {
        let found = found_after(sql).await;
        assert_eq!(checks(&found), expected.iter().copied().collect(), "{sql}: {found:#?}");
    }
}

#[tokio::test]
async fn a_journal_that_breaks_a_rule_is_found() {
    let (shard, names) = names();
    let whole = journal(&names[2]).start;
    let spoiled: [fn(&mut Vec<Event>); 4] = [
        |events| events[3].at = Timestamp(1),
        |events| drop(events.remove(2)),
        |events| drop(events.remove(0)),
        |events| events[1].frame = stepyard_machine::FrameId(7),
    ];
    for (case, spoil) in spoiled.into_iter().enumerate() {
        let mut events = whole.clone();
        spoil(&mut events);
        let (_folder, path) = database().await;
        let broken = chunk(shard, id(2), &[], &events);
        sqlx::query("UPDATE journal SET body = ?, events = ? WHERE execution_id = ?")
            .bind(&broken.body[..])
            .bind(broken.events)
            .bind(&id(2).0.as_bytes()[..])
            .execute(&mut connect(&path).await)
            .await
            .unwrap();
        let found = findings(&SqliteInspector::open(&path).await.unwrap()).await;
        assert_eq!(checks(&found), [Check::Journal].into(), "case {case}: {found:#?}");
        let finding = &found[0];
        assert_eq!((finding.shard, finding.execution), (Some(shard), Some(id(2))));
        assert_eq!(&*finding.name.as_ref().unwrap().1, names[2]);
    }
    assert!(matches!(whole[4].kind, EventKind::WaitStarted { .. }));
}

/// The condition of a partial index goes, so that the rows which it left out are missing in it.
const SPOIL_INDEX: &str = "PRAGMA writable_schema = on; UPDATE sqlite_schema \
    SET sql = substr(sql, 1, instr(sql, 'WHERE') - 1) WHERE name = 'execution_closed'";

#[tokio::test]
async fn rows_and_indexes_are_rebuilt_from_the_journal() {
    for sql in [
        "DELETE FROM execution WHERE execution_id = LAST",
        "UPDATE execution SET status = 3, stopped_at = 9 WHERE execution_id = FIRST",
        "UPDATE execution SET status = 9 WHERE execution_id = FIRST",
        "UPDATE execution SET name = 'x' WHERE execution_id = LAST",
        "UPDATE execution SET redrive_count = 1, redriven_at = 9 WHERE execution_id = FIRST",
        "UPDATE execution SET resume_at = 1 WHERE execution_id = LAST",
        "UPDATE notice SET redrives = 1",
        SPOIL_INDEX,
    ] {
        let (_folder, path) = database().await;
        let before = (rows(&path).await, notices(&path).await);
        damage(&path, sql).await;
        assert_ne!(findings(&SqliteInspector::open(&path).await.unwrap()).await, [], "{sql}");
        let repairer = SqliteRepairer::open(&path).await.unwrap();
        repairer.rebuild_indexes().await.unwrap();
        for shard in all_shards() {
            repair_shard(&repairer, shard).await.unwrap();
        }
        assert_eq!(findings(repairer.inspector()).await, [], "{sql}");
        drop(repairer);
        assert_eq!((rows(&path).await, notices(&path).await), before, "{sql}");
    }
}

#[tokio::test]
async fn a_notice_that_stands_for_nothing_goes() {
    let (_folder, path) = database().await;
    let before = notices(&path).await;
    damage(&path, "UPDATE notice SET first_event = 3 WHERE target = 2").await;
    let repairer = SqliteRepairer::open(&path).await.unwrap();
    assert_eq!(repair_shard(&repairer, names().0).await.unwrap(), 1);
    assert_eq!(findings(repairer.inspector()).await, []);
    drop(repairer);
    assert_eq!(notices(&path).await, before[..1]);
}

/// The last execution is stopped, redriven, and waits once more.
async fn redrive_last(store: &dyn Store) {
    let (shard, names) = names();
    let Journal { start, due, .. } = journal(&names[2]);
    let (mut execution, mut decided) = (Execution::replay(&start), Decision::default());
    let moment = Moment { now: due, entropy: [7; 16] };
    let stop = Stimulus::Stop { error: None, cause: None };
    for stimulus in [stop, Stimulus::Redrive { client_token: Some("t".into()) }] {
        decide(&program(), &mut execution, moment, stimulus, &mut decided);
    }
    let leases = store.claim_shards(NodeId(Uuid::nil()), &[shard]).await.unwrap();
    let update = ExecutionUpdate {
        shard,
        id: id(2),
        status: ExecutionStatus::Running,
        stopped_at: None,
        redriven: execution.redriven(),
        resume_at: execution.sleeps_until(),
    };
    let (chunks, updates) = (vec![chunk(shard, id(2), &start, &decided.events)], vec![update]);
    store.commit(&CommitGroup { leases, chunks, updates, ..CommitGroup::default() }).await.unwrap();
}

#[tokio::test]
async fn a_redriven_execution_is_sound_and_its_row_can_be_rebuilt() {
    let (_folder, path) = database().await;
    let store = SqliteStore::open(SqliteOptions { path: path.clone() }).await.unwrap();
    redrive_last(&store).await;
    store.close().await;
    assert_eq!(findings(&SqliteInspector::open(&path).await.unwrap()).await, []);
    let before = rows(&path).await;
    assert_eq!(before[2].redriven.map(|redriven| redriven.count), Some(1));
    for sql in [
        "UPDATE execution SET redrive_count = 2 WHERE execution_id = LAST",
        "UPDATE execution SET redriven_at = NULL WHERE execution_id = LAST",
        "DELETE FROM execution WHERE execution_id = LAST",
    ] {
        damage(&path, sql).await;
        let repairer = SqliteRepairer::open(&path).await.unwrap();
        assert_ne!(findings(repairer.inspector()).await, [], "{sql}");
        assert_eq!(repair_shard(&repairer, names().0).await.unwrap(), 1, "{sql}");
        drop(repairer);
        assert_eq!(rows(&path).await, before, "{sql}");
    }
}

#[tokio::test]
async fn a_row_that_no_journal_stands_for_goes() {
    let (_folder, path) = database().await;
    damage(&path, "DELETE FROM journal WHERE execution_id = LAST").await;
    let repairer = SqliteRepairer::open(&path).await.unwrap();
    assert_eq!(repair_shard(&repairer, names().0).await.unwrap(), 1);
    assert_eq!(findings(repairer.inspector()).await, []);
    drop(repairer);
    assert_eq!(rows(&path).await.len(), 2);
}

#[tokio::test]
async fn postgres_is_looked_at_and_repaired_as_well() {
    let Some((url, store)) = support::postgres().await else { return };
    fill(&store).await;
    let inspector = PostgresInspector::open(&url).await.unwrap();
    assert_eq!(findings(&inspector).await, []);
    let refused = PostgresRepairer::open(&url).await.err().unwrap().to_string();
    assert!(refused.contains("in use by a server"), "{refused}");
    store.close().await;

    let mut connection = PgConnection::connect(&url).await.unwrap();
    for (sql, check) in [
        ("UPDATE execution SET status = 3", Check::Row),
        ("DELETE FROM execution", Check::JournalWithoutRow),
        ("DELETE FROM machine", Check::Row),
        ("UPDATE execution SET resume_at = 1 WHERE stopped_at IS NULL", Check::Sleep),
        ("UPDATE notice SET redrives = 1", Check::Notice),
    ] {
        let before = stored_rows(&inspector).await;
        sqlx::query(sql).execute(&mut connection).await.unwrap();
        assert!(checks(&findings(&inspector).await).contains(&check), "{sql}");
        let repairer = PostgresRepairer::open(&url).await.unwrap();
        repairer.rebuild_indexes().await.unwrap();
        assert!(repair_shard(&repairer, names().0).await.unwrap() > 0, "{sql}");
        assert_eq!(findings(&inspector).await, [], "{sql}");
        assert_eq!(stored_rows(&inspector).await, before, "{sql}");
    }
}

async fn notices(path: &Path) -> Vec<Notice> {
    let inspector = SqliteInspector::open(path).await.unwrap();
    let stored = inspector.executions(names().0, None, 10).await.unwrap();
    stored.into_iter().flat_map(|stored| stored.notices).map(Result::unwrap).collect()
}

async fn rows(path: &Path) -> Vec<ExecutionRow> {
    stored_rows(&SqliteInspector::open(path).await.unwrap()).await
}

async fn stored_rows(inspector: &dyn Inspect) -> Vec<ExecutionRow> {
    let stored = inspector.executions(names().0, None, 10).await.unwrap();
    stored.into_iter().map(|stored| stored.row.unwrap().unwrap()).collect()
}
