//! How an execution is run.

/// Longest Express execution, in seconds (AWS quota); then it times out.
pub const EXPRESS_SECONDS_MAX: u64 = 300;

/// How an execution is run: by the type of its state machine, and by how it was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExecutionKind {
    /// Durable, with a history that is kept.
    #[default]
    Standard,
    /// In memory, by StartExecution.
    Express,
    /// In memory, by StartSyncExecution.
    SyncExpress,
}

impl ExecutionKind {
    /// Whether it is of an Express workflow. Its history is not kept, so it has no limit of events.
    pub fn is_express(self) -> bool {
        self != ExecutionKind::Standard
    }

    /// `TimeoutSeconds` of the state machine, or what takes its place.
    pub(crate) fn timeout_seconds(self, said: Option<u64>) -> Option<u64> {
        match self {
            ExecutionKind::Standard => said,
            ExecutionKind::Express | ExecutionKind::SyncExpress => {
                Some(said.map_or(EXPRESS_SECONDS_MAX, |said| said.min(EXPRESS_SECONDS_MAX)))
            }
        }
    }
}
