//! Opening: lock, schema, settings.

use std::fs::{File, TryLockError};
use std::path::Path;

use sqlx::migrate::MigrateError;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection};

use super::checkpoint::{self, Checkpoints};
use super::connection::{self, BUSY_TIMEOUT, write_error};
use super::writer::Writer;
use super::{SqliteOptions, SqliteStore};
use crate::Error;
use crate::sql::{database_error, migrations};

/// Marks the file as ours: "step" in ASCII.
const APPLICATION_ID: i64 = 0x7374_6570;
const MARK: &str = "PRAGMA application_id = 0x73746570";

/// Connections that look up single rows for the runtime, which must not wait behind long lists.
const LOOK_UPS_MAX: u32 = 2;

/// Connections that read lists and histories at the same time.
const READERS_MAX: u32 = 4;

pub(super) async fn open(options: SqliteOptions) -> Result<SqliteStore, Error> {
    let path = options.path;
    let lock = lock(&path)?;
    refuse_foreign(&path).await?;
    let mut connection =
        settings(&path).connect().await.map_err(|error| cannot_open(&path, &error))?;
    sqlx::query(MARK).execute(&mut connection).await.map_err(database_error)?;
    migrations::SQLITE.run(&mut connection).await.map_err(|error| cannot_migrate(&path, &error))?;
    connection.close().await.map_err(database_error)?;
    let (look_ups, readers) = (pool(&path, LOOK_UPS_MAX).await?, pool(&path, READERS_MAX).await?);
    let writer = start_writer(&path, lock)?;
    Ok(SqliteStore { look_ups, readers, writer })
}

fn start_writer(path: &Path, lock: File) -> Result<Writer, Error> {
    let no_thread = |error| Error::Unusable(format!("cannot start a thread: {error}"));
    let connection = connection::open(path)?;
    checkpoint::clear_log(&connection).map_err(write_error)?;
    let checkpoints = Checkpoints::start(connection).map_err(no_thread)?;
    Writer::start(connection::open(path)?, checkpoints, lock).map_err(no_thread)
}

async fn pool(path: &Path, connections: u32) -> Result<SqlitePool, Error> {
    let reading = settings(path).pragma("query_only", "on");
    let pool = SqlitePoolOptions::new().max_connections(connections).connect_with(reading);
    pool.await.map_err(database_error)
}

fn settings(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(64)
        .disable_statement_logging()
}

/// Holds the database for this process until the file is dropped, also when it is killed.
pub(super) fn lock(path: &Path) -> Result<File, Error> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let place = Path::new(&name);
    let cannot = |error: &dyn std::fmt::Display| {
        Error::Unusable(format!("cannot lock {}: {error}", place.display()))
    };
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(place)
        .map_err(|error| cannot(&error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Unusable(format!(
            "{} is in use by another process; stop it, or give this one another data directory",
            path.display()
        ))),
        Err(TryLockError::Error(error)) => Err(cannot(&error)),
    }
}

/// A file of another program is left as it is: the settings of a writing connection change it.
pub(super) async fn refuse_foreign(path: &Path) -> Result<(), Error> {
    if std::fs::metadata(path).map_or(0, |file| file.len()) == 0 {
        return Ok(());
    }
    let looking = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut connection = looking.connect().await.map_err(|error| cannot_open(path, &error))?;
    let mut number = async |sql| {
        let number = sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut connection).await;
        number.map_err(|error| cannot_open(path, &error))
    };
    let id = number("PRAGMA application_id").await?;
    // A first start that was cut off leaves a file without a mark, and without tables.
    let tables = number("SELECT count(*) FROM sqlite_master").await?;
    connection.close().await.map_err(|error| cannot_open(path, &error))?;
    if id == APPLICATION_ID || (id == 0 && tables == 0) {
        return Ok(());
    }
    Err(Error::Unusable(format!("{} is a database of another program", path.display())))
}

pub(super) fn cannot_open(path: &Path, error: &sqlx::Error) -> Error {
    Error::Unusable(format!("cannot open {}: {error}", path.display()))
}

fn cannot_migrate(path: &Path, error: &MigrateError) -> Error {
    match error {
        MigrateError::VersionMissing(version) => Error::Unusable(format!(
            "{} has schema version {version}, which is newer than this program; use a newer one",
            path.display()
        )),
        _ => Error::Unusable(format!("cannot bring {} up to date: {error}", path.display())),
    }
}
