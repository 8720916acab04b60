//! Choice: the first rule that holds says where to go.

use stepyard_asl::{ChoiceRule, ChoiceState, EvalError, Flow, StateId, Transition};
use stepyard_json::Payload;

use crate::FrameId;
use crate::context::Subject;
use crate::decide::{Left, Run};
use crate::failure::Failure;

/// AWS's words when no rule holds and there is no `Default`. It tells this as `States.Runtime`, though the States
/// Language has a name of its own for it.
const NO_NEXT_STATE: &str =
    "Failed to transition out of the state. The state does not point to a next state.";

pub(super) fn work(
    run: &mut Run<'_>,
    id: FrameId,
    state: StateId,
    choice: &ChoiceState,
) -> Result<(), Failure> {
    let input = run.effective_input(id, state)?;
    let rule = chosen(run, id, choice, &input)?;
    let Some(next) = rule.map_or(choice.default, |rule| Some(rule.next)) else {
        return Err(run.locate(id, EvalError::runtime(NO_NEXT_STATE)));
    };
    let program = run.program;
    let input = Subject::Input(&input);
    // Variables of the state itself are those of `Default`.
    let assign = match rule {
        Some(rule) => rule.assign.as_ref(),
        None => program.state(state).assign.as_ref(),
    };
    let assigned = run.assign(id, state, assign, input)?;
    let output = match (&program.state(state).flow, rule) {
        // A rule has an `Output` of its own, or passes the input on: that of the state is for `Default` (States
        // Language, "JSONata Choice Rules").
        (Flow::Jsonata { .. }, Some(rule)) => {
            run.output_of(id, state, rule.output.as_ref(), input)?
        }
        _ => run.filter_output(id, state, input)?,
    };
    run.leave(id, state, Left { output, assigned }, Transition::Next(next));
    Ok(())
}

/// The first rule that holds.
fn chosen<'p>(
    run: &mut Run<'_>,
    id: FrameId,
    choice: &'p ChoiceState,
    input: &Payload,
) -> Result<Option<&'p ChoiceRule>, Failure> {
    for rule in &choice.choices {
        if run.evaluate(id, Subject::Input(input), |env| rule.condition.eval(env))? {
            return Ok(Some(rule));
        }
    }
    Ok(None)
}
