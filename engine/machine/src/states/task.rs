//! Task: work by a task runner.

use std::ops::RangeInclusive;
use std::sync::Arc;

use stepyard_asl::{EvalError, Resource, Seconds, StateId, StateKind, Task};
use stepyard_json::{Json, Payload};

use super::{computed, finish, whole_number};
use crate::context::Subject;
use crate::decide::Run;
use crate::failure::Failure;
use crate::{EventKind, FrameId, Stage, Text};

/// What `TimeoutSeconds` and `HeartbeatSeconds` may be.
const SECONDS: RangeInclusive<u64> = 1..=99_999_999;

/// Longest ARN of a role (IAM API reference).
const ROLE_ARN_BYTES_MAX: usize = 2_048;

/// Hands out the task.
pub(super) fn work(
    run: &mut Run<'_>,
    id: FrameId,
    state: StateId,
    task: &Task,
) -> Result<(), Failure> {
    let input = run.effective_input(id, state)?;
    let timeout_seconds = seconds(run, id, "TimeoutSecondsPath", task.timeout.as_ref(), &input)?;
    let heartbeat_seconds =
        seconds(run, id, "HeartbeatSecondsPath", task.heartbeat.as_ref(), &input)?;
    let role_arn = role(run, id, task, &input)?;
    let parameters = run.template(id, task.parameters.as_ref(), Subject::Input(&input))?;
    run.note(Stage::AfterParameters, &parameters);
    run.within_limit(&parameters, &run.program.state(state).name)?;
    if let Some(mocked) = run.mocked() {
        return finish(run, id, state, &mocked?, &task.outcome);
    }
    if let Resource::Activity { arn } = &task.resource
        && !run.has_activity(arn)
    {
        let cause = format!("The activity {arn} does not exist.");
        return Err(run.locate(id, EvalError::runtime(cause)));
    }
    let kind = EventKind::TaskScheduled {
        state,
        parameters,
        timeout_seconds,
        heartbeat_seconds,
        role_arn,
    };
    run.emit(id, kind);
    run.invoke(id);
    Ok(())
}

/// The call of the task was answered, and somebody else is to end the task. An answer that is too large counts as a
/// failure of the task.
pub(crate) fn submitted(run: &mut Run<'_>, id: FrameId, state: StateId, output: &Payload) {
    let program = run.program;
    let StateKind::Task(task) = &program.state(state).kind else { return };
    if let Err(failure) = run.within_limit(output, &origin(&task.resource)) {
        return failed(run, id, state, failure);
    }
    run.emit(id, EventKind::TaskSubmitted { state, output: output.clone() });
    run.watch(id);
    let started = output.tree().get("ExecutionArn").and_then(Json::as_str);
    if let (true, Some(execution_arn)) = (task.resource.waits_for_a_job(), started) {
        let kind = EventKind::ExecutionAwaited { execution_arn: execution_arn.into() };
        run.emit_after(id, run.previous(id), kind);
        run.await_execution(id);
    }
}

/// The task ended well; a result that is too large counts as a failure of the task.
pub(crate) fn succeeded(run: &mut Run<'_>, id: FrameId, state: StateId, output: &Payload) {
    let program = run.program;
    let StateKind::Task(task) = &program.state(state).kind else { return };
    if let Err(failure) = run.within_limit(output, &origin(&task.resource)) {
        return failed(run, id, state, failure);
    }
    run.emit(id, EventKind::TaskSucceeded { state, output: output.clone() });
    if let Err(failure) = finish(run, id, state, output, &task.outcome) {
        run.fail(id, state, failure);
    }
}

/// The task failed. A missed heartbeat, which the runner notices, is a timeout to AWS.
pub(crate) fn failed(run: &mut Run<'_>, id: FrameId, state: StateId, failure: Failure) {
    let (error, cause) = (failure.error.clone(), failure.cause.clone());
    let kind = if failure.is_missed_heartbeat() {
        EventKind::TaskTimedOut { state, error, cause }
    } else {
        EventKind::TaskFailed { state, error, cause }
    };
    run.emit(id, kind);
    run.fail(id, state, failure);
}

/// The task takes too long: all together, or to give a sign of life.
pub(crate) fn timed_out(run: &mut Run<'_>, id: FrameId, state: StateId, failure: Failure) {
    let attempt = run.execution().frame(id).and_then(crate::frame::Frame::attempt);
    if let Some(task) = attempt.map(crate::frame::Attempt::task) {
        run.cancel(task);
    }
    run.emit(id, EventKind::TaskTimedOut { state, error: failure.error.clone(), cause: None });
    run.fail(id, state, failure);
}

fn seconds(
    run: &mut Run<'_>,
    id: FrameId,
    field: &str,
    seconds: Option<&Seconds>,
    input: &Payload,
) -> Result<Option<u64>, Failure> {
    match seconds {
        None => Ok(None),
        Some(Seconds::Literal(seconds)) => Ok(Some(*seconds)),
        Some(Seconds::Path(path)) => {
            let seconds = whole_number(run, id, field, path, input)?;
            if SECONDS.contains(&seconds) {
                return Ok(Some(seconds));
            }
            let cause = format!(
                "The {field} field refers to value \"{seconds}\" which is not a valid integer: {path}"
            );
            Err(run.locate(id, EvalError::runtime(cause)))
        }
        Some(Seconds::Jsonata(jsonata)) => computed(run, id, input, jsonata, SECONDS).map(Some),
    }
}

/// `Credentials.RoleArn`.
fn role(run: &mut Run<'_>, id: FrameId, task: &Task, input: &Payload) -> Result<Text, Failure> {
    let Some(credentials) = &task.credentials else { return Ok(None) };
    let credentials = run.evaluate(id, Subject::Input(input), |env| credentials.eval(env))?;
    let role = credentials.get("RoleArn").and_then(|role| role.as_str());
    let role = role.filter(|role| role.len() <= ROLE_ARN_BYTES_MAX);
    let Some(role) = role else {
        let cause = "The field 'RoleArn' must be a string.";
        return Err(run.locate(id, EvalError::runtime(cause)));
    };
    Ok(Some(role.into()))
}

/// How the message about an oversized result names the task (recorded from AWS: the ARN of a Lambda
/// function, the name of a service).
fn origin(resource: &Resource) -> Arc<str> {
    match resource {
        Resource::Lambda(function) => function.arn.clone(),
        Resource::Activity { arn } => arn.clone(),
        Resource::Service(call) => call.service.clone(),
    }
}
