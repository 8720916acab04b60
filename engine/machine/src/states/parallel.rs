//! Parallel: runs its branches at the same time.

use stepyard_asl::{Parallel, StateId};

use super::{finish, results};
use crate::context::Subject;
use crate::decide::Run;
use crate::failure::Failure;
use crate::{EventKind, FrameId};

/// Starts the branches, all with the same input.
pub(super) fn work(
    run: &mut Run<'_>,
    id: FrameId,
    state: StateId,
    parallel: &Parallel,
) -> Result<(), Failure> {
    let input = run.effective_input(id, state)?;
    let input = run.template(id, parallel.parameters.as_ref(), Subject::Input(&input))?;
    run.within_limit(&input, &run.program.state(state).name)?;
    if let Some(mocked) = run.mocked() {
        return finish(run, id, state, &mocked?, &parallel.outcome);
    }
    let branches = u32::try_from(parallel.branches.len()).unwrap_or(u32::MAX);
    run.emit(id, EventKind::ParallelStateStarted { state, input, branches });
    go_on(run, id, state, parallel)
}

/// A branch has reached its end. With the last one the state ends.
pub(super) fn branch_succeeded(
    run: &mut Run<'_>,
    id: FrameId,
    branch: FrameId,
    state: StateId,
    parallel: &Parallel,
) -> Result<(), Failure> {
    run.emit(branch, EventKind::BranchSucceeded);
    go_on(run, id, state, parallel)
}

/// When all branches have ended the state ends.
pub(super) fn go_on(
    run: &mut Run<'_>,
    id: FrameId,
    state: StateId,
    parallel: &Parallel,
) -> Result<(), Failure> {
    let Some(results) = results(run, id) else { return Ok(()) };
    let results = run.payload(id, results)?;
    run.emit(id, EventKind::ParallelStateSucceeded { state });
    finish(run, id, state, &results, &parallel.outcome)
}
