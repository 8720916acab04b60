//! Shards, group commit, timers, dispatch and recovery.

mod task_runner;

pub use task_runner::{Invocation, Started, TaskOutcome, TaskRunner};
