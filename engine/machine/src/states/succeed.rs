//! Succeed: ends its scope with its output.

use stepyard_asl::{StateId, Transition};

use crate::FrameId;
use crate::context::Subject;
use crate::decide::{Left, Run};
use crate::failure::Failure;

pub(super) fn work(run: &mut Run<'_>, id: FrameId, state: StateId) -> Result<(), Failure> {
    let input = run.effective_input(id, state)?;
    let output = run.filter_output(id, state, Subject::Input(&input))?;
    run.leave(id, state, Left { output, assigned: None }, Transition::End);
    Ok(())
}
