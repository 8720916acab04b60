//! Opening a database, and what it is known by.

use sqlx::{Connection, PgConnection};
use stepyard_store::{
    CommitGroup, Error, PostgresOptions, PostgresStore, SqliteOptions, SqliteStore, Store,
};
use uuid::Uuid;

use crate::fixtures::{NODE, SHARD, chunk, claim, commit, id, row, sqlite};
use crate::support::postgres;

over_all_stores! {
    a_database_keeps_its_secret,
}

async fn a_database_keeps_its_secret(store: &dyn Store) {
    assert_eq!(store.token_key([1; 32]).await.unwrap(), [1; 32]);
    assert_eq!(store.token_key([2; 32]).await.unwrap(), [1; 32]);
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
