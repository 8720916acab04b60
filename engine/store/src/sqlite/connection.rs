//! Connections of the writer's kind.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use crate::Error;

/// How long a statement waits for a lock; only a checkpoint or a migration ever holds one for long.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Statements that stay prepared.
const STATEMENTS_MAX: usize = 32;

/// Pages that the writer keeps in memory, in KiB: names are spread over their whole index, and each commit changes a
/// page for each of them.
const CACHE_KIBIBYTES: i64 = 16 << 10;

/// What the log is cut down to when it is started anew, in bytes.
const LOG_BYTES_KEPT: u32 = 128 << 20;

/// Opens an existing file for durable writes.
pub(super) fn open(path: &Path) -> Result<Connection, Error> {
    let unusable = |error: rusqlite::Error| {
        Error::Unusable(format!("cannot open {}: {error}", path.display()))
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(unusable)?;
    configure(&connection).map_err(unusable)?;
    check_durability(&connection).map_err(unusable)??;
    Ok(connection)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    // Checkpoints run beside the writer, not inside its commits.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES_KEPT)?;
    // A negative number counts KiB, not pages.
    connection.pragma_update(None, "cache_size", -CACHE_KIBIBYTES)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(())
}

/// What was asked for is read back: without WAL and FULL an acknowledged commit could be lost.
fn check_durability(connection: &Connection) -> rusqlite::Result<Result<(), Error>> {
    const FULL: i64 = 2;
    let journal: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    if journal == "wal" && synchronous == FULL {
        return Ok(Ok(()));
    }
    Ok(Err(Error::Unusable(format!(
        "SQLite refuses durable settings: journal_mode={journal}, synchronous={synchronous}"
    ))))
}

/// Exit code after a sync that has failed: EX_IOERR of sysexits.h.
const EXIT_DISK_FAILED: i32 = 74;

/// Ends the process when the disk has failed to sync a file. What of it is on the disk nobody knows then, and a
/// later sync that succeeds does not tell: the kernel may have dropped what it could not write
/// (<https://wiki.postgresql.org/wiki/Fsync_Errors>). A new start reads what is there and writes it anew.
pub(super) fn end_if_not_synced(error: &rusqlite::Error) {
    if let rusqlite::Error::SqliteFailure(failure, _) = error
        && matches!(failure.extended_code, ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC)
    {
        tracing::error!(%error, "the disk has failed to keep what was written: this process ends; look at the disk, then start it again");
        std::process::exit(EXIT_DISK_FAILED);
    }
}

/// What an error of the writer asks for: see [`crate::sql::database_error`].
#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` asks for")]
pub(super) fn write_error(error: rusqlite::Error) -> Error {
    end_if_not_synced(&error);
    let rusqlite::Error::SqliteFailure(failure, _) = &error else {
        return Error::Unavailable(error.to_string());
    };
    match (failure.code, failure.extended_code) {
        (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) => {
            Error::Corrupt { what: "database".into(), reason: error.to_string() }
        }
        (_, ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => {
            Error::Conflict(error.to_string())
        }
        _ => Error::Unavailable(error.to_string()),
    }
}
