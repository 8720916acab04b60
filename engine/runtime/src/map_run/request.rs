//! What is asked of a Map Run that runs.

use std::sync::Arc;

use stepyard_machine::{MapLimitsChange, MapRunId, MapRunRecord, MapRunTotals};
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
    /// How many of them had ended before, and run again after a redrive.
    pub again: MapRunTotals,
}

impl RunningChildren {
    /// One more, or with `is_over` one less.
    pub(super) fn change(&mut self, items: u64, runs_again: bool, is_over: bool) {
        let apply = |count: &mut u64, number: u64| match is_over {
            false => *count += number,
            true => *count = count.saturating_sub(number),
        };
        apply(&mut self.executions, 1);
        apply(&mut self.items, items);
        if runs_again {
            apply(&mut self.again.children, 1);
            apply(&mut self.again.items, items);
        }
    }
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
