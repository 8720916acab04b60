//! What is written together.

use bytes::Bytes;

use crate::{ExecutionId, ExecutionRow, ExecutionUpdate, ShardId};

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
    /// Changes of executions written before or in this very group.
    pub updates: Vec<ExecutionUpdate>,
}
