//! The durable journal and its indexes.
//!
//! The journal is the only truth: one row per execution and commit, a chunk of events. The execution
//! row is an index of it, written in the same transaction.

mod activity;
pub mod codec;
mod commit;
pub mod doctor;
mod error;
mod execution;
mod express;
mod map_run;
mod memory;
mod metadata;
mod node;
mod notice;
mod postgres;
mod publication;
mod read_limit;
mod retention;
mod sql;
mod sqlite;
mod state_machine;
mod store;

pub use activity::Activity;
pub use commit::{COMMIT_BYTES_MAX, COMMIT_ROWS_MAX, Chunk, CommitGroup, ShardLease};
pub use error::Error;
pub use execution::{
    DuePlace, ExecutionId, ExecutionQuery, ExecutionRow, ExecutionUpdate, SHARD_COUNT, ShardId,
    StartedBy,
};
pub use express::ClosedExpress;
pub use map_run::{ChildRow, ChildrenOfStatus, MapRunRow, WoundUp, map_run_key};
pub use memory::MemoryStore;
pub use metadata::{MetadataItem, MetadataStore};
pub use node::{Membership, Node, NodeId, ShardOwner, all_shards};
pub use notice::{Notice, NoticePlace, TargetId, Told};
pub use postgres::{PostgresInspector, PostgresOptions, PostgresRepairer, PostgresStore};
pub use publication::{Alias, Publication, PublicationChange, Routing, Version, WEIGHTS_SUM};
pub use read_limit::ReadLimit;
pub use retention::{RETENTION_DAYS_MAX, Removed, Retention};
pub use sqlite::{SqliteInspector, SqliteOptions, SqliteRepairer, SqliteStore};
pub use state_machine::{Revision, StateMachine, StateMachineSummary, StateMachineType, Tags};
pub use store::{Store, TOKEN_KEY_BYTES};
