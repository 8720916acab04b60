//! Rebuilding rows and indexes of a file that nobody else has open.

use std::fs::File;
use std::path::Path;
use std::slice;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::connection::{self, write_error};
use super::inspect::SqliteInspector;
use super::map_run::note_wound_up;
use super::notice;
use super::open::lock;
use super::retention::REMOVE_MAP_RUNS;
use super::write::{begin, insert_executions, put_map_runs};
use crate::doctor::{Inspect, Repair, RowChange};
use crate::{Error, ShardId};

const REMOVE_ROW: &str = "DELETE FROM execution WHERE shard_id = ? AND execution_id = ?";

const REMOVE_NOTICES: &str = "DELETE FROM notice WHERE shard_id = ? AND execution_id = ?";

/// A file that this process holds.
pub struct SqliteRepairer {
    inspector: SqliteInspector,
    writer: Arc<Mutex<Connection>>,
    _lock: File,
}

impl SqliteRepairer {
    /// Takes the file.
    ///
    /// # Errors
    /// [`Error::Unusable`] when a server has it, and as [`SqliteInspector::open`].
    pub async fn open(path: &Path) -> Result<SqliteRepairer, Error> {
        let inspector = SqliteInspector::open(path).await?;
        let lock = lock(path)?;
        let writer = Arc::new(Mutex::new(connection::open(path)?));
        Ok(SqliteRepairer { inspector, writer, _lock: lock })
    }

    /// Runs work that blocks.
    async fn write(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        let writer = self.writer.clone();
        let work = move || work(&mut writer.lock().unwrap_or_else(PoisonError::into_inner));
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|error| Err(Error::Unavailable(error.to_string())))
    }
}

#[async_trait]
impl Repair for SqliteRepairer {
    fn inspector(&self) -> &dyn Inspect {
        &self.inspector
    }

    async fn rebuild_indexes(&self) -> Result<(), Error> {
        self.write(|writer| writer.execute_batch("REINDEX").map_err(write_error)).await
    }

    async fn change_rows(&self, shard: ShardId, changes: &[RowChange]) -> Result<(), Error> {
        let changes = changes.to_vec();
        self.write(move |writer| change_rows(writer, shard, &changes)).await
    }
}

fn change_rows(
    writer: &mut Connection,
    shard: ShardId,
    changes: &[RowChange],
) -> Result<(), Error> {
    let transaction = begin(writer)?;
    // All go before some come back, so that no name is in the way of another.
    for change in changes {
        let id = change.id();
        let key = params![shard.0, &id.0.as_bytes()[..]];
        for remove in [REMOVE_ROW, REMOVE_MAP_RUNS, REMOVE_NOTICES] {
            transaction.execute(remove, key).map_err(write_error)?;
        }
    }
    for rows in changes.iter().filter_map(RowChange::rows) {
        insert_executions(&transaction, slice::from_ref(&rows.execution)).map_err(write_error)?;
        put_map_runs(&transaction, &rows.map_runs).map_err(write_error)?;
        for row in &rows.map_runs {
            if let Some(wound_up) = row.wound_up {
                note_wound_up(&transaction, row, wound_up)?;
            }
        }
        notice::insert(&transaction, &rows.notices).map_err(write_error)?;
    }
    transaction.commit().map_err(write_error)
}
