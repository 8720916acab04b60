//! Moving the write-ahead log into the database, beside the writer.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::open::BUSY_TIMEOUT;
use crate::Error;
use crate::sql::database_error;

/// So many bytes written since the last checkpoint are worth another one.
const BYTES_WORTH: u64 = 4 << 20;

/// What a transaction adds to the log besides its data: pages of the tables and their indexes.
const TRANSACTION_BYTES: u64 = 16 << 10;

/// A log larger than this should shrink: the writer checkpoints and starts it anew, unless a reader,
/// such as a backup, still needs it.
const LOG_BYTES_MAX: u64 = 64 << 20;

/// What a failed attempt to shorten the log costs at most: so many bytes pass before the next one.
const BYTES_WORTH_MAX: u64 = 256 << 20;

/// The task that checkpoints, and the way to wake it.
pub(super) struct Checkpoints {
    log: OsString,
    wake: Arc<Notify>,
    task: JoinHandle<()>,
    /// About so many bytes have been written since the last checkpoint.
    written: u64,
    /// So many make the next one worth it.
    worth: u64,
}

pub(super) async fn start(
    path: &Path,
    settings: SqliteConnectOptions,
) -> Result<Checkpoints, Error> {
    let connection = settings.connect().await.map_err(database_error)?;
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let wake = Arc::new(Notify::new());
    let task = tokio::spawn(run(connection, wake.clone()));
    Ok(Checkpoints { log, wake, task, written: 0, worth: BYTES_WORTH })
}

/// PASSIVE never waits for readers or the writer and never makes them wait.
async fn run(mut connection: SqliteConnection, wake: Arc<Notify>) {
    loop {
        wake.notified().await;
        let checkpoint = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)");
        if let Err(error) = checkpoint.execute(&mut connection).await {
            tracing::warn!(%error, "the checkpoint failed; it is tried again after more commits");
        }
    }
}

impl Checkpoints {
    /// Called by the writer after a transaction with so many bytes of data.
    pub(super) async fn after_commit(&mut self, writer: &mut SqliteConnection, bytes: u64) {
        self.written += bytes + TRANSACTION_BYTES;
        if self.written < self.worth {
            return;
        }
        self.written = 0;
        let log_bytes = std::fs::metadata(&self.log).map_or(0, |log| log.len());
        if log_bytes < LOG_BYTES_MAX {
            return self.wake.notify_one();
        }
        match truncate(writer).await {
            Ok(true) => self.worth = BYTES_WORTH,
            Ok(false) => {
                self.worth = (self.worth * 2).min(BYTES_WORTH_MAX);
                tracing::warn!(log_bytes, "the write-ahead log grows: a reader still needs it");
            }
            Err(error) => tracing::warn!(%error, log_bytes, "the checkpoint failed"),
        }
    }
}

/// Whether the log could be started anew. Commits wait for this, so it waits for no reader.
async fn truncate(writer: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    sqlx::query("PRAGMA busy_timeout = 0").execute(&mut *writer).await?;
    let done = sqlx::query_as::<_, (i64, i64, i64)>("PRAGMA wal_checkpoint(TRUNCATE)")
        .fetch_one(&mut *writer)
        .await;
    let patient = format!("PRAGMA busy_timeout = {}", BUSY_TIMEOUT.as_millis());
    sqlx::query(AssertSqlSafe(patient)).execute(&mut *writer).await?;
    done.map(|(busy, _, _)| busy == 0)
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.task.abort();
    }
}
