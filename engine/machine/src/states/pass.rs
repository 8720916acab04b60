//! Pass: passes its input on, possibly changed.

use stepyard_asl::{Pass, StateId};

use crate::context::Subject;
use crate::decide::{Left, Run};
use crate::failure::Failure;
use crate::{FrameId, Stage};

pub(super) fn work(
    run: &mut Run<'_>,
    id: FrameId,
    state: StateId,
    pass: &Pass,
) -> Result<(), Failure> {
    let result = match &pass.result {
        // Its input does not count then (recorded from AWS: TestState shows nothing of it).
        Some(result) => {
            run.note(Stage::Result, result);
            result.clone()
        }
        None => {
            let input = run.effective_input(id, state)?;
            let result = run.template(id, pass.parameters.as_ref(), Subject::Input(&input))?;
            run.note(Stage::AfterParameters, &result);
            result
        }
    };
    let program = run.program;
    let result = Subject::Input(&result);
    let assigned = run.assign(id, state, program.state(state).assign.as_ref(), result)?;
    let output = run.output(id, state, result, &pass.result_path)?;
    run.leave(id, state, Left { output, assigned }, pass.transition);
    Ok(())
}
