//! Tasks of one shard that must give signs of life.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use stepyard_machine::Timer;
use stepyard_store::ExecutionId;

/// When the next sign of life of each task is due, by the monotonic clock: nothing of it is written, so a clock that is set
/// must not change it.
#[derive(Default)]
pub(crate) struct Watches {
    by_due: BTreeSet<(Duration, ExecutionId, Timer)>,
    dues: BTreeMap<ExecutionId, BTreeMap<Timer, Duration>>,
}

impl Watches {
    /// The next sign of life is due then.
    pub(crate) fn set(&mut self, execution: ExecutionId, timer: Timer, due: Duration) {
        let before = self.dues.entry(execution).or_default().insert(timer, due);
        if let Some(before) = before {
            self.by_due.remove(&(before, execution, timer));
        }
        self.by_due.insert((due, execution, timer));
    }

    /// When the next one is due.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.by_due.first().map(|(due, ..)| *due)
    }

    /// Takes one that is missing.
    pub(crate) fn pop_due(&mut self, now: Duration) -> Option<(ExecutionId, Timer)> {
        let (due, execution, timer) = *self.by_due.first()?;
        if due > now {
            return None;
        }
        self.by_due.pop_first();
        if let Some(timers) = self.dues.get_mut(&execution) {
            timers.remove(&timer);
            if timers.is_empty() {
                self.dues.remove(&execution);
            }
        }
        Some((execution, timer))
    }

    /// Forgets those of an execution that has left memory.
    pub(crate) fn forget(&mut self, execution: ExecutionId) {
        for (timer, due) in self.dues.remove(&execution).unwrap_or_default() {
            self.by_due.remove(&(due, execution, timer));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use stepyard_machine::{FrameId, Timer, TimerKind};
    use stepyard_store::ExecutionId;
    use uuid::Uuid;

    use super::Watches;

    const EXECUTION: ExecutionId = ExecutionId(Uuid::nil());

    fn timer(frame: u32) -> Timer {
        Timer { kind: TimerKind::Heartbeat, frame: FrameId(frame), armed_by: 0 }
    }

    #[test]
    fn a_sign_of_life_puts_off_the_next_one() {
        let mut watches = Watches::default();
        let at = Duration::from_secs;
        watches.set(EXECUTION, timer(1), at(10));
        watches.set(EXECUTION, timer(2), at(12));
        watches.set(EXECUTION, timer(1), at(20));
        assert_eq!(watches.next_due(), Some(at(12)));
        assert_eq!(watches.pop_due(at(11)), None);
        assert_eq!(watches.pop_due(at(15)), Some((EXECUTION, timer(2))));
        assert_eq!(watches.pop_due(at(15)), None);
        watches.forget(EXECUTION);
        assert_eq!(watches.next_due(), None);
        assert!(watches.dues.is_empty());
    }
}
