//! The databases that suites run on.

use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::Command;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use stepyard_store::doctor::Inspect;
use stepyard_store::{
    PostgresInspector, PostgresOptions, PostgresStore, SqliteInspector, SqliteOptions, SqliteStore,
    Store,
};

/// Names a Postgres cluster in which each test makes a database of its own.
pub(crate) const CLUSTER: &str = "STEPYARD_TEST_POSTGRES";

/// Where a server under test keeps its executions.
#[derive(Clone, Debug)]
pub enum TestDatabase {
    /// The default: a file in its data directory.
    Sqlite,
    /// A database by its URL.
    Postgres(String),
}

impl TestDatabase {
    /// A new database in the cluster that the environment names; `None`, said aloud, without one.
    ///
    /// # Panics
    /// When the cluster does not answer.
    pub fn postgres() -> Option<TestDatabase> {
        let Ok(cluster) = std::env::var(CLUSTER) else {
            eprintln!("SKIPPED: {CLUSTER} names no cluster; scripts/test starts one");
            return None;
        };
        let name = format!("test_{:x}", RandomState::new().hash_one(0));
        block_on(async {
            let connected = PgConnection::connect(&cluster).await;
            let mut connection = connected.unwrap_or_else(|error| panic!("{cluster}: {error}"));
            let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
            let created = sqlx::query(create).execute(&mut connection).await;
            created.unwrap_or_else(|error| panic!("{name}: {error}"));
        });
        Some(TestDatabase::Postgres(cluster.replace("/postgres?", &format!("/{name}?"))))
    }

    /// Copies it into another one by the tools of Postgres.
    ///
    /// # Panics
    /// When one of them is not on Postgres, or when the tools fail.
    pub fn dump_into(&self, other: &TestDatabase) {
        let (TestDatabase::Postgres(from), TestDatabase::Postgres(to)) = (self, other) else {
            panic!("only Postgres is dumped");
        };
        let file = std::env::temp_dir().join(format!("{:x}.dump", RandomState::new().hash_one(0)));
        let place = file.display().to_string();
        run_tool("pg_dump", &["--format=custom", "--file", &place, "--dbname", from]);
        run_tool("pg_restore", &["--exit-on-error", "--dbname", to, &place]);
        // What is left in the folder of temporary files harms nobody.
        let _ = std::fs::remove_file(file);
    }

    /// Opens it for the doctor, also while the server runs.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub async fn inspect(&self, data_dir: &Path) -> Box<dyn Inspect> {
        let opened: Result<Box<dyn Inspect>, _> = match self {
            TestDatabase::Sqlite => SqliteInspector::open(&data_dir.join("stepyard.db"))
                .await
                .map(|inspector| Box::new(inspector) as _),
            TestDatabase::Postgres(url) => {
                PostgresInspector::open(url).await.map(|inspector| Box::new(inspector) as _)
            }
        };
        opened.unwrap_or_else(|error| panic!("{self:?}: {error}"))
    }

    /// Opens it, as the server with that data directory has it, while no server runs.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub async fn open(&self, data_dir: &Path) -> Box<dyn Store> {
        let opened: Result<Box<dyn Store>, _> = match self {
            TestDatabase::Sqlite => {
                let path = data_dir.join("stepyard.db");
                SqliteStore::open(SqliteOptions { path }).await.map(|store| Box::new(store) as _)
            }
            TestDatabase::Postgres(url) => {
                let options = PostgresOptions { url: url.clone(), allow_unsafe: false };
                PostgresStore::open(options).await.map(|store| Box::new(store) as _)
            }
        };
        opened.unwrap_or_else(|error| panic!("{self:?}: {error}"))
    }
}

fn run_tool(name: &str, arguments: &[&str]) {
    let done = Command::new(tool_of_postgres(name)).args(arguments).output();
    let done = done.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Debian keeps the tools of each version in a folder of their own.
fn tool_of_postgres(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let tools = versions.map(|version| version.path().join("bin").join(name));
    tools.filter(|tool| tool.exists()).max().unwrap_or_else(|| name.into())
}

/// Runs asynchronous work of a test.
///
/// # Panics
/// When the system gives no event queue.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap_or_else(|error| panic!("{error}")).block_on(work)
}
