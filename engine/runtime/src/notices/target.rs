//! Who is told of status changes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use stepyard_asl::Timestamp;
use stepyard_machine::StatusChange;
use stepyard_store::{ExecutionId, ShardId, TargetId};

/// How often it is logged that a target goes on failing.
const REMINDER: Duration = Duration::from_secs(60);

/// Somebody who is told of status changes. He is told at least once of each: by its execution and its position he can know
/// one again.
#[async_trait]
pub trait EventTarget: Send + Sync {
    /// The number under which databases know it: another one from start to start would be another target.
    fn id(&self) -> TargetId;

    /// What operators call it; no secret is in it.
    fn name(&self) -> Arc<str>;

    /// Tells it of a change. It may not take for ever.
    ///
    /// # Errors
    /// See [`TellError`].
    async fn tell(&self, execution: ExecutionId, change: &StatusChange) -> Result<(), TellError>;
}

/// Why a target was not told of a change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TellError {
    /// It may take it later.
    #[error("{0}")]
    Unavailable(String),
    /// It will never take this one.
    #[error("it was refused: {0}")]
    Refused(String),
}

/// How it stands with a target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetSnapshot {
    /// Its name.
    pub name: Arc<str>,
    /// Changes that it was told of.
    pub told: u64,
    /// Attempts that have failed.
    pub failed: u64,
    /// Changes that it is not told of any more: it has refused them, or they have become too old.
    pub dropped: u64,
    /// For how long the oldest change has waited that it is to be told of by this process.
    pub lag: Duration,
}

/// A target, with what is known of it.
pub(super) struct Target {
    port: Arc<dyn EventTarget>,
    told: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
    /// The time of the change that it is being told of, by shard.
    heads: Mutex<BTreeMap<ShardId, Timestamp>>,
    failing: Mutex<Option<Failing>>,
}

/// By the monotonic clock.
#[derive(Clone, Copy)]
struct Failing {
    since: Duration,
    logged: Duration,
}

impl Target {
    pub(super) fn new(port: Arc<dyn EventTarget>) -> Target {
        let (told, failed, dropped) = Default::default();
        Target { port, told, failed, dropped, heads: Mutex::default(), failing: Mutex::default() }
    }

    pub(super) fn id(&self) -> TargetId {
        self.port.id()
    }

    pub(super) fn port(&self) -> &dyn EventTarget {
        &*self.port
    }

    /// From now on it is being told of a change that happened then.
    pub(super) fn begin(&self, shard: ShardId, at: Timestamp) {
        lock(&self.heads).insert(shard, at);
    }

    /// It has been told of all changes in that shard.
    pub(super) fn is_even(&self, shard: ShardId) {
        lock(&self.heads).remove(&shard);
    }

    pub(super) fn succeeded(&self, now: Duration) {
        self.told.fetch_add(1, Ordering::Relaxed);
        if let Some(Failing { since, .. }) = lock(&self.failing).take() {
            let seconds = now.saturating_sub(since).as_secs();
            tracing::info!(target = %self.port.name(), seconds, "a target takes events again");
        }
    }

    /// Logs the first failure, and a reminder now and then.
    pub(super) fn failed(&self, reason: &str, now: Duration, wall: Timestamp) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        let mut failing = lock(&self.failing);
        let since = failing.map_or(now, |failing| failing.since);
        if failing.is_some_and(|failing| now.saturating_sub(failing.logged) < REMINDER) {
            return;
        }
        *failing = Some(Failing { since, logged: now });
        drop(failing);
        let lag_seconds = self.lag(wall).as_secs();
        let target = self.port.name();
        tracing::warn!(%target, reason, lag_seconds, "a target takes no events; trying again");
    }

    pub(super) fn dropped(&self, execution_arn: &str, reason: &str) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
        let target = self.port.name();
        tracing::error!(%target, execution_arn, reason, "a target is not told of a status change");
    }

    fn lag(&self, now: Timestamp) -> Duration {
        let oldest = lock(&self.heads).values().min().copied();
        let millis = oldest.map_or(0, |oldest| now.millis_since(oldest));
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }

    pub(super) fn snapshot(&self, now: Timestamp) -> TargetSnapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        TargetSnapshot {
            name: self.port.name(),
            told: read(&self.told),
            failed: read(&self.failed),
            dropped: read(&self.dropped),
            lag: self.lag(now),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is one insertion, removal or assignment.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
