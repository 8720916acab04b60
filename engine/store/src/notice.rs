//! Notices: that somebody has still to be told of changes of an execution's status.

use crate::{ExecutionId, ShardId};

/// Somebody who is told of status changes, by a number that stays the same from start to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetId(pub u32);

/// One row of `notice`, written in the commit that changes the status. What is to be told stands in the journal only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Shard.
    pub shard: ShardId,
    /// Who is to be told.
    pub target: TargetId,
    /// Number of the commit, as its lease names it.
    pub commit_seq: u64,
    /// The execution.
    pub execution: ExecutionId,
    /// Position of the first event of its chunk, in which all changes are that this notice stands for.
    pub first_event: u64,
    /// How often the execution had been redriven before that chunk.
    pub redrives: u32,
}

/// The place of a notice among those of its shard and target: in the order of the commits.
pub type NoticePlace = (u64, ExecutionId);

impl Notice {
    /// Its place.
    pub fn place(&self) -> NoticePlace {
        (self.commit_seq, self.execution)
    }
}

/// That a target has been told of all changes in a shard, up to that place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Shard.
    pub shard: ShardId,
    /// Who has been told.
    pub target: TargetId,
    /// The place of the last notice.
    pub up_to: NoticePlace,
}
