//! A store with faults.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use stepyard_asl::{Random, Timestamp};
use stepyard_machine::{ExecutionStatus, MapRunId};
use stepyard_store::{
    Activity, Alias, ChildrenOfStatus, Chunk, ClosedExpress, CommitGroup, DuePlace, Error,
    ExecutionId, ExecutionQuery, ExecutionRow, ExecutionUpdate, MapRunRow, Membership, MemoryStore,
    NodeId, Notice, NoticePlace, Publication, PublicationChange, ReadLimit, Removed, Retention,
    Revision, ShardId, ShardLease, StateMachine, StateMachineSummary, Store, Tags, TargetId, Told,
    Version, WoundUp, all_shards,
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

/// What becomes of a commit.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// The connection breaks before it is applied.
    LostBefore,
    /// The connection breaks after it is applied.
    LostAfter,
}

/// A store in memory that fails when it is told to, or by a seed.
#[derive(Clone)]
pub(crate) struct FaultyStore {
    inner: MemoryStore,
    plan: Arc<Mutex<Plan>>,
    gate: Arc<Semaphore>,
    failing: Arc<AtomicBool>,
    failed: Arc<Notify>,
    rewound: Arc<AtomicBool>,
    spoiled: Arc<Mutex<BTreeSet<ExecutionId>>>,
    largest_piece: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Plan {
    next: VecDeque<Fault>,
    random: Option<Random>,
    commits_left: Option<u32>,
    looks_left: Option<u32>,
    unlisted: BTreeSet<Uuid>,
    withheld: BTreeSet<ExecutionId>,
}

impl FaultyStore {
    pub(crate) fn sound() -> FaultyStore {
        FaultyStore::over(MemoryStore::new())
    }

    pub(crate) fn over(inner: MemoryStore) -> FaultyStore {
        FaultyStore {
            inner,
            plan: Arc::default(),
            gate: Arc::new(Semaphore::new(1)),
            failing: Arc::default(),
            failed: Arc::default(),
            rewound: Arc::default(),
            spoiled: Arc::default(),
            largest_piece: Arc::default(),
        }
    }

    /// One commit in four meets a fault.
    pub(crate) fn seeded(seed: u64) -> FaultyStore {
        let store = FaultyStore::sound();
        store.plan.lock().unwrap().random = Some(Random::from_seed(seed));
        store
    }

    pub(crate) fn next_commits(&self, faults: &[Fault]) {
        self.plan.lock().unwrap().next.extend(faults);
    }

    /// Commits wait until this is dropped.
    pub(crate) fn hold(&self) -> OwnedSemaphorePermit {
        self.gate.clone().try_acquire_owned().unwrap()
    }

    /// After so many commits nothing works any more, as for a process that is gone.
    pub(crate) fn fail_after(&self, commits: u32) {
        self.plan.lock().unwrap().commits_left = Some(commits);
    }

    /// Nothing works any more.
    pub(crate) fn fail(&self) {
        self.failing.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::SeqCst)
    }

    pub(crate) async fn has_failed(&self) {
        let failed = self.failed.notified();
        if !self.is_failing() {
            failed.await;
        }
    }

    pub(crate) fn recover(&self) {
        self.failing.store(false, Ordering::SeqCst);
    }

    /// From now on it has not what it had acknowledged last.
    pub(crate) fn rewind(&self) {
        self.rewound.store(true, Ordering::SeqCst);
    }

    /// The journal of an execution cannot be read any more.
    pub(crate) fn spoil(&self, execution: ExecutionId) {
        self.spoiled.lock().unwrap().insert(execution);
    }

    /// It can be read again.
    pub(crate) fn mend(&self, execution: ExecutionId) {
        self.spoiled.lock().unwrap().remove(&execution);
    }

    /// After so many looks at Map Runs of executions somebody else has redriven them; `None`: nobody has.
    pub(crate) fn redrive_map_runs_after(&self, looks: Option<u32>) {
        self.plan.lock().unwrap().looks_left = looks;
    }

    /// The child executions of these Map Runs cannot be listed.
    pub(crate) fn refuse_lists_of(&self, map_runs: impl IntoIterator<Item = Uuid>) {
        self.plan.lock().unwrap().unlisted = map_runs.into_iter().collect();
    }

    /// The journals of these executions cannot be read now.
    pub(crate) fn withhold(&self, executions: impl IntoIterator<Item = ExecutionId>) {
        self.plan.lock().unwrap().withheld = executions.into_iter().collect();
    }

    /// The row of an execution tells of an end that its journal does not have.
    pub(crate) async fn end_row(&self, row: &ExecutionRow) {
        let leases = self.inner.claim_shards(NodeId(Uuid::nil()), &[row.shard]).await.unwrap();
        let update = ExecutionUpdate {
            shard: row.shard,
            id: row.id,
            status: ExecutionStatus::Failed,
            stopped_at: Some(row.started_at.plus_seconds(1)),
            redriven: None,
            resume_at: None,
        };
        let group = CommitGroup { leases, updates: vec![update], ..CommitGroup::default() };
        self.inner.commit(&group).await.unwrap();
    }

    fn has_redriven_map_runs(&self) -> bool {
        let mut plan = self.plan.lock().unwrap();
        let Some(left) = plan.looks_left else { return false };
        plan.looks_left = Some(left.saturating_sub(1));
        left == 0
    }

    fn as_spoiled(&self, mut chunks: Vec<Chunk>) -> Vec<Chunk> {
        let spoiled = self.spoiled.lock().unwrap();
        for chunk in chunks.iter_mut().filter(|chunk| spoiled.contains(&chunk.execution)) {
            chunk.body = "no events".into();
        }
        chunks
    }

    /// Bytes of the largest piece of a journal that was read.
    pub(crate) fn largest_piece(&self) -> usize {
        self.largest_piece.load(Ordering::SeqCst)
    }

    /// Somebody else takes all shards.
    pub(crate) async fn claim_all(&self) {
        let other = NodeId(Uuid::nil());
        self.inner.claim_shards(other, &all_shards()).await.unwrap();
    }

    fn fault(&self) -> Option<Fault> {
        let mut plan = self.plan.lock().unwrap();
        if let Some(left) = &mut plan.commits_left {
            if *left == 0 {
                plan.commits_left = None;
                self.failing.store(true, Ordering::SeqCst);
                self.failed.notify_waiters();
            } else {
                *left -= 1;
            }
        }
        if let Some(fault) = plan.next.pop_front() {
            return Some(fault);
        }
        match plan.random.as_mut()?.below(8) {
            0 => Some(Fault::LostBefore),
            1 => Some(Fault::LostAfter),
            _ => None,
        }
    }

    fn check(&self) -> Result<(), Error> {
        match self.is_failing() {
            true => Err(lost()),
            false => Ok(()),
        }
    }
}

fn lost() -> Error {
    Error::Unavailable("the connection broke".into())
}

#[async_trait]
impl Store for FaultyStore {
    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }

    async fn raise_epochs(&self, by: u64) -> Result<(), Error> {
        self.check()?;
        self.inner.raise_epochs(by).await
    }

    async fn register_node(
        &self,
        node: NodeId,
        address: &str,
        time_to_live: Duration,
    ) -> Result<(), Error> {
        self.check()?;
        self.inner.register_node(node, address, time_to_live).await
    }

    async fn renew_node(
        &self,
        node: NodeId,
        draining: bool,
        time_to_live: Duration,
    ) -> Result<Option<Membership>, Error> {
        self.check()?;
        let mut renewed = self.inner.renew_node(node, draining, time_to_live).await?;
        if let Some(membership) = renewed.as_mut().filter(|_| self.rewound.load(Ordering::SeqCst)) {
            let shards = membership.shards.iter_mut();
            shards.for_each(|shard| {
                shard.lease.commit_seq = shard.lease.commit_seq.saturating_sub(1);
            });
        }
        Ok(renewed)
    }

    async fn deregister_node(&self, node: NodeId) -> Result<(), Error> {
        self.check()?;
        self.inner.deregister_node(node).await
    }

    async fn release_shards(
        &self,
        node: NodeId,
        leases: &[ShardLease],
        successor: Option<NodeId>,
    ) -> Result<(), Error> {
        self.check()?;
        self.inner.release_shards(node, leases, successor).await
    }

    async fn claim_shards(
        &self,
        node: NodeId,
        shards: &[ShardId],
    ) -> Result<Vec<ShardLease>, Error> {
        self.check()?;
        self.inner.claim_shards(node, shards).await
    }

    async fn commit(&self, group: &CommitGroup) -> Result<(), Error> {
        let _open = self.gate.acquire().await;
        let fault = self.fault();
        self.check()?;
        match fault {
            None => self.inner.commit(group).await,
            Some(Fault::LostBefore) => Err(lost()),
            Some(Fault::LostAfter) => {
                self.inner.commit(group).await?;
                Err(lost())
            }
        }
    }

    async fn read_leases(&self, shards: &[ShardId]) -> Result<Vec<ShardLease>, Error> {
        self.check()?;
        self.inner.read_leases(shards).await
    }

    async fn notices(
        &self,
        shard: ShardId,
        target: TargetId,
        after: Option<NoticePlace>,
        limit: usize,
    ) -> Result<Vec<Notice>, Error> {
        self.check()?;
        self.inner.notices(shard, target, after, limit).await
    }

    async fn remove_told(&self, told: &[Told]) -> Result<(), Error> {
        self.check()?;
        self.inner.remove_told(told).await
    }

    async fn remove_notices_of_others(&self, targets: &[TargetId]) -> Result<u64, Error> {
        self.check()?;
        self.inner.remove_notices_of_others(targets).await
    }

    async fn due_executions(
        &self,
        shard: ShardId,
        after: Option<DuePlace>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<ExecutionRow>, Error> {
        self.check()?;
        self.inner.due_executions(shard, after, until, limit).await
    }

    async fn find_execution(
        &self,
        shard: ShardId,
        arn: &str,
        name: &str,
    ) -> Result<Option<ExecutionRow>, Error> {
        self.check()?;
        self.inner.find_execution(shard, arn, name).await
    }

    async fn token_key(&self, fresh: [u8; 32]) -> Result<[u8; 32], Error> {
        self.inner.token_key(fresh).await
    }

    async fn keep_express(&self, closed: &[ClosedExpress]) -> Result<(), Error> {
        let _open = self.gate.acquire().await;
        self.check()?;
        self.inner.keep_express(closed).await
    }

    async fn find_express(
        &self,
        shard: ShardId,
        id: ExecutionId,
    ) -> Result<Option<ClosedExpress>, Error> {
        self.check()?;
        self.inner.find_express(shard, id).await
    }

    async fn list_express(&self, query: &ExecutionQuery) -> Result<Vec<ExecutionRow>, Error> {
        self.check()?;
        self.inner.list_express(query).await
    }

    async fn find_map_run(&self, arn: &str) -> Result<Option<MapRunRow>, Error> {
        self.check()?;
        self.inner.find_map_run(arn).await
    }

    async fn list_map_runs(
        &self,
        shard: ShardId,
        execution: ExecutionId,
        after: Option<MapRunId>,
        limit: usize,
    ) -> Result<Vec<MapRunRow>, Error> {
        self.check()?;
        let mut rows = self.inner.list_map_runs(shard, execution, after, limit).await?;
        if self.has_redriven_map_runs() {
            for MapRunRow { record, .. } in &mut rows {
                (record.status, record.stopped_at) = (ExecutionStatus::Running, None);
            }
        }
        Ok(rows)
    }

    async fn map_runs_to_wind_up(
        &self,
        shard: ShardId,
        after: Option<(ExecutionId, MapRunId)>,
        limit: usize,
    ) -> Result<Vec<MapRunRow>, Error> {
        self.check()?;
        self.inner.map_runs_to_wind_up(shard, after, limit).await
    }

    async fn note_wound_up(&self, row: &MapRunRow, wound_up: WoundUp) -> Result<(), Error> {
        self.check()?;
        self.inner.note_wound_up(row, wound_up).await
    }

    async fn count_children(&self, map_run: Uuid) -> Result<Vec<ChildrenOfStatus>, Error> {
        self.check()?;
        self.inner.count_children(map_run).await
    }

    async fn get_execution(
        &self,
        shard: ShardId,
        id: ExecutionId,
    ) -> Result<Option<ExecutionRow>, Error> {
        self.check()?;
        self.inner.get_execution(shard, id).await
    }

    async fn create_activity(&self, activity: Activity) -> Result<Option<Activity>, Error> {
        self.inner.create_activity(activity).await
    }

    async fn delete_activity(&self, arn: &str) -> Result<bool, Error> {
        self.inner.delete_activity(arn).await
    }

    async fn get_activity(&self, arn: &str) -> Result<Option<Activity>, Error> {
        self.check()?;
        self.inner.get_activity(arn).await
    }

    async fn list_activities(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Activity>, Error> {
        self.inner.list_activities(after, limit).await
    }

    async fn set_activity_tags(
        &self,
        arn: &str,
        present: &Tags,
        tags: &Tags,
    ) -> Result<bool, Error> {
        self.inner.set_activity_tags(arn, present, tags).await
    }

    async fn list_executions(&self, query: &ExecutionQuery) -> Result<Vec<ExecutionRow>, Error> {
        if query.map_run.is_some_and(|key| self.plan.lock().unwrap().unlisted.contains(&key)) {
            return Err(lost());
        }
        self.inner.list_executions(query).await
    }

    async fn journal_from(
        &self,
        shard: ShardId,
        id: ExecutionId,
        first_event: u64,
        limit: ReadLimit,
    ) -> Result<Vec<Chunk>, Error> {
        self.check()?;
        if self.plan.lock().unwrap().withheld.contains(&id) {
            return Err(lost());
        }
        let piece = self.inner.journal_from(shard, id, first_event, limit).await?;
        let bytes = piece.iter().map(|chunk| chunk.body.len()).sum();
        self.largest_piece.fetch_max(bytes, Ordering::SeqCst);
        Ok(self.as_spoiled(piece))
    }

    async fn journal_page(
        &self,
        shard: ShardId,
        id: ExecutionId,
        from: u64,
        descending: bool,
        limit: ReadLimit,
    ) -> Result<Vec<Chunk>, Error> {
        let chunks = self.inner.journal_page(shard, id, from, descending, limit).await?;
        Ok(self.as_spoiled(chunks))
    }

    async fn create_state_machine(
        &self,
        machine: StateMachine,
        version: Option<Version>,
    ) -> Result<Option<StateMachine>, Error> {
        self.inner.create_state_machine(machine, version).await
    }

    async fn publication(&self, arn: &str) -> Result<Option<Publication>, Error> {
        self.inner.publication(arn).await
    }

    async fn change_publication(
        &self,
        arn: &str,
        present: u64,
        change: PublicationChange,
    ) -> Result<bool, Error> {
        self.inner.change_publication(arn, present, change).await
    }

    async fn find_version(&self, arn: &str, number: u64) -> Result<Option<Version>, Error> {
        self.inner.find_version(arn, number).await
    }

    async fn find_alias(&self, arn: &str, name: &str) -> Result<Option<Alias>, Error> {
        self.inner.find_alias(arn, name).await
    }

    async fn update_state_machine(
        &self,
        arn: &str,
        present: Uuid,
        revision: Revision,
    ) -> Result<bool, Error> {
        self.inner.update_state_machine(arn, present, revision).await
    }

    async fn begin_deletion(&self, arn: &str, at: Timestamp) -> Result<bool, Error> {
        self.inner.begin_deletion(arn, at).await
    }

    async fn deleting_state_machines(&self) -> Result<Vec<Arc<str>>, Error> {
        self.inner.deleting_state_machines().await
    }

    async fn delete_state_machine(&self, arn: &str) -> Result<bool, Error> {
        self.inner.delete_state_machine(arn).await
    }

    async fn get_state_machine(&self, arn: &str) -> Result<Option<StateMachine>, Error> {
        self.inner.get_state_machine(arn).await
    }

    async fn list_state_machines(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StateMachineSummary>, Error> {
        self.inner.list_state_machines(after, limit).await
    }

    async fn get_revision(&self, id: Uuid) -> Result<Option<Arc<Revision>>, Error> {
        self.inner.get_revision(id).await
    }

    async fn set_tags(&self, arn: &str, present: &Tags, tags: &Tags) -> Result<bool, Error> {
        self.inner.set_tags(arn, present, tags).await
    }

    async fn set_retention(&self, arn: &str, days: Option<u32>) -> Result<bool, Error> {
        self.inner.set_retention(arn, days).await
    }

    async fn remove_closed(
        &self,
        shard: ShardId,
        retention: Retention,
        limit: usize,
    ) -> Result<Removed, Error> {
        self.check()?;
        self.inner.remove_closed(shard, retention, limit).await
    }

    async fn remove_unused_revisions(&self, known: &[Uuid]) -> Result<Vec<Uuid>, Error> {
        self.check()?;
        self.inner.remove_unused_revisions(known).await
    }

    async fn oldest_transaction(&self) -> Result<Option<std::time::Duration>, Error> {
        self.inner.oldest_transaction().await
    }

    async fn close(&self) {}
}
