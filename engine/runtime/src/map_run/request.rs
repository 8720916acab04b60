//! What is asked of a Map Run that runs.

use std::sync::Arc;

use stepyard_machine::{MapLimitsChange, MapRunId, MapRunRecord};
use stepyard_store::{ExecutionId, ShardId};

/// A question about a Map Run, maybe with a change of its limits, on its way to the owner of its shard. Sent again, it means
/// the same.
#[derive(Clone, Debug)]
pub struct MapRunRequest {
    /// Shard of its execution.
    pub shard: ShardId,
    /// The execution.
    pub execution: ExecutionId,
    /// The Map Run.
    pub run: MapRunId,
    /// What is to change.
    pub change: MapLimitsChange,
}

/// How a Map Run stands.
#[derive(Clone, Debug, PartialEq)]
pub struct MapRunProgress {
    /// What is durable of it.
    pub record: MapRunRecord,
    /// What runs of it at the moment.
    pub running: RunningChildren,
}

/// Child executions that run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunningChildren {
    /// How many.
    pub executions: u64,
    /// How many items they have.
    pub items: u64,
}

/// Why a Map Run gives no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MapRunRequestError {
    /// It has ended: the store has what is known of it.
    #[error("the Map Run is not running")]
    NotRunning,
    /// Whether it has changed is unknown: try again.
    #[error("{0}")]
    Unavailable(Arc<str>),
}
