//! Shards, group commit, timers, dispatch and recovery.
//!
//! The one rule of this crate: **an effect leaves only after the commit that holds its cause.** Task
//! dispatches, API replies and published events wait in their shard until the committer has said that
//! the batch is durable; a batch whose outcome is unknown is found out, never guessed.

mod active;
mod activities;
mod awaiting;
mod callback;
mod clock;
mod cluster;
mod committer;
mod delivery;
mod dispatch;
mod end_watch;
mod entropy;
mod error;
mod execution_log;
mod express;
mod histogram;
mod made_once;
mod map_run;
mod metrics;
mod notices;
mod outage;
pub mod planted;
mod polling;
mod programs;
mod recent;
mod recovery;
mod retention;
mod runtime;
#[cfg(test)]
mod samples;
mod shard;
mod task_runner;
mod thinking;
mod timers;
mod token;
mod view;
mod watched;
mod watches;

pub use callback::{ActivityTask, CallbackError, CallbackRequest, Word};
pub use clock::{Clock, ManualClock, SystemClock};
pub use cluster::{
    ClusterOptions, NoPeers, NotOwner, Peer, PeerError, RedriveRequest, StartRequest, StopRequest,
    Witness,
};
pub use entropy::{Entropy, OsEntropy, SeededEntropy};
pub use error::{RedriveError, StartError, StopError};
pub use execution_log::{EXECUTION_LOG, LogLevel, Logging};
pub use express::{Billing, ExpressEnd, ExpressHistory, ExpressSnapshot, StartExpress};
pub use histogram::{BUCKETS_MICROS, HistogramSnapshot};
pub use made_once::MadeOnce;
pub use map_run::{
    ExportResults, ItemStream, MapRunData, MapRunError, MapRunProgress, MapRunRequest,
    MapRunRequestError, NoMapRunData, ReadItems, ResultSink, RunningChildren,
};
use metrics::Metrics;
pub use metrics::MetricsSnapshot;
pub use notices::{EventTarget, TargetSnapshot, TellError};
pub use polling::PollError;
pub use retention::RETENTION_DAYS;
pub use runtime::{Committed, Runtime, RuntimeOptions, StartExecution};
pub use task_runner::{Invocation, Started, TaskOutcome, TaskRunner};
pub use thinking::{Question, Thought};
pub use token::TaskPlace;
pub use view::ExecutionView;
