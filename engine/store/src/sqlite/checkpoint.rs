//! Moving the write-ahead log into the database, beside the writer.
//!
//! PASSIVE checkpoints run on a thread of their own and make nobody wait, but under a steady load they
//! never catch up with the writer, and the log would grow for ever. When it is long, the writer starts it
//! anew right after a PASSIVE checkpoint has ended: then few pages are left to move.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use rusqlite::Connection;

use super::connection::{BUSY_TIMEOUT, end_if_not_synced};

/// So many bytes written since the last checkpoint are worth another one.
const BYTES_WORTH: u64 = 4 << 20;

/// What a transaction adds to the log besides its data: pages of the tables and their indexes.
const TRANSACTION_BYTES: u64 = 16 << 10;

/// A log of more pages than this should be started anew, unless a reader, such as a backup, still
/// needs it. Pages have 4 KiB, so this is 64 MiB.
const LOG_PAGES_MAX: i64 = 16 << 10;

/// What attempts that fail cost at most: so many bytes pass before the next one.
const BYTES_WORTH_MAX: u64 = 256 << 20;

/// The thread that checkpoints, and the way to wake it. It ends when this is dropped.
pub(super) struct Checkpoints {
    wake: SyncSender<()>,
    /// Set after a PASSIVE checkpoint that has found the log too long.
    is_long: Arc<AtomicBool>,
    /// About so many bytes have been written since the last checkpoint.
    written: u64,
    /// So many make the next one worth it.
    worth: u64,
}

impl Checkpoints {
    /// Starts the thread.
    pub(super) fn start(connection: Connection) -> std::io::Result<Checkpoints> {
        // One wake-up may wait while a checkpoint runs.
        let (wake, woken) = sync_channel(1);
        let is_long = Arc::new(AtomicBool::new(false));
        let told = is_long.clone();
        std::thread::Builder::new()
            .name("sqlite-checkpoint".into())
            .spawn(move || run(&connection, &woken, &told))?;
        Ok(Checkpoints { wake, is_long, written: 0, worth: BYTES_WORTH })
    }

    /// Called by the writer after a transaction with so many bytes of data.
    pub(super) fn after_commit(&mut self, writer: &Connection, bytes: u64) {
        if self.is_long.swap(false, Ordering::Relaxed) {
            self.restart(writer);
        }
        self.written += bytes + TRANSACTION_BYTES;
        if self.written >= self.worth {
            self.written = 0;
            // A full channel holds a wake-up already.
            let _ = self.wake.try_send(());
        }
    }

    fn restart(&mut self, writer: &Connection) {
        match checkpoint(writer, "RESTART") {
            Ok(result) if result.busy == 0 => self.worth = BYTES_WORTH,
            Ok(result) => {
                self.worth = (self.worth * 2).min(BYTES_WORTH_MAX);
                let pages = result.log_pages;
                tracing::warn!(pages, "the write-ahead log grows: a reader still needs it");
            }
            Err(error) => tracing::warn!(%error, "the checkpoint failed"),
        }
    }
}

fn run(connection: &Connection, woken: &Receiver<()>, is_long: &AtomicBool) {
    for () in woken {
        match checkpoint(connection, "PASSIVE") {
            Ok(result) => is_long.store(result.log_pages > LOG_PAGES_MAX, Ordering::Relaxed),
            Err(error) => tracing::warn!(%error, "the checkpoint failed; it is tried again"),
        }
    }
}

struct CheckpointResult {
    /// 1: a reader or another checkpoint was in the way.
    busy: i64,
    log_pages: i64,
}

/// Moves the whole log, before anybody uses the database: what an earlier process has left there need not be
/// on the disk, though it can be read.
pub(super) fn clear_log(connection: &Connection) -> rusqlite::Result<()> {
    checkpoint(connection, "TRUNCATE").map(drop)
}

/// Waits for nobody: commits wait for this.
fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<CheckpointResult> {
    connection.busy_timeout(Duration::ZERO)?;
    let done = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        Ok(CheckpointResult { busy: row.get(0)?, log_pages: row.get(1)? })
    });
    connection.busy_timeout(BUSY_TIMEOUT)?;
    done.inspect_err(end_if_not_synced)
}
