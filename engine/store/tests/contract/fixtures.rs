//! What the promises are tried with.

use bytes::Bytes;
use stepyard_asl::Timestamp;
use stepyard_machine::ExecutionStatus;
use stepyard_store::{
    Chunk, CommitGroup, ExecutionId, ExecutionQuery, ExecutionRow, ExecutionUpdate, NodeId,
    Retention, Revision, ShardId, ShardLease, SqliteOptions, SqliteStore, StateMachine,
    StateMachineType, Store, Tags,
};
use uuid::Uuid;

pub(crate) const SHARD: ShardId = ShardId(3);

pub(crate) const NODE: NodeId = NodeId(Uuid::from_u128(1));

pub(crate) const MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:m";

pub(crate) const DAY_MILLIS: i64 = 86_400_000;

pub(crate) fn id(number: u64) -> ExecutionId {
    let millis = i64::try_from(number).unwrap();
    ExecutionId::new(Timestamp(1_700_000_000_000 + millis), [1; 10])
}

pub(crate) fn row(number: u64) -> ExecutionRow {
    ExecutionRow {
        shard: SHARD,
        id: id(number),
        state_machine_arn: MACHINE.into(),
        name: format!("e{number}").into(),
        qualifier: None,
        child: None,
        revision: Uuid::from_u128(9),
        status: ExecutionStatus::Running,
        started_at: Timestamp(5),
        stopped_at: None,
        redriven: None,
        resume_at: None,
    }
}

pub(crate) fn chunk(number: u64, first_event: u64, first_visible_id: u64) -> Chunk {
    let body = Bytes::from(format!("chunk {number} {first_event}"));
    Chunk { shard: SHARD, execution: id(number), first_event, events: 2, first_visible_id, body }
}

pub(crate) fn update(number: u64, status: ExecutionStatus) -> ExecutionUpdate {
    let stopped_at = Some(Timestamp(9));
    ExecutionUpdate {
        shard: SHARD,
        id: id(number),
        status,
        stopped_at,
        redriven: None,
        resume_at: None,
    }
}

pub(crate) async fn claim(store: &dyn Store) -> ShardLease {
    store.claim_shards(NODE, &[SHARD]).await.unwrap()[0]
}

/// Commits and raises the lease.
pub(crate) async fn commit(store: &dyn Store, lease: &mut ShardLease, group: CommitGroup) {
    store.commit(&CommitGroup { leases: vec![*lease], ..group }).await.unwrap();
    lease.commit_seq += 1;
}

pub(crate) fn machine(name: &str, revision: u128) -> StateMachine {
    StateMachine {
        arn: format!("arn:aws:states:us-east-1:000000000000:stateMachine:{name}").into(),
        name: name.into(),
        machine_type: StateMachineType::Standard,
        created_at: Timestamp(1),
        revision: self::revision(revision),
        retention_days: None,
        tags: Tags::default(),
        deleting_since: None,
    }
}

pub(crate) fn revision(number: u128) -> Revision {
    Revision {
        id: Uuid::from_u128(number),
        definition: format!("{{\"revision\":{number}}}").into(),
        role_arn: "role".into(),
        configuration: "{}".into(),
        created_at: Timestamp(2),
    }
}

/// Executions that ended at 9, so many days later, and a moment more.
pub(crate) fn days_later(days: i64) -> Retention {
    Retention { now: Timestamp(9 + days * DAY_MILLIS + 1), days: 90 }
}

pub(crate) async fn names(store: &dyn Store) -> Vec<String> {
    let query = ExecutionQuery { limit: usize::MAX >> 1, ..ExecutionQuery::default() };
    let rows = store.list_executions(&query).await.unwrap();
    rows.iter().rev().map(|row| row.name.to_string()).collect()
}

pub(crate) async fn sqlite() -> (tempfile::TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let store = SqliteStore::open(SqliteOptions { path }).await.unwrap();
    (folder, store)
}
