//! Executions that sleep leave memory, and come back in time.
//!
//! An execution that waits for nothing but time is, once that is durable, a row with the time at which it
//! goes on. Each shard loads those of the next minute, again and again; one that somebody stops or starts
//! again by name is taken up earlier.

use std::time::Duration;

use stepyard_asl::Timestamp;
use stepyard_store::{DuePlace, Error, ExecutionId, ExecutionRow};
use uuid::Uuid;

use super::{Shard, name_of};
use crate::active::Active;
use crate::planted::{self, Planted, makes};
use crate::recovery;

/// How far ahead executions are loaded, in milliseconds.
const AHEAD_MILLIS: i64 = 60_000;

/// How often further ones are loaded: when half the time ahead is left.
const LOAD_EVERY: Duration = Duration::from_secs(30);

/// How long a load that failed waits for the next one.
const RETRY: Duration = Duration::from_secs(1);

/// Before the place of every execution.
pub(super) const BEFORE_ALL: DuePlace = (Timestamp(-1), ExecutionId(Uuid::nil()));

impl Shard {
    /// Loads executions that go on within the next minute, as many as a page has. How many.
    pub(super) async fn load_ahead(&mut self) -> Result<usize, Error> {
        let now = self.shared.clock.now();
        let until = now.plus_millis(AHEAD_MILLIS);
        let after = Some(self.loaded_to);
        let page = recovery::due_executions(&self.shared, self.id(), after, until).await?;
        let count = page.executions.len();
        for active in page.executions {
            if !self.executions.contains_key(&active.id) {
                self.take_up(active);
            }
        }
        // With more of them, the next page is due at once.
        let monotonic = self.shared.clock.monotonic();
        (self.loaded_to, self.next_load) = match page.more_after {
            Some(place) => (place, monotonic),
            None => ((until, ExecutionId(Uuid::max())), monotonic + LOAD_EVERY),
        };
        Ok(count)
    }

    pub(super) async fn wake_those_due(&mut self) {
        if let Err(error) = self.load_ahead().await {
            tracing::warn!(%error, shard = self.id().0, "cannot load what is due; trying again");
            self.next_load = self.shared.clock.monotonic() + RETRY;
        }
    }

    /// Takes up executions that clients ask for while they sleep.
    pub(super) async fn wake_found(
        &mut self,
        found: impl Iterator<Item = &mut Result<Option<ExecutionRow>, Error>>,
    ) {
        for result in found {
            let Ok(Some(row)) = result else { continue };
            if row.stopped_at.is_some() || self.set_aside.contains(&row.id) {
                continue;
            }
            if let Err(error) = self.wake(row).await {
                *result = Err(error);
            }
        }
    }

    pub(super) async fn wake(&mut self, row: &ExecutionRow) -> Result<(), Error> {
        if let Some(active) = recovery::take_up(&self.shared, row).await? {
            self.woken.push(active.id);
            self.take_up(active);
        }
        Ok(())
    }

    fn take_up(&mut self, active: Active) {
        let id = active.id;
        if self.set_aside.contains(&id) {
            return;
        }
        let mut pending = active.execution().pending();
        pending.retain(|command| !planted::forgets(command));
        self.shared.metrics.in_memory_changed(1);
        self.insert(active);
        self.release_commands(id, pending);
    }

    /// Those that nothing has happened to sleep on.
    pub(super) fn let_woken_sleep(&mut self) {
        for execution in std::mem::take(&mut self.woken) {
            self.let_sleep(execution);
        }
    }

    /// Lets an execution leave memory if it sleeps.
    pub(super) fn let_sleep(&mut self, execution: ExecutionId) {
        let asleep =
            self.executions.get(&execution).filter(|active| active.is_asleep(self.loaded_to));
        if asleep.is_none() || self.dirty.contains(&execution) {
            return;
        }
        if let Some(active) = self.executions.remove(&execution) {
            self.forget(&active);
        }
    }

    /// Forgets what leads to an execution that has left memory.
    pub(super) fn forget(&mut self, active: &Active) {
        if let Some(context) = active.context() {
            self.names.remove(&name_of(context));
        }
        self.timers.disarm(active.id, &active.armed);
        self.watches.forget(active.id);
        if !makes(Planted::GaugeLeaks) {
            self.shared.metrics.in_memory_changed(-1);
        }
    }
}
