//! The bytes of a journal chunk.
//!
//! ```text
//! chunk    = version:u8 record:u8 content crc32:u32le     (the checksum covers all before it)
//! content  = payloads first_visible_id:var time:zigzag count:var event*
//! payloads = count:var (length:var bytes)*                (each distinct payload of the chunk once)
//! event    = kind:u8 time:zigzag frame:var previous:var fields
//! ```
//!
//! Times are differences to the event before; `previous` is the distance from the next visible id down.
//! Codes of kinds are never used again, fields of a kind never change: what must change gets a new code
//! or a new version. Golden journals of every version are read by a test.

mod decode;
mod encode;
mod map_run;

pub use decode::decode;
pub use encode::encode;

/// Version that is written.
const VERSION: u8 = 1;

/// A chunk that holds events. Code 2 is kept free for snapshots.
const RECORD_EVENTS: u8 = 1;

/// Bytes of the checksum at the end.
const CHECKSUM_BYTES: usize = 4;

/// Codes of the event kinds, for ever.
mod code {
    pub(super) const EXECUTION_STARTED: u8 = 1;
    pub(super) const EXECUTION_SUCCEEDED: u8 = 2;
    pub(super) const EXECUTION_FAILED: u8 = 3;
    pub(super) const EXECUTION_TIMED_OUT: u8 = 4;
    pub(super) const EXECUTION_ABORTED: u8 = 5;
    pub(super) const STATE_ENTERED: u8 = 6;
    pub(super) const STATE_EXITED: u8 = 7;
    pub(super) const STATE_ABORTED: u8 = 8;
    pub(super) const TASK_SCHEDULED: u8 = 9;
    pub(super) const TASK_STARTED: u8 = 10;
    pub(super) const TASK_SUCCEEDED: u8 = 11;
    pub(super) const TASK_FAILED: u8 = 12;
    pub(super) const TASK_TIMED_OUT: u8 = 13;
    pub(super) const WAIT_STARTED: u8 = 14;
    pub(super) const RETRY_SCHEDULED: u8 = 15;
    pub(super) const PARALLEL_STATE_STARTED: u8 = 16;
    pub(super) const BRANCH_SUCCEEDED: u8 = 17;
    pub(super) const PARALLEL_STATE_SUCCEEDED: u8 = 18;
    pub(super) const PARALLEL_STATE_FAILED: u8 = 19;
    pub(super) const MAP_STATE_STARTED: u8 = 20;
    pub(super) const MAP_ITERATION_STARTED: u8 = 21;
    pub(super) const MAP_ITERATION_SUCCEEDED: u8 = 22;
    pub(super) const MAP_ITERATION_FAILED: u8 = 23;
    pub(super) const MAP_ITERATION_ABORTED: u8 = 24;
    pub(super) const MAP_STATE_SUCCEEDED: u8 = 25;
    pub(super) const MAP_STATE_FAILED: u8 = 26;
    pub(super) const STATE_EXITED_ASSIGNING: u8 = 27;
    pub(super) const EVALUATION_FAILED: u8 = 28;
    pub(super) const TASK_SUBMITTED: u8 = 32;
    pub(super) const ACTIVITY_STARTED: u8 = 33;
    /// An execution that was started with a version.
    pub(super) const QUALIFIED_EXECUTION_STARTED: u8 = 40;
    /// A child execution of a Map Run.
    pub(super) const CHILD_EXECUTION_STARTED: u8 = 41;
    pub(super) const EXECUTION_AWAITED: u8 = 42;
    pub(super) const MAP_RUN_STARTED: u8 = 60;
    pub(super) const MAP_RUN_CHILD_ENDED: u8 = 61;
    pub(super) const MAP_RUN_TOTALS_KNOWN: u8 = 62;
    pub(super) const MAP_RUN_UPDATED: u8 = 63;
    pub(super) const MAP_RUN_SUCCEEDED: u8 = 64;
    pub(super) const MAP_RUN_FAILED: u8 = 65;
    pub(super) const MAP_RUN_ABORTED: u8 = 66;
    /// A child execution of a Map Run that has not just one item.
    pub(super) const BATCH_EXECUTION_STARTED: u8 = 69;
    pub(super) const MAP_RUN_REDRIVEN: u8 = 70;
    /// A child execution that was to be redriven and cannot.
    pub(super) const MAP_RUN_CHILD_REFUSED: u8 = 71;
    /// A child execution of a Map Run that was redriven before.
    pub(super) const REDRIVEN_MAP_RUN_EXECUTION_STARTED: u8 = 72;
    pub(super) const EXECUTION_REDRIVEN: u8 = 50;
    /// An execution of any kind whose limits are not AWS's.
    pub(super) const LIMITED_EXECUTION_STARTED: u8 = 90;
}

#[cfg(test)]
mod tests;
