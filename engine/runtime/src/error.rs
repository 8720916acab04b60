//! What can go wrong when the runtime is asked for something.

use std::sync::Arc;

use stepyard_machine::NotRedrivable;

/// Why an execution could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The name is taken: by an execution that has ended, or by one with another input.
    #[error("Execution Already Exists: '{arn}'")]
    AlreadyExists {
        /// ARN of the execution.
        arn: Arc<str>,
    },
    /// The shard has as much to do as it may take; try again.
    #[error("Rate exceeded")]
    Throttled,
    /// Whether it has started is unknown: try again with the same name.
    #[error("{0}")]
    Unavailable(String),
}

/// Why an execution could not be redriven.
#[derive(Debug, thiserror::Error)]
pub enum RedriveError {
    /// There is none of that name.
    #[error("the execution does not exist")]
    DoesNotExist,
    /// It is not to be redriven.
    #[error("{0}")]
    NotRedrivable(NotRedrivable),
    /// Its journal cannot be taken up by this program.
    #[error("the execution is set aside; see the log of the server")]
    SetAside,
    /// Whether it has been redriven is unknown: try again with the same token.
    #[error("{0}")]
    Unavailable(String),
}

/// Why an execution could not be stopped.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// It is not in progress here: it has ended, or never was.
    #[error("the execution is not running")]
    NotRunning,
    /// Its journal cannot be taken up by this program.
    #[error("the execution is set aside; see the log of the server")]
    SetAside,
    /// Whether it has been stopped is unknown: try again.
    #[error("{0}")]
    Unavailable(String),
}
