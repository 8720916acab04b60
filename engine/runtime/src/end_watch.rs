//! Waiting for the ends of executions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stepyard_store::{Error, ShardId};
use tokio::sync::Notify;

use crate::ExecutionView;
use crate::cluster::Route;
use crate::shard::Shared;

/// How soon an end is looked for that may have happened on another node, at first and at most.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));

/// The same for what this node has, whose ends are told: for the case that it had another owner meanwhile.
const LOOK_AGAIN_HERE: Duration = Duration::from_secs(10);

/// Who waits for the ends of which executions, by their ARNs.
#[derive(Default)]
pub(crate) struct EndWatchers {
    by_arn: Mutex<BTreeMap<Arc<str>, Watched>>,
}

#[derive(Default)]
struct Watched {
    ended: Arc<Notify>,
    watchers: usize,
}

impl EndWatchers {
    /// Tells that the end of an execution is durable.
    pub(crate) fn tell(&self, execution_arn: &str) {
        if let Some(watched) = self.watched().get(execution_arn) {
            watched.ended.notify_waiters();
        }
    }

    fn watched(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Watched>> {
        self.by_arn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, arn: &Arc<str>) -> Watch<'_> {
        let mut watched = self.watched();
        let entry = watched.entry(arn.clone()).or_default();
        entry.watchers += 1;
        Watch { all: self, arn: arn.clone(), ended: entry.ended.clone() }
    }
}

/// One who waits.
struct Watch<'a> {
    all: &'a EndWatchers,
    arn: Arc<str>,
    ended: Arc<Notify>,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let mut watched = self.all.watched();
        if let Some(entry) = watched.get_mut(&self.arn) {
            entry.watchers -= 1;
            if entry.watchers == 0 {
                watched.remove(&self.arn);
            }
        }
    }
}

/// Which execution is waited for.
#[derive(Debug)]
pub(crate) struct Awaited {
    pub(crate) state_machine_arn: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) arn: Arc<str>,
}

impl Awaited {
    /// A Standard execution by its ARN, `arn:aws:states:REGION:ACCOUNT:execution:STATE_MACHINE:NAME`.
    pub(crate) fn by_arn(arn: &Arc<str>) -> Awaited {
        let (machine, name) = arn.rsplit_once(':').unwrap_or((arn, ""));
        let state_machine_arn = machine.replacen(":execution:", ":stateMachine:", 1).into();
        Awaited { state_machine_arn, name: name.into(), arn: arn.clone() }
    }
}

/// How an execution has ended, once it has. When it ends on this node, that is known at once.
///
/// # Errors
/// When it does not exist.
pub(crate) async fn end_of(
    shared: &Shared,
    awaited: &Awaited,
) -> Result<Arc<ExecutionView>, DoesNotExist> {
    let watch = shared.end_watchers.enter(&awaited.arn);
    let mut pause = LOOK_AGAIN.0;
    let shard = ShardId::of(&awaited.state_machine_arn, &awaited.name);
    loop {
        let ended = watch.ended.notified();
        let mut ended = std::pin::pin!(ended);
        ended.as_mut().enable();
        match shared.describe(&awaited.state_machine_arn, &awaited.name, &awaited.arn).await {
            Ok(Some(view)) if view.row.status.is_end() => return Ok(view),
            Ok(Some(_)) => {}
            Ok(None) => return Err(DoesNotExist),
            Err(error) => tracing::debug!(%error, "cannot look for the end of an execution"),
        }
        let is_here = matches!(shared.routes.get(shard), Route::Here(_));
        tokio::select! {
            biased;
            () = ended => {}
            () = shared.clock.sleep(LOOK_AGAIN_HERE), if is_here => {}
            () = shared.clock.sleep(pause), if !is_here => pause = (pause * 2).min(LOOK_AGAIN.1),
        }
    }
}

/// There is no such execution.
#[derive(Debug, thiserror::Error)]
#[error("the execution does not exist")]
pub(crate) struct DoesNotExist;

impl Shared {
    /// What is committed of an execution; `None` when there is none of that name.
    pub(crate) async fn describe(
        &self,
        state_machine_arn: &str,
        name: &str,
        execution_arn: &str,
    ) -> Result<Option<Arc<ExecutionView>>, Error> {
        let shard = ShardId::of(state_machine_arn, name);
        // Without a lease there may be another owner, who knows more.
        if self.lease.is_valid(self.clock.monotonic())
            && let Some(view) = self.recent.get(shard, execution_arn)
        {
            return Ok(Some(view));
        }
        let store = &*self.store;
        match store.find_execution(shard, state_machine_arn, name).await? {
            Some(row) => Ok(ExecutionView::load(store, row).await?.map(Arc::new)),
            None => Ok(None),
        }
    }
}
