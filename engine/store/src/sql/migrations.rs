//! The migrations of each database, built into the program.
//!
//! They are listed here and not read by `sqlx::migrate!`: that macro has both drivers and SQLite built a
//! second time, for the host, which is minutes of a first build.

use std::sync::LazyLock;

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// The files of a folder under `migrations/` by name, with their text. Both databases have the same ones.
macro_rules! files {
    ($folder:literal) => {
        files!($folder:
            "0001_initial"
            "0002_identity"
            "0003_last_version"
            "0004_publication_changes"
            "0005_version"
            "0006_alias"
            "0007_execution_version"
            "0008_execution_alias"
            "0009_execution_by_version"
            "0010_execution_by_alias"
            "0015_task_key"
            "0016_activity"
            "0040_execution_redrive_count"
            "0041_execution_redriven_at"
            "0042_state_machine_deleting_since"
            "0050_map_run"
            "0051_map_run_by_arn"
            "0052_execution_map_run"
            "0053_execution_item_count"
            "0054_execution_by_map_run"
            "0060_map_run_wound_up"
            "0061_map_run_exported"
            "0062_map_run_to_wind_up"
            "0070_notice"
            "0080_express_execution"
            "0081_express_execution_by_machine"
            "0082_express_execution_by_end"
            "0083_map_run_ended_before"
            "0084_notice_by_execution"
        )
    };
    ($folder:literal: $($name:literal)*) => {
        &[$((
            $name,
            include_str!(concat!("../../../../migrations/", $folder, "/", $name, ".sql")),
        )),*]
    };
}

const SQLITE_FILES: &[(&str, &str)] = files!("sqlite");

const POSTGRES_FILES: &[(&str, &str)] = files!("postgres");

/// The schema of SQLite, version by version.
pub(crate) static SQLITE: LazyLock<Migrator> = LazyLock::new(|| migrator(SQLITE_FILES));

/// The schema of Postgres, version by version.
pub(crate) static POSTGRES: LazyLock<Migrator> = LazyLock::new(|| migrator(POSTGRES_FILES));

fn migrator(files: &[(&'static str, &'static str)]) -> Migrator {
    let migrations = files.iter().map(|&(name, sql)| {
        let (version, description) = version_and_description(name);
        let sql = sql.into_sql_str();
        Migration::new(version, description.into(), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(migrations.collect())
}

/// Of `<version>_<description>`, the names that sqlx gives to the files of migrations.
fn version_and_description(name: &str) -> (i64, String) {
    let (version, description) = name.split_once('_').unwrap_or((name, ""));
    let version = version.parse().expect("a migration starts with its version");
    (version, description.replace('_', " "))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// A migration that was forgotten here would be found by nobody until a query misses its column.
    #[tokio::test]
    async fn the_lists_are_what_the_folders_hold() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
        for (folder, listed) in [("sqlite", &*SQLITE), ("postgres", &*POSTGRES)] {
            let found = Migrator::new(root.join(folder)).await.unwrap();
            let all = |migrator: &Migrator| -> Vec<_> {
                let parts = migrator.iter().map(|migration| {
                    let Migration { version, description, checksum, .. } = migration.clone();
                    (version, description, checksum)
                });
                parts.collect()
            };
            assert_eq!(all(listed), all(&found), "{folder}");
        }
    }
}
