//! Pass: passes its input on, possibly changed.

use stepyard_asl::{Pass, StateId};

use crate::FrameId;
use crate::decide::Run;
use crate::failure::Failure;

pub(super) fn work(
    run: &mut Run<'_>,
    id: FrameId,
    state: StateId,
    pass: &Pass,
) -> Result<(), Failure> {
    let input = run.effective_input(id, state)?;
    let result = match &pass.result {
        Some(result) => result.clone(),
        None => run.template(id, pass.parameters.as_ref(), &input)?,
    };
    let output = run.output(id, state, result, &pass.result_path)?;
    run.leave(id, state, output, pass.transition);
    Ok(())
}
