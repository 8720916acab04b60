//! The shards and their commit numbers.

use super::{Check, Finding};
use crate::{ShardId, ShardLease};

/// What is wrong with a shard, by its lease.
pub(super) fn fault(
    shard: ShardId,
    leases: &[ShardLease],
    has_executions: bool,
) -> Option<Finding> {
    let fault = match leases.iter().find(|lease| lease.shard == shard) {
        None => "it has no row, so nothing can be written to it",
        Some(lease) if lease.commit_seq == 0 && has_executions => {
            "it has executions, but its number of commits is zero"
        }
        Some(_) => return None,
    };
    Some(Finding::of_shard(Check::Shards, shard, fault.into()))
}
