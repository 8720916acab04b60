//! The embedded store: one SQLite file in WAL mode.
//!
//! One connection writes, on a thread of its own ([`writer`]); small pools read. Commits are durable:
//! `synchronous=FULL` is set and read back. A lock file keeps a second process out, because two owners of
//! one file would fence each other without end.

mod activity;
mod backup;
mod checkpoint;
mod connection;
mod express;
mod inspect;
mod map_run;
mod notice;
mod open;
mod publication;
mod read;
mod repair;
mod retention;
mod write;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::SqlitePool;
use stepyard_asl::Timestamp;
use stepyard_machine::MapRunId;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{
    Activity, Alias, ChildrenOfStatus, Chunk, ClosedExpress, CommitGroup, DuePlace, Error,
    ExecutionId, ExecutionQuery, ExecutionRow, MapRunRow, MetadataItem, MetadataStore, NodeId,
    Notice, NoticePlace, Publication, PublicationChange, ReadLimit, Removed, Retention, Revision,
    ShardId, ShardLease, StateMachine, StateMachineSummary, Store, TOKEN_KEY_BYTES, Tags, TargetId,
    Told, Version, WoundUp,
};
pub use inspect::SqliteInspector;
pub use repair::SqliteRepairer;
use writer::{Operation, Writer};

/// Where the database lies.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// The file; it and its `-wal`, `-shm` and `.lock` siblings are created when absent.
    pub path: PathBuf,
}

/// A store in one SQLite file.
pub struct SqliteStore {
    /// For single rows that the runtime waits for.
    look_ups: SqlitePool,
    /// For lists and histories.
    readers: SqlitePool,
    writer: Writer,
}

impl SqliteStore {
    /// Opens the file, or creates it, and brings its schema up to date.
    ///
    /// # Errors
    /// [`Error::Unusable`] when another process has it open, when a newer version of this program
    /// has changed its schema, or when it is no database of this program.
    pub async fn open(options: SqliteOptions) -> Result<SqliteStore, Error> {
        open::open(options).await
    }

    /// Sends an operation to the writer and waits for its end. The writer finishes it even when
    /// the caller goes away, so that no transaction is ever left half done.
    async fn write<T>(
        &self,
        operation: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Operation,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.writer.send(operation(reply)).await?;
        answer.await.map_err(|_| writer_gone())?
    }
}

fn writer_gone() -> Error {
    Error::Unavailable("the store has been closed".into())
}

#[async_trait]
impl Store for SqliteStore {
    async fn database_id(&self, fresh: Uuid) -> Result<Uuid, Error> {
        self.write(|reply| Operation::Name { fresh, reply }).await
    }

    async fn token_key(
        &self,
        fresh: [u8; TOKEN_KEY_BYTES],
    ) -> Result<[u8; TOKEN_KEY_BYTES], Error> {
        self.write(|reply| Operation::TokenKey { fresh, reply }).await
    }

    async fn claim_shards(
        &self,
        _node: NodeId,
        shards: &[ShardId],
    ) -> Result<Vec<ShardLease>, Error> {
        let shards = shards.to_vec();
        self.write(|reply| Operation::Claim { shards, reply }).await
    }

    async fn read_leases(&self, shards: &[ShardId]) -> Result<Vec<ShardLease>, Error> {
        read::leases(&self.look_ups, shards).await
    }

    async fn commit(&self, group: &CommitGroup) -> Result<(), Error> {
        // Rows hold shared text and bytes, so this copies little.
        let group = Box::new(group.clone());
        self.write(|reply| Operation::Commit { group, reply }).await
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
        let told = told.to_vec();
        self.write(|reply| Operation::RemoveTold { told, reply }).await
    }

    async fn remove_notices_of_others(&self, targets: &[TargetId]) -> Result<u64, Error> {
        let targets = targets.to_vec();
        self.write(|reply| Operation::RemoveNoticesOfOthers { targets, reply }).await
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
        let closed = closed.to_vec();
        self.write(|reply| Operation::KeepExpress { closed, reply }).await
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
        let row = Box::new(row.clone());
        self.write(|reply| Operation::NoteWoundUp { row, wound_up, reply }).await
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
        loop {
            let (asked, version) = (Box::new(machine.clone()), version.clone());
            let create = |reply| Operation::CreateStateMachine { machine: asked, version, reply };
            if self.write(create).await? {
                return Ok(None);
            }
            // It may have been deleted just now.
            if let Some(present) = self.get_state_machine(&machine.arn).await? {
                return Ok(Some(present));
            }
        }
    }

    async fn update_state_machine(
        &self,
        arn: &str,
        present: Uuid,
        revision: Revision,
    ) -> Result<bool, Error> {
        let (arn, revision) = (Arc::from(arn), Box::new(revision));
        self.write(|reply| Operation::UpdateStateMachine { arn, present, revision, reply }).await
    }

    async fn begin_deletion(&self, arn: &str, at: Timestamp) -> Result<bool, Error> {
        let arn = Arc::from(arn);
        self.write(|reply| Operation::BeginDeletion { arn, at, reply }).await
    }

    async fn deleting_state_machines(&self) -> Result<Vec<Arc<str>>, Error> {
        read::deleting_state_machines(&self.readers).await
    }

    async fn delete_state_machine(&self, arn: &str) -> Result<bool, Error> {
        let arn = Arc::from(arn);
        self.write(|reply| Operation::DeleteStateMachine { arn, reply }).await
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
        let arn = Arc::from(arn);
        self.write(|reply| Operation::ChangePublication { arn, present, change, reply }).await
    }

    async fn find_version(&self, arn: &str, number: u64) -> Result<Option<Version>, Error> {
        publication::version(&self.look_ups, arn, number).await
    }

    async fn find_alias(&self, arn: &str, name: &str) -> Result<Option<Alias>, Error> {
        publication::alias(&self.look_ups, arn, name).await
    }

    async fn set_tags(&self, arn: &str, present: &Tags, tags: &Tags) -> Result<bool, Error> {
        let (arn, present, tags) = (arn.into(), present.clone(), tags.clone());
        self.write(|reply| Operation::SetTags { arn, present, tags, reply }).await
    }

    async fn set_retention(&self, arn: &str, days: Option<u32>) -> Result<bool, Error> {
        let arn = Arc::from(arn);
        self.write(|reply| Operation::SetRetention { arn, days, reply }).await
    }

    async fn create_activity(&self, activity: Activity) -> Result<Option<Activity>, Error> {
        loop {
            let asked = activity.clone();
            if self.write(|reply| Operation::CreateActivity { activity: asked, reply }).await? {
                return Ok(None);
            }
            // It may have been deleted just now.
            if let Some(present) = self.get_activity(&activity.arn).await? {
                return Ok(Some(present));
            }
        }
    }

    async fn delete_activity(&self, arn: &str) -> Result<bool, Error> {
        let arn = Arc::from(arn);
        self.write(|reply| Operation::DeleteActivity { arn, reply }).await
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
        let (arn, present, tags) = (arn.into(), present.clone(), tags.clone());
        self.write(|reply| Operation::SetActivityTags { arn, present, tags, reply }).await
    }

    /// In several transactions, so that commits come in between.
    async fn remove_closed(
        &self,
        shard: ShardId,
        retention: Retention,
        limit: usize,
    ) -> Result<Removed, Error> {
        let mut removed = Removed { executions: 0, has_more: true };
        while removed.has_more && removed.executions < limit {
            let limit = limit - removed.executions;
            let remove = |reply| Operation::RemoveClosed { shard, retention, limit, reply };
            let some = self.write(remove).await?;
            removed.executions += some.executions;
            removed.has_more = some.has_more;
        }
        Ok(removed)
    }

    async fn remove_unused_revisions(&self, known: &[Uuid]) -> Result<Vec<Uuid>, Error> {
        let known = known.to_vec();
        self.write(|reply| Operation::RemoveUnusedRevisions { known, reply }).await
    }

    async fn oldest_transaction(&self) -> Result<Option<Duration>, Error> {
        Ok(None)
    }

    async fn close(&self) {
        self.writer.close().await;
        self.look_ups.close().await;
        self.readers.close().await;
    }
}

#[async_trait]
impl MetadataStore for SqliteStore {
    async fn put_item(&self, item: MetadataItem) -> Result<(), Error> {
        self.write(|reply| Operation::PutItem { item, reply }).await
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
