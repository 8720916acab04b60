//! The timers of one shard.

use std::collections::BTreeSet;

use stepyard_asl::Timestamp;
use stepyard_machine::Timer;
use stepyard_store::ExecutionId;

/// Timers in the order in which they are due. Those that no longer count fire without effect.
#[derive(Default)]
pub(crate) struct Timers {
    by_due: BTreeSet<(Timestamp, ExecutionId, Timer)>,
}

impl Timers {
    pub(crate) fn arm(&mut self, due: Timestamp, execution: ExecutionId, timer: Timer) {
        self.by_due.insert((due, execution, timer));
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.by_due.len()
    }

    /// When the next one is due.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.by_due.first().map(|(due, ..)| *due)
    }

    /// Takes one that is due, with the time at which it was.
    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<(Timestamp, ExecutionId, Timer)> {
        let (due, ..) = self.by_due.first()?;
        if *due > now {
            return None;
        }
        self.by_due.pop_first()
    }

    /// Forgets timers of an execution that has ended.
    pub(crate) fn disarm(&mut self, execution: ExecutionId, armed: &[(Timestamp, Timer)]) {
        for (due, timer) in armed {
            self.by_due.remove(&(*due, execution, *timer));
        }
    }
}
