//! Tasks that end with an execution that they have started: `states:startExecution.sync`.

use std::collections::BTreeMap;
use std::sync::Arc;

use stepyard_asl::{Pattern, Program, Resource, StateId, StateKind};
use stepyard_json::{Json, Object, Payload};
use stepyard_machine::{ExecutionStatus, Stimulus, TaskId};
use stepyard_store::ExecutionId;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::cluster::StopRequest;
use crate::delivery::Delivery;
use crate::end_watch::{Awaited, end_of};
use crate::planted::{Planted, makes};
use crate::shard::{Message, Shared};
use crate::{ExecutionView, TaskOutcome};

/// The executions that tasks of one shard wait for. Each wait carries a number of its own, which fences what an earlier
/// one reports.
pub(crate) struct Awaits {
    shared: Arc<Shared>,
    delivery: Arc<Delivery>,
    mailbox: mpsc::WeakSender<Message>,
    waiting: BTreeMap<(ExecutionId, TaskId), Waiting>,
    numbered: u64,
}

struct Waiting {
    number: u64,
    wait: AbortHandle,
    awaited: Arc<Awaited>,
}

/// That an awaited execution has ended.
#[derive(Debug)]
pub(crate) struct AwaitedEnd {
    pub(crate) execution: ExecutionId,
    task: TaskId,
    number: u64,
    outcome: TaskOutcome,
}

impl Awaits {
    pub(crate) fn new(
        shared: Arc<Shared>,
        delivery: Arc<Delivery>,
        mailbox: mpsc::WeakSender<Message>,
    ) -> Awaits {
        Awaits { shared, delivery, mailbox, waiting: BTreeMap::new(), numbered: 0 }
    }

    /// Waits for the execution of that ARN.
    pub(crate) fn begin(
        &mut self,
        execution: ExecutionId,
        task: TaskId,
        arn: &Arc<str>,
        is_parsed: bool,
    ) {
        self.numbered += 1;
        let number = self.numbered;
        let (shared, mailbox) = (self.shared.clone(), self.mailbox.clone());
        let awaited = Arc::new(Awaited::by_arn(arn));
        let watched = awaited.clone();
        let wait = tokio::spawn(async move {
            let outcome = match end_of(&shared, &watched).await {
                Ok(view) => outcome(&view, is_parsed),
                Err(error) => TaskOutcome::Failed {
                    error: Some("States.TaskFailed".into()),
                    cause: Some(format!("{}: {error}", watched.arn).into()),
                },
            };
            if let Some(mailbox) = mailbox.upgrade() {
                let end = AwaitedEnd { execution, task, number, outcome };
                // A shard that has stopped waits again when the execution is taken up.
                let _ = mailbox.send(Message::AwaitedEnd(Box::new(end))).await;
            }
        });
        let waiting = Waiting { number, wait: wait.abort_handle(), awaited };
        if let Some(earlier) = self.waiting.insert((execution, task), waiting) {
            earlier.wait.abort();
        }
    }

    /// What an end means to the execution whose task has waited for it; `None` when it means nothing any more.
    pub(crate) fn receive(&mut self, end: AwaitedEnd) -> Option<Stimulus> {
        let AwaitedEnd { execution, task, number, outcome } = end;
        let key = (execution, task);
        if self.waiting.get(&key)?.number != number {
            return None;
        }
        self.waiting.remove(&key);
        match outcome {
            TaskOutcome::Succeeded(output) | TaskOutcome::Submitted(output) => {
                Some(Stimulus::TaskSucceeded { task, output })
            }
            TaskOutcome::Failed { error, cause } => {
                Some(Stimulus::TaskFailed { task, error, cause })
            }
        }
    }

    /// The task does not count any more: stops what it has started, as AWS tries to.
    pub(crate) fn cancel(&mut self, execution: ExecutionId, task: TaskId) {
        let Some(Waiting { wait, awaited, .. }) = self.waiting.remove(&(execution, task)) else {
            return;
        };
        wait.abort();
        if makes(Planted::NestedNotStopped) {
            return;
        }
        let delivery = self.delivery.clone();
        tokio::spawn(async move {
            let request = StopRequest {
                state_machine_arn: awaited.state_machine_arn.clone(),
                name: awaited.name.clone(),
                error: None,
                cause: None,
            };
            if let Err(error) = delivery.stop(request).await {
                tracing::debug!(%error, execution = %awaited.arn, "a nested execution is not stopped");
            }
        });
    }

    /// Waits no more, for any.
    pub(crate) fn stop_all(&mut self) {
        while let Some((_, waiting)) = self.waiting.pop_first() {
            waiting.wait.abort();
        }
    }
}

impl Drop for Awaits {
    fn drop(&mut self) {
        self.stop_all();
    }
}

/// Whether the task of a state gets what it has waited for parsed: `.sync:2`.
pub(crate) fn is_parsed(program: &Program, state: StateId) -> bool {
    match &program.state(state).kind {
        StateKind::Task(task) => match &task.resource {
            Resource::Service(call) => call.pattern == Pattern::Sync2,
            Resource::Lambda(_) | Resource::Activity { .. } => false,
        },
        _ => false,
    }
}

fn outcome(view: &ExecutionView, is_parsed: bool) -> TaskOutcome {
    let description = description(view, is_parsed);
    match view.row.status {
        ExecutionStatus::Succeeded => TaskOutcome::Succeeded(description.into()),
        _ => TaskOutcome::Failed {
            error: Some("States.TaskFailed".into()),
            cause: Some(description.to_string().into()),
        },
    }
}

/// An execution that has ended, as DescribeExecution shows it in the names of the SDK; times are milliseconds since the
/// epoch.
fn description(view: &ExecutionView, is_parsed: bool) -> Json {
    let data = |payload: &Payload| match is_parsed {
        true => payload.tree().clone(),
        false => Json::from(payload.to_string()),
    };
    let mut included = Object::new();
    included.insert("Included", true);
    let mut object = Object::new();
    if let Some(cause) = &view.cause {
        object.insert("Cause", cause.clone());
    }
    if let Some(error) = &view.error {
        object.insert("Error", error.clone());
    }
    object.insert("ExecutionArn", view.context.execution_arn.clone());
    object.insert("Input", data(&view.input));
    object.insert("InputDetails", included.clone());
    object.insert("Name", view.context.execution_name.clone());
    if let Some(output) = &view.output {
        object.insert("Output", data(output));
        object.insert("OutputDetails", included);
    }
    object.insert("StartDate", view.row.started_at.0);
    object.insert("StateMachineArn", view.context.state_machine_arn.clone());
    object.insert("Status", view.row.status.as_str());
    if let Some(stopped_at) = view.row.stopped_at {
        object.insert("StopDate", stopped_at.0);
    }
    object.into()
}
