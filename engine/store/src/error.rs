//! What can go wrong in a store.

use crate::ShardId;

/// An error of a store. Each variant asks for another reaction of the caller.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This process does not own a shard of the commit any more, or the commit had been applied
    /// before. Nothing was written: drop the shard's memory and load it anew.
    #[error("shard {} is fenced: another owner holds it or the commit was applied before", shard.0)]
    Fenced {
        /// The first such shard.
        shard: ShardId,
    },
    /// A row of the commit is there already, or one that it changes is not. Nothing was written: the caller's memory contradicts
    /// the disk, so drop it and load it anew.
    #[error("the commit contradicts what is stored: {0}")]
    Conflict(String),
    /// What was read cannot be true: stop using that execution and tell the operator.
    #[error("corrupt {what}: {reason}")]
    Corrupt {
        /// Table and row.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The database cannot be used by this program at all (newer schema, unsafe setting, locked by
    /// another process).
    #[error("{0}")]
    Unusable(String),
    /// The database failed. Whether a commit went through is unknown.
    #[error("the database is not available: {0}")]
    Unavailable(String),
}
