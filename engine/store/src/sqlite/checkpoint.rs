//! Moving the write-ahead log into the database, beside the writer.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::database_error;
use crate::Error;

/// A log larger than this is worth a checkpoint.
const LOG_BYTES_WORTH: u64 = 4 << 20;

/// A log larger than this must shrink: the writer waits for a checkpoint that starts it anew.
const LOG_BYTES_MAX: u64 = 64 << 20;

/// The task that checkpoints, and the way to wake it.
pub(super) struct Checkpoints {
    log: OsString,
    wake: Arc<Notify>,
    task: JoinHandle<()>,
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
    Ok(Checkpoints { log, wake, task })
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
    /// Called by the writer after its commits, outside of a transaction.
    pub(super) async fn after_commit(&self, writer: &mut SqliteConnection) {
        let log_bytes = std::fs::metadata(&self.log).map_or(0, |log| log.len());
        if log_bytes > LOG_BYTES_MAX {
            let checkpoint = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)");
            if let Err(error) = checkpoint.execute(writer).await {
                tracing::warn!(%error, log_bytes, "the write-ahead log cannot be shortened");
            }
        } else if log_bytes > LOG_BYTES_WORTH {
            self.wake.notify_one();
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.task.abort();
    }
}
