//! When memory is not to be trusted any more: it is dropped and read anew.

use std::time::Duration;

use stepyard_store::Error;
use tokio::task::JoinSet;

use super::Shard;
use crate::cluster::Seen;
use crate::outage::Attempts;
use crate::planted::{Planted, makes};
use crate::timers::Timers;
use crate::watches::Watches;

/// Pause before the second setback in a row is mended; it doubles with each further one.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(5);

impl Shard {
    /// A commit was refused: memory may be ahead of the truth.
    pub(super) async fn start_over(&mut self) {
        // What they would have told may not have happened: who gets no answer asks again.
        self.replies.clear();
        self.postponed.clear();
        self.dispatches.stop_all();
        self.map_runs.stop_all();
        self.awaits.stop_all();
        self.offers.clear();
        self.shared.metrics.in_memory_changed(-(self.executions.len() as i64));
        if !makes(Planted::MemoryKept) {
            self.executions.clear();
            self.names.clear();
        }
        self.timers = Timers::default();
        self.watches = Watches::default();
        self.dirty.clear();
        self.thoughts = JoinSet::new();
        self.starts.clear();
        self.woken.clear();
        self.shared.recent.end(self.id());
        self.pause().await;
        self.take_over().await;
    }

    /// What has panicked once would panic again: the execution that was being decided is left as the
    /// store has it, for a program that can handle it.
    pub(super) async fn set_panicking_aside(&mut self) {
        if let Some(execution) = self.deciding.take() {
            self.shared.metrics.quarantined();
            let context = self.executions.get(&execution).and_then(|active| active.context());
            let arn = context.map(|context| &*context.execution_arn);
            tracing::error!(execution = %execution.0, arn, "an execution makes this program panic; it is set aside");
            self.set_aside.insert(execution);
        } else {
            tracing::error!(
                shard = self.id().0,
                "a shard has panicked; its executions are read anew"
            );
        }
        // Whatever becomes of the batch under way, the next claim fences it.
        self.under_way = None;
        self.start_over().await;
    }

    /// A contradiction that stays must not keep the processors busy.
    async fn pause(&mut self) {
        if self.setbacks > 0 {
            let pause = PAUSE_MIN.saturating_mul(1 << self.setbacks.min(10));
            self.shared.clock.sleep(pause.min(PAUSE_MAX)).await;
        }
        self.setbacks += 1;
    }

    async fn take_over(&mut self) {
        let shared = self.shared.clone();
        let mut attempts = Attempts::new(&shared.outage, &*shared.clock);
        while !self.ends.stopping.is_cancelled() {
            match self.claim_and_recover().await {
                Ok(Some(executions)) => {
                    tracing::info!(shard = self.id().0, executions, "shard taken over");
                    return attempts.succeeded();
                }
                Ok(None) => {
                    self.is_lost = true;
                    return attempts.succeeded();
                }
                Err(error) => {
                    tracing::warn!(%error, shard = self.id().0, "cannot take the shard over; trying again");
                    attempts.failed(&error).await;
                }
            }
        }
    }

    /// How many executions it has taken up; `None` when it belongs to another node.
    async fn claim_and_recover(&mut self) -> Result<Option<usize>, Error> {
        let before = self.shared.seen.snapshot();
        let leases = self.shared.store.claim_shards(self.shared.node, &[self.id()]).await?;
        let Some(lease) = leases.first() else {
            tracing::info!(shard = self.id().0, "the shard belongs to another node by now");
            return Ok(None);
        };
        if let Some(lost) = Seen::lost(&before, *lease) {
            self.shared.outage.halt(&lost.advice());
            return Ok(None);
        }
        self.lease = *lease;
        self.shared.recent.begin(self.lease);
        // The commit of unknown outcome may have left some.
        self.notice_news.announce();
        Box::pin(self.recover()).await.map(Some)
    }
}
