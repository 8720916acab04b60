//! The trait that all stores implement.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use stepyard_asl::Timestamp;
use stepyard_machine::MapRunId;
use uuid::Uuid;

use crate::{
    Activity, Alias, ChildrenOfStatus, Chunk, ClosedExpress, CommitGroup, DuePlace, Error,
    ExecutionId, ExecutionQuery, ExecutionRow, MapRunRow, Membership, NodeId, Notice, NoticePlace,
    Publication, PublicationChange, ReadLimit, Removed, Retention, Revision, ShardId, ShardLease,
    StateMachine, StateMachineSummary, Tags, TargetId, Told, Version, WoundUp, all_shards,
};

/// Bytes of the secret by which a database knows the task tokens that it has given out.
pub const TOKEN_KEY_BYTES: usize = 32;

/// A durable journal with its indexes. Calls are coarse, so that a group of commits is one call.
#[async_trait]
pub trait Store: Send + Sync {
    /// Groups that may be committed at the same time: each takes every so-many-th shard.
    fn lanes(&self) -> u16 {
        1
    }

    /// Whether several processes may use it at the same time. If not, the four calls on nodes need no
    /// implementation: there is one node, and all shards are its own.
    fn is_shared(&self) -> bool {
        false
    }

    /// The id of this database, which is `fresh` from now on if it has none yet. Its copies and replicas have
    /// the same. What ends with its process has a new one each time.
    async fn database_id(&self, fresh: Uuid) -> Result<Uuid, Error> {
        Ok(fresh)
    }

    /// The secret by which this database knows its task tokens, which is `fresh` from now on if it has none yet. All its
    /// nodes have the same. What ends with its process has a new one each time.
    async fn token_key(
        &self,
        fresh: [u8; TOKEN_KEY_BYTES],
    ) -> Result<[u8; TOKEN_KEY_BYTES], Error> {
        Ok(fresh)
    }

    /// Raises the epochs of all shards, so that no owner from a future that the database has lost can
    /// commit. What only one process can open needs no implementation: there is no such owner.
    async fn raise_epochs(&self, _by: u64) -> Result<(), Error> {
        Ok(())
    }

    /// Makes the lease of a new node, reached at that address; it lasts that long by the database's
    /// clock. The lease of an earlier node at the same address ends: two cannot listen on one.
    async fn register_node(
        &self,
        _node: NodeId,
        _address: &str,
        _time_to_live: Duration,
    ) -> Result<(), Error> {
        Ok(())
    }

    /// Renews the lease of a node and tells who else is there. `None`: it has no lease, because
    /// another node has registered with its address or because it was away for very long.
    async fn renew_node(
        &self,
        node: NodeId,
        draining: bool,
        _time_to_live: Duration,
    ) -> Result<Option<Membership>, Error> {
        let leases = self.read_leases(&all_shards()).await?;
        Ok(Some(Membership::alone(node, draining, &leases)))
    }

    /// Ends the lease of a node.
    async fn deregister_node(&self, _node: NodeId) -> Result<(), Error> {
        Ok(())
    }

    /// Takes shards over, those that are free, that are this node's already or whose owner is dead: raises
    /// their epochs, so that no earlier owner can commit. The leases of those that it got, in order.
    async fn claim_shards(
        &self,
        node: NodeId,
        shards: &[ShardId],
    ) -> Result<Vec<ShardLease>, Error>;

    /// Gives shards that this node holds to another one, or to whoever claims them.
    async fn release_shards(
        &self,
        _node: NodeId,
        _leases: &[ShardLease],
        _successor: Option<NodeId>,
    ) -> Result<(), Error> {
        Ok(())
    }

    /// Writes a group in one durable transaction. [`Error::Fenced`]: nothing was written.
    /// [`Error::Unavailable`]: read the leases to learn whether it went through. [`Error::Conflict`], and nothing was
    /// written, also when an execution is not there that is to change: it was removed before it could be redriven.
    async fn commit(&self, group: &CommitGroup) -> Result<(), Error>;

    /// Notices for a target in a shard, in the order of their places, after the given one, at most so many.
    async fn notices(
        &self,
        shard: ShardId,
        target: TargetId,
        after: Option<NoticePlace>,
        limit: usize,
    ) -> Result<Vec<Notice>, Error>;

    /// Removes the notices that have done their duty. No lease is needed: whoever has told of a change may say so.
    async fn remove_told(&self, told: &[Told]) -> Result<(), Error>;

    /// Removes the notices for all targets but these. How many.
    async fn remove_notices_of_others(&self, targets: &[TargetId]) -> Result<u64, Error>;

    /// The present leases of shards, without claiming them.
    async fn read_leases(&self, shards: &[ShardId]) -> Result<Vec<ShardLease>, Error>;

    /// Open executions of a shard that do not sleep beyond `until`, in the order of their places, after
    /// the given one: those that do not sleep at all first.
    async fn due_executions(
        &self,
        shard: ShardId,
        after: Option<DuePlace>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<ExecutionRow>, Error>;

    /// The execution of that name, open or closed.
    async fn find_execution(
        &self,
        shard: ShardId,
        state_machine_arn: &str,
        name: &str,
    ) -> Result<Option<ExecutionRow>, Error>;

    /// The execution of that id, open or closed.
    async fn get_execution(
        &self,
        shard: ShardId,
        id: ExecutionId,
    ) -> Result<Option<ExecutionRow>, Error>;

    /// A page of executions, newest start first.
    async fn list_executions(&self, query: &ExecutionQuery) -> Result<Vec<ExecutionRow>, Error>;

    /// Writes Express executions that have ended. Those that are there already stay as they are, so a write may be
    /// repeated. No lease is needed: nothing else is ever written of them.
    async fn keep_express(&self, closed: &[ClosedExpress]) -> Result<(), Error>;

    /// The Express execution of that id, when it was kept.
    async fn find_express(
        &self,
        shard: ShardId,
        id: ExecutionId,
    ) -> Result<Option<ClosedExpress>, Error>;

    /// A page of the Express executions that were kept of the state machine in the query, newest start first. A
    /// query without a state machine finds none.
    async fn list_express(&self, query: &ExecutionQuery) -> Result<Vec<ExecutionRow>, Error>;

    /// The Map Run with that ARN.
    async fn find_map_run(&self, arn: &str) -> Result<Option<MapRunRow>, Error>;

    /// Map Runs of an execution in the order of their starts, after the given one, at most so many.
    async fn list_map_runs(
        &self,
        shard: ShardId,
        execution: ExecutionId,
        after: Option<MapRunId>,
        limit: usize,
    ) -> Result<Vec<MapRunRow>, Error>;

    /// Map Runs of a shard that have ended badly and are not wound up, in the order of their executions and starts, after
    /// the given one, at most so many.
    async fn map_runs_to_wind_up(
        &self,
        shard: ShardId,
        after: Option<(ExecutionId, MapRunId)>,
        limit: usize,
    ) -> Result<Vec<MapRunRow>, Error>;

    /// Notes that a Map Run is wound up since the end that its row tells of. Without effect when it has another end by
    /// now, or none. No lease is needed: to wind it up twice changes nothing.
    async fn note_wound_up(&self, row: &MapRunRow, wound_up: WoundUp) -> Result<(), Error>;

    /// How many child executions of the Map Run with this key ([`crate::map_run_key`]) there are, by status. All of them
    /// are read for it.
    async fn count_children(&self, map_run: Uuid) -> Result<Vec<ChildrenOfStatus>, Error>;

    /// A piece of the chunks of an execution in order, those that begin at this event or later.
    async fn journal_from(
        &self,
        shard: ShardId,
        execution: ExecutionId,
        first_event: u64,
        limit: ReadLimit,
    ) -> Result<Vec<Chunk>, Error>;

    /// All chunks of an execution in order.
    async fn load_journal(
        &self,
        shard: ShardId,
        execution: ExecutionId,
    ) -> Result<Vec<Chunk>, Error> {
        self.journal_from(shard, execution, 0, ReadLimit::NONE).await
    }

    /// A piece of the chunks that hold visible events from `from_visible_id` on (ascending), or up to it (descending).
    async fn journal_page(
        &self,
        shard: ShardId,
        execution: ExecutionId,
        from_visible_id: u64,
        descending: bool,
        limit: ReadLimit,
    ) -> Result<Vec<Chunk>, Error>;

    /// Creates a state machine, with its first version if there is one, or returns the state machine that
    /// has its ARN already.
    async fn create_state_machine(
        &self,
        machine: StateMachine,
        version: Option<Version>,
    ) -> Result<Option<StateMachine>, Error>;

    /// Gives a state machine a new revision in the place of `present`. False when that is not its
    /// revision, or when it does not exist.
    async fn update_state_machine(
        &self,
        arn: &str,
        present: Uuid,
        revision: Revision,
    ) -> Result<bool, Error>;

    /// Notes that the deletion of a state machine has begun, unless that has been noted before. False when it does not
    /// exist.
    async fn begin_deletion(&self, arn: &str, at: Timestamp) -> Result<bool, Error>;

    /// ARNs of the state machines whose deletion has begun, in order.
    async fn deleting_state_machines(&self) -> Result<Vec<Arc<str>>, Error>;

    /// Deletes a state machine with its versions and aliases; its revisions stay as long as executions
    /// need them.
    async fn delete_state_machine(&self, arn: &str) -> Result<bool, Error>;

    /// A state machine.
    async fn get_state_machine(&self, arn: &str) -> Result<Option<StateMachine>, Error>;

    /// State machines in the order of their ARNs, after the given ARN.
    async fn list_state_machines(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StateMachineSummary>, Error>;

    /// A revision, also of a deleted state machine.
    async fn get_revision(&self, id: Uuid) -> Result<Option<Arc<Revision>>, Error>;

    /// All that is published of a state machine. `None` when it does not exist.
    async fn publication(&self, arn: &str) -> Result<Option<Publication>, Error>;

    /// Changes what is published of a state machine. False, and nothing has changed, when it has changed
    /// since it was read with so many changes, or when the state machine does not exist.
    async fn change_publication(
        &self,
        arn: &str,
        present: u64,
        change: PublicationChange,
    ) -> Result<bool, Error>;

    /// A version of a state machine.
    async fn find_version(&self, arn: &str, number: u64) -> Result<Option<Version>, Error>;

    /// An alias of a state machine.
    async fn find_alias(&self, arn: &str, name: &str) -> Result<Option<Alias>, Error>;

    /// Sets for how many days executions of a state machine are kept after their end. False when it does
    /// not exist.
    async fn set_retention(&self, arn: &str, days: Option<u32>) -> Result<bool, Error>;

    /// Replaces the tags of a state machine. False when it does not exist, or has other tags than `present`.
    async fn set_tags(&self, arn: &str, present: &Tags, tags: &Tags) -> Result<bool, Error>;

    /// Creates an activity, or returns the one that has its ARN already.
    async fn create_activity(&self, activity: Activity) -> Result<Option<Activity>, Error>;

    /// Deletes an activity. False when it does not exist.
    async fn delete_activity(&self, arn: &str) -> Result<bool, Error>;

    /// An activity.
    async fn get_activity(&self, arn: &str) -> Result<Option<Activity>, Error>;

    /// Activities in the order of their ARNs, after the given ARN.
    async fn list_activities(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Activity>, Error>;

    /// Replaces the tags of an activity. False when it does not exist, or has other tags than `present`.
    async fn set_activity_tags(
        &self,
        arn: &str,
        present: &Tags,
        tags: &Tags,
    ) -> Result<bool, Error>;

    /// Removes executions of a shard that ended longer ago than they are kept, at most so many, each with
    /// its journal in one transaction, Express ones included. Open ones stay. No lease is needed: what has ended changes only by a redrive, and of
    /// a redrive and a removal at the same time one has no effect.
    async fn remove_closed(
        &self,
        shard: ShardId,
        retention: Retention,
        limit: usize,
    ) -> Result<Removed, Error>;

    /// Finds revisions of deleted state machines that no execution has. Removes those of them that are
    /// among `known`, and returns the others: a start under way may still need one of these.
    async fn remove_unused_revisions(&self, known: &[Uuid]) -> Result<Vec<Uuid>, Error>;

    /// For how long the oldest transaction in the database has been open, whoever has opened it: until it ends,
    /// rows that nobody sees any more cannot be cleaned up. `None` when that does no harm to this store.
    async fn oldest_transaction(&self) -> Result<Option<Duration>, Error>;

    /// Closes the store: flushes and releases what it holds.
    async fn close(&self);
}
