//! Choice: the first rule that holds says where to go.

use stepyard_asl::{ChoiceState, EvalError, StateId, Transition};

use crate::FrameId;
use crate::decide::Run;
use crate::failure::Failure;

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
        let cause = format!(
            "Failed to transition out of the state '{}'. The state doesn't point to a next state.",
            run.program.state(state).name
        );
        return Err(run.locate(id, &EvalError { error: "States.NoChoiceMatched", cause }));
    };
    let output = run.filter_output(id, state, &input)?;
    run.leave(id, state, output, Transition::Next(next));
    Ok(())
}
