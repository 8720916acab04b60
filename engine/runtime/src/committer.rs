//! Group commit: many shards, one transaction.
//!
//! While one transaction is in flight everything else queues; the next one takes all that has
//! gathered. No timer delays a commit, and at low load a group is a single batch.

use std::sync::Arc;
use std::time::Duration;

use stepyard_store::{
    COMMIT_BYTES_MAX, COMMIT_ROWS_MAX, Chunk, CommitGroup, Error, ExecutionRow, ExecutionUpdate,
    ShardId, ShardLease, Store,
};
use tokio::sync::{mpsc, oneshot};

use crate::{Clock, Metrics};

/// First and longest pause before an unreachable store is asked again.
const RETRY_PAUSE_MIN: Duration = Duration::from_millis(20);
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(2);

/// What one shard has to write. A shard has at most one batch under way, so leases never overtake.
pub(crate) struct Batch {
    pub(crate) lease: ShardLease,
    pub(crate) starts: Vec<ExecutionRow>,
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) updates: Vec<ExecutionUpdate>,
    pub(crate) done: oneshot::Sender<Outcome>,
}

/// How a batch ended. There is no third outcome: what is unknown is found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is durable.
    Committed,
    /// The shard belongs to another owner, or the batch contradicts what is stored. Nothing was
    /// written, and the shard's memory is not to be trusted.
    Refused,
}

impl Batch {
    fn rows(&self) -> usize {
        self.starts.len() + self.chunks.len() + self.updates.len()
    }

    fn bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.body.len()).sum()
    }
}

/// The committer of one lane.
pub(crate) struct Committer {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Arc<Metrics>,
}

impl Committer {
    /// Commits batches until no shard is left to send one.
    pub(crate) async fn run(self, mut queue: mpsc::Receiver<Batch>) {
        let mut waiting = None;
        loop {
            let first = match waiting.take() {
                Some(batch) => batch,
                None => match queue.recv().await {
                    Some(batch) => batch,
                    None => return,
                },
            };
            let mut batches = vec![first];
            waiting = gather(&mut queue, &mut batches);
            self.commit_all(batches).await;
        }
    }

    async fn commit_all(&self, mut batches: Vec<Batch>) {
        let group = group(&mut batches);
        let rows = group.starts.len() + group.chunks.len() + group.updates.len();
        let started = self.clock.monotonic();
        let outcome = self.commit(&group).await;
        self.metrics.commit(rows, self.clock.monotonic().saturating_sub(started));
        if outcome == Outcome::Refused && batches.len() > 1 {
            return self.commit_one_by_one(&group, batches).await;
        }
        for batch in batches {
            answer(batch, outcome);
        }
    }

    /// One lost shard must not hold up the others.
    async fn commit_one_by_one(&self, group: &CommitGroup, batches: Vec<Batch>) {
        for batch in batches {
            let outcome = self.commit(&of_shard(group, batch.lease)).await;
            answer(batch, outcome);
        }
    }

    /// Commits a group and finds out what became of it, however long the store is unreachable.
    async fn commit(&self, group: &CommitGroup) -> Outcome {
        let mut pause = RETRY_PAUSE_MIN;
        loop {
            let error = match self.store.commit(group).await {
                Ok(()) => return Outcome::Committed,
                Err(error @ Error::Fenced { .. }) => {
                    tracing::warn!(%error, "a commit was refused");
                    return Outcome::Refused;
                }
                Err(error @ Error::Conflict(_)) => {
                    tracing::error!(%error, "a commit was refused");
                    return Outcome::Refused;
                }
                Err(error) => error,
            };
            self.metrics.commit_retried();
            tracing::warn!(%error, "the outcome of a commit is unknown; reading the leases");
            if let Some(outcome) = self.reconcile(group, &mut pause).await {
                return outcome;
            }
        }
    }

    /// Reads the leases until the store answers. `None`: nothing was written, send it again.
    async fn reconcile(&self, group: &CommitGroup, pause: &mut Duration) -> Option<Outcome> {
        let shards: Vec<ShardId> = group.leases.iter().map(|lease| lease.shard).collect();
        loop {
            let millis = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
            self.clock.sleep_until(self.clock.now().plus_millis(millis)).await;
            *pause = (*pause * 2).min(RETRY_PAUSE_MAX);
            match self.store.read_leases(&shards).await {
                Ok(present) => return judge(&group.leases, &present),
                Err(error) => tracing::warn!(%error, "the store does not answer; asking again"),
            }
        }
    }
}

/// What the leases tell: raised by one, the group went through; unchanged, it did not.
fn judge(sent: &[ShardLease], present: &[ShardLease]) -> Option<Outcome> {
    let raised = |lease: &ShardLease| ShardLease { commit_seq: lease.commit_seq + 1, ..*lease };
    if sent.iter().all(|lease| present.contains(&raised(lease))) {
        return Some(Outcome::Committed);
    }
    if sent.iter().all(|lease| present.contains(lease)) {
        return None;
    }
    Some(Outcome::Refused)
}

/// Takes what is queued, as far as one transaction may go; gives back what was one too many.
fn gather(queue: &mut mpsc::Receiver<Batch>, batches: &mut Vec<Batch>) -> Option<Batch> {
    let mut rows = batches.iter().map(Batch::rows).sum::<usize>();
    let mut bytes = batches.iter().map(Batch::bytes).sum::<usize>();
    while let Ok(batch) = queue.try_recv() {
        rows += batch.rows();
        bytes += batch.bytes();
        if rows > COMMIT_ROWS_MAX || bytes > COMMIT_BYTES_MAX {
            return Some(batch);
        }
        batches.push(batch);
    }
    None
}

fn group(batches: &mut [Batch]) -> CommitGroup {
    let mut group = CommitGroup::default();
    for batch in batches {
        group.leases.push(batch.lease);
        group.starts.append(&mut batch.starts);
        group.chunks.append(&mut batch.chunks);
        group.updates.append(&mut batch.updates);
    }
    group
}

fn of_shard(group: &CommitGroup, lease: ShardLease) -> CommitGroup {
    let shard = lease.shard;
    CommitGroup {
        leases: vec![lease],
        starts: group.starts.iter().filter(|row| row.shard == shard).cloned().collect(),
        chunks: group.chunks.iter().filter(|chunk| chunk.shard == shard).cloned().collect(),
        updates: group.updates.iter().filter(|update| update.shard == shard).cloned().collect(),
    }
}

fn answer(batch: Batch, outcome: Outcome) {
    // A shard that is gone has nothing to learn.
    let _ = batch.done.send(outcome);
}
