//! What is written together.

use bytes::Bytes;

use crate::{Error, ExecutionId, ExecutionRow, ExecutionUpdate, MapRunRow, Notice, ShardId};

/// Most rows of one commit.
pub const COMMIT_ROWS_MAX: usize = 1_000;

/// Most bytes of journal bodies in one commit, unless a single chunk is larger.
pub const COMMIT_BYTES_MAX: usize = 4 << 20;

/// The right to write to a shard: its epoch rises with each owner, its commit number with each commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardLease {
    /// The shard.
    pub shard: ShardId,
    /// Raised by each claim.
    pub epoch: u64,
    /// Number of commits so far.
    pub commit_seq: u64,
}

/// One row of `journal`: the events of one execution in one commit.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk {
    /// Shard.
    pub shard: ShardId,
    /// The execution.
    pub execution: ExecutionId,
    /// Position of its first event in the journal of the execution, from 0.
    pub first_event: u64,
    /// Number of events.
    pub events: u32,
    /// The `EventId` that its first visible event has, or would have.
    pub first_visible_id: u64,
    /// The events, encoded by [`crate::codec`].
    pub body: Bytes,
}

impl Chunk {
    /// The position behind its last event.
    pub fn end(&self) -> u64 {
        self.first_event + u64::from(self.events)
    }
}

/// Everything that one transaction writes, for one or more shards of a lane.
#[derive(Clone, Debug, Default)]
pub struct CommitGroup {
    /// The fences: each shard named below once. The commit goes through only if every shard still
    /// has this epoch and commit number; afterwards the number is one higher.
    pub leases: Vec<ShardLease>,
    /// New executions.
    pub starts: Vec<ExecutionRow>,
    /// Journal rows.
    pub chunks: Vec<Chunk>,
    /// Changes of executions written before or in this very group; each of them must be there.
    pub updates: Vec<ExecutionUpdate>,
    /// Map Runs that are new or have changed, each once and as it is now.
    pub map_runs: Vec<MapRunRow>,
    /// Who is to be told of what these chunks change.
    pub notices: Vec<Notice>,
}

/// The error when an execution that is to change is not there.
pub(crate) fn missing() -> Error {
    Error::Conflict("an execution that is to change is not there".into())
}

impl CommitGroup {
    /// The shards whose leases it holds.
    pub(crate) fn shards(&self) -> Vec<ShardId> {
        self.leases.iter().map(|lease| lease.shard).collect()
    }

    /// Why nothing was written, when the leases in the store are these.
    pub(crate) fn fenced(&self, present: &[ShardLease]) -> Error {
        match self.leases.iter().find(|lease| !present.contains(lease)) {
            Some(lost) => Error::Fenced { shard: lost.shard },
            // The leases hold; it is something else that does not.
            None => missing(),
        }
    }

    /// Refuses a group that writes to a shard whose lease it does not hold.
    ///
    /// # Errors
    /// [`Error::Fenced`] with that shard.
    pub(crate) fn check_fences(&self) -> Result<(), Error> {
        let written = self
            .starts
            .iter()
            .map(|row| row.shard)
            .chain(self.chunks.iter().map(|chunk| chunk.shard))
            .chain(self.updates.iter().map(|update| update.shard))
            .chain(self.map_runs.iter().map(|row| row.shard))
            .chain(self.notices.iter().map(|notice| notice.shard));
        let is_held = |shard: &ShardId| self.leases.iter().any(|lease| lease.shard == *shard);
        match written.into_iter().find(|shard| !is_held(shard)) {
            Some(shard) => Err(Error::Fenced { shard }),
            None => Ok(()),
        }
    }
}
