//! What reaches an execution from outside, and what it asks for.

use std::sync::Arc;

use stepyard_asl::{StateId, Timestamp};
use stepyard_json::Payload;

use crate::{Inspection, StartContext, TaskId, Text, Timer};

/// Time and chance of one decision.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The time.
    pub now: Timestamp,
    /// Seed of everything random that is decided.
    pub entropy: [u8; 16],
}

/// What reaches an execution from outside. One that is late, repeated or unknown has no effect.
#[derive(Clone, Debug)]
pub enum Stimulus {
    /// The execution starts; only the first one counts.
    Start {
        /// The source of the context object.
        context: Arc<StartContext>,
        /// Input of the execution.
        input: Payload,
    },
    /// The answer to [`Command::Continue`].
    Continue,
    /// A task's work has begun.
    TaskStarted {
        /// The task.
        task: TaskId,
    },
    /// A task ended well.
    TaskSucceeded {
        /// The task.
        task: TaskId,
        /// Its result.
        output: Payload,
    },
    /// A task failed.
    TaskFailed {
        /// The task.
        task: TaskId,
        /// Error name.
        error: Text,
        /// Cause.
        cause: Text,
    },
    /// A timer is due.
    TimerDue {
        /// The timer.
        timer: Timer,
    },
    /// `StopExecution`.
    Stop {
        /// Error name.
        error: Text,
        /// Cause.
        cause: Text,
    },
    /// `RedriveExecution`; it counts for an execution that [`crate::Execution::check_redrive`] passes.
    Redrive {
        /// The token by which the request is known when it is repeated.
        client_token: Text,
    },
}

/// What an execution asks for. Commands may be carried out only after the events decided with them
/// are durable. Those in flight are a function of the state: see [`crate::Execution::pending`].
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Hand out a task.
    InvokeTask(InvokeTask),
    /// The result of this task does not count any more.
    CancelTask {
        /// The task.
        task: TaskId,
    },
    /// Deliver [`Stimulus::TimerDue`] at that time.
    StartTimer {
        /// The timer.
        timer: Timer,
        /// When.
        due: Timestamp,
    },
    /// Deliver [`Stimulus::Continue`]: the decision was cut because it had become long.
    Continue,
}

/// A task to hand out.
#[derive(Clone, Debug, PartialEq)]
pub struct InvokeTask {
    /// The task.
    pub task: TaskId,
    /// The Task state, whose resource is to be called.
    pub state: StateId,
    /// The effective input.
    pub parameters: Payload,
    /// `Credentials.RoleArn`.
    pub role_arn: Text,
}

/// The outcome of one decision.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// What happened, already applied to the execution.
    pub events: Vec<crate::Event>,
    /// What is to be done once the events are durable.
    pub commands: Vec<Command>,
    /// Somebody looks into the first state.
    pub inspection: Option<Box<Inspection>>,
}
