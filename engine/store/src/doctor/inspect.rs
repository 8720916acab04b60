//! What a doctor reads.

use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use crate::{
    Chunk, ClosedExpress, Error, ExecutionId, ExecutionRow, MapRunRow, Notice, Revision, ShardId,
    ShardLease, Version,
};

/// An execution as it lies in the database: a part may be missing or unreadable.
#[derive(Debug)]
pub struct StoredExecution {
    /// Shard.
    pub shard: ShardId,
    /// Key.
    pub id: ExecutionId,
    /// Its row; `None` when there is none. The ARN is empty when the state machine's number is unknown.
    pub row: Option<Result<ExecutionRow, Error>>,
    /// Its chunks in order; empty when there are none.
    pub chunks: Vec<Result<Chunk, Error>>,
    /// Its Map Runs in the order of their starts.
    pub map_runs: Vec<Result<MapRunRow, Error>>,
    /// Its notices.
    pub notices: Vec<Result<Notice, Error>>,
}

impl StoredExecution {
    pub(super) fn readable_row(&self) -> Option<&ExecutionRow> {
        self.row.as_ref().and_then(|row| row.as_ref().ok())
    }

    /// The first part that cannot be read.
    pub(super) fn form(&self) -> Result<(), String> {
        match &self.row {
            Some(Err(error)) => Err(error.to_string()),
            _ => self.form_of_chunks(),
        }
    }

    pub(super) fn form_of_chunks(&self) -> Result<(), String> {
        let broken = self.chunks.iter().find_map(|chunk| chunk.as_ref().err());
        broken.map_or(Ok(()), |error| Err(error.to_string()))
    }
}

/// Reads a database without changing it, also while a server works on it.
#[async_trait]
pub trait Inspect: Send + Sync {
    /// What the database itself finds wrong with its files and indexes.
    async fn database_faults(&self) -> Result<Vec<String>, Error>;

    /// The leases of all shards that are there.
    async fn leases(&self) -> Result<Vec<ShardLease>, Error>;

    /// A page of executions of a shard after the given one, in the order of their ids: all that have a
    /// row, a chunk or a Map Run, each as it was at one moment.
    async fn executions(
        &self,
        shard: ShardId,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<StoredExecution>, Error>;

    /// A page of the Express executions of a shard of which something is kept, after the given one, in the order of their
    /// ids.
    async fn express(
        &self,
        shard: ShardId,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Keyed<ClosedExpress>, Error>;

    /// A revision.
    async fn revision(&self, id: Uuid) -> Result<Option<Arc<Revision>>, Error>;

    /// The revisions of a state machine, be it deleted: the ids with the times of their creation.
    async fn revisions_of(&self, arn: &str) -> Result<Vec<(Uuid, stepyard_asl::Timestamp)>, Error>;

    /// A version of a state machine.
    async fn version(&self, arn: &str, number: u64) -> Result<Option<Version>, Error>;

    /// What is wrong with versions and aliases.
    async fn publication_faults(&self) -> Result<Vec<String>, Error>;

    /// ARNs of state machines whose present revision is not there.
    async fn machines_without_revision(&self) -> Result<Vec<String>, Error>;
}

/// Values, each with the execution that it belongs to, in the order of their ids.
pub type Keyed<T> = Vec<(ExecutionId, Result<T, Error>)>;

/// Puts rows, chunks, Map Runs and notices, each in the order of its ids, to the executions of a page.
pub(crate) fn assemble(
    shard: ShardId,
    ids: Vec<ExecutionId>,
    rows: Keyed<ExecutionRow>,
    chunks: Keyed<Chunk>,
    map_runs: Keyed<MapRunRow>,
    notices: Keyed<Notice>,
) -> Vec<StoredExecution> {
    let (mut rows, mut chunks) = (rows.into_iter().peekable(), chunks.into_iter().peekable());
    let mut map_runs = map_runs.into_iter().peekable();
    let mut notices = notices.into_iter().peekable();
    let assemble_one = |id| {
        let row = rows.next_if(|(of, _)| *of == id).map(|(_, row)| row);
        let chunks = std::iter::from_fn(|| chunks.next_if(|(of, _)| *of == id));
        let chunks = chunks.map(|(_, chunk)| chunk).collect();
        let map_runs = std::iter::from_fn(|| map_runs.next_if(|(of, _)| *of == id));
        let map_runs = map_runs.map(|(_, row)| row).collect();
        let notices = std::iter::from_fn(|| notices.next_if(|(of, _)| *of == id));
        let notices = notices.map(|(_, notice)| notice).collect();
        StoredExecution { shard, id, row, chunks, map_runs, notices }
    };
    ids.into_iter().map(assemble_one).collect()
}
