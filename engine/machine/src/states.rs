//! The eight state types, and what they share.

mod choice;
pub(crate) mod distributed;
mod fail;
mod map;
mod parallel;
mod pass;
mod succeed;
pub(crate) mod task;
pub(crate) mod wait;

use std::ops::RangeInclusive;

use stepyard_asl::{EvalError, Jsonata, Outcome, Path, Program, StateId, StateKind};
use stepyard_json::{Json, Payload};

use crate::context::Subject;
use crate::decide::{Left, Run};
use crate::failure::Failure;
use crate::frame::Frame;
use crate::{FrameId, Stage};

/// Does the work of a state that has been entered, or tries it again.
pub(crate) fn work(run: &mut Run<'_>, id: FrameId, state: StateId) -> Result<(), Failure> {
    let program = run.program;
    match &program.state(state).kind {
        StateKind::Pass(pass) => pass::work(run, id, state, pass),
        StateKind::Task(task) => task::work(run, id, state, task),
        StateKind::Choice(choice) => choice::work(run, id, state, choice),
        StateKind::Wait(wait) => wait::work(run, id, state, wait),
        StateKind::Succeed => succeed::work(run, id, state),
        StateKind::Fail(fail) => fail::work(run, id, fail),
        StateKind::Parallel(parallel) => parallel::work(run, id, state, parallel),
        StateKind::Map(map) => map::work(run, id, state, map),
    }
}

/// Goes on with a state whose children or whose Map Run are to go on, after a redrive.
pub(crate) fn resume(run: &mut Run<'_>, id: FrameId, state: StateId) -> Result<(), Failure> {
    let program = run.program;
    match &program.state(state).kind {
        StateKind::Parallel(parallel) => parallel::go_on(run, id, state, parallel),
        StateKind::Map(map) if map.distributed.is_none() => map::go_on(run, id, state, map),
        StateKind::Map(_) => distributed::redrive(run, id, state),
        _ => Ok(()),
    }
}

/// The first state of a scope: of the branch or iteration with that index in a Parallel or Map state, or
/// of the whole definition.
pub(crate) fn start_of(program: &Program, parent: Option<StateId>, index: u32) -> Option<StateId> {
    let scope = match parent.map(|parent| &program.state(parent).kind) {
        None => Program::ROOT,
        Some(StateKind::Parallel(parallel)) => *parallel.branches.get(index as usize)?,
        Some(StateKind::Map(map)) => map.item_processor,
        Some(_) => return None,
    };
    Some(program.scope(scope).start)
}

/// A branch or iteration has reached its end.
pub(crate) fn child_succeeded(run: &mut Run<'_>, parent: FrameId, child: FrameId, index: u32) {
    let Some(state) = run.execution().frame(parent).and_then(|frame| frame.state) else { return };
    let program = run.program;
    let done = match &program.state(state).kind {
        StateKind::Parallel(parallel) => {
            parallel::branch_succeeded(run, parent, child, state, parallel)
        }
        StateKind::Map(map) => map::iteration_succeeded(run, parent, child, state, index, map),
        _ => Ok(()),
    };
    if let Err(failure) = done {
        run.fail(parent, state, failure);
    }
}

/// Shapes the raw result of a Task, Parallel or Map state and leaves the state.
fn finish(
    run: &mut Run<'_>,
    id: FrameId,
    state: StateId,
    raw: &Payload,
    outcome: &Outcome,
) -> Result<(), Failure> {
    let left = outcome_of(run, id, state, raw, outcome)?;
    run.leave(id, state, left, outcome.transition);
    Ok(())
}

/// What a state leaves behind whose work gave `raw`.
fn outcome_of(
    run: &mut Run<'_>,
    id: FrameId,
    state: StateId,
    raw: &Payload,
    outcome: &Outcome,
) -> Result<Left, Failure> {
    run.note(Stage::Result, raw);
    let program = run.program;
    let raw = Subject::Result(raw);
    let result = run.template(id, outcome.result_selector.as_ref(), raw)?;
    let assigned = run.assign(id, state, program.state(state).assign.as_ref(), raw)?;
    let output = run.output(id, state, Subject::Result(&result), &outcome.result_path)?;
    Ok(Left { output, assigned })
}

/// What the children of a frame left, as an array in their order, once all have ended well.
fn results(run: &Run<'_>, id: FrameId) -> Option<Json> {
    let children = run.execution().frame(id).and_then(Frame::children)?;
    if !children.are_complete() {
        return None;
    }
    let results = children.results.iter().flatten();
    Some(results.map(|result| result.tree().clone()).collect())
}

/// A whole number that is not negative, at the end of a `...Path` field.
fn whole_number(
    run: &mut Run<'_>,
    id: FrameId,
    field: &str,
    path: &Path,
    data: &Payload,
) -> Result<u64, Failure> {
    let value = run.evaluate(id, Subject::Input(data), |env| path.eval(env))?;
    let number = value.as_i64().and_then(|number| u64::try_from(number).ok());
    number.ok_or_else(|| {
        let value = shown(&value);
        let cause = format!(
            "The {field} field refers to value \"{value}\" which is not a valid integer: {path}"
        );
        run.locate(id, EvalError::runtime(cause))
    })
}

/// A whole number that JSONata computes.
fn computed(
    run: &mut Run<'_>,
    id: FrameId,
    input: &Payload,
    jsonata: &Jsonata,
    range: RangeInclusive<u64>,
) -> Result<u64, Failure> {
    let value = run.evaluate(id, Subject::Input(input), |env| jsonata.eval(env))?;
    integer_within(&value, jsonata, &range).map_err(|error| run.locate(id, error))
}

fn integer_within(
    value: &Json,
    jsonata: &Jsonata,
    range: &RangeInclusive<u64>,
) -> Result<u64, EvalError> {
    let Json::Number(number) = value else { return Err(jsonata.unexpected("number", value)) };
    let field = jsonata.location();
    let refused = |cause| EvalError::out_of_range(cause, field.clone());
    let Some(integer) = number.as_i64() else {
        return Err(refused(format!("The {field} field cannot be parsed as an integer: {value}")));
    };
    let integer = u64::try_from(integer).ok().filter(|integer| range.contains(integer));
    integer.ok_or_else(|| {
        let (least, most) = (range.start(), range.end());
        refused(format!("{field} must be between {least} and {most} but was: {value}"))
    })
}

/// A value inside a message: strings without their quotes.
fn shown(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
