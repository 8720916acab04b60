//! Running one state to its end, without a journal.

use std::sync::Arc;
use std::time::Duration;

use stepyard_asl::{Program, StateKind, Timestamp};
use stepyard_json::Payload;
use stepyard_machine::{
    Command, Decision, EventKind, Execution, ExecutionKind, Facts, Inspection, InvokeTask, Moment,
    StartContext, Stimulus, Text, Timer, TimerKind,
};
use stepyard_runtime::{Invocation, Question, Started, TaskOutcome};
use tokio_util::sync::CancellationToken;

use super::TestStateResponse;
use super::shown::InspectionData;
use crate::app::App;
use crate::wire::ApiError;

/// Longest test (API reference): then it ends with `States.Timeout`.
const TEST_MAX: Duration = Duration::from_secs(300);

/// Where a state is run.
pub(super) struct Bench<'a> {
    pub(super) app: &'a App,
    pub(super) program: Arc<Program>,
    /// Retries that have been granted before.
    pub(super) retries: u32,
}

/// What came of it.
pub(super) struct Ended {
    pub(super) inspection: Inspection,
    /// Variables that the state has assigned.
    pub(super) assigned: Option<Payload>,
    outcome: Outcome,
    output: Option<Payload>,
    next_state: Option<Arc<str>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    Succeeded,
    Failed,
    Retriable,
    Caught,
}

/// What is to be done next.
enum Step {
    Task(InvokeTask),
    Timer(Timer, Timestamp),
    Continue,
}

impl Bench<'_> {
    /// Runs the state that the program starts with.
    pub(super) async fn run(
        mut self,
        input: Payload,
        inspection: Inspection,
    ) -> Result<Ended, ApiError> {
        let mut execution = Execution::default();
        let mut decision =
            Decision { inspection: Some(Box::new(inspection)), ..Decision::default() };
        let mut stimulus = Stimulus::Start { context: self.context(), input };
        let end = self.app.runtime.clock().now().plus_millis(TEST_MAX.as_millis() as i64);
        loop {
            let question = Question {
                program: self.program.clone(),
                execution,
                moment: self.moment(),
                facts: Facts::trusting(),
                stimulus,
                decision,
                lack: None,
            };
            let thought = self.app.runtime.decide(question).await;
            let thought = thought.map_err(|error| ApiError::internal(&error))?;
            (execution, decision) = (thought.execution, thought.decision);
            if self.has_left(&decision) {
                return Ok(self.ended(decision));
            }
            let steps = std::mem::take(&mut decision.commands);
            let Some(step) = steps.into_iter().find_map(step) else {
                return Ok(self.ended(decision));
            };
            stimulus = match step {
                Step::Timer(Timer { kind: TimerKind::Retry, .. }, _) if self.retries == 0 => {
                    return Ok(self.ended(decision));
                }
                Step::Timer(timer, due) => {
                    self.wait(timer, due.min(end)).await;
                    Stimulus::TimerDue { timer }
                }
                Step::Task(task) => {
                    let limit = time_limit(&decision);
                    self.invoke(&execution, task, limit).await
                }
                Step::Continue => Stimulus::Continue,
            };
        }
    }

    fn moment(&self) -> Moment {
        let entropy = self.app.runtime.entropy().draw();
        Moment { now: self.app.runtime.clock().now(), entropy }
    }

    fn context(&self) -> Arc<StartContext> {
        let identity = &self.app.identity;
        let arn =
            |kind: &str| format!("arn:aws:states:{}:{}:{kind}", identity.region, identity.account);
        Arc::new(StartContext {
            execution_arn: format!("{}:StateMachine:test", arn("express")).into(),
            execution_name: "test".into(),
            state_machine_arn: format!("{}:StateMachine", arn("stateMachine")).into(),
            state_machine_name: "StateMachine".into(),
            role_arn: crate::arn::ANY_ROLE_ARN.into(),
            qualifier: None,
            child_of: None,
            kind: ExecutionKind::SyncExpress,
            limits: self.app.limits,
        })
    }

    /// A retry that was granted before is not waited for.
    async fn wait(&mut self, timer: Timer, due: Timestamp) {
        match timer.kind {
            TimerKind::Retry => self.retries -= 1,
            _ => self.app.runtime.clock().sleep_until(due).await,
        }
    }

    async fn invoke(&self, execution: &Execution, task: InvokeTask, limit: Duration) -> Stimulus {
        let InvokeTask { task: id, state, parameters, role_arn } = task;
        let described = self.program.state(state);
        let StateKind::Task(kind) = &described.kind else { return Stimulus::Continue };
        let (started, _begun) = Started::channel();
        let cancellation = CancellationToken::new();
        let _cancelled_at_the_end = cancellation.clone().drop_guard();
        let invocation = Invocation {
            execution_arn: self.context().execution_arn.clone(),
            execution_started: execution.started_at().unwrap_or_default(),
            state_name: described.name.clone(),
            resource: kind.resource.clone(),
            parameters,
            role_arn,
            result_bytes_max: execution.limits().data_bytes,
            idempotency_key: format!("test:{}", id.0.0).into(),
            started,
            cancellation,
        };
        let outcome = tokio::select! {
            outcome = self.app.runner.run(invocation) => outcome,
            () = self.app.runtime.clock().sleep(limit) => {
                TaskOutcome::Failed { error: Some("States.Timeout".into()), cause: None }
            }
        };
        match outcome {
            TaskOutcome::Succeeded(output) => Stimulus::TaskSucceeded { task: id, output },
            TaskOutcome::Submitted(output) => Stimulus::TaskSubmitted { task: id, output },
            TaskOutcome::Failed { error, cause } => Stimulus::TaskFailed { task: id, error, cause },
        }
    }

    fn has_left(&self, decision: &Decision) -> bool {
        decision.events.iter().any(|event| {
            event.kind.is_terminal() || matches!(event.kind, EventKind::StateExited { .. })
        })
    }

    fn ended(&self, mut decision: Decision) -> Ended {
        let inspection = decision.inspection.take().map(|inspection| *inspection);
        let inspection = inspection.unwrap_or_default();
        let mut after = decision.events.into_iter().skip_while(|event| {
            !matches!(event.kind, EventKind::StateExited { .. }) && !event.kind.is_terminal()
        });
        let first = after.next().map(|event| event.kind);
        let mut ended = Ended {
            inspection,
            assigned: None,
            outcome: Outcome::Retriable,
            output: None,
            next_state: None,
        };
        match first {
            Some(EventKind::StateExited { output, assigned, .. }) => {
                ended.output = Some(output);
                ended.assigned = assigned;
                ended.next_state = after.find_map(|event| match event.kind {
                    EventKind::StateEntered { state, .. } => {
                        Some(self.program.state(state).name.clone())
                    }
                    _ => None,
                });
                let caught = ended.inspection.catcher.is_some();
                ended.outcome = if caught { Outcome::Caught } else { Outcome::Succeeded };
            }
            Some(EventKind::ExecutionFailed { error, cause }) => {
                ended.inspection.failure = Some((error, cause));
                ended.outcome = Outcome::Failed;
            }
            _ => {}
        }
        ended
    }
}

fn step(command: Command) -> Option<Step> {
    match command {
        Command::InvokeTask(task) => Some(Step::Task(task)),
        Command::StartTimer { timer, due } if timer.kind != TimerKind::ExecutionTimeout => {
            Some(Step::Timer(timer, due))
        }
        Command::Continue => Some(Step::Continue),
        Command::StartTimer { .. }
        | Command::CancelTask { .. }
        | Command::AwaitExecution { .. }
        | Command::RunChildren { .. }
        | Command::LimitChildren { .. }
        | Command::ExportResults { .. }
        | Command::CancelMapRun { .. } => None,
    }
}

/// How long the task that was scheduled last may take.
fn time_limit(decision: &Decision) -> Duration {
    let scheduled = decision.events.iter().rev().find_map(|event| match event.kind {
        EventKind::TaskScheduled { timeout_seconds, .. } => timeout_seconds,
        _ => None,
    });
    scheduled.map_or(TEST_MAX, |seconds| TEST_MAX.min(Duration::from_secs(seconds)))
}

impl Ended {
    pub(super) fn response(self, inspection_data: Option<InspectionData>) -> TestStateResponse {
        let text = |text: Text| text.map(|text| text.to_string());
        let has_failed = self.outcome != Outcome::Succeeded;
        let (error, cause) = self.inspection.failure.filter(|_| has_failed).unwrap_or_default();
        TestStateResponse {
            output: self.output.map(|output| output.text().to_string()),
            error: text(error),
            cause: text(cause),
            inspection_data,
            next_state: self.next_state.map(|name| name.to_string()),
            status: match self.outcome {
                Outcome::Succeeded => "SUCCEEDED",
                Outcome::Failed => "FAILED",
                Outcome::Retriable => "RETRIABLE",
                Outcome::Caught => "CAUGHT_ERROR",
            },
        }
    }
}
