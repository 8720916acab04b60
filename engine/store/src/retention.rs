//! How long executions are kept after their end.

use stepyard_asl::Timestamp;

/// Longest retention that can be set, in days: a hundred years. Zero says for ever.
pub const RETENTION_DAYS_MAX: u32 = 36_525;

/// Milliseconds of a day.
pub(crate) const DAY_MILLIS: i64 = 86_400_000;

/// What executions are kept at a moment. A state machine's own setting comes before this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// The time of day.
    pub now: Timestamp,
    /// Days for which executions are kept after their end; 0 is for ever.
    pub days: u32,
}

impl Retention {
    /// Executions that ended before this time go; `None` when none do.
    pub(crate) fn cutoff(&self, of_machine: Option<u32>) -> Option<Timestamp> {
        let days = of_machine.unwrap_or(self.days);
        (days > 0).then(|| self.now.plus_millis(-i64::from(days) * DAY_MILLIS))
    }
}

/// What one call has removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Executions.
    pub executions: usize,
    /// Whether there may be more to remove.
    pub has_more: bool,
}
