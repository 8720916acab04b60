//! Removing executions that ended longer ago than they are kept.
//!
//! Seldom and gently: a shard at a time, a batch at a time, with a pause as long as the batch took, so that
//! commits have the store for themselves at least half of the time.

use std::sync::Arc;
use std::time::Duration;

use stepyard_store::{Error, Retention, ShardId};
use uuid::Uuid;

use crate::shard::Shared;

/// Days for which executions are kept after their end when nothing else is said, as in AWS.
pub const RETENTION_DAYS: u32 = 90;

/// Pause between two rounds through the shards. A revision that nobody needs is removed when a second
/// round finds it: no start that has read it is under way for so long.
const ROUND_PAUSE: Duration = Duration::from_secs(600);

/// Executions removed at a time.
const BATCH: usize = 1_000;

/// Shortest pause after a batch.
const BATCH_PAUSE_MIN: Duration = Duration::from_millis(20);

/// Goes round the shards of this process.
pub(crate) struct Remover {
    pub(crate) shared: Arc<Shared>,
    /// Days for which executions are kept, unless their state machine says otherwise; 0 is for ever.
    pub(crate) days: u32,
}

impl Remover {
    /// Runs until the runtime takes no new work.
    pub(crate) async fn run(self) {
        let mut unused = Vec::new();
        while self.pause(ROUND_PAUSE).await {
            if let Err(error) = self.round(&mut unused).await {
                tracing::warn!(%error, "cannot remove what is kept no longer; trying again later");
            }
        }
    }

    async fn round(&self, unused: &mut Vec<Uuid>) -> Result<(), Error> {
        let mut executions = 0;
        for shard in self.shared.routes.here() {
            executions += self.remove_from(shard).await?;
        }
        if executions > 0 {
            tracing::info!(executions, "removed executions that are kept no longer");
        }
        *unused = self.shared.store.remove_unused_revisions(unused).await?;
        Ok(())
    }

    async fn remove_from(&self, shard: ShardId) -> Result<usize, Error> {
        let Shared { store, clock, metrics, recent, .. } = &*self.shared;
        let mut executions = 0;
        loop {
            let started = clock.monotonic();
            let retention = Retention { now: clock.now(), days: self.days };
            let removed = store.remove_closed(shard, retention, BATCH).await?;
            executions += removed.executions;
            if removed.executions > 0 {
                metrics.removed(removed.executions);
                // What is gone must not be shown any more.
                recent.forget(shard);
            }
            let took = clock.monotonic().saturating_sub(started);
            if !removed.has_more || !self.pause(took.max(BATCH_PAUSE_MIN)).await {
                return Ok(executions);
            }
        }
    }

    /// False when the runtime takes no new work.
    async fn pause(&self, time: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.shared.draining.cancelled() => false,
            () = self.shared.clock.sleep(time) => true,
        }
    }
}
