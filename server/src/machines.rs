//! State machines that have been started lately, so that not every start reads its definition.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stepyard_store::StateMachine;

/// How long a state machine is not read again. A change through this server is seen at once; one through
/// another server on the same database after this time, as AWS promises no more than "a few seconds".
const FRESH: Duration = Duration::from_secs(1);

/// State machines kept at the same time.
const MACHINES_MAX: usize = 256;

/// The cache.
#[derive(Default)]
pub(crate) struct Machines {
    by_arn: Mutex<BTreeMap<String, Entry>>,
}

struct Entry {
    machine: Arc<StateMachine>,
    read_at: Duration,
}

impl Machines {
    /// A state machine that was read a moment ago.
    pub(crate) fn get(&self, arn: &str, now: Duration) -> Option<Arc<StateMachine>> {
        let by_arn = self.lock();
        let entry = by_arn.get(arn)?;
        (now.saturating_sub(entry.read_at) < FRESH).then(|| entry.machine.clone())
    }

    pub(crate) fn put(&self, machine: Arc<StateMachine>, now: Duration) {
        let mut by_arn = self.lock();
        if by_arn.len() >= MACHINES_MAX {
            by_arn.clear();
        }
        by_arn.insert(machine.arn.to_string(), Entry { machine, read_at: now });
    }

    /// Forgets one that has changed.
    pub(crate) fn forget(&self, arn: &str) {
        self.lock().remove(arn);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.by_arn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
