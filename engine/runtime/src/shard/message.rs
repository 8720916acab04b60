//! What reaches a shard, and the replies.

use std::sync::Arc;

use stepyard_asl::{Program, Timestamp};
use stepyard_machine::{TaskId, Text};
use stepyard_store::{ExecutionId, ExecutionRow};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::awaiting::AwaitedEnd;
use crate::cluster::{RedriveRequest, StartRequest, StopRequest};
use crate::dispatch::Report;
use crate::map_run::MapRunReport;
use crate::{
    ActivityTask, CallbackError, CallbackRequest, MapRunProgress, MapRunRequest,
    MapRunRequestError, RedriveError, StartError, StopError,
};

/// What reaches a shard.
pub(crate) enum Message {
    Start(Box<Start>),
    Stop(Box<Stop>),
    Callback(Box<Callback>),
    Take(Box<Take>),
    Redrive(Box<Redrive>),
    AskMapRun(Box<AskMapRun>),
    Report(Report),
    MapRun(MapRunReport),
    AwaitedEnd(Box<AwaitedEnd>),
}

impl From<Report> for Message {
    fn from(report: Report) -> Message {
        Message::Report(report)
    }
}

/// A request to start an execution.
pub(crate) struct Start {
    pub(crate) request: StartRequest,
    pub(crate) program: Arc<Program>,
    pub(crate) reply: oneshot::Sender<Result<ExecutionRow, StartError>>,
    /// The place of its input among the starts that are not durable yet.
    pub(crate) place: OwnedSemaphorePermit,
}

impl Start {
    /// What names are known by.
    pub(crate) fn name(&self) -> (Arc<str>, Arc<str>) {
        let context = &self.request.context;
        (context.state_machine_arn.clone(), context.execution_name.clone())
    }

    /// A name that was made up is new, unless the request may have been served before.
    pub(crate) fn is_looked_up(&self) -> bool {
        self.request.name_is_chosen || self.request.is_repeat
    }
}

/// A request to stop an execution.
pub(crate) struct Stop {
    pub(crate) request: StopRequest,
    pub(crate) reply: oneshot::Sender<Result<Timestamp, StopError>>,
}

impl Stop {
    /// What names are known by: the state machine's ARN and the execution's name.
    pub(crate) fn name(&self) -> (Arc<str>, Arc<str>) {
        (self.request.state_machine_arn.clone(), self.request.name.clone())
    }
}

/// What somebody outside says of a task.
pub(crate) struct Callback {
    pub(crate) request: CallbackRequest,
    pub(crate) reply: oneshot::Sender<Result<(), CallbackError>>,
    /// The place of its data among what is not durable yet.
    pub(crate) place: OwnedSemaphorePermit,
}

/// A worker's request for a task that is offered to it.
pub(crate) struct Take {
    pub(crate) execution: ExecutionId,
    pub(crate) task: TaskId,
    /// How the worker calls itself.
    pub(crate) worker: Text,
    /// Dropped when the task is not to be had any more.
    pub(crate) reply: oneshot::Sender<ActivityTask>,
}

/// A request to redrive an execution.
pub(crate) struct Redrive {
    pub(crate) request: RedriveRequest,
    pub(crate) reply: oneshot::Sender<Result<Timestamp, RedriveError>>,
}

impl Redrive {
    /// What names are known by.
    pub(crate) fn name(&self) -> (Arc<str>, Arc<str>) {
        (self.request.state_machine_arn.clone(), self.request.name.clone())
    }
}

/// A question about a Map Run, maybe with a change of its limits.
pub(crate) struct AskMapRun {
    pub(crate) request: MapRunRequest,
    pub(crate) reply: oneshot::Sender<Result<MapRunProgress, MapRunRequestError>>,
}

/// A reply that waits until what it tells is durable.
pub(crate) struct Reply {
    /// The execution that it tells of.
    pub(crate) execution: ExecutionId,
    /// The number of the decision that it tells of, if that is being made elsewhere.
    pub(crate) thought: Option<u64>,
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
    CalledBack {
        reply: oneshot::Sender<Result<(), CallbackError>>,
        result: Result<(), CallbackError>,
        _place: OwnedSemaphorePermit,
    },
    Taken {
        reply: oneshot::Sender<ActivityTask>,
        task: ActivityTask,
    },
    Redriven {
        reply: oneshot::Sender<Result<Timestamp, RedriveError>>,
        result: Result<Timestamp, RedriveError>,
    },
    MapRun {
        reply: oneshot::Sender<Result<MapRunProgress, MapRunRequestError>>,
        result: Result<Box<MapRunProgress>, MapRunRequestError>,
    },
}

impl Reply {
    /// A client that has gone away does not want its answer.
    pub(crate) fn send(self) {
        match self.answer {
            Answer::Started { reply, result, .. } => drop(reply.send(result.map(|row| *row))),
            Answer::Stopped { reply, stopped_at } => drop(reply.send(Ok(stopped_at))),
            Answer::CalledBack { reply, result, .. } => drop(reply.send(result)),
            Answer::Taken { reply, task } => drop(reply.send(task)),
            Answer::Redriven { reply, result } => drop(reply.send(result)),
            Answer::MapRun { reply, result } => {
                drop(reply.send(result.map(|progress| *progress)));
            }
        }
    }

    /// What it tells does not happen. Whether there is still something to tell.
    pub(crate) fn refuse(&mut self) -> bool {
        match &mut self.answer {
            Answer::CalledBack { result, .. } => {
                *result = Err(CallbackError::TimedOut);
                true
            }
            Answer::MapRun { result, .. } => {
                *result = Err(MapRunRequestError::NotRunning);
                true
            }
            Answer::Taken { .. } => false,
            Answer::Started { .. } | Answer::Stopped { .. } | Answer::Redriven { .. } => true,
        }
    }
}
