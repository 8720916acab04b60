//! The vocabulary of the journal.
//!
//! A superset of AWS's history: what AWS shows is projected by [`crate::history`], the other kinds
//! are internal and take no [`EventId`]. Events hold the outcome of every evaluation, so that folding them
//! needs neither the program nor a clock.

use std::sync::Arc;

use stepyard_asl::{StateId, Timestamp};
use stepyard_json::Payload;

use crate::{
    EndedChild, EventId, ExecutionKind, ExecutionStatus, FrameId, Limits, MapLimits, MapRunPlan,
    MapRunTotals, Qualifier,
};

/// One entry of the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When it happened; never before the preceding event of the execution.
    pub at: Timestamp,
    /// The thread of control it belongs to.
    pub frame: FrameId,
    /// Its number in AWS's history; [`EventId::NONE`] when internal.
    pub id: EventId,
    /// `previousEventId` in AWS's history.
    pub previous: EventId,
    /// What happened.
    pub kind: EventKind,
}

/// An error name or a cause; AWS allows each to be absent.
pub type Text = Option<Arc<str>>;

/// What an execution knows of itself from its start: the source of the context object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartContext {
    /// ARN of the execution.
    pub execution_arn: Arc<str>,
    /// Name of the execution.
    pub execution_name: Arc<str>,
    /// ARN of the state machine, unqualified.
    pub state_machine_arn: Arc<str>,
    /// Name of the state machine.
    pub state_machine_name: Arc<str>,
    /// ARN of the role of the state machine.
    pub role_arn: Arc<str>,
    /// The version it was started with; `None` when it was started by the unqualified ARN.
    pub qualifier: Option<Qualifier>,
    /// The Map Run that it is a child execution of.
    pub child_of: Option<ChildOf>,
    /// How it is run. Journals do not say it: only Standard executions have one.
    pub kind: ExecutionKind,
    /// How much it may hold.
    pub limits: Limits,
}

/// The Map Run of a child execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildOf {
    /// ARN of the Map Run.
    pub map_run_arn: Arc<str>,
    /// The Map state, whose item processor the execution runs.
    pub state: StateId,
    /// How many items it has.
    pub items: u64,
    /// How often the Map Run was redriven when it was started.
    pub redrive_count: u32,
}

impl StartContext {
    /// The Map state whose item processor the execution runs; `None` when it runs the whole state machine.
    pub fn map_state(&self) -> Option<StateId> {
        self.child_of.as_ref().map(|child_of| child_of.state)
    }
}

/// What happened. Payloads are shared, not copied.
#[derive(Clone, Debug, PartialEq)]
pub enum EventKind {
    /// The first event.
    ExecutionStarted {
        /// The source of the context object.
        context: Arc<StartContext>,
        /// Input of the execution.
        input: Payload,
        /// `TimeoutSeconds` of the state machine.
        timeout_seconds: Option<u64>,
    },
    /// The execution ended well.
    ExecutionSucceeded {
        /// Output of the execution.
        output: Payload,
    },
    /// The execution failed.
    ExecutionFailed {
        /// Error name.
        error: Text,
        /// Cause.
        cause: Text,
    },
    /// `TimeoutSeconds` of the state machine passed.
    ExecutionTimedOut {
        /// Error name.
        error: Text,
        /// Cause.
        cause: Text,
    },
    /// `StopExecution`.
    ExecutionAborted {
        /// Error name.
        error: Text,
        /// Cause.
        cause: Text,
    },
    /// `RedriveExecution`: the execution, which had ended badly, goes on at every state that it had not left.
    ExecutionRedriven {
        /// How often it has been redriven by now.
        redrive_count: u32,
        /// The token by which a request that is repeated is known.
        client_token: Text,
    },
    /// A state was entered.
    StateEntered {
        /// The state.
        state: StateId,
        /// Its raw input.
        input: Payload,
    },
    /// A state was left, by success or by a catcher.
    StateExited {
        /// The state.
        state: StateId,
        /// Its output.
        output: Payload,
        /// The variables that it assigns, the members of an object.
        assigned: Option<Payload>,
    },
    /// JSONata of a state failed; what becomes of the state follows.
    EvaluationFailed {
        /// The state.
        state: StateId,
        /// Error name.
        error: Text,
        /// Cause.
        cause: Text,
        /// The field that holds the expression, as a path from the state.
        location: Text,
    },
    /// A state was abandoned because a sibling failed; shown for Task, Wait, Parallel and Map states.
    StateAborted {
        /// The state.
        state: StateId,
    },
    /// A task is to be handed out. Shown as `LambdaFunctionScheduled`, `ActivityScheduled` or
    /// `TaskScheduled` after the state's resource, as are the events below.
    TaskScheduled {
        /// The Task state.
        state: StateId,
        /// The effective input, after `Parameters`.
        parameters: Payload,
        /// `TimeoutSeconds`.
        timeout_seconds: Option<u64>,
        /// `HeartbeatSeconds`.
        heartbeat_seconds: Option<u64>,
        /// `Credentials.RoleArn`.
        role_arn: Text,
    },
    /// The task's work has begun.
    TaskStarted {
        /// The Task state.
        state: StateId,
    },
    /// The call of the task was answered; somebody else is to end the task.
    TaskSubmitted {
        /// The Task state.
        state: StateId,
        /// The answer to the call.
        output: Payload,
    },
    /// Internal: the task ends with the execution that its call has started.
    ExecutionAwaited {
        /// ARN of that execution.
        execution_arn: Arc<str>,
    },
    /// A worker has taken the task of an activity, and is to end it.
    ActivityStarted {
        /// The Task state.
        state: StateId,
        /// How the worker calls itself.
        worker: Text,
    },
    /// The task ended well.
    TaskSucceeded {
        /// The Task state.
        state: StateId,
        /// Its raw result.
        output: Payload,
    },
    /// The task failed.
    TaskFailed {
        /// The Task state.
        state: StateId,
        /// Error name.
        error: Text,
        /// Cause.
        cause: Text,
    },
    /// The task took too long.
    TaskTimedOut {
        /// The Task state.
        state: StateId,
        /// Error name.
        error: Text,
        /// Cause.
        cause: Text,
    },
    /// Internal: a Wait state waits.
    WaitStarted {
        /// Until when.
        until: Timestamp,
    },
    /// Internal: the state of the frame failed and a retrier takes it.
    RetryScheduled {
        /// Index of the retrier in `Retry`.
        retrier: u32,
        /// When the next attempt begins.
        due: Timestamp,
    },
    /// A Parallel state starts its branches.
    ParallelStateStarted {
        /// The Parallel state.
        state: StateId,
        /// Input of each branch.
        input: Payload,
        /// Number of branches: so many frames are opened, numbered on from the last one.
        branches: u32,
    },
    /// Internal: a branch has reached its end; what its last state left is its result.
    BranchSucceeded,
    /// All branches ended well.
    ParallelStateSucceeded {
        /// The Parallel state.
        state: StateId,
    },
    /// A branch failed and no retrier took it.
    ParallelStateFailed {
        /// The Parallel state.
        state: StateId,
    },
    /// A Map state starts.
    MapStateStarted {
        /// The Map state.
        state: StateId,
        /// Its effective input, from which `ItemSelector` picks.
        input: Payload,
        /// The items, a JSON array.
        items: Payload,
        /// Number of items.
        length: u32,
        /// How many iterations may run at once, at least 1.
        concurrency: u32,
    },
    /// An iteration begins; a frame is opened for it, numbered next.
    MapIterationStarted {
        /// The Map state.
        state: StateId,
        /// Index of the item.
        index: u32,
        /// Input of the iteration: the item, or what `ItemSelector` made of it.
        input: Payload,
    },
    /// An iteration ended well; what its last state left is its result.
    MapIterationSucceeded {
        /// The Map state.
        state: StateId,
        /// Index of the item.
        index: u32,
    },
    /// An iteration failed.
    MapIterationFailed {
        /// The Map state.
        state: StateId,
        /// Index of the item.
        index: u32,
    },
    /// An iteration was abandoned because another one failed.
    MapIterationAborted {
        /// The Map state.
        state: StateId,
        /// Index of the item.
        index: u32,
    },
    /// All iterations ended well.
    MapStateSucceeded {
        /// The Map state.
        state: StateId,
    },
    /// An iteration failed and no retrier took it.
    MapStateFailed {
        /// The Map state.
        state: StateId,
    },
    /// The Map Run of a Map state in DISTRIBUTED mode starts.
    MapRunStarted {
        /// The Map state.
        state: StateId,
        /// What it is to do.
        plan: Arc<MapRunPlan>,
    },
    /// The Map Run of a Map state, which had ended badly, goes on.
    MapRunRedriven {
        /// The Map state.
        state: StateId,
        /// Its ARN.
        map_run_arn: Arc<str>,
        /// How often it has been redriven by now.
        redrive_count: u32,
    },
    /// Internal: a child execution of a Map Run has ended.
    MapRunChildEnded(Arc<EndedChild>),
    /// Internal: it is known how many items a Map Run has.
    MapRunTotalsKnown(MapRunTotals),
    /// Internal: the limits of a Map Run are others.
    MapRunUpdated(MapLimits),
    /// All child executions have ended, as many of them well as must.
    MapRunSucceeded {
        /// The Map state.
        state: StateId,
    },
    /// The Map Run could not go on, or more items have failed than may.
    MapRunFailed {
        /// The Map state.
        state: StateId,
        /// Error name.
        error: Text,
        /// Cause.
        cause: Text,
    },
    /// The Map Run was abandoned.
    MapRunAborted {
        /// The Map state.
        state: StateId,
    },
}

impl EventKind {
    /// Whether AWS's history shows it, so that it takes an [`EventId`].
    pub fn is_visible(&self) -> bool {
        !matches!(
            self,
            EventKind::WaitStarted { .. }
                | EventKind::RetryScheduled { .. }
                | EventKind::BranchSucceeded
                | EventKind::ExecutionAwaited { .. }
                | EventKind::MapRunChildEnded(_)
                | EventKind::MapRunTotalsKnown(_)
                | EventKind::MapRunUpdated(_)
        )
    }

    /// Whether the execution is over with it, unless it is redriven.
    pub fn is_terminal(&self) -> bool {
        self.end_status().is_some()
    }

    /// The status that the execution has from then on, when that is another one.
    pub fn new_status(&self) -> Option<ExecutionStatus> {
        match self {
            EventKind::ExecutionStarted { .. } | EventKind::ExecutionRedriven { .. } => {
                Some(ExecutionStatus::Running)
            }
            _ => self.end_status(),
        }
    }

    /// The status of an execution that has ended so.
    pub fn end_status(&self) -> Option<ExecutionStatus> {
        match self {
            EventKind::ExecutionSucceeded { .. } => Some(ExecutionStatus::Succeeded),
            EventKind::ExecutionFailed { .. } => Some(ExecutionStatus::Failed),
            EventKind::ExecutionTimedOut { .. } => Some(ExecutionStatus::TimedOut),
            EventKind::ExecutionAborted { .. } => Some(ExecutionStatus::Aborted),
            _ => None,
        }
    }
}
