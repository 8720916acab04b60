//! Removing notices that have done their duty: now and then, all of a process in one transaction.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stepyard_store::{NoticePlace, ShardId, TargetId, Told};
use tokio::sync::Notify;

use crate::shard::Shared;

/// How long a notice may stay after its target has been told: a crash in that time has the change told again.
const PAUSE: Duration = Duration::from_millis(250);

/// How far targets have been told, as long as the store does not know. There is one place for each shard and target.
#[derive(Default)]
pub(super) struct ToldPlaces {
    places: Mutex<BTreeMap<(ShardId, TargetId), NoticePlace>>,
    noted: Notify,
}

impl ToldPlaces {
    pub(super) fn note(&self, told: Told) {
        self.places().insert((told.shard, told.target), told.up_to);
        self.noted.notify_one();
    }

    fn take(&self) -> Vec<Told> {
        let places = std::mem::take(&mut *self.places());
        let told = |((shard, target), up_to)| Told { shard, target, up_to };
        places.into_iter().map(told).collect()
    }

    /// Gives places back that the store does not know, unless they are further by now.
    fn give_back(&self, all: &[Told]) {
        let mut places = self.places();
        for told in all {
            places.entry((told.shard, told.target)).or_insert(told.up_to);
        }
        self.noted.notify_one();
    }

    fn places(&self) -> MutexGuard<'_, BTreeMap<(ShardId, TargetId), NoticePlace>> {
        // Whatever is missing after a panic is told again.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes what has been told.
pub(crate) struct Forgetter {
    pub(crate) shared: Arc<Shared>,
}

impl Forgetter {
    /// Runs until no shard is left in this process.
    pub(crate) async fn run(self) {
        let Shared { notices, closed, clock, .. } = &*self.shared;
        while !closed.is_cancelled() {
            tokio::select! {
                biased;
                () = closed.cancelled() => {}
                () = async { notices.told.noted.notified().await; clock.sleep(PAUSE).await } => {}
            }
            self.forget().await;
        }
    }

    async fn forget(&self) {
        let Shared { notices, store, .. } = &*self.shared;
        let told = notices.told.take();
        if told.is_empty() {
            return;
        }
        if let Err(error) = store.remove_told(&told).await {
            tracing::warn!(%error, "cannot note what has been told; after a crash it is told again");
            notices.told.give_back(&told);
        }
    }
}
