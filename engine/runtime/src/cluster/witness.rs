//! What a database must have when a process starts: everything that it has acknowledged before.
//!
//! Who starts the runtime keeps that from one start to the next. A stale witness is sound: it bounds the
//! commits from below, and only misses a loss of those that came after it.

use stepyard_store::{Error, ShardLease, all_shards};

use super::seen::{ADVICE, Seen};
use crate::shard::Shared;

/// How far epochs are raised when a loss of commits is accepted: beyond all that owners in the lost future
/// can have had.
const EPOCH_LEAP: u64 = 1_000;

/// The commit numbers that a database has acknowledged, by shard, as far as somebody has noted them.
#[derive(Clone, Debug, Default)]
pub struct Witness {
    /// In the order of the shards; those that are missing are not known.
    pub commits: Vec<u64>,
    /// Go on with what the database has, though it lacks some of them.
    pub accept_data_loss: bool,
}

impl Witness {
    /// Refuses a database that is behind, before this node takes part in anything.
    pub(crate) async fn examine(&self, shared: &Shared) -> Result<(), Error> {
        let leases = shared.store.read_leases(&all_shards()).await?;
        let loss = self.loss(&leases);
        match loss {
            None if self.accept_data_loss => {
                tracing::warn!("nothing is lost: take --accept-data-loss away again");
            }
            None => {}
            Some(loss) if self.accept_data_loss => {
                tracing::warn!("{loss}; going on with what is there, as --accept-data-loss says");
                return shared.store.raise_epochs(EPOCH_LEAP).await;
            }
            Some(loss) => return Err(Error::Unusable(format!("{loss}. {ADVICE}"))),
        }
        shared.seen.expect(&self.commits);
        Ok(())
    }

    fn loss(&self, leases: &[ShardLease]) -> Option<String> {
        let lost: Vec<_> =
            leases.iter().filter_map(|lease| Seen::lost(&self.commits, *lease)).collect();
        let first = lost.first()?;
        let commits = lost.iter().map(|lost| lost.commits()).sum::<u64>();
        Some(format!("{first}; in all {} shards lack {commits} commits", lost.len()))
    }
}

#[cfg(test)]
mod tests {
    use stepyard_store::{ShardId, ShardLease};

    use super::Witness;

    #[test]
    fn a_loss_is_told_with_figures() {
        let witness = Witness { commits: vec![3, 9, 5], ..Witness::default() };
        let leases = |commits: [u64; 4]| {
            let lease =
                |(shard, commit_seq)| ShardLease { shard: ShardId(shard), epoch: 1, commit_seq };
            (0..).zip(commits).map(lease).collect::<Vec<_>>()
        };
        assert_eq!(witness.loss(&leases([3, 9, 5, 0])), None);
        assert_eq!(witness.loss(&leases([4, 9, 6, 7])), None);
        assert_eq!(
            witness.loss(&leases([3, 7, 4, 0])).unwrap(),
            "the database has gone back in time: shard 1 was at commit 9 and is at 7; \
             in all 2 shards lack 3 commits"
        );
    }
}
