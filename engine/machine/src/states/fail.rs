//! Fail: ends the execution, branch or iteration with an error.

use std::sync::Arc;

use stepyard_asl::{Fail, TextSource};

use crate::context::Subject;
use crate::decide::Run;
use crate::failure::Failure;
use crate::{FrameId, Text};

/// Longest error name and cause (API reference, `ExecutionFailedEventDetails`).
const ERROR_CHARS_MAX: usize = 256;
const CAUSE_CHARS_MAX: usize = 32_768;

/// Always an error: the one that the state stands for, or that of finding it.
pub(super) fn work(run: &mut Run<'_>, id: FrameId, fail: &Fail) -> Result<(), Failure> {
    let error = text(run, id, fail.error.as_ref(), ERROR_CHARS_MAX)?;
    let cause = text(run, id, fail.cause.as_ref(), CAUSE_CHARS_MAX)?;
    Err(Failure::told(error, cause))
}

/// The text, or as much of it as AWS tells.
fn text(
    run: &mut Run<'_>,
    id: FrameId,
    source: Option<&TextSource>,
    chars_max: usize,
) -> Result<Text, Failure> {
    let Some(source) = source else { return Ok(None) };
    let input = run.data(id);
    run.evaluate(id, Subject::Input(&input), |env| source.eval(env))
        .map(|text| Some(cut(text, chars_max)))
}

fn cut(text: Arc<str>, chars_max: usize) -> Arc<str> {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => text[..end].into(),
        None => text,
    }
}
