//! Workers that wait for a task of an activity.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use stepyard_machine::Text;
use tokio::sync::oneshot;

use crate::ActivityTask;
use crate::activities::Reserved;
use crate::cluster::Peer;
use crate::shard::{Message, Shared, Take};

/// How long a worker waits for a task (AWS: GetActivityTask).
const POLL_MAX: Duration = Duration::from_secs(60);

/// How often other nodes are asked for tasks of an activity, by the worker that has waited for the longest. So much later
/// may a worker get a task that waits on another node.
const PAUSE: Duration = Duration::from_millis(500);

/// Why a worker may not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PollError {
    /// So many workers wait already, for this activity or for all of them.
    #[error("too many workers wait for tasks")]
    TooManyWorkers,
}

/// A worker's wait.
pub(crate) struct Poll<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) peer: &'a Arc<dyn Peer>,
    pub(crate) activity: Arc<str>,
    /// How the worker calls itself.
    pub(crate) worker: Text,
}

impl Poll<'_> {
    /// A task, as soon as there is one for this worker; `None` when it has waited for long, or when this node stops.
    pub(crate) async fn wait(self) -> Result<Option<ActivityTask>, PollError> {
        let Shared { activities, clock, .. } = self.shared;
        let poller = activities.poll(&self.activity).ok_or(PollError::TooManyWorkers)?;
        let mut over = pin!(async {
            tokio::select! {
                biased;
                () = activities.closed() => {}
                () = clock.sleep(POLL_MAX) => {}
            }
        });
        loop {
            let turn = tokio::select! {
                biased;
                turn = poller.turn() => turn,
                () = &mut over => return Ok(None),
            };
            // What is being taken is waited for: its worker would be lost to it.
            let reserved = loop {
                if let Some(reserved) = poller.next() {
                    break reserved;
                }
                if let Some(task) = self.ask_others().await {
                    return Ok(Some(task));
                }
                tokio::select! {
                    biased;
                    () = poller.offered() => {}
                    () = &mut over => return Ok(None),
                    () = clock.sleep(PAUSE), if self.shared.store.is_shared() => {}
                }
            };
            drop(turn);
            if let Some(task) = take(reserved, self.worker.clone()).await {
                return Ok(Some(task));
            }
        }
    }

    /// A task that waits on another node.
    async fn ask_others(&self) -> Option<ActivityTask> {
        let members = self.shared.members.get();
        let others = members.nodes.iter().filter(|node| node.id != self.shared.node);
        for node in others {
            let worker = self.worker.as_deref();
            match self.peer.take_activity_task(&node.address, &self.activity, worker).await {
                Ok(Some(task)) => return Some(task),
                Ok(None) => {}
                Err(error) => tracing::debug!(%error, "a node gives no answer"),
            }
        }
        None
    }
}

/// Asks the task's shard for it; `None` when it is not to be had any more.
pub(crate) async fn take(reserved: Reserved, worker: Text) -> Option<ActivityTask> {
    let (reply, answer) = oneshot::channel();
    let (execution, task) = (reserved.execution, reserved.task);
    if let Some(mailbox) = reserved.mailbox.upgrade() {
        let take = Message::Take(Box::new(Take { execution, task, worker, reply }));
        // A shard that has ended gets no answer, and its tasks are offered by its next owner.
        let _ = mailbox.send(take).await;
    }
    reserved.done();
    answer.await.ok()
}
