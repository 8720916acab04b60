//! Choice: the first rule that holds says where to go.

use stepyard_asl::{ChoiceState, EvalError, StateId, Transition};

use crate::FrameId;
use crate::decide::Run;
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
    let mut chosen = choice.default;
    for rule in &choice.choices {
        if run.evaluate(id, &input, |env| rule.condition.eval(env))? {
            chosen = Some(rule.next);
            break;
        }
    }
    let Some(next) = chosen else {
        return Err(run.locate(id, &EvalError::runtime(NO_NEXT_STATE)));
    };
    let output = run.filter_output(id, state, &input)?;
    run.leave(id, state, output, Transition::Next(next));
    Ok(())
}
