//! The simulated database: the store in memory, behind connections that fail as those of databases do.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use stepyard_asl::Timestamp;
use stepyard_machine::MapRunId;
use stepyard_store::{
    Activity, Alias, ChildrenOfStatus, Chunk, ClosedExpress, CommitGroup, DuePlace, Error,
    ExecutionId, ExecutionQuery, ExecutionRow, MapRunRow, Membership, MemoryStore, NodeId, Notice,
    NoticePlace, Publication, PublicationChange, ReadLimit, Removed, Retention, Revision, ShardId,
    ShardLease, StateMachine, StateMachineSummary, Store, Tags, TargetId, Told, Version, WoundUp,
};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::bugs::Bug;
use crate::checkers::ledger::Ledger;
use crate::faults::{Fault, Faults};
use crate::node::{Condition, Process};
use crate::time::Time;
use crate::witness::Witness;

/// The database and all that is known of what happened to it.
pub(crate) struct Database {
    /// What is durable.
    pub(crate) tables: MemoryStore,
    lanes: u16,
    time: Time,
    faults: Faults,
    witness: Witness,
    bug: Option<Bug>,
    state: Mutex<State>,
}

struct State {
    ledger: Ledger,
    /// It answers nothing until then.
    down_until: Timestamp,
    /// It cannot write until then.
    full_until: Timestamp,
    /// Raised by each crash: what was under way is lost.
    generation: u64,
    /// Calls that have no answer yet.
    under_way: usize,
    commits: u64,
    /// The process whose commit has this number is killed: before it is applied, or after.
    crash_at: Option<(u64, Fault)>,
    /// Leases of a commit that has failed, for mistakes that concern the next one.
    failed: Vec<ShardLease>,
}

impl Database {
    pub(crate) fn new(
        (time, faults, witness): (Time, Faults, Witness),
        lanes: Option<u16>,
        bug: Option<Bug>,
    ) -> Database {
        let clock = time.clone();
        let tables = match lanes {
            Some(_) => MemoryStore::shared(move || clock.now()),
            None => MemoryStore::new(),
        };
        let state = State {
            ledger: Ledger::new(witness.clone()),
            down_until: Timestamp(0),
            full_until: Timestamp(0),
            generation: 0,
            under_way: 0,
            commits: 0,
            crash_at: None,
            failed: Vec::new(),
        };
        let (lanes, state) = (lanes.unwrap_or(1), Mutex::new(state));
        Database { tables, lanes, time, faults, witness, bug, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// A way for a process to use it.
    pub(crate) fn connect(self: &Arc<Database>, process: &Process) -> Connection {
        Connection { database: self.clone(), process: process.clone() }
    }

    /// Answers nothing for that time.
    pub(crate) fn go_down(&self, millis: i64) {
        self.state().down_until = self.time.now().plus_millis(millis);
    }

    /// Writes nothing for that time.
    pub(crate) fn fill_up(&self, millis: i64) {
        self.state().full_until = self.time.now().plus_millis(millis);
    }

    /// Forgets what was under way, keeps what it has acknowledged.
    pub(crate) fn crash(&self, millis: i64) {
        self.state().generation += 1;
        self.go_down(millis);
    }

    /// Kills the process that sends that commit.
    pub(crate) fn crash_at(&self, commit: u64, when: Fault) {
        self.state().crash_at = Some((commit, when));
    }

    /// Commits so far.
    pub(crate) fn commits(&self) -> u64 {
        self.state().commits
    }

    /// Whether a call has no answer yet.
    pub(crate) fn is_busy(&self) -> bool {
        self.state().under_way > 0
    }

    /// All executions, newest first.
    pub(crate) async fn executions(&self) -> Vec<ExecutionRow> {
        let query = ExecutionQuery { limit: usize::MAX, ..ExecutionQuery::default() };
        self.tables.list_executions(&query).await.unwrap()
    }

    /// The way of a call to the database, or back.
    async fn travel(&self) {
        if self.faults.below(2) == 0 {
            self.time.sleep_millis(self.faults.millis(1, 20)).await;
        }
    }

    fn check_is_up(&self) -> Result<(), Error> {
        match self.state().down_until > self.time.now() {
            true => Err(lost()),
            false => Ok(()),
        }
    }

    fn check_can_write(&self) -> Result<(), Error> {
        match self.state().full_until > self.time.now() {
            true => Err(Error::Unavailable("the disk is full".into())),
            false => Ok(()),
        }
    }
}

fn lost() -> Error {
    Error::Unavailable("the connection broke".into())
}

/// Counts a call that has no answer yet.
struct UnderWay(Arc<Database>);

impl UnderWay {
    fn new(database: &Arc<Database>) -> UnderWay {
        database.state().under_way += 1;
        UnderWay(database.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.state().under_way -= 1;
    }
}

/// How one process uses the database.
#[derive(Clone)]
pub(crate) struct Connection {
    database: Arc<Database>,
    process: Process,
}

/// Calls but commits.
impl Connection {
    /// A call that may fail before it has an effect, or after.
    async fn call<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let database = &self.database;
        let _under_way = UnderWay::new(database);
        self.process.pass().await;
        database.travel().await;
        let fails = database.faults.strikes(Fault::ReadLost, 60);
        let fails_before = fails && database.faults.below(2) == 0;
        self.reach()?;
        let result = if fails_before { Err(lost()) } else { work.await };
        self.process.pass().await;
        if fails { Err(lost()) } else { result }
    }

    /// The way to the database.
    fn reach(&self) -> Result<(), Error> {
        let cut = self.process.is_cut_from_database(self.database.time.now());
        if cut { Err(lost()) } else { self.database.check_is_up() }
    }

    async fn write<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let checked = async {
            self.database.check_can_write()?;
            work.await
        };
        self.call(checked).await
    }
}

/// Commits.
impl Connection {
    /// Carried out by the database, whatever becomes of the process meanwhile.
    async fn carry_out(self, group: CommitGroup, reply: oneshot::Sender<Result<(), Error>>) {
        let _under_way = UnderWay::new(&self.database);
        let Connection { database, process } = &self;
        let faults = &database.faults;
        let generation = database.state().generation;
        let crash = self.crash_now();
        if crash == Some(Fault::CrashBeforeCommit) {
            return process.set(Condition::Dead);
        }
        database.travel().await;
        if let Err(error) = self.reach() {
            return drop(reply.send(Err(error)));
        }
        if faults.strikes(Fault::CommitSlow, 12) {
            database.time.sleep_millis(faults.millis(300, 8_000)).await;
        }
        let result = if faults.strikes(Fault::CommitLate, 25) {
            // Nobody waits for it any more, but it is under way.
            let _ = reply.send(Err(lost()));
            database.time.sleep_millis(faults.millis(5, 4_000)).await;
            return drop(self.apply(&group, generation).await);
        } else if faults.strikes(Fault::CommitLost, 15) {
            Err(lost())
        } else {
            self.apply(&group, generation).await
        };
        if crash.is_some() {
            return process.set(Condition::Dead);
        }
        database.travel().await;
        let fails =
            faults.strikes(Fault::CommitLostAfter, 15) || database.state().generation != generation;
        let fails = fails || process.is_cut_from_database(database.time.now());
        let _ = reply.send(if fails { Err(lost()) } else { result });
    }

    /// Whether this commit is the last one of its process.
    fn crash_now(&self) -> Option<Fault> {
        let Database { state, faults, .. } = &*self.database;
        let mut state = state.lock().unwrap();
        state.commits += 1;
        let number = state.commits;
        if state.crash_at.is_some_and(|(at, _)| at == number) {
            let (_, when) = state.crash_at.take()?;
            faults.count(when);
            return Some(when);
        }
        [Fault::CrashBeforeCommit, Fault::CrashAfterCommit]
            .into_iter()
            .find(|fault| faults.strikes(*fault, 80))
    }

    async fn apply(&self, group: &CommitGroup, generation: u64) -> Result<(), Error> {
        let database = &self.database;
        database.check_is_up()?;
        database.check_can_write()?;
        if database.state().generation != generation {
            return Err(lost());
        }
        let group = self.spoil(group).await;
        if database.bug != Some(Bug::CommitPretended) || database.faults.below(8) > 0 {
            let written = self.written(&group).await;
            let result = database.tables.commit(&written).await;
            let leases: Vec<_> = group.leases.iter().map(|l| (l.shard.0, l.epoch)).collect();
            database
                .witness
                .note(format_args!("commit by {} of {leases:?}: {result:?}", self.process.number));
            result?;
        }
        database.state().ledger.committed(&self.process, &group);
        Ok(())
    }

    /// What the planted mistake makes of a group.
    async fn spoil(&self, group: &CommitGroup) -> CommitGroup {
        let mut group = group.clone();
        let is_repeat = self.database.state().failed == group.leases;
        match self.database.bug {
            Some(Bug::CommitTorn) if group.chunks.len() > 1 => drop(group.chunks.pop()),
            Some(Bug::RetryChanged) if is_repeat => drop(group.chunks.pop()),
            Some(Bug::EndNotIndexed) => {
                group.updates.retain(|update| update.stopped_at.is_none());
            }
            _ => {}
        }
        group
    }

    /// The group as the store gets it.
    async fn written(&self, group: &CommitGroup) -> CommitGroup {
        let mut group = group.clone();
        if self.database.bug == Some(Bug::FenceIgnored) {
            let shards: Vec<_> = group.leases.iter().map(|lease| lease.shard).collect();
            group.leases = self.database.tables.read_leases(&shards).await.unwrap();
        }
        group
    }
}

#[async_trait]
impl Store for Connection {
    fn lanes(&self) -> u16 {
        self.database.lanes
    }

    fn is_shared(&self) -> bool {
        self.database.tables.is_shared()
    }

    async fn register_node(
        &self,
        node: NodeId,
        address: &str,
        time_to_live: Duration,
    ) -> Result<(), Error> {
        self.write(self.database.tables.register_node(node, address, time_to_live)).await
    }

    async fn renew_node(
        &self,
        node: NodeId,
        draining: bool,
        time_to_live: Duration,
    ) -> Result<Option<Membership>, Error> {
        self.write(self.database.tables.renew_node(node, draining, time_to_live)).await
    }

    async fn deregister_node(&self, node: NodeId) -> Result<(), Error> {
        self.write(self.database.tables.deregister_node(node)).await
    }

    async fn claim_shards(
        &self,
        node: NodeId,
        shards: &[ShardId],
    ) -> Result<Vec<ShardLease>, Error> {
        let claim = async {
            let leases = self.database.tables.claim_shards(node, shards).await?;
            self.database.state().ledger.claimed(&self.process, &leases);
            Ok(leases)
        };
        self.write(claim).await
    }

    async fn release_shards(
        &self,
        node: NodeId,
        leases: &[ShardLease],
        successor: Option<NodeId>,
    ) -> Result<(), Error> {
        self.write(self.database.tables.release_shards(node, leases, successor)).await
    }

    async fn commit(&self, group: &CommitGroup) -> Result<(), Error> {
        self.process.pass().await;
        let (reply, answer) = oneshot::channel();
        tokio::spawn(self.clone().carry_out(group.clone(), reply));
        let result = answer.await.unwrap_or_else(|_| Err(lost()));
        self.process.pass().await;
        if matches!(result, Err(Error::Unavailable(_))) {
            self.database.state().failed.clone_from(&group.leases);
        }
        result
    }

    async fn read_leases(&self, shards: &[ShardId]) -> Result<Vec<ShardLease>, Error> {
        let mut leases = self.call(self.database.tables.read_leases(shards)).await?;
        if self.database.bug == Some(Bug::UnknownTakenForCommitted) {
            let failed = &self.database.state().failed;
            let unknown = leases.iter_mut().filter(|lease| failed.contains(lease));
            unknown.for_each(|lease| lease.commit_seq += 1);
        }
        Ok(leases)
    }

    async fn notices(
        &self,
        shard: ShardId,
        target: TargetId,
        after: Option<NoticePlace>,
        limit: usize,
    ) -> Result<Vec<Notice>, Error> {
        self.call(self.database.tables.notices(shard, target, after, limit)).await
    }

    async fn remove_told(&self, told: &[Told]) -> Result<(), Error> {
        self.write(self.database.tables.remove_told(told)).await
    }

    async fn remove_notices_of_others(&self, targets: &[TargetId]) -> Result<u64, Error> {
        self.write(self.database.tables.remove_notices_of_others(targets)).await
    }

    async fn due_executions(
        &self,
        shard: ShardId,
        after: Option<DuePlace>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<ExecutionRow>, Error> {
        let due = self.database.tables.due_executions(shard, after, until, limit);
        let mut rows = self.call(due).await?;
        if self.database.bug == Some(Bug::SleeperNotFound) {
            rows.retain(|row| row.resume_at.is_none());
        }
        Ok(rows)
    }

    async fn find_execution(
        &self,
        shard: ShardId,
        arn: &str,
        name: &str,
    ) -> Result<Option<ExecutionRow>, Error> {
        self.call(self.database.tables.find_execution(shard, arn, name)).await
    }

    async fn token_key(&self, fresh: [u8; 32]) -> Result<[u8; 32], Error> {
        self.database.tables.token_key(fresh).await
    }

    async fn keep_express(&self, closed: &[ClosedExpress]) -> Result<(), Error> {
        self.write(self.database.tables.keep_express(closed)).await
    }

    async fn find_express(
        &self,
        shard: ShardId,
        id: ExecutionId,
    ) -> Result<Option<ClosedExpress>, Error> {
        self.call(self.database.tables.find_express(shard, id)).await
    }

    async fn list_express(&self, query: &ExecutionQuery) -> Result<Vec<ExecutionRow>, Error> {
        self.call(self.database.tables.list_express(query)).await
    }

    async fn find_map_run(&self, arn: &str) -> Result<Option<MapRunRow>, Error> {
        self.call(self.database.tables.find_map_run(arn)).await
    }

    async fn list_map_runs(
        &self,
        shard: ShardId,
        execution: ExecutionId,
        after: Option<MapRunId>,
        limit: usize,
    ) -> Result<Vec<MapRunRow>, Error> {
        self.call(self.database.tables.list_map_runs(shard, execution, after, limit)).await
    }

    async fn map_runs_to_wind_up(
        &self,
        shard: ShardId,
        after: Option<(ExecutionId, MapRunId)>,
        limit: usize,
    ) -> Result<Vec<MapRunRow>, Error> {
        self.call(self.database.tables.map_runs_to_wind_up(shard, after, limit)).await
    }

    async fn note_wound_up(&self, row: &MapRunRow, wound_up: WoundUp) -> Result<(), Error> {
        self.write(self.database.tables.note_wound_up(row, wound_up)).await
    }

    async fn count_children(&self, map_run: Uuid) -> Result<Vec<ChildrenOfStatus>, Error> {
        self.call(self.database.tables.count_children(map_run)).await
    }

    async fn get_execution(
        &self,
        shard: ShardId,
        id: ExecutionId,
    ) -> Result<Option<ExecutionRow>, Error> {
        self.call(self.database.tables.get_execution(shard, id)).await
    }

    async fn create_activity(&self, activity: Activity) -> Result<Option<Activity>, Error> {
        self.database.tables.create_activity(activity).await
    }

    async fn delete_activity(&self, arn: &str) -> Result<bool, Error> {
        self.database.tables.delete_activity(arn).await
    }

    async fn get_activity(&self, arn: &str) -> Result<Option<Activity>, Error> {
        self.call(self.database.tables.get_activity(arn)).await
    }

    async fn list_activities(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Activity>, Error> {
        self.database.tables.list_activities(after, limit).await
    }

    async fn set_activity_tags(
        &self,
        arn: &str,
        present: &Tags,
        tags: &Tags,
    ) -> Result<bool, Error> {
        self.database.tables.set_activity_tags(arn, present, tags).await
    }

    async fn list_executions(&self, query: &ExecutionQuery) -> Result<Vec<ExecutionRow>, Error> {
        self.call(self.database.tables.list_executions(query)).await
    }

    async fn journal_from(
        &self,
        shard: ShardId,
        id: ExecutionId,
        first_event: u64,
        limit: ReadLimit,
    ) -> Result<Vec<Chunk>, Error> {
        self.call(self.database.tables.journal_from(shard, id, first_event, limit)).await
    }

    async fn journal_page(
        &self,
        shard: ShardId,
        id: ExecutionId,
        from: u64,
        descending: bool,
        limit: ReadLimit,
    ) -> Result<Vec<Chunk>, Error> {
        self.call(self.database.tables.journal_page(shard, id, from, descending, limit)).await
    }

    async fn create_state_machine(
        &self,
        machine: StateMachine,
        version: Option<Version>,
    ) -> Result<Option<StateMachine>, Error> {
        self.write(self.database.tables.create_state_machine(machine, version)).await
    }

    async fn publication(&self, arn: &str) -> Result<Option<Publication>, Error> {
        self.call(self.database.tables.publication(arn)).await
    }

    async fn change_publication(
        &self,
        arn: &str,
        present: u64,
        change: PublicationChange,
    ) -> Result<bool, Error> {
        self.write(self.database.tables.change_publication(arn, present, change)).await
    }

    async fn find_version(&self, arn: &str, number: u64) -> Result<Option<Version>, Error> {
        self.call(self.database.tables.find_version(arn, number)).await
    }

    async fn find_alias(&self, arn: &str, name: &str) -> Result<Option<Alias>, Error> {
        self.call(self.database.tables.find_alias(arn, name)).await
    }

    async fn update_state_machine(
        &self,
        arn: &str,
        present: Uuid,
        revision: Revision,
    ) -> Result<bool, Error> {
        self.write(self.database.tables.update_state_machine(arn, present, revision)).await
    }

    async fn begin_deletion(&self, arn: &str, at: Timestamp) -> Result<bool, Error> {
        self.write(self.database.tables.begin_deletion(arn, at)).await
    }

    async fn deleting_state_machines(&self) -> Result<Vec<Arc<str>>, Error> {
        self.call(self.database.tables.deleting_state_machines()).await
    }

    async fn delete_state_machine(&self, arn: &str) -> Result<bool, Error> {
        self.write(self.database.tables.delete_state_machine(arn)).await
    }

    async fn get_state_machine(&self, arn: &str) -> Result<Option<StateMachine>, Error> {
        self.call(self.database.tables.get_state_machine(arn)).await
    }

    async fn list_state_machines(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StateMachineSummary>, Error> {
        self.call(self.database.tables.list_state_machines(after, limit)).await
    }

    async fn get_revision(&self, id: Uuid) -> Result<Option<Arc<Revision>>, Error> {
        self.call(self.database.tables.get_revision(id)).await
    }

    async fn set_tags(&self, arn: &str, present: &Tags, tags: &Tags) -> Result<bool, Error> {
        self.write(self.database.tables.set_tags(arn, present, tags)).await
    }

    async fn set_retention(&self, arn: &str, days: Option<u32>) -> Result<bool, Error> {
        self.write(self.database.tables.set_retention(arn, days)).await
    }

    async fn remove_closed(
        &self,
        shard: ShardId,
        retention: Retention,
        limit: usize,
    ) -> Result<Removed, Error> {
        self.write(self.database.tables.remove_closed(shard, retention, limit)).await
    }

    async fn remove_unused_revisions(&self, known: &[Uuid]) -> Result<Vec<Uuid>, Error> {
        self.write(self.database.tables.remove_unused_revisions(known)).await
    }

    async fn oldest_transaction(&self) -> Result<Option<Duration>, Error> {
        Ok(None)
    }

    async fn close(&self) {}
}
