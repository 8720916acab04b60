//! Simulated time: it moves when nothing else can happen, to the next moment for which somebody waits.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use stepyard_asl::{Random, Timestamp};
use tokio::sync::oneshot;

/// 2026-01-01T00:00:00Z, when every simulation begins.
const EPOCH: Timestamp = Timestamp(1_767_225_600_000);

/// The time that passes for everybody, in milliseconds: for the database, for leases, for the network.
/// Wall clocks may be set to something else, see [`Time::wall`].
#[derive(Clone)]
pub(crate) struct Time(Arc<Mutex<State>>);

struct State {
    now: Timestamp,
    /// By how much all wall clocks are ahead.
    ahead: i64,
    /// Those who wait: until when, then in an order that the seed draws.
    sleepers: BTreeMap<(Timestamp, u64, u64), oneshot::Sender<()>>,
    order: Random,
    numbered: u64,
}

impl Time {
    pub(crate) fn new(seed: u64) -> Time {
        let order = Random::from_seed(seed);
        let sleepers = BTreeMap::new();
        Time(Arc::new(Mutex::new(State { now: EPOCH, ahead: 0, sleepers, order, numbered: 0 })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.state().now
    }

    /// Since the beginning.
    pub(crate) fn elapsed(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.now().millis_since(EPOCH)).unwrap())
    }

    /// What an exact wall clock shows.
    pub(crate) fn wall(&self) -> Timestamp {
        let state = self.state();
        state.now.plus_millis(state.ahead)
    }

    /// Sets all wall clocks forward, as after a suspension.
    pub(crate) fn set_walls_forward(&self, millis: i64) {
        self.state().ahead += millis;
    }

    pub(crate) async fn sleep(&self, duration: Duration) {
        self.sleep_millis(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)).await;
    }

    pub(crate) async fn sleep_millis(&self, millis: i64) {
        let woken = {
            let mut state = self.state();
            let (wake, woken) = oneshot::channel();
            state.numbered += 1;
            let key = (state.now.plus_millis(millis), state.order.next_u64(), state.numbered);
            state.sleepers.insert(key, wake);
            woken
        };
        // The time lasts as long as the world.
        let _ = woken.await;
    }

    /// Moves on to the next moment for which somebody waits, and wakes one of those who wait for it.
    /// False when nobody does.
    pub(crate) fn wake_next(&self) -> bool {
        let mut state = self.state();
        while let Some(((due, ..), sleeper)) = state.sleepers.pop_first() {
            // Somebody who has stopped waiting is no reason to move.
            if !sleeper.is_closed() {
                state.now = state.now.max(due);
                return sleeper.send(()).is_ok();
            }
        }
        false
    }
}
