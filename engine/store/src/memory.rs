//! A store in memory: for `stepyard run`, for tests, and as the base of simulated faults.

mod activity;
mod express;
mod inspect;
mod publication;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use stepyard_asl::Timestamp;
use stepyard_machine::{EventId, MapRunId};
use uuid::Uuid;

use crate::commit::missing;
use crate::sql::merge;
use crate::{
    Activity, Alias, ChildrenOfStatus, Chunk, ClosedExpress, CommitGroup, DuePlace, Error,
    ExecutionId, ExecutionQuery, ExecutionRow, MapRunRow, Membership, MetadataItem, MetadataStore,
    Node, NodeId, Notice, NoticePlace, Publication, PublicationChange, ReadLimit, Removed,
    Retention, Revision, SHARD_COUNT, ShardId, ShardLease, ShardOwner, StateMachine,
    StateMachineSummary, Store, TOKEN_KEY_BYTES, Tags, TargetId, Told, Version, WoundUp,
    all_shards,
};

/// The clock of a database that lives in memory.
type DatabaseClock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Keeps everything until it is dropped; clones share their content.
#[derive(Clone, Default)]
pub struct MemoryStore {
    tables: Arc<Mutex<Tables>>,
    /// By which the leases of nodes run out, when several use it.
    clock: Option<DatabaseClock>,
}

#[derive(Default)]
struct Tables {
    nodes: BTreeMap<NodeId, NodeRow>,
    leases: BTreeMap<ShardId, ShardLease>,
    owners: BTreeMap<ShardId, NodeId>,
    executions: BTreeMap<ExecutionId, ExecutionRow>,
    names: BTreeMap<(ShardId, Arc<str>, Arc<str>), ExecutionId>,
    journal: BTreeMap<(ShardId, ExecutionId, u64), Chunk>,
    map_runs: BTreeMap<(ShardId, ExecutionId, MapRunId), MapRunRow>,
    express: BTreeMap<(ShardId, ExecutionId), ClosedExpress>,
    notices: BTreeMap<(ShardId, TargetId, NoticePlace), Notice>,
    machines: BTreeMap<Arc<str>, StateMachine>,
    /// Of each state machine that is there.
    publications: BTreeMap<Arc<str>, Publication>,
    revisions: BTreeMap<Uuid, MachineRevision>,
    activities: BTreeMap<Arc<str>, Activity>,
    token_key: Option<[u8; TOKEN_KEY_BYTES]>,
    metadata: BTreeMap<(String, i64), MetadataItem>,
}

struct NodeRow {
    address: Arc<str>,
    draining: bool,
    alive_until: Timestamp,
}

/// A revision, and the ARN of its state machine.
struct MachineRevision {
    arn: Arc<str>,
    revision: Arc<Revision>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    /// An empty store for several nodes, as a database that they share, with its clock.
    pub fn shared(clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> MemoryStore {
        MemoryStore { clock: Some(Arc::new(clock)), ..MemoryStore::default() }
    }

    fn now(&self) -> Timestamp {
        self.clock.as_ref().map_or(Timestamp(0), |clock| clock())
    }

    /// No operation leaves the tables half changed, so a panic elsewhere does not spoil them.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn lease(&self, shard: ShardId) -> ShardLease {
        self.leases.get(&shard).copied().unwrap_or(ShardLease { shard, epoch: 0, commit_seq: 0 })
    }

    /// Whether a node may take that shard.
    fn is_claimable(&self, shard: ShardId, node: NodeId, now: Timestamp) -> bool {
        match self.owners.get(&shard) {
            None => true,
            Some(owner) if *owner == node => true,
            Some(owner) => self.nodes.get(owner).is_none_or(|row| row.alive_until <= now),
        }
    }

    fn membership(&self, now: Timestamp) -> Membership {
        let node = |(id, row): (&NodeId, &NodeRow)| {
            let left =
                u64::try_from(row.alive_until.millis_since(now)).ok().filter(|left| *left > 0)?;
            let (address, draining) = (row.address.clone(), row.draining);
            Some(Node { id: *id, address, draining, alive_for: Duration::from_millis(left) })
        };
        let shard = |shard: &ShardId| ShardOwner {
            lease: self.lease(*shard),
            owner: self.owners.get(shard).copied(),
        };
        Membership {
            nodes: self.nodes.iter().filter_map(node).collect(),
            shards: all_shards().iter().map(shard).collect(),
        }
    }

    /// What the constraints of a database would refuse, before anything is written.
    fn check(&self, group: &CommitGroup) -> Result<(), Error> {
        if let Some(lost) = group.leases.iter().find(|lease| self.lease(lease.shard) != **lease) {
            return Err(Error::Fenced { shard: lost.shard });
        }
        let taken_name = |row: &&ExecutionRow| {
            let name = (row.shard, row.state_machine_arn.clone(), row.name.clone());
            self.names.contains_key(&name)
        };
        if let Some(row) = group.starts.iter().find(taken_name) {
            return Err(Error::Conflict(format!("execution name {} is taken", row.name)));
        }
        let taken_place = |chunk: &&Chunk| {
            self.journal.contains_key(&(chunk.shard, chunk.execution, chunk.first_event))
        };
        if let Some(chunk) = group.chunks.iter().find(taken_place) {
            return Err(Error::Conflict(format!(
                "event {} of execution {} is there already",
                chunk.first_event, chunk.execution.0
            )));
        }
        let (_, updates) = merge(group);
        match updates.iter().all(|update| self.executions.contains_key(&update.id)) {
            true => Ok(()),
            false => Err(missing()),
        }
    }

    fn write(&mut self, group: &CommitGroup) {
        for lease in &group.leases {
            let next = ShardLease { commit_seq: lease.commit_seq + 1, ..*lease };
            self.leases.insert(lease.shard, next);
        }
        for row in &group.starts {
            let name = (row.shard, row.state_machine_arn.clone(), row.name.clone());
            self.names.insert(name, row.id);
            self.executions.insert(row.id, row.clone());
        }
        for chunk in &group.chunks {
            self.journal.insert((chunk.shard, chunk.execution, chunk.first_event), chunk.clone());
        }
        for row in &group.map_runs {
            let place = (row.shard, row.execution, row.record.id);
            let before = self
                .map_runs
                .get(&place)
                .filter(|before| before.record.stopped_at == row.record.stopped_at);
            let wound_up = before.and_then(|before| before.wound_up);
            self.map_runs.insert(place, MapRunRow { wound_up, ..row.clone() });
        }
        for row in &group.notices {
            self.notices.insert((row.shard, row.target, row.place()), row.clone());
        }
        for update in &group.updates {
            if let Some(row) = self.executions.get_mut(&update.id) {
                row.status = update.status;
                row.stopped_at = update.stopped_at;
                row.redriven = update.redriven;
                row.resume_at = update.resume_at;
            }
        }
    }
}

/// What is to be told.
impl Tables {
    fn notices_after(
        &self,
        shard: ShardId,
        target: TargetId,
        after: Option<NoticePlace>,
    ) -> impl Iterator<Item = &Notice> {
        let notices = self.notices.values();
        let is_asked = move |notice: &&Notice| (notice.shard, notice.target) == (shard, target);
        notices
            .filter(is_asked)
            .filter(move |notice| after.is_none_or(|after| notice.place() > after))
    }

    fn remove_told(&mut self, Told { shard, target, up_to }: Told) {
        self.notices.retain(|(of, to, place), _| (*of, *to) != (shard, target) || *place > up_to);
    }
}

/// What is kept no longer.
impl Tables {
    fn add_revision(&mut self, arn: Arc<str>, revision: Revision) {
        let known = MachineRevision { arn, revision: Arc::new(revision) };
        self.revisions.insert(known.revision.id, known);
    }

    fn expired(&self, shard: ShardId, retention: Retention) -> impl Iterator<Item = &ExecutionRow> {
        let of_shard = self.executions.values().filter(move |row| row.shard == shard);
        of_shard.filter(move |row| self.is_expired(row, retention))
    }

    /// Without an end, or without a cutoff, it stays.
    fn is_expired(&self, row: &ExecutionRow, retention: Retention) -> bool {
        let machine = self.machines.get(unlabelled(&row.state_machine_arn));
        let cutoff = retention.cutoff(machine.and_then(|machine| machine.retention_days));
        row.stopped_at.zip(cutoff).is_some_and(|(end, cut)| end < cut)
    }

    fn remove(&mut self, row: &ExecutionRow) {
        self.executions.remove(&row.id);
        self.map_runs.retain(|(_, execution, _), _| *execution != row.id);
        self.names.remove(&(row.shard, row.state_machine_arn.clone(), row.name.clone()));
        let chunks = self.journal.range((row.shard, row.id, 0)..=(row.shard, row.id, u64::MAX));
        let places: Vec<_> = chunks.map(|(place, _)| *place).collect();
        places.iter().for_each(|place| drop(self.journal.remove(place)));
    }

    fn unused_revisions(&self) -> Vec<Uuid> {
        let is_used = |arn: &Arc<str>| {
            self.machines.contains_key(arn)
                || self.has_express(arn)
                || self.executions.values().any(|row| unlabelled(&row.state_machine_arn) == &**arn)
        };
        let unused = self.revisions.iter().filter(|(_, known)| !is_used(&known.arn));
        unused.map(|(id, _)| *id).collect()
    }
}

/// The ARN of a state machine, also of one that child executions of a Map Run stand under: `ARN/LABEL`.
fn unlabelled(arn: &str) -> &str {
    arn.split_once('/').map_or(arn, |(machine, _)| machine)
}

#[async_trait]
impl Store for MemoryStore {
    fn is_shared(&self) -> bool {
        self.clock.is_some()
    }

    async fn token_key(
        &self,
        fresh: [u8; TOKEN_KEY_BYTES],
    ) -> Result<[u8; TOKEN_KEY_BYTES], Error> {
        Ok(*self.tables().token_key.get_or_insert(fresh))
    }

    async fn raise_epochs(&self, by: u64) -> Result<(), Error> {
        let mut tables = self.tables();
        for shard in all_shards() {
            let held = tables.lease(shard);
            tables.leases.insert(shard, ShardLease { epoch: held.epoch + by, ..held });
        }
        Ok(())
    }

    async fn register_node(
        &self,
        node: NodeId,
        address: &str,
        time_to_live: Duration,
    ) -> Result<(), Error> {
        let alive_until = end(self.now(), time_to_live);
        let row = NodeRow { address: address.into(), draining: false, alive_until };
        let mut tables = self.tables();
        tables.nodes.retain(|_, row| &*row.address != address);
        tables.nodes.insert(node, row);
        Ok(())
    }

    async fn renew_node(
        &self,
        node: NodeId,
        draining: bool,
        time_to_live: Duration,
    ) -> Result<Option<Membership>, Error> {
        if !self.is_shared() {
            let leases = self.read_leases(&all_shards()).await?;
            return Ok(Some(Membership::alone(node, draining, &leases)));
        }
        let now = self.now();
        let mut tables = self.tables();
        let Some(row) = tables.nodes.get_mut(&node) else { return Ok(None) };
        (row.draining, row.alive_until) = (draining, end(now, time_to_live));
        Ok(Some(tables.membership(now)))
    }

    async fn deregister_node(&self, node: NodeId) -> Result<(), Error> {
        self.tables().nodes.remove(&node);
        Ok(())
    }

    async fn claim_shards(
        &self,
        node: NodeId,
        shards: &[ShardId],
    ) -> Result<Vec<ShardLease>, Error> {
        let now = self.now();
        let mut tables = self.tables();
        let mut claimed = Vec::new();
        for &shard in shards {
            debug_assert!(shard.0 < SHARD_COUNT);
            if !self.is_shared() || tables.is_claimable(shard, node, now) {
                let held = tables.lease(shard);
                let lease = ShardLease { epoch: held.epoch + 1, ..held };
                tables.leases.insert(shard, lease);
                tables.owners.insert(shard, node);
                claimed.push(lease);
            }
        }
        claimed.sort_by_key(|lease| lease.shard);
        Ok(claimed)
    }

    async fn release_shards(
        &self,
        node: NodeId,
        leases: &[ShardLease],
        successor: Option<NodeId>,
    ) -> Result<(), Error> {
        let mut tables = self.tables();
        for lease in leases {
            let shard = lease.shard;
            let is_held = tables.owners.get(&shard) == Some(&node);
            if is_held && tables.lease(shard).epoch == lease.epoch {
                match successor {
                    Some(successor) => tables.owners.insert(shard, successor),
                    None => tables.owners.remove(&shard),
                };
            }
        }
        Ok(())
    }

    async fn read_leases(&self, shards: &[ShardId]) -> Result<Vec<ShardLease>, Error> {
        let tables = self.tables();
        Ok(shards.iter().map(|&shard| tables.lease(shard)).collect())
    }

    async fn commit(&self, group: &CommitGroup) -> Result<(), Error> {
        group.check_fences()?;
        let mut tables = self.tables();
        tables.check(group)?;
        tables.write(group);
        Ok(())
    }

    async fn notices(
        &self,
        shard: ShardId,
        target: TargetId,
        after: Option<NoticePlace>,
        limit: usize,
    ) -> Result<Vec<Notice>, Error> {
        Ok(self.tables().notices_after(shard, target, after).take(limit).cloned().collect())
    }

    async fn remove_told(&self, told: &[Told]) -> Result<(), Error> {
        told.iter().for_each(|told| self.tables().remove_told(*told));
        Ok(())
    }

    async fn remove_notices_of_others(&self, targets: &[TargetId]) -> Result<u64, Error> {
        let mut tables = self.tables();
        let before = tables.notices.len();
        tables.notices.retain(|(_, target, _), _| targets.contains(target));
        Ok((before - tables.notices.len()) as u64)
    }

    async fn due_executions(
        &self,
        shard: ShardId,
        after: Option<DuePlace>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<ExecutionRow>, Error> {
        let tables = self.tables();
        let is_due = |row: &&ExecutionRow| {
            row.shard == shard
                && row.stopped_at.is_none()
                && row.due_place().0 <= until
                && after.is_none_or(|after| row.due_place() > after)
        };
        let mut rows: Vec<_> = tables.executions.values().filter(is_due).cloned().collect();
        rows.sort_by_key(ExecutionRow::due_place);
        rows.truncate(limit);
        Ok(rows)
    }

    async fn find_execution(
        &self,
        shard: ShardId,
        state_machine_arn: &str,
        name: &str,
    ) -> Result<Option<ExecutionRow>, Error> {
        let tables = self.tables();
        let id = tables.names.get(&(shard, state_machine_arn.into(), name.into()));
        Ok(id.and_then(|id| tables.executions.get(id)).cloned())
    }

    async fn get_execution(
        &self,
        shard: ShardId,
        id: ExecutionId,
    ) -> Result<Option<ExecutionRow>, Error> {
        let tables = self.tables();
        Ok(tables.executions.get(&id).filter(|row| row.shard == shard).cloned())
    }

    async fn list_executions(&self, query: &ExecutionQuery) -> Result<Vec<ExecutionRow>, Error> {
        let tables = self.tables();
        let rows = tables.executions.values().rev();
        Ok(rows.filter(|row| query.matches(row)).take(query.limit).cloned().collect())
    }

    async fn keep_express(&self, closed: &[ClosedExpress]) -> Result<(), Error> {
        self.tables().keep_express(closed);
        Ok(())
    }

    async fn find_express(
        &self,
        shard: ShardId,
        id: ExecutionId,
    ) -> Result<Option<ClosedExpress>, Error> {
        Ok(self.tables().express.get(&(shard, id)).cloned())
    }

    async fn list_express(&self, query: &ExecutionQuery) -> Result<Vec<ExecutionRow>, Error> {
        Ok(self.tables().list_express(query))
    }

    async fn find_map_run(&self, arn: &str) -> Result<Option<MapRunRow>, Error> {
        Ok(self.tables().map_runs.values().find(|row| &*row.record.arn == arn).cloned())
    }

    async fn list_map_runs(
        &self,
        shard: ShardId,
        execution: ExecutionId,
        after: Option<MapRunId>,
        limit: usize,
    ) -> Result<Vec<MapRunRow>, Error> {
        let tables = self.tables();
        let first = MapRunId(EventId(after.map_or(0, |after| after.0.0 + 1)));
        let last = MapRunId(EventId(u64::MAX));
        let of_execution =
            tables.map_runs.range((shard, execution, first)..=(shard, execution, last));
        Ok(of_execution.take(limit).map(|(_, row)| row.clone()).collect())
    }

    async fn map_runs_to_wind_up(
        &self,
        shard: ShardId,
        after: Option<(ExecutionId, MapRunId)>,
        limit: usize,
    ) -> Result<Vec<MapRunRow>, Error> {
        let tables = self.tables();
        let is_wanted = |row: &&MapRunRow| {
            let place = Some((row.execution, row.record.id));
            row.shard == shard && row.is_to_be_wound_up() && place > after
        };
        Ok(tables.map_runs.values().filter(is_wanted).take(limit).cloned().collect())
    }

    async fn note_wound_up(&self, row: &MapRunRow, wound_up: WoundUp) -> Result<(), Error> {
        let mut tables = self.tables();
        let stored = tables.map_runs.get_mut(&(row.shard, row.execution, row.record.id));
        if let Some(stored) = stored
            && stored.record.stopped_at.is_some()
            && stored.record.stopped_at == row.record.stopped_at
        {
            stored.wound_up = Some(wound_up);
        }
        Ok(())
    }

    async fn count_children(&self, map_run: Uuid) -> Result<Vec<ChildrenOfStatus>, Error> {
        let tables = self.tables();
        let mut counted = BTreeMap::new();
        for row in tables.executions.values() {
            if let Some(child) = row.child.filter(|child| child.map_run == map_run) {
                let (executions, items) = counted.entry(row.status).or_insert((0, 0));
                *executions += 1;
                *items += child.items;
            }
        }
        let of_status =
            |(status, (executions, items))| ChildrenOfStatus { status, executions, items };
        Ok(counted.into_iter().map(of_status).collect())
    }

    async fn journal_from(
        &self,
        shard: ShardId,
        execution: ExecutionId,
        first_event: u64,
        limit: ReadLimit,
    ) -> Result<Vec<Chunk>, Error> {
        let tables = self.tables();
        let range = (shard, execution, first_event)..=(shard, execution, u64::MAX);
        Ok(limit.take(tables.journal.range(range).map(|(_, chunk)| chunk)))
    }

    async fn journal_page(
        &self,
        shard: ShardId,
        execution: ExecutionId,
        from_visible_id: u64,
        descending: bool,
        limit: ReadLimit,
    ) -> Result<Vec<Chunk>, Error> {
        let chunks = self.load_journal(shard, execution).await?;
        // The chunk that holds an id is the last one that starts at or before it.
        let holder = chunks.partition_point(|chunk| chunk.first_visible_id <= from_visible_id);
        if descending {
            return Ok(limit.take(chunks[..holder].iter().rev()));
        }
        let first = holder.saturating_sub(1);
        Ok(limit.take(chunks.get(first..).unwrap_or_default().iter()))
    }

    async fn create_state_machine(
        &self,
        machine: StateMachine,
        version: Option<Version>,
    ) -> Result<Option<StateMachine>, Error> {
        let mut tables = self.tables();
        if let Some(present) = tables.machines.get(&machine.arn) {
            return Ok(Some(present.clone()));
        }
        tables.add_revision(machine.arn.clone(), machine.revision.clone());
        tables.begin_publication(machine.arn.clone(), version);
        tables.machines.insert(machine.arn.clone(), machine);
        Ok(None)
    }

    async fn update_state_machine(
        &self,
        arn: &str,
        present: Uuid,
        revision: Revision,
    ) -> Result<bool, Error> {
        let mut tables = self.tables();
        let machine = tables.machines.get_mut(arn);
        let Some(machine) = machine.filter(|machine| machine.revision.id == present) else {
            return Ok(false);
        };
        machine.revision = revision.clone();
        tables.add_revision(arn.into(), revision);
        Ok(true)
    }

    async fn begin_deletion(&self, arn: &str, at: Timestamp) -> Result<bool, Error> {
        let mut tables = self.tables();
        let Some(machine) = tables.machines.get_mut(arn) else { return Ok(false) };
        machine.deleting_since.get_or_insert(at);
        Ok(true)
    }

    async fn deleting_state_machines(&self) -> Result<Vec<Arc<str>>, Error> {
        let tables = self.tables();
        let deleting = tables.machines.values().filter(|machine| machine.deleting_since.is_some());
        Ok(deleting.map(|machine| machine.arn.clone()).collect())
    }

    async fn delete_state_machine(&self, arn: &str) -> Result<bool, Error> {
        let mut tables = self.tables();
        tables.publications.remove(arn);
        Ok(tables.machines.remove(arn).is_some())
    }

    async fn get_state_machine(&self, arn: &str) -> Result<Option<StateMachine>, Error> {
        Ok(self.tables().machines.get(arn).cloned())
    }

    async fn list_state_machines(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StateMachineSummary>, Error> {
        let tables = self.tables();
        let later = tables
            .machines
            .values()
            .filter(|machine| after.is_none_or(|after| &*machine.arn > after));
        Ok(later.take(limit).map(StateMachine::summary).collect())
    }

    async fn get_revision(&self, id: Uuid) -> Result<Option<Arc<Revision>>, Error> {
        Ok(self.tables().revisions.get(&id).map(|known| known.revision.clone()))
    }

    async fn publication(&self, arn: &str) -> Result<Option<Publication>, Error> {
        Ok(self.tables().publications.get(arn).cloned())
    }

    async fn change_publication(
        &self,
        arn: &str,
        present: u64,
        change: PublicationChange,
    ) -> Result<bool, Error> {
        Ok(self.tables().change_publication(arn, present, &change))
    }

    async fn find_version(&self, arn: &str, number: u64) -> Result<Option<Version>, Error> {
        Ok(self.tables().publications.get(arn).and_then(|all| all.version(number)).cloned())
    }

    async fn find_alias(&self, arn: &str, name: &str) -> Result<Option<Alias>, Error> {
        Ok(self.tables().publications.get(arn).and_then(|all| all.alias(name)).cloned())
    }

    async fn set_retention(&self, arn: &str, days: Option<u32>) -> Result<bool, Error> {
        let mut tables = self.tables();
        let Some(machine) = tables.machines.get_mut(arn) else { return Ok(false) };
        machine.retention_days = days;
        Ok(true)
    }

    async fn set_tags(&self, arn: &str, present: &Tags, tags: &Tags) -> Result<bool, Error> {
        let mut tables = self.tables();
        let machine = tables.machines.get_mut(arn).filter(|machine| machine.tags == *present);
        let Some(machine) = machine else { return Ok(false) };
        machine.tags.clone_from(tags);
        Ok(true)
    }

    async fn create_activity(&self, activity: Activity) -> Result<Option<Activity>, Error> {
        Ok(self.tables().create_activity(activity))
    }

    async fn delete_activity(&self, arn: &str) -> Result<bool, Error> {
        Ok(self.tables().activities.remove(arn).is_some())
    }

    async fn get_activity(&self, arn: &str) -> Result<Option<Activity>, Error> {
        Ok(self.tables().activities.get(arn).cloned())
    }

    async fn list_activities(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Activity>, Error> {
        Ok(self.tables().list_activities(after, limit))
    }

    async fn set_activity_tags(
        &self,
        arn: &str,
        present: &Tags,
        tags: &Tags,
    ) -> Result<bool, Error> {
        Ok(self.tables().set_activity_tags(arn, present, tags))
    }

    async fn remove_closed(
        &self,
        shard: ShardId,
        retention: Retention,
        limit: usize,
    ) -> Result<Removed, Error> {
        let mut tables = self.tables();
        let expired: Vec<_> = tables.expired(shard, retention).take(limit).cloned().collect();
        expired.iter().for_each(|row| tables.remove(row));
        let express = tables.remove_express(shard, retention, limit - expired.len());
        let executions = expired.len() + express;
        Ok(Removed { executions, has_more: executions == limit })
    }

    async fn remove_unused_revisions(&self, known: &[Uuid]) -> Result<Vec<Uuid>, Error> {
        let mut tables = self.tables();
        let (removed, found): (Vec<_>, Vec<_>) =
            tables.unused_revisions().into_iter().partition(|id| known.contains(id));
        tables.revisions.retain(|id, _| !removed.contains(id));
        Ok(found)
    }

    async fn oldest_transaction(&self) -> Result<Option<Duration>, Error> {
        Ok(None)
    }

    async fn close(&self) {}
}

fn end(now: Timestamp, time_to_live: Duration) -> Timestamp {
    now.plus_millis(i64::try_from(time_to_live.as_millis()).unwrap_or(i64::MAX))
}

#[async_trait]
impl MetadataStore for MemoryStore {
    async fn put_item(&self, item: MetadataItem) -> Result<(), Error> {
        self.tables().metadata.insert((item.image_id.clone(), item.timestamp), item);
        Ok(())
    }

    async fn query_items(&self, image_id: &str) -> Result<Vec<MetadataItem>, Error> {
        let tables = self.tables();
        let range = (image_id.to_owned(), i64::MIN)..=(image_id.to_owned(), i64::MAX);
        Ok(tables.metadata.range(range).rev().map(|(_, item)| item.clone()).collect())
    }

    async fn scan_items(
        &self,
        after: Option<(String, i64)>,
        limit: usize,
    ) -> Result<Vec<MetadataItem>, Error> {
        let tables = self.tables();
        let items = tables.metadata.iter();
        let later = items.filter(|(key, _)| after.as_ref().is_none_or(|after| *key > after));
        Ok(later.take(limit).map(|(_, item)| item.clone()).collect())
    }
}
