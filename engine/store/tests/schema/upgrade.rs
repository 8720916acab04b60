//! What becomes of the rows of earlier versions when this one opens their database.

use std::path::Path;

use sqlx::migrate::{Migration, Migrator};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use stepyard_store::{PostgresOptions, PostgresStore, ShardId, SqliteOptions, SqliteStore, Store};

use crate::support::postgres_url;

/// The last version that did not know whether a Map Run is wound up, and the last one that did but took all that had ended
/// before for such that are not.
const BEFORE_WIND_UP: i64 = 54;
const WOUND_UP_ANEW: i64 = 82;

const SHARD: ShardId = ShardId(3);

/// Map Runs of one execution: one that had failed and one that was aborted before any program knew of winding up, one that
/// fails after that, one that runs.
const MAP_RUNS: &str = "INSERT INTO map_run (shard_id, execution_id, started_event, arn, status, \
    started_at, stopped_at, detail) VALUES \
    (3, EXECUTION, 1, 'failed', 3, 1, 5, DETAIL), (3, EXECUTION, 2, 'aborted', 5, 1, 5, DETAIL), \
    (3, EXECUTION, 3, 'later', 3, 1, 9000000000000, DETAIL), \
    (3, EXECUTION, 4, 'running', 1, 1, NULL, DETAIL)";

const DETAIL: &str = r#"'{"concurrency":0,"executions":[0,0,0,0],"items":[0,0,0,0]}'"#;

fn map_runs(execution: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(MAP_RUNS.replace("EXECUTION", execution).replace("DETAIL", DETAIL))
}

/// The migrations of a database up to that of a version.
async fn up_to(version: i64, database: &str) -> Migrator {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(database);
    let all = Migrator::new(folder).await.unwrap();
    let known = |migration: &&Migration| migration.version <= version;
    Migrator::with_migrations(all.iter().filter(known).cloned().collect())
}

/// Only what has ended since is to be wound up.
async fn assert_old_ends_are_left_alone(store: &dyn Store) {
    let due = store.map_runs_to_wind_up(SHARD, None, 9).await.unwrap();
    let due: Vec<_> = due.iter().map(|row| &*row.record.arn).collect();
    assert_eq!(due, ["later"]);
    let failed = store.find_map_run("failed").await.unwrap().unwrap();
    assert!(failed.wound_up.is_some_and(|wound_up| !wound_up.is_exported));
    assert_eq!(store.find_map_run("running").await.unwrap().unwrap().wound_up, None);
}

#[tokio::test]
async fn map_runs_that_had_ended_before_are_not_wound_up() {
    for version in [BEFORE_WIND_UP, WOUND_UP_ANEW] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stepyard.db");
        let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
        let mut earlier = options.connect().await.unwrap();
        // The mark of a database of this program.
        sqlx::query("PRAGMA application_id = 0x73746570").execute(&mut earlier).await.unwrap();
        up_to(version, "sqlite").await.run(&mut earlier).await.unwrap();
        sqlx::query(map_runs("zeroblob(16)")).execute(&mut earlier).await.unwrap();
        earlier.close().await.unwrap();
        let store = SqliteStore::open(SqliteOptions { path }).await.unwrap();
        assert_old_ends_are_left_alone(&store).await;
    }
}

#[tokio::test]
async fn map_runs_that_had_ended_before_are_not_wound_up_in_postgres() {
    for version in [BEFORE_WIND_UP, WOUND_UP_ANEW] {
        let Some(url) = postgres_url().await else { return };
        let mut earlier = PgConnection::connect(&url).await.unwrap();
        up_to(version, "postgres").await.run(&mut earlier).await.unwrap();
        let nil = "'00000000-0000-0000-0000-000000000000'";
        sqlx::query(map_runs(nil)).execute(&mut earlier).await.unwrap();
        earlier.close().await.unwrap();
        let store =
            PostgresStore::open(PostgresOptions { url, allow_unsafe: false }).await.unwrap();
        assert_old_ends_are_left_alone(&store).await;
        store.close().await;
    }
}
