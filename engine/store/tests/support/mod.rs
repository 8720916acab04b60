//! What the suites of the stores share.

use std::hash::{BuildHasher, RandomState};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use stepyard_store::{PostgresOptions, PostgresStore};

/// A store in a database of its own, and the URL of that.
pub(crate) async fn postgres() -> Option<(String, PostgresStore)> {
    let url = postgres_url().await?;
    let options = PostgresOptions { url: url.clone(), allow_unsafe: false };
    Some((url, PostgresStore::open(options).await.unwrap()))
}

/// An empty database in the cluster that `STEPYARD_TEST_POSTGRES` names.
pub(crate) async fn postgres_url() -> Option<String> {
    let Ok(cluster) = std::env::var("STEPYARD_TEST_POSTGRES") else {
        eprintln!("SKIPPED: STEPYARD_TEST_POSTGRES names no cluster; scripts/test starts one");
        return None;
    };
    let name = format!("test_{:x}", RandomState::new().hash_one(0));
    let mut connection = PgConnection::connect(&cluster).await.unwrap();
    let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::query(create).execute(&mut connection).await.unwrap();
    Some(cluster.replace("/postgres?", &format!("/{name}?")))
}
