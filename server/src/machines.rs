//! State machines that have been started lately, so that not every start reads its definition.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stepyard_runtime::MadeOnce;
use stepyard_store::StateMachine;

/// How long a state machine is not read again. A change through this server is seen at once; one through
/// another server on the same database after this time, as AWS promises no more than "a few seconds".
const FRESH: Duration = Duration::from_secs(1);

/// State machines kept at the same time.
const MACHINES_MAX: usize = 256;

/// The cache.
#[derive(Default)]
pub(crate) struct Machines {
    by_arn: Mutex<BTreeMap<String, Arc<MadeOnce<Entry>>>>,
}

#[derive(Clone)]
struct Entry {
    machine: Arc<StateMachine>,
    read_at: Duration,
}

impl Machines {
    /// A state machine that was read a moment ago, or is read now: once, however many ask for it.
    ///
    /// # Errors
    /// Those of `read`.
    pub(crate) async fn get<E>(
        &self,
        arn: &str,
        now: impl Fn() -> Duration,
        read: impl AsyncFnOnce() -> Result<StateMachine, E>,
    ) -> Result<Arc<StateMachine>, E> {
        let is_fresh = |entry: &Entry| now().saturating_sub(entry.read_at) < FRESH;
        let read = async || {
            // What changes while it is read may be missing in it, so its age counts from before.
            let read_at = now();
            Ok(Entry { machine: Arc::new(read().await?), read_at })
        };
        Ok(self.place(arn).get(is_fresh, read).await?.machine)
    }

    /// Forgets one that has changed. Who is reading it at the moment keeps what it finds to itself and to those
    /// who wait for it already.
    pub(crate) fn forget(&self, arn: &str) {
        self.lock().remove(arn);
    }

    fn place(&self, arn: &str) -> Arc<MadeOnce<Entry>> {
        let mut by_arn = self.lock();
        if by_arn.len() >= MACHINES_MAX && !by_arn.contains_key(arn) {
            by_arn.clear();
        }
        by_arn.entry(arn.to_owned()).or_default().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<MadeOnce<Entry>>>> {
        self.by_arn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use futures::future::join_all;
    use stepyard_asl::Timestamp;
    use stepyard_store::{Revision, StateMachine, StateMachineType};
    use uuid::Uuid;

    use super::Machines;

    fn machine() -> StateMachine {
        let revision = Revision {
            id: Uuid::nil(),
            definition: "{}".into(),
            role_arn: "role".into(),
            configuration: "{}".into(),
            created_at: Timestamp(0),
        };
        StateMachine {
            arn: "arn".into(),
            name: "m".into(),
            machine_type: StateMachineType::Standard,
            created_at: Timestamp(0),
            revision,
            retention_days: None,
            tags: Default::default(),
        }
    }

    #[tokio::test]
    async fn those_who_ask_at_the_same_time_share_one_reading() {
        let (machines, readings) = (Machines::default(), Cell::new(0));
        let time = Cell::new(Duration::ZERO);
        let read = async || {
            readings.set(readings.get() + 1);
            tokio::task::yield_now().await;
            Ok::<_, ()>(machine())
        };
        let ask = || machines.get("arn", || time.get(), read);
        let found = join_all((0..50).map(|_| ask())).await;
        assert!(found.iter().all(Result::is_ok));
        assert_eq!(readings.get(), 1);
        time.set(Duration::from_millis(999));
        ask().await.unwrap();
        assert_eq!(readings.get(), 1, "it is fresh");
        time.set(Duration::from_secs(1));
        ask().await.unwrap();
        assert_eq!(readings.get(), 2, "it is not");
        machines.forget("arn");
        ask().await.unwrap();
        assert_eq!(readings.get(), 3, "it has changed");
    }
}
