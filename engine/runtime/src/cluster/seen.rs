//! The furthest that each shard has been seen, to notice a database that has lost commits.

use std::sync::atomic::{AtomicU64, Ordering};

use stepyard_store::{SHARD_COUNT, ShardId, ShardLease};

/// Commit numbers only rise. One that is lower than before means that the database has been set back: by
/// a failover to a replica that had not everything, or by a restore.
#[derive(Debug)]
pub(crate) struct Seen {
    commits: Vec<AtomicU64>,
}

impl Default for Seen {
    fn default() -> Seen {
        Seen { commits: (0..SHARD_COUNT).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl Seen {
    /// Notes a commit number that the database has acknowledged or shown.
    pub(crate) fn note(&self, lease: ShardLease) {
        self.of(lease.shard).fetch_max(lease.commit_seq, Ordering::AcqRel);
    }

    /// Notes what the database has acknowledged before this process started, by shard.
    pub(crate) fn expect(&self, commits: &[u64]) {
        for (seen, commit) in self.commits.iter().zip(commits) {
            seen.fetch_max(*commit, Ordering::AcqRel);
        }
    }

    /// The commit numbers so far, to compare with what is read from now on.
    pub(crate) fn snapshot(&self) -> Vec<u64> {
        self.commits.iter().map(|commit| commit.load(Ordering::Acquire)).collect()
    }

    /// How many commits a shard has lost, when what has been read since `before` is behind it.
    pub(crate) fn lost(before: &[u64], read: ShardLease) -> Option<SetBack> {
        let had = before.get(usize::from(read.shard.0)).copied()?;
        (read.commit_seq < had).then_some(SetBack { shard: read.shard, had, has: read.commit_seq })
    }

    fn of(&self, shard: ShardId) -> &AtomicU64 {
        &self.commits[usize::from(shard.0)]
    }
}

/// What follows from a loss, and what to do.
pub(super) const ADVICE: &str = "Executions that were acknowledged may be lost or have stepped back, and tasks may run again. This node has stopped; start it with --accept-data-loss to go on with what is there";

/// A shard that has lost commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the database has gone back in time: shard {} was at commit {had} and is at {has}", shard.0)]
pub(crate) struct SetBack {
    shard: ShardId,
    had: u64,
    has: u64,
}

impl SetBack {
    /// How many are gone.
    pub(super) fn commits(self) -> u64 {
        self.had - self.has
    }

    /// What to tell when a node that runs has noticed it.
    pub(crate) fn advice(self) -> String {
        format!("{self}. {ADVICE}")
    }
}

#[cfg(test)]
mod tests {
    use stepyard_store::{ShardId, ShardLease};

    use super::Seen;

    #[test]
    fn a_commit_number_that_sinks_is_noticed() {
        let seen = Seen::default();
        let lease = |commit_seq| ShardLease { shard: ShardId(7), epoch: 1, commit_seq };
        seen.note(lease(12));
        seen.note(lease(11));
        let before = seen.snapshot();
        assert_eq!(Seen::lost(&before, lease(12)), None);
        assert_eq!(Seen::lost(&before, lease(13)), None);
        let lost = Seen::lost(&before, lease(9)).unwrap().to_string();
        assert!(lost.contains("shard 7 was at commit 12 and is at 9"), "{lost}");
    }
}
