//! The trait by which the runtime hands out tasks.

use std::sync::Arc;

use async_trait::async_trait;
use stepyard_asl::{Program, Resource, StateKind, Timestamp};
use stepyard_json::Payload;
use stepyard_machine::{Execution, InvokeTask};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// Runs tasks: in this process, on AWS Lambda, or by asking another service.
///
/// A task is handed out at least once: after a crash it is dispatched again under the same
/// [`Invocation::idempotency_key`].
#[async_trait]
pub trait TaskRunner: Send + Sync {
    /// Runs one dispatch to its end. The runtime drops the future when the task no longer counts
    /// (timeout, stop, sibling failure).
    async fn run(&self, invocation: Invocation) -> TaskOutcome;
}

/// One dispatch of a task.
#[derive(Debug)]
pub struct Invocation {
    /// ARN of the execution.
    pub execution_arn: Arc<str>,
    /// When the execution started.
    pub execution_started: Timestamp,
    /// Name of the Task state.
    pub state_name: Arc<str>,
    /// What to call.
    pub resource: Resource,
    /// The effective input, after `Parameters`.
    pub parameters: Payload,
    /// `Credentials.RoleArn`, evaluated.
    pub role_arn: Option<Arc<str>>,
    /// Largest result that the execution takes, in bytes of JSON text.
    pub result_bytes_max: usize,
    /// The same for every dispatch of this task: execution id and scheduled event id.
    pub idempotency_key: Arc<str>,
    /// To be fired when the work begins (the request is sent, a worker thread is free): writes
    /// `TaskStarted` or `LambdaFunctionStarted` and starts the clock of `TimeoutSeconds`.
    pub started: Started,
    /// Cancelled when the task no longer counts; for work that outlives the dropped future, such
    /// as a blocking thread.
    pub cancellation: CancellationToken,
}

impl Invocation {
    /// What makes the invocation that an execution has asked for.
    pub(crate) fn of(
        program: &Program,
        execution: &Execution,
        invoke: &InvokeTask,
        idempotency_key: String,
    ) -> Option<impl FnOnce(Started, CancellationToken) -> Invocation> {
        let context = execution.context()?;
        let state = program.state(invoke.state);
        let StateKind::Task(task) = &state.kind else { return None };
        Some(move |started, cancellation| Invocation {
            execution_arn: context.execution_arn.clone(),
            execution_started: execution.started_at().unwrap_or_default(),
            state_name: state.name.clone(),
            resource: task.resource.clone(),
            parameters: invoke.parameters.clone(),
            role_arn: invoke.role_arn.clone(),
            result_bytes_max: execution.limits().data_bytes,
            idempotency_key: idempotency_key.into(),
            started,
            cancellation,
        })
    }
}

/// Tells the runtime that a task has begun.
#[derive(Debug)]
pub struct Started(Option<oneshot::Sender<()>>);

impl Started {
    /// A signal and the end on which it arrives.
    pub fn channel() -> (Started, oneshot::Receiver<()>) {
        let (sender, receiver) = oneshot::channel();
        (Started(Some(sender)), receiver)
    }

    /// Fires the signal; later calls do nothing.
    pub fn fire(&mut self) {
        if let Some(sender) = self.0.take() {
            // Nobody listens when the task has been cancelled meanwhile.
            let _ = sender.send(());
        }
    }
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskOutcome {
    /// With a result.
    Succeeded(Payload),
    /// It has not: the call was answered like this, and somebody else ends the task.
    Submitted(Payload),
    /// With an error name and a cause, both optional as in `SendTaskFailure`.
    Failed {
        /// Error name, matched by `ErrorEquals`.
        error: Option<Arc<str>>,
        /// Details for people.
        cause: Option<Arc<str>>,
    },
}
