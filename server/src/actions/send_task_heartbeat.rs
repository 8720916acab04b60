//! SendTaskHeartbeat.

use serde::Deserialize;
use stepyard_runtime::Word;

use super::Empty;
use super::task_token::{self, check};
use crate::app::App;
use crate::wire::{ApiError, required};

/// Request of SendTaskHeartbeat.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SendTaskHeartbeatRequest {
    task_token: Option<String>,
}

/// Says that a task goes on: its `HeartbeatSeconds` begin anew. Its `TimeoutSeconds` do not.
pub(super) async fn send_task_heartbeat(
    app: &App,
    request: SendTaskHeartbeatRequest,
) -> Result<Empty, ApiError> {
    let token = required(request.task_token, "taskToken")?;
    check(&token).check()?;
    let place = app.runtime.open_token(&token)?;
    task_token::say(app, place, Word::Heartbeat).await
}
