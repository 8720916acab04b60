//! The store over Postgres.
//!
//! A commit is one statement: it checks and raises the fences of its shards and writes all rows, in one
//! round trip and one transaction, which therefore cannot be left half sent.

mod activity;
mod commit;
mod express;
mod inspect;
mod machines;
mod map_run;
mod nodes;
mod notice;
mod open;
mod pool;
mod publication;
mod read;
mod repair;
mod retention;
mod write;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
pub use inspect::PostgresInspector;
use machines::Machines;
use pool::Pool;
pub use repair::PostgresRepairer;
use stepyard_asl::Timestamp;
use stepyard_machine::MapRunId;
use uuid::Uuid;

use crate::{
    Activity, Alias, ChildrenOfStatus, Chunk, ClosedExpress, CommitGroup, DuePlace, Error,
    ExecutionId, ExecutionQuery, ExecutionRow, MapRunRow, Membership, MetadataItem, MetadataStore,
    NodeId, Notice, NoticePlace, Publication, PublicationChange, ReadLimit, Removed, Retention,
    Revision, ShardId, ShardLease, StateMachine, StateMachineSummary, Store, TOKEN_KEY_BYTES, Tags,
    TargetId, Told, Version, WoundUp,
};

/// How to open a Postgres store.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// `postgres://user:password@host:port/database`, with the parameters of libpq.
    pub url: String,
    /// Accept a server whose settings may lose acknowledged commits, for tests and experiments.
    pub allow_unsafe: bool,
}

/// Executions, state machines and image metadata in a Postgres database.
pub struct PostgresStore {
    /// For commits: a connection for each lane.
    writers: Pool,
    /// For single rows that the runtime waits for, and for small writes.
    look_ups: Pool,
    /// For lists and histories.
    readers: Pool,
    machines: Machines,
}

/// Commits under way at the same time: while one waits for its fsync, others are prepared, and
/// Postgres makes several durable at once.
const LANES: u16 = 4;

impl PostgresStore {
    /// Connects, checks that the server keeps what it acknowledges, and brings the schema up to date.
    ///
    /// # Errors
    /// [`Error::Unusable`] when the URL is wrong, when the server's settings are not durable, or when
    /// a newer version of this program has changed the schema; [`Error::Unavailable`] when the server
    /// does not answer.
    pub async fn open(options: PostgresOptions) -> Result<PostgresStore, Error> {
        open::open(&options).await
    }
}

#[async_trait]
impl Store for PostgresStore {
    fn lanes(&self) -> u16 {
        LANES
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn database_id(&self, fresh: Uuid) -> Result<Uuid, Error> {
        write::database_id(&self.look_ups, fresh).await
    }

    async fn token_key(
        &self,
        fresh: [u8; TOKEN_KEY_BYTES],
    ) -> Result<[u8; TOKEN_KEY_BYTES], Error> {
        write::token_key(&self.look_ups, fresh).await
    }

    async fn raise_epochs(&self, by: u64) -> Result<(), Error> {
        nodes::raise_epochs(&self.look_ups, by).await
    }

    async fn register_node(
        &self,
        node: NodeId,
        address: &str,
        time_to_live: Duration,
    ) -> Result<(), Error> {
        nodes::register(&self.look_ups, node, address, time_to_live).await
    }

    async fn renew_node(
        &self,
        node: NodeId,
        draining: bool,
        time_to_live: Duration,
    ) -> Result<Option<Membership>, Error> {
        nodes::renew(&self.look_ups, node, draining, time_to_live).await
    }

    async fn deregister_node(&self, node: NodeId) -> Result<(), Error> {
        nodes::deregister(&self.look_ups, node).await
    }

    async fn claim_shards(
        &self,
        node: NodeId,
        shards: &[ShardId],
    ) -> Result<Vec<ShardLease>, Error> {
        nodes::claim(&self.look_ups, node, shards).await
    }

    async fn release_shards(
        &self,
        node: NodeId,
        leases: &[ShardLease],
        successor: Option<NodeId>,
    ) -> Result<(), Error> {
        nodes::release(&self.look_ups, node, leases, successor).await
    }

    async fn commit(&self, group: &CommitGroup) -> Result<(), Error> {
        commit::commit(&self.writers, &self.machines, group).await
    }

    async fn read_leases(&self, shards: &[ShardId]) -> Result<Vec<ShardLease>, Error> {
        read::leases(&self.look_ups, shards).await
    }

    async fn notices(
        &self,
        shard: ShardId,
        target: TargetId,
        after: Option<NoticePlace>,
        limit: usize,
    ) -> Result<Vec<Notice>, Error> {
        notice::notices(&self.readers, (shard, target), after, limit).await
    }

    async fn remove_told(&self, told: &[Told]) -> Result<(), Error> {
        notice::remove_told(&self.readers, told).await
    }

    async fn remove_notices_of_others(&self, targets: &[TargetId]) -> Result<u64, Error> {
        notice::remove_of_others(&self.readers, targets).await
    }

    async fn due_executions(
        &self,
        shard: ShardId,
        after: Option<DuePlace>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<ExecutionRow>, Error> {
        read::due_executions(&self.look_ups, shard, after, until, limit).await
    }

    async fn find_execution(
        &self,
        shard: ShardId,
        state_machine_arn: &str,
        name: &str,
    ) -> Result<Option<ExecutionRow>, Error> {
        read::find_execution(&self.look_ups, shard, state_machine_arn, name).await
    }

    async fn get_execution(
        &self,
        shard: ShardId,
        id: ExecutionId,
    ) -> Result<Option<ExecutionRow>, Error> {
        read::execution(&self.look_ups, shard, id).await
    }

    async fn list_executions(&self, query: &ExecutionQuery) -> Result<Vec<ExecutionRow>, Error> {
        read::list_executions(&self.readers, query).await
    }

    async fn keep_express(&self, closed: &[ClosedExpress]) -> Result<(), Error> {
        express::keep(&self.readers, &self.machines, closed).await
    }

    async fn find_express(
        &self,
        shard: ShardId,
        id: ExecutionId,
    ) -> Result<Option<ClosedExpress>, Error> {
        express::find(&self.look_ups, shard, id).await
    }

    async fn list_express(&self, query: &ExecutionQuery) -> Result<Vec<ExecutionRow>, Error> {
        express::list(&self.readers, query).await
    }

    async fn find_map_run(&self, arn: &str) -> Result<Option<MapRunRow>, Error> {
        map_run::find(&self.look_ups, arn).await
    }

    async fn list_map_runs(
        &self,
        shard: ShardId,
        execution: ExecutionId,
        after: Option<MapRunId>,
        limit: usize,
    ) -> Result<Vec<MapRunRow>, Error> {
        map_run::of_execution(&self.readers, (shard, execution), after, limit).await
    }

    async fn map_runs_to_wind_up(
        &self,
        shard: ShardId,
        after: Option<(ExecutionId, MapRunId)>,
        limit: usize,
    ) -> Result<Vec<MapRunRow>, Error> {
        map_run::to_wind_up(&self.readers, shard, after, limit).await
    }

    async fn note_wound_up(&self, row: &MapRunRow, wound_up: WoundUp) -> Result<(), Error> {
        map_run::note_wound_up(&self.look_ups, row, wound_up).await
    }

    async fn count_children(&self, map_run: Uuid) -> Result<Vec<ChildrenOfStatus>, Error> {
        map_run::count_children(&self.readers, map_run).await
    }

    async fn journal_from(
        &self,
        shard: ShardId,
        execution: ExecutionId,
        first_event: u64,
        limit: ReadLimit,
    ) -> Result<Vec<Chunk>, Error> {
        read::journal_from(&self.readers, (shard, execution, first_event), limit).await
    }

    async fn journal_page(
        &self,
        shard: ShardId,
        execution: ExecutionId,
        from_visible_id: u64,
        descending: bool,
        limit: ReadLimit,
    ) -> Result<Vec<Chunk>, Error> {
        let place = (shard, execution, from_visible_id);
        read::journal_page(&self.readers, place, descending, limit).await
    }

    async fn create_state_machine(
        &self,
        machine: StateMachine,
        version: Option<Version>,
    ) -> Result<Option<StateMachine>, Error> {
        write::create_state_machine(&self.look_ups, &machine, version.as_ref()).await
    }

    async fn update_state_machine(
        &self,
        arn: &str,
        present: Uuid,
        revision: Revision,
    ) -> Result<bool, Error> {
        write::update_state_machine(&self.look_ups, arn, present, &revision).await
    }

    async fn begin_deletion(&self, arn: &str, at: Timestamp) -> Result<bool, Error> {
        write::begin_deletion(&self.look_ups, arn, at).await
    }

    async fn deleting_state_machines(&self) -> Result<Vec<Arc<str>>, Error> {
        read::deleting_state_machines(&self.readers).await
    }

    async fn delete_state_machine(&self, arn: &str) -> Result<bool, Error> {
        publication::delete_state_machine(&self.look_ups, arn).await
    }

    async fn get_state_machine(&self, arn: &str) -> Result<Option<StateMachine>, Error> {
        read::state_machine(&self.look_ups, arn).await
    }

    async fn list_state_machines(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StateMachineSummary>, Error> {
        read::state_machines(&self.readers, after, limit).await
    }

    async fn get_revision(&self, id: Uuid) -> Result<Option<Arc<Revision>>, Error> {
        read::revision(&self.look_ups, id).await
    }

    async fn publication(&self, arn: &str) -> Result<Option<Publication>, Error> {
        publication::publication(&self.readers, arn).await
    }

    async fn change_publication(
        &self,
        arn: &str,
        present: u64,
        change: PublicationChange,
    ) -> Result<bool, Error> {
        publication::change(&self.look_ups, arn, present, &change).await
    }

    async fn find_version(&self, arn: &str, number: u64) -> Result<Option<Version>, Error> {
        publication::version(&self.look_ups, arn, number).await
    }

    async fn find_alias(&self, arn: &str, name: &str) -> Result<Option<Alias>, Error> {
        publication::alias(&self.look_ups, arn, name).await
    }

    async fn oldest_transaction(&self) -> Result<Option<Duration>, Error> {
        read::oldest_transaction(&self.look_ups).await
    }

    async fn set_tags(&self, arn: &str, present: &Tags, tags: &Tags) -> Result<bool, Error> {
        write::set_tags(&self.look_ups, arn, present, tags).await
    }

    async fn set_retention(&self, arn: &str, days: Option<u32>) -> Result<bool, Error> {
        retention::set_retention(&self.look_ups, arn, days).await
    }

    async fn create_activity(&self, activity: Activity) -> Result<Option<Activity>, Error> {
        activity::create(&self.look_ups, &activity).await
    }

    async fn delete_activity(&self, arn: &str) -> Result<bool, Error> {
        activity::delete(&self.look_ups, arn).await
    }

    async fn get_activity(&self, arn: &str) -> Result<Option<Activity>, Error> {
        activity::get(&self.look_ups, arn).await
    }

    async fn list_activities(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Activity>, Error> {
        activity::list(&self.readers, after, limit).await
    }

    async fn set_activity_tags(
        &self,
        arn: &str,
        present: &Tags,
        tags: &Tags,
    ) -> Result<bool, Error> {
        activity::set_tags(&self.look_ups, arn, present, tags).await
    }

    async fn remove_closed(
        &self,
        shard: ShardId,
        retention: Retention,
        limit: usize,
    ) -> Result<Removed, Error> {
        retention::remove_closed(&self.readers, shard, retention, limit).await
    }

    async fn remove_unused_revisions(&self, known: &[Uuid]) -> Result<Vec<Uuid>, Error> {
        retention::remove_unused_revisions(&self.readers, known).await
    }

    async fn close(&self) {
        for pool in [&self.writers, &self.look_ups, &self.readers] {
            pool.close().await;
        }
    }
}

#[async_trait]
impl MetadataStore for PostgresStore {
    async fn put_item(&self, item: MetadataItem) -> Result<(), Error> {
        write::put_item(&self.look_ups, &item).await
    }

    async fn query_items(&self, image_id: &str) -> Result<Vec<MetadataItem>, Error> {
        read::items_of_image(&self.readers, image_id).await
    }

    async fn scan_items(
        &self,
        after: Option<(String, i64)>,
        limit: usize,
    ) -> Result<Vec<MetadataItem>, Error> {
        read::items(&self.readers, after, limit).await
    }
}
