//! A node as the others see it: a process that runs, stands still or is dead, with a clock of its own.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use stepyard_asl::Timestamp;
use stepyard_runtime::Clock;
use tokio::sync::Notify;

use crate::time::Time;

/// How a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    Running,
    /// Nothing reaches it and nothing leaves it, until it goes on.
    Paused,
    Dead,
}

/// Who changes it and who waits for it. (A `watch` channel of tokio wakes in no certain order.)
struct State {
    condition: Mutex<Condition>,
    /// It does not reach the database until then.
    cut_until: AtomicI64,
    changed: Notify,
}

impl State {
    fn get(&self) -> Condition {
        *self.condition.lock().unwrap()
    }

    async fn wait_for(&self, condition: Condition) {
        while self.get() != condition {
            self.changed.notified().await;
        }
    }
}

/// One run of a process. A node that is started again is another process.
#[derive(Clone)]
pub(crate) struct Process {
    /// Unique in the world.
    pub(crate) number: u64,
    state: Arc<State>,
    pub(crate) clock: NodeClock,
}

impl Process {
    pub(crate) fn new(number: u64, time: Time, skew: Arc<AtomicI64>) -> Process {
        let condition = Mutex::new(Condition::Running);
        let cut_until = AtomicI64::new(0);
        let state = Arc::new(State { condition, cut_until, changed: Notify::new() });
        let highest = Arc::new(AtomicI64::new(0));
        let clock = NodeClock { time, skew, highest, state: state.clone() };
        Process { number, state, clock }
    }

    /// A dead process stays dead.
    pub(crate) fn set(&self, condition: Condition) {
        let mut present = self.state.condition.lock().unwrap();
        if *present != Condition::Dead && *present != condition {
            *present = condition;
            self.state.changed.notify_waiters();
        }
    }

    /// Everything that reaches the process or leaves it passes here: it waits while the process stands
    /// still, and for ever when it is dead.
    pub(crate) async fn pass(&self) {
        self.state.wait_for(Condition::Running).await;
    }

    /// It does not reach the database until then.
    pub(crate) fn cut_from_database(&self, until: Timestamp) {
        self.state.cut_until.store(until.0, Ordering::Relaxed);
    }

    pub(crate) fn is_cut_from_database(&self, now: Timestamp) -> bool {
        self.state.cut_until.load(Ordering::Relaxed) > now.0
    }

    pub(crate) async fn died(&self) {
        self.state.wait_for(Condition::Dead).await;
    }
}

/// The clock of a node. Its wall clock may be wrong.
#[derive(Clone)]
pub(crate) struct NodeClock {
    time: Time,
    /// By how many milliseconds its wall clock is ahead.
    skew: Arc<AtomicI64>,
    /// The latest that the process has read off its wall clock.
    highest: Arc<AtomicI64>,
    state: Arc<State>,
}

/// A sleep by the wall clock looks at it so often, as that of the system's clock.
const LOOK_MILLIS: i64 = 60_000;

impl NodeClock {
    fn wall(&self) -> Timestamp {
        self.time.wall().plus_millis(self.skew.load(Ordering::Relaxed))
    }

    pub(crate) fn highest(&self) -> Timestamp {
        Timestamp(self.highest.load(Ordering::Relaxed))
    }
}

#[async_trait]
impl Clock for NodeClock {
    fn now(&self) -> Timestamp {
        let now = self.wall();
        self.highest.fetch_max(now.0, Ordering::Relaxed);
        now
    }

    fn monotonic(&self) -> Duration {
        self.time.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        self.time.sleep(duration).await;
        self.state.wait_for(Condition::Running).await;
    }

    async fn sleep_until(&self, due: Timestamp) {
        loop {
            let left = due.millis_since(self.wall());
            if left <= 0 {
                return;
            }
            self.time.sleep_millis(left.min(LOOK_MILLIS)).await;
            self.state.wait_for(Condition::Running).await;
        }
    }
}
