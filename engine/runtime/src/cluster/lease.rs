//! How long this node may trust what it has in memory.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::planted::{Planted, makes};

/// The lease of this node as far as it knows, by its own monotonic clock. Until it ends nobody else can
/// have claimed a shard of this node.
#[derive(Debug, Default)]
pub(crate) struct LocalLease {
    /// Microseconds of the monotonic clock.
    until: AtomicU64,
}

impl LocalLease {
    /// It lasts until then.
    pub(crate) fn extend(&self, until: Duration) {
        let micros = u64::try_from(until.as_micros()).unwrap_or(u64::MAX);
        self.until.store(micros, Ordering::Release);
    }

    /// Whether it has not ended.
    pub(crate) fn is_valid(&self, now: Duration) -> bool {
        makes(Planted::LeaseIgnored)
            || now.as_micros() < u128::from(self.until.load(Ordering::Acquire))
    }
}
