//! How much an execution may hold.

/// Limits of one execution. They are a part of its start ([`crate::StartContext`]) and so of its journal: what is decided
/// does not depend on a setting that has changed since, nor on the node that decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest input, output or result, of the execution and of each state, in bytes of JSON text.
    pub data_bytes: usize,
    /// Events that its history shows; with the last one it fails. Express executions have no limit.
    pub history_events: u64,
    /// Largest variable, and largest `Assign` as a whole, in bytes of JSON text.
    pub variable_bytes: usize,
    /// All its variables together, in bytes of JSON text.
    pub variables_bytes: usize,
}

impl Limits {
    /// AWS's quotas (developer guide, "Service quotas" and "Passing data between states with variables").
    pub const AWS: Limits = Limits {
        data_bytes: 262_144,
        history_events: 25_000,
        variable_bytes: 262_144,
        variables_bytes: 10 << 20,
    };

    /// What this program can do beyond that. Larger data would not pass through a commit, a request between nodes and the
    /// memory of a usual machine; a longer history would take longer to fold than a client waits.
    pub const EXTENDED: Limits = Limits {
        data_bytes: 16 << 20,
        history_events: 1_000_000,
        variable_bytes: 16 << 20,
        variables_bytes: 64 << 20,
    };

    /// Events since a start or redrive, with those that AWS's history does not show: what fails before its first event can
    /// be retried without any that counts otherwise. Like retries, they are counted anew after a redrive.
    pub(crate) fn journal_events(&self) -> u64 {
        self.history_events.saturating_mul(2)
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::AWS
    }
}
