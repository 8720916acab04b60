//! Express executions of which a history is kept.

use super::{Tables, unlabelled};
use crate::{ClosedExpress, ExecutionId, ExecutionQuery, ExecutionRow, Retention, ShardId};

impl Tables {
    pub(super) fn keep_express(&mut self, closed: &[ClosedExpress]) {
        for express in closed {
            let place = (express.row.shard, express.row.id);
            self.express.entry(place).or_insert_with(|| express.clone());
        }
    }

    pub(super) fn list_express(&self, query: &ExecutionQuery) -> Vec<ExecutionRow> {
        let rows = self.express.values().map(|express| &express.row);
        let mut found: Vec<_> = rows
            .filter(|_| query.state_machine_arn.is_some())
            .filter(|row| query.matches(row))
            .cloned()
            .collect();
        found.sort_by_key(|row| std::cmp::Reverse(row.id));
        found.truncate(query.limit);
        found
    }

    /// Removes those of a shard that ended too long ago, at most so many; how many.
    pub(super) fn remove_express(
        &mut self,
        shard: ShardId,
        retention: Retention,
        limit: usize,
    ) -> usize {
        let rows = self.express.values().map(|express| &express.row);
        let expired: Vec<(ShardId, ExecutionId)> = rows
            .filter(|row| row.shard == shard && self.is_expired(row, retention))
            .map(|row| (row.shard, row.id))
            .take(limit)
            .collect();
        expired.iter().for_each(|place| drop(self.express.remove(place)));
        expired.len()
    }

    /// Whether something is kept of an execution of the state machine with that ARN.
    pub(super) fn has_express(&self, arn: &str) -> bool {
        self.express.values().any(|express| unlabelled(&express.row.state_machine_arn) == arn)
    }
}
