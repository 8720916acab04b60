//! Whether the store has failed for so long that nobody should wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::Clock;
use crate::watched::Watched;

/// A failure that lasts longer than this is told to those who wait.
const PATIENCE: Duration = Duration::from_secs(5);

/// First and longest pause before the store is asked again.
const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// An outage of the store, for those who would otherwise wait for it.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    reason: Watched<Option<Arc<str>>>,
    is_final: AtomicBool,
}

impl Outage {
    /// Why nobody should wait; `None` while the store works.
    pub(crate) fn reason(&self) -> Option<Arc<str>> {
        self.reason.get()
    }

    /// Returns when there is an outage.
    pub(crate) async fn begun(&self) -> Arc<str> {
        match self.reason.wait_for(Option::is_some).await {
            Some(reason) => reason,
            None => std::future::pending().await,
        }
    }

    fn begin(&self, error: &stepyard_store::Error) {
        if self.reason().is_none() {
            tracing::error!(%error, "the store has failed for a while: starts are refused");
            self.reason.set(Some(error.to_string().into()));
        }
    }

    /// Says that nothing goes on until somebody has looked into it.
    pub(crate) fn halt(&self, reason: &str) {
        if !self.is_final.swap(true, Ordering::AcqRel) {
            tracing::error!(reason, "this node has stopped");
            self.reason.set(Some(reason.into()));
        }
    }

    /// Whether this outage does not end by itself.
    pub(crate) fn is_final(&self) -> bool {
        self.is_final.load(Ordering::Acquire)
    }

    fn end(&self) {
        if self.is_final() || self.reason().is_none() {
            return;
        }
        tracing::info!("the store works again");
        self.reason.set(None);
    }
}

/// Attempts at something that must succeed in the end.
pub(crate) struct Attempts<'a> {
    outage: &'a Outage,
    clock: &'a dyn Clock,
    failing_since: Option<Duration>,
    pause: Duration,
}

impl<'a> Attempts<'a> {
    pub(crate) fn new(outage: &'a Outage, clock: &'a dyn Clock) -> Attempts<'a> {
        Attempts { outage, clock, failing_since: None, pause: PAUSE_MIN }
    }

    /// Pauses before the next attempt, longer each time.
    pub(crate) async fn failed(&mut self, error: &stepyard_store::Error) {
        let now = self.clock.monotonic();
        let since = *self.failing_since.get_or_insert(now);
        if now.saturating_sub(since) >= PATIENCE {
            self.outage.begin(error);
        }
        self.clock.sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
    }

    pub(crate) fn succeeded(self) {
        self.outage.end();
    }
}
