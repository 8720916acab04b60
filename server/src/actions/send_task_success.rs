//! SendTaskSuccess.

use serde::Deserialize;
use stepyard_json::Payload;
use stepyard_runtime::Word;

use super::Empty;
use super::task_token::{self, check};
use crate::app::App;
use crate::wire::{ApiError, check_data, required};

/// Request of SendTaskSuccess.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SendTaskSuccessRequest {
    task_token: Option<String>,
    output: Option<String>,
}

/// Ends a task well. The answer leaves when that is durable.
pub(super) async fn send_task_success(
    app: &App,
    request: SendTaskSuccessRequest,
) -> Result<Empty, ApiError> {
    let token = required(request.task_token, "taskToken")?;
    let output = required(request.output, "output")?;
    check(&token).check()?;
    check_data(&output, "output", app.limits)?;
    // A token that leads nowhere is told before an output that is no JSON (recorded).
    let place = app.runtime.open_token(&token)?;
    let output = Payload::from_text(output).map_err(|error| {
        ApiError::new("InvalidOutput", format!("Invalid Output: '{}'", error.message))
    })?;
    task_token::say(app, place, Word::Success(output)).await
}
