//! Group commit: many shards, one transaction.
//!
//! While one transaction is in flight everything else queues; the next one takes all that has
//! gathered. No timer delays a commit, and at low load a group is a single batch.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use stepyard_store::{
    COMMIT_BYTES_MAX, COMMIT_ROWS_MAX, Chunk, CommitGroup, Error, ExecutionRow, ExecutionUpdate,
    MapRunRow, Notice, ShardId, ShardLease, Store,
};
use tokio::sync::{mpsc, oneshot};

use crate::outage::{Attempts, Outage};
use crate::{Clock, Metrics};

/// What one shard has to write. A shard has at most one batch under way, so leases never overtake.
pub(crate) struct Batch {
    pub(crate) lease: ShardLease,
    pub(crate) rows: Rows,
    pub(crate) done: oneshot::Sender<Outcome>,
}

/// The rows of a batch.
#[derive(Default)]
pub(crate) struct Rows {
    starts: Vec<ExecutionRow>,
    chunks: Vec<Chunk>,
    updates: Vec<ExecutionUpdate>,
    map_runs: Vec<MapRunRow>,
    notices: Vec<Notice>,
    bytes: usize,
}

impl Rows {
    /// Adds what one execution has to write; rows that belong together are never torn apart.
    pub(crate) fn add(
        &mut self,
        start: Option<ExecutionRow>,
        chunk: Option<Chunk>,
        update: Option<ExecutionUpdate>,
        map_runs: Vec<MapRunRow>,
    ) {
        self.bytes += chunk.as_ref().map_or(0, |chunk| chunk.body.len());
        self.starts.extend(start);
        self.chunks.extend(chunk);
        self.updates.extend(update);
        self.map_runs.extend(map_runs);
    }

    /// Adds who is to be told of what an execution has to write.
    pub(crate) fn add_notices(&mut self, notices: Vec<Notice>) {
        self.notices.extend(notices);
    }

    /// Whether somebody is to be told of them.
    pub(crate) fn has_notices(&self) -> bool {
        !self.notices.is_empty()
    }

    fn count(&self) -> usize {
        let indexes = self.starts.len() + self.updates.len() + self.map_runs.len();
        indexes + self.chunks.len() + self.notices.len()
    }

    /// Whether a transaction should take no more.
    pub(crate) fn is_full(&self) -> bool {
        self.count() >= COMMIT_ROWS_MAX || self.bytes >= COMMIT_BYTES_MAX
    }
}

/// How a batch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is durable.
    Committed,
    /// The shard has another owner, or the batch contradicts what is stored. The shard's memory is
    /// not to be trusted: what became of the batch is read from the store.
    Refused,
}

/// Writes the batches of the shards of one lane, one transaction at a time.
pub(crate) struct Committer {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) outage: Arc<Outage>,
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
            let commit = AssertUnwindSafe(self.commit_all(batches)).catch_unwind();
            if commit.await.is_err() {
                // The shards see their outcome dropped and read the truth from the store.
                tracing::error!("the store panicked in a commit");
            }
        }
    }

    async fn commit_all(&self, mut batches: Vec<Batch>) {
        let group = group(&mut batches);
        let rows = group.starts.len() + group.chunks.len() + group.updates.len();
        let started = self.clock.monotonic();
        let outcomes = self.commit(&group).await;
        self.metrics.commit(rows, self.clock.monotonic().saturating_sub(started));
        let refused = outcomes.iter().all(|outcome| *outcome == Outcome::Refused);
        if refused && batches.len() > 1 {
            return self.commit_one_by_one(&group, batches).await;
        }
        for (batch, outcome) in batches.into_iter().zip(outcomes) {
            answer(batch, outcome);
        }
    }

    /// One shard that is refused must not hold up the others.
    async fn commit_one_by_one(&self, group: &CommitGroup, batches: Vec<Batch>) {
        for batch in batches {
            let outcomes = self.commit(&of_shard(group, batch.lease)).await;
            answer(batch, outcomes.first().copied().unwrap_or(Outcome::Refused));
        }
    }

    /// Commits a group and finds out what became of it, however long the store is unreachable: one
    /// outcome for each lease.
    async fn commit(&self, group: &CommitGroup) -> Vec<Outcome> {
        let all = |outcome| vec![outcome; group.leases.len()];
        let mut attempts = Attempts::new(&self.outage, &*self.clock);
        let outcomes = loop {
            let error = match self.store.commit(group).await {
                Ok(()) => break all(Outcome::Committed),
                Err(error @ Error::Fenced { .. }) => {
                    tracing::warn!(%error, "a commit was refused");
                    break all(Outcome::Refused);
                }
                Err(error @ Error::Conflict(_)) => {
                    tracing::error!(%error, "a commit was refused");
                    break all(Outcome::Refused);
                }
                Err(error) => error,
            };
            self.metrics.commit_retried();
            tracing::warn!(%error, "the outcome of a commit is unknown; reading the leases");
            if let Some(outcomes) = self.reconcile(group, error, &mut attempts).await {
                break outcomes;
            }
        };
        attempts.succeeded();
        outcomes
    }

    /// Reads the leases until the store answers. `None`: nothing was written, send it again.
    async fn reconcile(
        &self,
        group: &CommitGroup,
        mut error: Error,
        attempts: &mut Attempts<'_>,
    ) -> Option<Vec<Outcome>> {
        let shards: Vec<ShardId> = group.leases.iter().map(|lease| lease.shard).collect();
        loop {
            attempts.failed(&error).await;
            match self.store.read_leases(&shards).await {
                Ok(present) => return judge(&group.leases, &present),
                Err(again) => error = again,
            }
            tracing::warn!(%error, "the store does not answer; asking again");
        }
    }
}

/// What the leases tell. None has changed: the group was not written. Raised by one: it was, as a
/// whole. Changed otherwise: the shard has been claimed since, and its new owner knows.
fn judge(sent: &[ShardLease], present: &[ShardLease]) -> Option<Vec<Outcome>> {
    if sent.iter().all(|lease| present.contains(lease)) {
        return None;
    }
    let outcome = |lease: &ShardLease| {
        let raised = ShardLease { commit_seq: lease.commit_seq + 1, ..*lease };
        if present.contains(&raised) { Outcome::Committed } else { Outcome::Refused }
    };
    Some(sent.iter().map(outcome).collect())
}

/// Takes what is queued, as far as one transaction should go; gives back what was one too many.
fn gather(queue: &mut mpsc::Receiver<Batch>, batches: &mut Vec<Batch>) -> Option<Batch> {
    let mut rows = batches.iter().map(|batch| batch.rows.count()).sum::<usize>();
    let mut bytes = batches.iter().map(|batch| batch.rows.bytes).sum::<usize>();
    while let Ok(batch) = queue.try_recv() {
        rows += batch.rows.count();
        bytes += batch.rows.bytes;
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
        group.starts.append(&mut batch.rows.starts);
        group.chunks.append(&mut batch.rows.chunks);
        group.updates.append(&mut batch.rows.updates);
        group.map_runs.append(&mut batch.rows.map_runs);
        group.notices.append(&mut batch.rows.notices);
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
        map_runs: group.map_runs.iter().filter(|row| row.shard == shard).cloned().collect(),
        notices: group.notices.iter().filter(|row| row.shard == shard).cloned().collect(),
    }
}

fn answer(batch: Batch, outcome: Outcome) {
    // A shard that is gone has nothing to learn.
    let _ = batch.done.send(outcome);
}

#[cfg(test)]
mod tests {
    use stepyard_store::{ShardId, ShardLease};

    use super::{Outcome, judge};

    fn lease(shard: u16, epoch: u64, commit_seq: u64) -> ShardLease {
        ShardLease { shard: ShardId(shard), epoch, commit_seq }
    }

    #[test]
    fn leases_tell_what_became_of_a_commit() {
        let sent = [lease(1, 5, 9), lease(2, 5, 30)];
        assert_eq!(judge(&sent, &sent), None);
        let written = [lease(1, 5, 10), lease(2, 5, 31)];
        assert_eq!(judge(&sent, &written), Some(vec![Outcome::Committed; 2]));
        let written_and_claimed = [lease(1, 5, 10), lease(2, 6, 31)];
        assert_eq!(
            judge(&sent, &written_and_claimed),
            Some(vec![Outcome::Committed, Outcome::Refused])
        );
        let claimed = [lease(1, 5, 9), lease(2, 6, 30)];
        assert_eq!(judge(&sent, &claimed), Some(vec![Outcome::Refused; 2]));
    }
}
