//! What the suites of the stores share.

use std::hash::{BuildHasher, RandomState};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use stepyard_store::{PostgresOptions, PostgresStore};

/// A database of its own in the cluster that `STEPYARD_TEST_POSTGRES` names.
pub(crate) async fn postgres() -> Option<(String, PostgresStore)> {
    let Ok(cluster) = std::env::var("STEPYARD_TEST_POSTGRES") else {
        eprintln!("SKIPPED: STEPYARD_TEST_POSTGRES names no cluster; scripts/test starts one");
        return None;
    };
    let name = format!("test_{:x}", RandomState::new().hash_one(0));
    let mut connection = PgConnection::connect(&cluster).await.unwrap();
    let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::query(create).execute(&mut connection).await.unwrap();
    let url = cluster.replace("/postgres?", &format!("/{name}?"));
    let options = PostgresOptions { url: url.clone(), allow_unsafe: false };
    Some((url, PostgresStore::open(options).await.unwrap()))
}
