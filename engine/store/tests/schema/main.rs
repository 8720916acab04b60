//! Rules that keep the schema fit for several nodes, for several databases by shard, and for upgrades while
//! nodes of the version before still run: checked on databases that the real migrations have made, and on the
//! SQL of this crate.
#![expect(clippy::unwrap_used, reason = "a test")]

#[path = "../support/mod.rs"]
mod support;
mod upgrade;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use sqlx::{AssertSqlSafe, Connection, FromRow, PgConnection, SqliteConnection};
use stepyard_store::{SqliteOptions, SqliteStore, Store};
use support::postgres;

/// Tables whose rows belong to shards.
const SHARDED: [&str; 6] =
    ["shard", "journal", "execution", "map_run", "notice", "express_execution"];

/// The others: small, changed seldom and never in a commit, so they may stand in one place when shards do not.
/// `machine` is written at the first start of a machine and copied into the memory of each node.
const UNSHARDED: [&str; 9] = [
    "activity",
    "task_key",
    "machine",
    "state_machine",
    "state_machine_version",
    "state_machine_alias",
    "revision",
    "image_metadata",
    "identity",
];

/// The same, where there may be several nodes.
const OF_NODES: &str = "node";

/// Types that all databases of the kind of Postgres have.
const POSTGRES_TYPES: [&str; 4] = ["bigint", "uuid", "text", "bytea"];
const SQLITE_TYPES: [&str; 3] = ["INTEGER", "BLOB", "TEXT"];

/// What correctness must not rest on: it is lost behind a pooler, missing in relatives of Postgres, or
/// reads a clock where a parameter belongs. (The leases of nodes read `clock_timestamp()`.)
const FORBIDDEN: [&str; 16] = [
    "advisory",
    "LISTEN ",
    "NOTIFY ",
    "SKIP LOCKED",
    "LOCK TABLE",
    "nextval",
    "SERIAL",
    "GENERATED ",
    "TEMP TABLE",
    "TEMPORARY",
    "CREATE TRIGGER",
    "CREATE RULE",
    "CREATE FUNCTION",
    "WITH HOLD",
    "now()",
    "CURRENT_TIMESTAMP",
];

/// What a migration that runs while older nodes are alive may be, or it fills a column that another one has added.
const ADDITIVE: [&str; 3] = ["CREATE TABLE ", "CREATE INDEX ", "ALTER TABLE "];
const NOT_ADDITIVE: [&str; 5] = [" DROP ", " RENAME ", " SET NOT NULL", "TRUNCATE", "DELETE FROM"];

#[derive(Debug, FromRow)]
struct Column {
    table_name: String,
    column_name: String,
    data_type: String,
    has_default: bool,
    collation: Option<String>,
}

/// A unique index or primary key.
#[derive(Debug, FromRow)]
struct Key {
    table_name: String,
    index_name: String,
    first_column: Option<String>,
}

fn check(columns: &[Column], keys: &[Key], unsharded: &[&str], types: &[&str]) {
    let tables: BTreeSet<&str> = columns.iter().map(|column| &*column.table_name).collect();
    let known: BTreeSet<&str> = SHARDED.iter().chain(unsharded).copied().collect();
    assert_eq!(tables, known, "say in which list a new table belongs, and why");
    for column in columns {
        let name = format!("{}.{}", column.table_name, column.column_name);
        assert!(types.contains(&&*column.data_type), "{name} is {}", column.data_type);
        assert!(!column.has_default, "{name}: this program gives all values, the database none");
        let collation = column.collation.as_deref().unwrap_or("C");
        assert_eq!(collation, "C", "{name}: languages sort differently from server to server");
    }
    for table in SHARDED {
        let of_table: Vec<_> = keys.iter().filter(|key| key.table_name == table).collect();
        assert!(!of_table.is_empty(), "{table} has no key");
        for key in of_table {
            let first = key.first_column.as_deref();
            assert_eq!(
                first,
                Some("shard_id"),
                "{table}: {} leads with another column",
                key.index_name
            );
        }
    }
    for table in unsharded {
        assert!(keys.iter().any(|key| key.table_name == *table), "{table} has no key");
    }
}

#[tokio::test]
async fn the_schema_of_postgres_keeps_the_rules() {
    let Some((url, store)) = postgres().await else { return };
    store.close().await;
    let mut database = PgConnection::connect(&url).await.unwrap();
    let columns: Vec<Column> = sqlx::query_as(
        "SELECT table_name::text, column_name::text, data_type::text, \
         column_default IS NOT NULL OR is_identity = 'YES' OR is_generated <> 'NEVER' AS has_default, \
         collation_name::text AS collation FROM information_schema.columns \
         WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations'",
    )
    .fetch_all(&mut database)
    .await
    .unwrap();
    let keys: Vec<Key> = sqlx::query_as(
        "SELECT t.relname::text AS table_name, i.relname::text AS index_name, \
         (SELECT attname::text FROM pg_attribute WHERE attrelid = t.oid AND attnum = x.indkey[0]) \
             AS first_column \
         FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid \
         WHERE t.relnamespace = 'public'::regnamespace AND x.indisunique",
    )
    .fetch_all(&mut database)
    .await
    .unwrap();
    let unsharded: Vec<_> = UNSHARDED.into_iter().chain([OF_NODES]).collect();
    check(&columns, &keys, &unsharded, &POSTGRES_TYPES);
    for (what, count) in [
        (
            "views and sequences",
            "pg_class WHERE relnamespace = 'public'::regnamespace AND relkind NOT IN ('r', 'i', 't')",
        ),
        ("triggers", "pg_trigger WHERE NOT tgisinternal"),
        ("functions", "pg_proc WHERE pronamespace = 'public'::regnamespace"),
        (
            "types",
            "pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('d', 'e', 'r')",
        ),
        ("foreign keys", "pg_constraint WHERE contype = 'f'"),
        ("deferrable constraints", "pg_constraint WHERE condeferrable"),
    ] {
        let count = AssertSqlSafe(format!("SELECT count(*) FROM {count}"));
        let found: i64 = sqlx::query_scalar(count).fetch_one(&mut database).await.unwrap();
        assert_eq!(found, 0, "the schema has {what}");
    }
}

#[tokio::test]
async fn the_schema_of_sqlite_keeps_the_rules() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stepyard.db");
    SqliteStore::open(SqliteOptions { path: path.clone() }).await.unwrap().close().await;
    let mut database = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
    let columns: Vec<Column> = sqlx::query_as(
        "SELECT t.name AS table_name, c.name AS column_name, c.type AS data_type, \
         c.dflt_value IS NOT NULL OR c.hidden <> 0 AS has_default, NULL AS collation \
         FROM pragma_table_list AS t, pragma_table_xinfo(t.name) AS c \
         WHERE t.name NOT LIKE 'sqlite%' AND t.name <> '_sqlx_migrations'",
    )
    .fetch_all(&mut database)
    .await
    .unwrap();
    // The key of a rowid table with an integer as primary key is no index of its own.
    let keys: Vec<Key> = sqlx::query_as(
        "SELECT t.name AS table_name, i.name AS index_name, \
         (SELECT c.name FROM pragma_index_info(i.name) AS c WHERE c.seqno = 0) AS first_column \
         FROM pragma_table_list AS t, pragma_index_list(t.name) AS i WHERE i.\"unique\" \
         UNION ALL SELECT t.name, 'primary key', c.name \
         FROM pragma_table_list AS t, pragma_table_info(t.name) AS c WHERE c.pk = 1",
    )
    .fetch_all(&mut database)
    .await
    .unwrap();
    check(&columns, &keys, &UNSHARDED, &SQLITE_TYPES);
    for (what, count) in [
        ("views and triggers", "sqlite_master WHERE type NOT IN ('table', 'index')"),
        ("AUTOINCREMENT", "sqlite_master WHERE name = 'sqlite_sequence'"),
        (
            "tables that are not strict, or without rowid",
            "pragma_table_list WHERE name NOT LIKE 'sqlite%' AND name <> '_sqlx_migrations' AND (strict = 0 OR wr = 1)",
        ),
        ("foreign keys", "pragma_table_list AS t, pragma_foreign_key_list(t.name)"),
    ] {
        let count = AssertSqlSafe(format!("SELECT count(*) FROM {count}"));
        let found: i64 = sqlx::query_scalar(count).fetch_one(&mut database).await.unwrap();
        assert_eq!(found, 0, "the schema has {what}");
    }
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The files of a folder and of those in it, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        match entry.is_dir() {
            true => found.extend(files(&entry)),
            false => found.push(entry),
        }
    }
    found.sort();
    found
}

/// What is not a comment, as one line; `comment` begins one.
fn code(file: &Path, comment: &str) -> String {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().map(|line| line.split(comment).next().unwrap_or_default().trim());
    lines.collect::<Vec<_>>().join(" ")
}

#[test]
fn nothing_rests_on_what_other_databases_lack() {
    let migrations = files(&root().join("migrations"));
    let sources = files(&root().join("engine/store/src/postgres"));
    for (file, comment) in
        migrations.iter().map(|file| (file, "--")).chain(sources.iter().map(|file| (file, "//")))
    {
        let text = code(file, comment);
        for word in FORBIDDEN {
            assert!(!text.contains(word), "{} has {word}", file.display());
        }
    }
}

#[test]
fn each_later_migration_is_one_additive_statement() {
    for database in ["sqlite", "postgres"] {
        let migrations = files(&root().join("migrations").join(database));
        let mut earlier = Vec::new();
        for file in &migrations[1..] {
            let text = format!(" {} ", code(file, "--"));
            let name = file.display();
            assert_eq!(text.matches(';').count(), 1, "{name}: one statement a migration");
            let is_additive = ADDITIVE.iter().any(|start| text.trim().starts_with(start));
            assert!(
                is_additive || fills_an_added_column(text.trim(), &earlier),
                "{name}: nodes of the version before must not notice it"
            );
            for word in NOT_ADDITIVE {
                assert!(!text.contains(word), "{name} has{word}");
            }
            earlier.push(text);
        }
    }
}

/// Whether a statement writes one column, which an earlier migration has added to the table.
fn fills_an_added_column(statement: &str, earlier: &[String]) -> bool {
    let words: Vec<_> = statement.split(' ').filter(|word| !word.is_empty()).collect();
    let ["UPDATE", table, "SET", column, "=", _, "WHERE", ..] = words[..] else { return false };
    let added = format!(" ALTER TABLE {table} ADD COLUMN {column} ");
    earlier.iter().any(|migration| migration.contains(&added))
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |database: &str| {
        let files = files(&root().join("migrations").join(database));
        files.iter().map(|file| file.file_name().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("sqlite"), names("postgres"));
}

/// A write that names no shard would have to ask all of them when they do not lie in one database.
#[test]
fn every_write_names_its_shards() {
    for file in files(&root().join("engine/store/src/postgres")) {
        let text = code(&file, "//");
        for table in SHARDED {
            for write in [format!("UPDATE {table} "), format!("DELETE FROM {table} ")] {
                for (at, _) in text.match_indices(&write) {
                    let statement = text[at..].split("\";").next().unwrap();
                    let names_shards =
                        !statement.contains(" WHERE ") || statement.contains("shard_id");
                    assert!(names_shards, "{}: {statement}", file.display());
                }
            }
        }
    }
}
