//! Fail: ends the execution, branch or iteration with an error.

use stepyard_asl::{Fail, TextSource};

use crate::context::Subject;
use crate::decide::Run;
use crate::failure::Failure;
use crate::{FrameId, Text};

/// Always an error: the one that the state stands for, or that of finding it.
pub(super) fn work(run: &mut Run<'_>, id: FrameId, fail: &Fail) -> Result<(), Failure> {
    let error = text(run, id, fail.error.as_ref())?;
    let cause = text(run, id, fail.cause.as_ref())?;
    Err(Failure::told(error, cause))
}

fn text(run: &mut Run<'_>, id: FrameId, source: Option<&TextSource>) -> Result<Text, Failure> {
    let Some(source) = source else { return Ok(None) };
    let input = run.data(id);
    run.evaluate(id, Subject::Input(&input), |env| source.eval(env)).map(Some)
}
