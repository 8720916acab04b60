//! Postgres clusters of single tests, to which things happen.

use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::database::CLUSTER;
use crate::root;

/// A private cluster, as `scripts/postgres` makes it. Dropping it removes it.
#[derive(Debug)]
pub struct PostgresCluster {
    folder: PathBuf,
}

impl PostgresCluster {
    /// Makes and starts one; `None`, said aloud, where tests have no Postgres.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(settings: &[&str]) -> Option<PostgresCluster> {
        let name = format!("stepyard-postgres-{:x}", RandomState::new().hash_one(0));
        PostgresCluster::start_in(std::env::temp_dir().join(name), settings)
    }

    /// As [`PostgresCluster::start`], in a folder that may exist.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_in(folder: PathBuf, settings: &[&str]) -> Option<PostgresCluster> {
        if std::env::var_os(CLUSTER).is_none() {
            eprintln!("SKIPPED: {CLUSTER} is not set, so there is no Postgres to test with");
            return None;
        }
        let cluster = PostgresCluster { folder };
        cluster.script("start", settings);
        Some(cluster)
    }

    /// Makes and starts a standby of it.
    ///
    /// # Panics
    /// When it does not start.
    pub fn standby(&self) -> PostgresCluster {
        let mut name = self.folder.as_os_str().to_owned();
        name.push("-standby");
        let standby = PostgresCluster { folder: name.into() };
        standby.script("standby", &[&self.folder.to_string_lossy()]);
        standby
    }

    /// The URL of its first database.
    pub fn url(&self) -> String {
        format!("postgres://stepyard@localhost/postgres?host={}", self.folder.display())
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(".s.PGSQL.5432")
    }

    /// `kill -9` of all its processes.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&self) {
        self.script("kill", &[]);
    }

    /// Stops it, `fast` or `immediate`.
    ///
    /// # Panics
    /// When it does not stop.
    pub fn halt(&self, mode: &str) {
        self.script("halt", &[mode]);
    }

    /// Starts it again.
    ///
    /// # Panics
    /// When it does not start.
    pub fn run(&self) {
        self.script("run", &[]);
    }

    /// Starts it again, unless it runs.
    ///
    /// # Panics
    /// When it does not start.
    pub fn run_if_ended(&self) {
        if run_script("status", &self.folder, &[]).is_ok_and(|output| output.status.success()) {
            return;
        }
        self.run();
    }

    /// Lets a standby write.
    ///
    /// # Panics
    /// When it does not.
    pub fn promote(&self) {
        self.script("promote", &[]);
    }

    fn script(&self, command: &str, arguments: &[&str]) {
        let done = run_script(command, &self.folder, arguments);
        let output = done.unwrap_or_else(|error| panic!("scripts/postgres {command}: {error}"));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "scripts/postgres {command}: {errors}");
    }
}

impl Drop for PostgresCluster {
    fn drop(&mut self) {
        // What is left of it does not matter to anybody.
        let _ = run_script("stop", &self.folder, &[]);
    }
}

fn run_script(
    command: &str,
    folder: &Path,
    arguments: &[&str],
) -> std::io::Result<std::process::Output> {
    let script = root().join("scripts/postgres");
    Command::new(script).arg(command).arg(folder).args(arguments).output()
}
