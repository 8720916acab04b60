//! Who wrote what: commits of a shard are dense, each epoch has one owner, and only the last owner writes.

use std::collections::BTreeMap;

use stepyard_asl::Timestamp;
use stepyard_store::{Chunk, CommitGroup, ExecutionId, ShardId, ShardLease, codec};

use crate::node::Process;
use crate::witness::{Checker, Witness};

/// All claims and commits that the database has carried out.
pub(crate) struct Ledger {
    witness: Witness,
    /// The process that has claimed a shard with that epoch.
    claims: BTreeMap<(ShardId, u64), u64>,
    /// The last epoch and commit number of each shard.
    last: BTreeMap<ShardId, (u64, u64)>,
    /// The time of the last event of each execution.
    told: BTreeMap<ExecutionId, Timestamp>,
}

impl Ledger {
    pub(crate) fn new(witness: Witness) -> Ledger {
        let (claims, last, told) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Ledger { witness, claims, last, told }
    }

    pub(crate) fn claimed(&mut self, process: &Process, leases: &[ShardLease]) {
        self.witness.note(format_args!("claim by {}: {}", process.number, leases.len()));
        for lease in leases {
            let last = self.last.entry(lease.shard).or_default();
            self.witness.must(Checker::Ledger, lease.epoch > last.0, || {
                format!("{lease:?} was claimed, but the epoch had been {}", last.0)
            });
            last.0 = lease.epoch;
            self.claims.insert((lease.shard, lease.epoch), process.number);
        }
    }

    pub(crate) fn committed(&mut self, process: &Process, group: &CommitGroup) {
        for lease in &group.leases {
            let last = self.last.entry(lease.shard).or_default();
            let owner = self.claims.get(&(lease.shard, lease.epoch));
            let holds = *last == (lease.epoch, lease.commit_seq) && owner == Some(&process.number);
            self.witness.must(Checker::Ledger, holds, || {
                format!(
                    "process {} has written with {lease:?} of {owner:?}, but {last:?} was last",
                    process.number
                )
            });
            last.1 = lease.commit_seq + 1;
        }
        for chunk in &group.chunks {
            self.check_times(process, chunk);
        }
    }

    /// Nothing has happened before its time: no event is later than the writer's clock has ever shown.
    fn check_times(&mut self, process: &Process, chunk: &Chunk) {
        let Some(last) = codec::decode(&chunk.body).unwrap().pop() else { return };
        let before = self.told.insert(chunk.execution, last.at).unwrap_or_default();
        let most = before.max(process.clock.highest());
        let id = chunk.execution.0;
        self.witness.note(format_args!(" {id} {}+{}", chunk.first_event, chunk.events));
        self.witness.must(Checker::History, last.at <= most, || {
            format!("{:?} of {id} is at {}, it was but {most}", last.kind, last.at)
        });
    }
}
