//! Time as an argument.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use stepyard_asl::Timestamp;
use tokio::sync::oneshot;

/// Where the runtime takes the time from.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The time of day.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment, for measuring; never goes back.
    fn monotonic(&self) -> Duration;

    /// Returns after that time, whatever the time of day does meanwhile.
    async fn sleep(&self, duration: Duration);

    /// Returns when `now` has reached the given time; at once when it has passed.
    async fn sleep_until(&self, due: Timestamp);
}

/// The time of this machine.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

/// A sleep wakes up at least so often, so that a change of the machine's clock is noticed.
const SLEEP_MAX: Duration = Duration::from_secs(60);

impl SystemClock {
    /// The clock.
    #[expect(clippy::disallowed_methods, reason = "this is where time comes from")]
    pub fn new() -> SystemClock {
        SystemClock { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> SystemClock {
        SystemClock::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where time comes from")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    async fn sleep_until(&self, due: Timestamp) {
        while let Ok(millis @ 1..) = u64::try_from(due.millis_since(self.now())) {
            tokio::time::sleep(Duration::from_millis(millis).min(SLEEP_MAX)).await;
        }
    }
}

/// A clock that moves only when it is told to; for tests and simulations.
#[derive(Clone, Default)]
pub struct ManualClock {
    state: Arc<Mutex<ManualState>>,
}

#[derive(Default)]
struct ManualState {
    now: Timestamp,
    sleepers: BTreeMap<(Timestamp, u64), oneshot::Sender<()>>,
    numbered: u64,
}

impl ManualClock {
    /// A clock that stands at the given time.
    pub fn at(now: Timestamp) -> ManualClock {
        let clock = ManualClock::default();
        clock.state().now = now;
        clock
    }

    /// Moves on to the next time for which somebody sleeps and wakes all whose time has come; `None`
    /// when nobody sleeps.
    pub fn advance_to_next(&self) -> Option<Timestamp> {
        let mut state = self.state();
        // Somebody who has stopped waiting is no reason to move.
        state.sleepers.retain(|_, sleeper| !sleeper.is_closed());
        let ((due, _), _) = state.sleepers.first_key_value()?;
        let now = state.now.max(*due);
        state.now = now;
        let later = state.sleepers.split_off(&(now.plus_millis(1), 0));
        for sleeper in std::mem::replace(&mut state.sleepers, later).into_values() {
            let _ = sleeper.send(());
        }
        Some(now)
    }

    fn state(&self) -> MutexGuard<'_, ManualState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.state().now
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.now().0).unwrap_or(0))
    }

    async fn sleep(&self, duration: Duration) {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        self.sleep_until(self.now().plus_millis(millis)).await;
    }

    async fn sleep_until(&self, due: Timestamp) {
        let woken = {
            let mut state = self.state();
            if state.now >= due {
                return;
            }
            let (wake, woken) = oneshot::channel();
            state.numbered += 1;
            let number = state.numbered;
            state.sleepers.insert((due, number), wake);
            woken
        };
        // The clock is gone together with its sleepers when this fails.
        let _ = woken.await;
    }
}
