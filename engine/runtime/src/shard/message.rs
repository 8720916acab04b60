//! What reaches a shard, and the replies.

use std::sync::Arc;

use stepyard_asl::{Program, Timestamp};
use stepyard_json::Payload;
use stepyard_machine::{StartContext, Text};
use stepyard_store::{ExecutionId, ExecutionRow};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use uuid::Uuid;

use crate::dispatch::Report;
use crate::{StartError, StopError};

/// What reaches a shard.
pub(crate) enum Message {
    Start(Box<Start>),
    Stop(Box<Stop>),
    Report(Report),
}

/// A request to start an execution.
pub(crate) struct Start {
    pub(crate) context: Arc<StartContext>,
    /// A name that the server made up is new; one that a client chose is looked up.
    pub(crate) name_is_chosen: bool,
    pub(crate) revision: Uuid,
    pub(crate) program: Arc<Program>,
    pub(crate) input: Payload,
    pub(crate) reply: oneshot::Sender<Result<ExecutionRow, StartError>>,
    /// The place of its input among the starts that are not durable yet.
    pub(crate) place: OwnedSemaphorePermit,
}

/// A request to stop an execution.
pub(crate) struct Stop {
    pub(crate) state_machine_arn: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) error: Text,
    pub(crate) cause: Text,
    pub(crate) reply: oneshot::Sender<Result<Timestamp, StopError>>,
}

impl Stop {
    /// What names are known by: the state machine's ARN and the execution's name.
    pub(crate) fn name(&self) -> (Arc<str>, Arc<str>) {
        (self.state_machine_arn.clone(), self.name.clone())
    }
}

/// A reply that waits until what it tells is durable.
pub(crate) struct Reply {
    /// The execution that it tells of.
    pub(crate) execution: ExecutionId,
    pub(crate) answer: Answer,
}

/// What is replied.
pub(crate) enum Answer {
    Started {
        reply: oneshot::Sender<Result<ExecutionRow, StartError>>,
        result: Result<Box<ExecutionRow>, StartError>,
        _place: OwnedSemaphorePermit,
    },
    Stopped {
        reply: oneshot::Sender<Result<Timestamp, StopError>>,
        stopped_at: Timestamp,
    },
}

impl Reply {
    /// A client that has gone away does not want its answer.
    pub(crate) fn send(self) {
        match self.answer {
            Answer::Started { reply, result, .. } => drop(reply.send(result.map(|row| *row))),
            Answer::Stopped { reply, stopped_at } => drop(reply.send(Ok(stopped_at))),
        }
    }

    /// What it would have told may not have happened.
    pub(crate) fn retract(self) {
        let text = "the shard has changed its owner; try again".to_owned();
        match self.answer {
            Answer::Started { reply, .. } => drop(reply.send(Err(StartError::Unavailable(text)))),
            Answer::Stopped { reply, .. } => drop(reply.send(Err(StopError::Unavailable(text)))),
        }
    }
}
