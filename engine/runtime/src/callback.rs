//! What somebody outside says of a task whose token he has.

use std::sync::Arc;

use stepyard_json::Payload;
use stepyard_machine::{Event, EventKind, Stimulus, TaskId, Text};
use stepyard_store::{Error, ReadLimit, Store, codec};

use crate::TaskPlace;

/// What is said of a task.
#[derive(Clone, Debug, PartialEq)]
pub enum Word {
    /// It has ended well: SendTaskSuccess.
    Success(Payload),
    /// It has failed: SendTaskFailure.
    Failure {
        /// Error name.
        error: Text,
        /// Cause.
        cause: Text,
    },
    /// It goes on: SendTaskHeartbeat.
    Heartbeat,
}

/// A word on its way to the owner of the task's shard.
#[derive(Clone, Debug, PartialEq)]
pub struct CallbackRequest {
    /// The task.
    pub place: TaskPlace,
    /// What is said of it.
    pub word: Word,
}

impl CallbackRequest {
    /// Whether this very word is how the task has ended, by the journal: then it was heard before, though the answer was
    /// lost.
    pub(crate) async fn has_ended_it(&self, store: &dyn Store) -> Result<bool, Error> {
        let TaskPlace { shard, execution, task } = self.place;
        let (mut from, mut frame) = (0, None);
        loop {
            let chunks = store.journal_from(shard, execution, from, ReadLimit::PIECE).await?;
            for chunk in &chunks {
                for event in codec::decode(&chunk.body)? {
                    match frame {
                        None if event.id == task.0 => frame = Some(event.frame),
                        Some(frame) if frame == event.frame && ends_task(&event) => {
                            return Ok(self.word.says(&event.kind));
                        }
                        _ => {}
                    }
                }
            }
            match chunks.last().filter(|_| ReadLimit::PIECE.is_reached(&chunks)) {
                Some(last) => from = last.end(),
                None => return Ok(false),
            }
        }
    }
}

/// Why a word was not heard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// No token of this database.
    #[error("Invalid Token: 'Invalid token'")]
    InvalidToken,
    /// The task has ended.
    #[error("Task Timed Out: 'Provided task does not exist anymore'")]
    TimedOut,
    /// There is nothing of its execution any more.
    #[error("Task does not exist")]
    DoesNotExist,
    /// There is as much on the way as may be; try again.
    #[error("Rate exceeded")]
    Throttled,
    /// Whether it was heard is unknown: try again.
    #[error("{0}")]
    Unavailable(String),
}

/// A task that a worker has got.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivityTask {
    /// Its token.
    pub token: Arc<str>,
    /// Its input.
    pub input: Payload,
}

impl Word {
    /// What it means to the execution; a sign of life means nothing.
    pub(crate) fn stimulus(self, task: TaskId) -> Option<Stimulus> {
        match self {
            Word::Success(output) => Some(Stimulus::TaskSucceeded { task, output }),
            Word::Failure { error, cause } => Some(Stimulus::TaskFailed { task, error, cause }),
            Word::Heartbeat => None,
        }
    }

    /// Bytes of the data that it brings.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Word::Success(output) => output.len(),
            Word::Failure { error, cause } => {
                [error, cause].into_iter().flatten().map(|text| text.len()).sum()
            }
            Word::Heartbeat => 0,
        }
    }

    fn says(&self, kind: &EventKind) -> bool {
        match (self, kind) {
            (Word::Success(said), EventKind::TaskSucceeded { output, .. }) => said == output,
            (Word::Failure { error, cause }, EventKind::TaskFailed { error: e, cause: c, .. }) => {
                (error, cause) == (e, c)
            }
            _ => false,
        }
    }
}

fn ends_task(event: &Event) -> bool {
    matches!(
        event.kind,
        EventKind::TaskSucceeded { .. }
            | EventKind::TaskFailed { .. }
            | EventKind::TaskTimedOut { .. }
            | EventKind::StateAborted { .. }
    )
}
