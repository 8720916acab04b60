//! The shards that run in this process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use stepyard_store::{ShardId, ShardLease};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Route;
use crate::TaskRunner;
use crate::activities::Offers;
use crate::awaiting::Awaits;
use crate::committer::Batch;
use crate::dispatch::Dispatches;
use crate::map_run::{MapRunHost, MapRuns};
use crate::notices::{News, Notices};
use crate::shard::{Ends, MAILBOX_MAX, Outside, Shard, ShardEnd, Shared};

/// Starts shards and notices their ends.
pub(crate) struct Hosting {
    pub(crate) shared: Arc<Shared>,
    pub(crate) runner: Arc<dyn TaskRunner>,
    /// Places for the tasks of all shards.
    pub(crate) places: Arc<Semaphore>,
    pub(crate) map_runs: MapRunHost,
    /// The way to the committer of each lane.
    pub(crate) lanes: Vec<mpsc::Sender<Batch>>,
    tasks: JoinSet<ShardEnd>,
    hosted: BTreeMap<ShardId, Hosted>,
}

struct Hosted {
    task: tokio::task::Id,
    leaving: CancellationToken,
    stopping: CancellationToken,
    /// When its tasks are not waited for any more, by the monotonic clock.
    leave_by: Option<Duration>,
    /// Those who tell others of what happens in it.
    _tellers: JoinSet<()>,
}

impl Hosting {
    pub(crate) fn new(
        shared: Arc<Shared>,
        runner: Arc<dyn TaskRunner>,
        places: Arc<Semaphore>,
        map_runs: MapRunHost,
        lanes: Vec<mpsc::Sender<Batch>>,
    ) -> Hosting {
        let (tasks, hosted) = (JoinSet::new(), BTreeMap::new());
        Hosting { shared, runner, places, map_runs, lanes, tasks, hosted }
    }

    /// Runs a shard from now on.
    pub(super) fn take_up(&mut self, lease: ShardLease) {
        let (mailbox, messages) = mpsc::channel(MAILBOX_MAX);
        let shared = self.shared.clone();
        shared.recent.begin(lease);
        let dispatches = Dispatches::new(
            self.runner.clone(),
            self.places.clone(),
            mailbox.downgrade(),
            shared.metrics.clone(),
        );
        let committer = self.lanes[usize::from(lease.shard.0) % self.lanes.len()].clone();
        let (leaving, stopping) = (shared.draining.child_token(), shared.stopping.child_token());
        let map_runs =
            MapRuns::new(self.map_runs.clone(), lease.shard, mailbox.downgrade(), leaving.clone());
        let awaits = Awaits::new(
            shared.clone(),
            self.map_runs.children.delivery.clone(),
            mailbox.downgrade(),
        );
        let ends = Ends { leaving: leaving.clone(), stopping: stopping.clone() };
        let offers = Offers::new(shared.activities.clone(), mailbox.downgrade());
        let notice_news = Arc::new(News::default());
        let _tellers = Notices::tell(&shared, lease.shard, &notice_news);
        let shard = Shard::new(
            shared,
            lease,
            messages,
            committer,
            Outside { dispatches, map_runs, awaits, offers, notice_news },
            ends,
        );
        let task = self.tasks.spawn(shard.run(mailbox)).id();
        let hosted = Hosted { task, leaving, stopping, leave_by: None, _tellers };
        self.hosted.insert(lease.shard, hosted);
    }

    pub(super) fn has(&self, shard: ShardId) -> bool {
        self.hosted.contains_key(&shard)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.hosted.is_empty()
    }

    pub(crate) fn shards(&self) -> impl Iterator<Item = ShardId> {
        self.hosted.keys().copied()
    }

    /// How many are being given away.
    pub(super) fn leaving(&self) -> usize {
        self.hosted.values().filter(|hosted| hosted.leave_by.is_some()).count()
    }

    /// Lets a shard end when its tasks have ended, at that time at the latest.
    pub(super) fn give_away(&mut self, shard: ShardId, leave_by: Duration) {
        if let Some(hosted) = self.hosted.get_mut(&shard) {
            hosted.leaving.cancel();
            hosted.leave_by.get_or_insert(leave_by);
        }
    }

    /// Ends a shard as soon as what it has under way is decided.
    pub(super) fn stop(&self, shard: ShardId) {
        if let Some(hosted) = self.hosted.get(&shard) {
            hosted.stopping.cancel();
        }
    }

    pub(super) fn stop_all(&self) {
        self.hosted.values().for_each(|hosted| hosted.stopping.cancel());
    }

    /// Ends those that have had their time to leave.
    pub(super) fn stop_overdue(&self, now: Duration) {
        let is_overdue = |hosted: &&Hosted| hosted.leave_by.is_some_and(|by| by <= now);
        self.hosted.values().filter(is_overdue).for_each(|hosted| hosted.stopping.cancel());
    }

    /// When the next one will have had its time to leave.
    pub(super) fn next_overdue(&self) -> Option<Duration> {
        let waiting = self.hosted.values().filter(|hosted| !hosted.stopping.is_cancelled());
        waiting.filter_map(|hosted| hosted.leave_by).min()
    }

    /// The next shard that ends; never, when there is none. `None`: it has failed.
    pub(super) async fn ended(&mut self) -> (ShardId, Option<ShardEnd>) {
        loop {
            let Some(ended) = self.tasks.join_next_with_id().await else {
                return std::future::pending().await;
            };
            let (task, end) = match ended {
                Ok((task, end)) => (task, Some(end)),
                Err(error) => {
                    tracing::error!(%error, "a shard has failed");
                    (error.id(), None)
                }
            };
            let found = self.hosted.iter().find(|(_, hosted)| hosted.task == task);
            if let Some(shard) = found.map(|(shard, _)| *shard) {
                self.hosted.remove(&shard);
                self.shared.routes.set(shard, Route::Nowhere);
                self.shared.recent.end(shard);
                return (shard, end);
            }
        }
    }
}
