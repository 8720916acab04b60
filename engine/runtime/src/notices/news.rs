//! That a shard may have new notices.

use crate::watched::Watched;

/// Counts how often there may have been new ones.
#[derive(Debug, Default)]
pub(crate) struct News(Watched<u64>);

impl News {
    /// Asks the tellers of the shard to look.
    pub(crate) fn announce(&self) {
        self.0.set(self.0.get() + 1);
    }

    /// How often they have been asked.
    pub(super) fn count(&self) -> u64 {
        self.0.get()
    }

    /// Returns when they have been asked more often than that.
    pub(super) async fn beyond(&self, count: u64) {
        self.0.wait_for(|now| *now > count).await;
    }
}
