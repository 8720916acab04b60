//! Tasks of activities that wait for a worker on this node, and the workers that wait for tasks.
//!
//! A task is offered by the shard of its execution once it is durable that it is scheduled, and stays its own: who takes
//! it asks that shard, which makes the start durable before the worker gets anything.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stepyard_machine::TaskId;
use stepyard_store::ExecutionId;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::shard::Message;

/// Workers that may wait for tasks of one activity on one node (AWS quota of an activity).
const POLLERS_MAX: usize = 1_000;

/// Workers that may wait on one node for tasks of whatever activities.
const ALL_POLLERS_MAX: usize = 10_000;

/// The queues of all activities.
#[derive(Default)]
pub(crate) struct Activities {
    queues: Mutex<BTreeMap<Arc<str>, Arc<Queue>>>,
    numbered: AtomicU64,
    /// Workers that wait.
    pollers: AtomicUsize,
    /// Set when workers are not to wait any more.
    closed: CancellationToken,
}

/// What waits for one activity.
struct Queue {
    /// In the order in which they were offered.
    offers: Mutex<BTreeMap<u64, Offered>>,
    /// Who may take the next task: workers are served in the order in which they came.
    turn: Semaphore,
    offered: Notify,
    pollers: AtomicUsize,
}

struct Offered {
    execution: ExecutionId,
    task: TaskId,
    mailbox: mpsc::WeakSender<Message>,
    /// Somebody is about to take it.
    is_reserved: bool,
}

impl Activities {
    fn enter(self: &Arc<Self>, arn: &Arc<str>) -> Place {
        let fresh = || {
            Arc::new(Queue {
                offers: Mutex::default(),
                turn: Semaphore::new(1),
                offered: Notify::new(),
                pollers: AtomicUsize::new(0),
            })
        };
        let queue = self.queues().entry(arn.clone()).or_insert_with(fresh).clone();
        Place { activities: self.clone(), arn: arn.clone(), queue }
    }

    /// A place among the workers that wait for tasks of an activity; `None` when there are too many.
    pub(crate) fn poll(self: &Arc<Self>, arn: &Arc<str>) -> Option<Poller> {
        let place = self.enter(arn);
        let before = place.queue.pollers.fetch_add(1, Ordering::Relaxed);
        let all_before = self.pollers.fetch_add(1, Ordering::Relaxed);
        // Dropped, it is counted no more.
        let poller = Poller { place };
        (before < POLLERS_MAX && all_before < ALL_POLLERS_MAX).then_some(poller)
    }

    /// Reserves the task that has waited for the longest.
    pub(crate) fn next(self: &Arc<Self>, arn: &Arc<str>) -> Option<Reserved> {
        let is_known = self.queues().contains_key(arn);
        is_known.then(|| self.enter(arn)).and_then(Place::reserve)
    }

    /// Lets all workers go who wait.
    pub(crate) fn close(&self) {
        self.closed.cancel();
    }

    /// Returns when workers are not to wait any more.
    pub(crate) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    fn queues(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Arc<Queue>>> {
        // No change is left half done.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn offers(&self) -> MutexGuard<'_, BTreeMap<u64, Offered>> {
        self.offers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A queue in use. One that nobody uses is forgotten.
struct Place {
    activities: Arc<Activities>,
    arn: Arc<str>,
    queue: Arc<Queue>,
}

impl Clone for Place {
    fn clone(&self) -> Place {
        self.activities.enter(&self.arn)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // References are made under this lock only: that of the table and this one are the last.
        let mut queues = self.activities.queues();
        if Arc::strong_count(&self.queue) <= 2 {
            queues.remove(&self.arn);
        }
    }
}

impl Place {
    fn reserve(self) -> Option<Reserved> {
        let mut offers = self.queue.offers();
        let (number, offered) = offers.iter_mut().find(|(_, offered)| !offered.is_reserved)?;
        offered.is_reserved = true;
        let (execution, task) = (offered.execution, offered.task);
        let (number, mailbox) = (*number, offered.mailbox.clone());
        drop(offers);
        Some(Reserved { place: self, number, execution, task, mailbox })
    }
}

/// A worker that waits.
pub(crate) struct Poller {
    place: Place,
}

impl Poller {
    /// The turn to take the next task, as soon as those who came earlier have had theirs.
    pub(crate) async fn turn(&self) -> Option<tokio::sync::SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.place.queue.turn.acquire().await.ok()
    }

    /// Returns when a task is offered.
    pub(crate) async fn offered(&self) {
        self.place.queue.offered.notified().await;
    }

    /// Reserves the task that has waited for the longest.
    pub(crate) fn next(&self) -> Option<Reserved> {
        self.place.clone().reserve()
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.place.queue.pollers.fetch_sub(1, Ordering::Relaxed);
        self.place.activities.pollers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A task that somebody is about to take. Dropped before he has asked for it, it is on offer again.
pub(crate) struct Reserved {
    place: Place,
    number: u64,
    pub(crate) execution: ExecutionId,
    pub(crate) task: TaskId,
    pub(crate) mailbox: mpsc::WeakSender<Message>,
}

impl Reserved {
    /// The shard has been asked, or is gone.
    pub(crate) fn done(self) {
        self.place.queue.offers().remove(&self.number);
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if let Some(offered) = self.place.queue.offers().get_mut(&self.number) {
            offered.is_reserved = false;
            self.place.queue.offered.notify_one();
        }
    }
}

/// The tasks that one shard offers.
pub(crate) struct Offers {
    activities: Arc<Activities>,
    mailbox: mpsc::WeakSender<Message>,
    offers: BTreeMap<(ExecutionId, TaskId), Offer>,
}

impl Offers {
    pub(crate) fn new(activities: Arc<Activities>, mailbox: mpsc::WeakSender<Message>) -> Offers {
        Offers { activities, mailbox, offers: BTreeMap::new() }
    }

    /// Offers a task to the workers of an activity, behind those that are offered already.
    pub(crate) fn offer(&mut self, arn: &Arc<str>, execution: ExecutionId, task: TaskId) {
        let number = self.activities.numbered.fetch_add(1, Ordering::Relaxed);
        let place = self.activities.enter(arn);
        let mailbox = self.mailbox.clone();
        let offered = Offered { execution, task, mailbox, is_reserved: false };
        place.queue.offers().insert(number, offered);
        place.queue.offered.notify_one();
        self.offers.insert((execution, task), Offer { place, number });
    }

    /// A task is not to be had any more.
    pub(crate) fn withdraw(&mut self, execution: ExecutionId, task: TaskId) {
        self.offers.remove(&(execution, task));
    }

    pub(crate) fn clear(&mut self) {
        self.offers.clear();
    }
}

/// A task on offer, until this is dropped.
struct Offer {
    place: Place,
    number: u64,
}

impl Drop for Offer {
    fn drop(&mut self) {
        self.place.queue.offers().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stepyard_machine::{EventId, TaskId};
    use stepyard_store::ExecutionId;
    use tokio::sync::mpsc;
    use uuid::Uuid;

    use super::{ALL_POLLERS_MAX, Activities, Offers, POLLERS_MAX};

    const EXECUTION: ExecutionId = ExecutionId(Uuid::nil());

    fn offers(activities: &Arc<Activities>) -> Offers {
        let (mailbox, _) = mpsc::channel(1);
        Offers::new(activities.clone(), mailbox.downgrade())
    }

    fn task(number: u64) -> TaskId {
        TaskId(EventId(number))
    }

    #[test]
    fn tasks_are_taken_in_the_order_in_which_they_are_offered() {
        let activities = Arc::new(Activities::default());
        let (arn, other): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let mut shard = offers(&activities);
        let mut another = offers(&activities);
        shard.offer(&arn, EXECUTION, task(1));
        another.offer(&arn, EXECUTION, task(2));
        shard.offer(&arn, EXECUTION, task(3));
        shard.offer(&other, EXECUTION, task(4));
        let first = activities.next(&arn).unwrap();
        let second = activities.next(&arn).unwrap();
        assert_eq!((first.task, second.task), (task(1), task(2)));
        second.done();
        // Who gives up leaves the task where it was.
        drop(first);
        assert_eq!(activities.next(&arn).unwrap().task, task(1));
        shard.withdraw(EXECUTION, task(1));
        let last = activities.next(&arn).unwrap();
        assert_eq!(last.task, task(3));
        shard.clear();
        drop(last);
        assert!(activities.next(&arn).is_none() && activities.next(&other).is_none());
        drop((shard, another));
        assert!(activities.queues().is_empty(), "what nobody uses is forgotten");
    }

    #[tokio::test]
    async fn workers_are_served_in_the_order_in_which_they_come() {
        let activities = Arc::new(Activities::default());
        let arn: Arc<str> = "a".into();
        let first = activities.poll(&arn).unwrap();
        let second = activities.poll(&arn).unwrap();
        let turn = first.turn().await.unwrap();
        let mut next = std::pin::pin!(second.turn());
        assert!(futures::poll!(&mut next).is_pending());
        let mut shard = offers(&activities);
        shard.offer(&arn, EXECUTION, task(1));
        first.offered().await;
        let reserved = first.next().unwrap();
        drop(turn);
        assert!(futures::poll!(&mut next).is_ready());
        assert!(second.next().is_none());
        reserved.done();
    }

    #[test]
    fn so_many_workers_may_wait() {
        let activities = Arc::new(Activities::default());
        let arn: Arc<str> = "a".into();
        let mut waiting: Vec<_> =
            (0..POLLERS_MAX).map(|_| activities.poll(&arn).unwrap()).collect();
        assert!(activities.poll(&arn).is_none());
        waiting.pop();
        assert!(activities.poll(&arn).is_some());
        let others = (0..ALL_POLLERS_MAX).map(|number| activities.poll(&number.to_string().into()));
        let others: Vec<_> = others.map_while(|poller| poller).collect();
        assert_eq!(waiting.len() + others.len(), ALL_POLLERS_MAX);
    }
}
