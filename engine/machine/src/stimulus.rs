//! What reaches an execution from outside, and what it asks for.

use std::sync::Arc;

use stepyard_asl::{StateId, Timestamp};
use stepyard_json::Payload;

use crate::{
    EndedChild, Inspection, MapLimits, MapRunId, MapRunTotals, StartContext, TaskId, Text, Timer,
};

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
    /// The call of a task was answered; somebody else ends the task.
    TaskSubmitted {
        /// The task.
        task: TaskId,
        /// The answer.
        output: Payload,
    },
    /// A worker takes the task of an activity.
    ActivityStarted {
        /// The task.
        task: TaskId,
        /// How the worker calls itself.
        worker: Text,
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
    /// A child execution of a Map Run has ended.
    MapRunChildEnded {
        /// The Map Run.
        run: MapRunId,
        /// How.
        child: Arc<EndedChild>,
    },
    /// The last item of a Map Run was found.
    MapRunTotalsKnown {
        /// The Map Run.
        run: MapRunId,
        /// How many there are.
        totals: MapRunTotals,
    },
    /// The results of a Map Run are exported.
    MapRunExported {
        /// The Map Run.
        run: MapRunId,
        /// What the state gives for them.
        output: Payload,
    },
    /// The items of a Map Run cannot be read or its results cannot be exported.
    MapRunFailed {
        /// The Map Run.
        run: MapRunId,
        /// Error name.
        error: Text,
        /// Cause.
        cause: Text,
    },
    /// `UpdateMapRun`.
    UpdateMapRun {
        /// The Map Run.
        run: MapRunId,
        /// All limits as they are to be.
        limits: MapLimits,
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
    /// Hand out a task: make its call, or offer it to the workers of its activity.
    InvokeTask(InvokeTask),
    /// End a task as an execution ends that its call has started: deliver [`Stimulus::TaskSucceeded`] or
    /// [`Stimulus::TaskFailed`].
    AwaitExecution {
        /// The task.
        task: TaskId,
        /// The Task state.
        state: StateId,
        /// ARN of the execution.
        execution_arn: Arc<str>,
    },
    /// The result of this task does not count any more.
    CancelTask {
        /// The task.
        task: TaskId,
    },
    /// Run the child executions of a Map Run that have not ended.
    RunChildren {
        /// The Map Run.
        run: MapRunId,
    },
    /// Run that many of them at once from now on.
    LimitChildren {
        /// The Map Run.
        run: MapRunId,
        /// `MaxConcurrency`.
        max_concurrency: u64,
    },
    /// Export the results of a Map Run.
    ExportResults {
        /// The Map Run.
        run: MapRunId,
    },
    /// A Map Run does not count any more: stop its child executions.
    CancelMapRun {
        /// The Map Run.
        run: MapRunId,
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
