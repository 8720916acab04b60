//! What is kept of an Express execution: written once, after its end.

use bytes::Bytes;

use crate::ExecutionRow;

/// An Express execution that has ended, and all that it did.
#[derive(Clone, Debug, PartialEq)]
pub struct ClosedExpress {
    /// Its row. Other executions may have its name, too; it is neither a child nor redriven, and never sleeps.
    pub row: ExecutionRow,
    /// All its events, encoded by [`crate::codec`] as one chunk.
    pub journal: Bytes,
}
