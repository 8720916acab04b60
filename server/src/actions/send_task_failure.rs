//! SendTaskFailure.

use std::sync::Arc;

use serde::Deserialize;
use stepyard_runtime::Word;

use super::Empty;
use super::stop_execution::{CAUSE_CHARS_MAX, ERROR_CHARS_MAX};
use super::task_token::{self, check};
use crate::app::App;
use crate::wire::{ApiError, required};

/// Request of SendTaskFailure.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SendTaskFailureRequest {
    task_token: Option<String>,
    error: Option<String>,
    cause: Option<String>,
}

/// Lets a task fail. The answer leaves when that is durable.
pub(super) async fn send_task_failure(
    app: &App,
    request: SendTaskFailureRequest,
) -> Result<Empty, ApiError> {
    let token = required(request.task_token, "taskToken")?;
    check(&token)
        .sensitive_length("error", request.error.as_deref(), 0..=ERROR_CHARS_MAX)
        .sensitive_length("cause", request.cause.as_deref(), 0..=CAUSE_CHARS_MAX)
        .check()?;
    let place = app.runtime.open_token(&token)?;
    let (error, cause) = (request.error.map(Arc::from), request.cause.map(Arc::from));
    task_token::say(app, place, Word::Failure { error, cause }).await
}
