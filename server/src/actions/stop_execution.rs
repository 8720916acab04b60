//! StopExecution.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepyard_asl::Timestamp;
use stepyard_runtime::{StopError, StopRequest};

use crate::app::App;
use crate::arn::Arn;
use crate::wire::{ApiError, Constraints, epoch_seconds, required};

/// Longest error and cause, in characters.
pub(super) const ERROR_CHARS_MAX: usize = 256;
pub(super) const CAUSE_CHARS_MAX: usize = 32_768;

/// Request of StopExecution.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StopExecutionRequest {
    pub(crate) execution_arn: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) cause: Option<String>,
}

/// Answer of StopExecution.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StopExecutionResponse {
    #[serde(serialize_with = "epoch_seconds")]
    pub(crate) stop_date: Timestamp,
}

/// Stops an execution; one that has ended keeps its end, and the answer tells when that was.
pub(crate) async fn stop_execution(
    app: &App,
    request: StopExecutionRequest,
) -> Result<StopExecutionResponse, ApiError> {
    let arn = required(request.execution_arn.as_deref(), "executionArn")?;
    Constraints::default()
        .sensitive_length("error", request.error.as_deref(), 0..=ERROR_CHARS_MAX)
        .sensitive_length("cause", request.cause.as_deref(), 0..=CAUSE_CHARS_MAX)
        .check()?;
    let parsed = Arn::parse(arn)?;
    let (machine, name) = parsed.state_machine_of_execution()?;
    let stop = StopRequest {
        state_machine_arn: machine.into(),
        name: name.into(),
        error: request.error.map(Arc::from),
        cause: request.cause.map(Arc::from),
    };
    match app.runtime.stop_execution(stop).await {
        Ok(stop_date) => Ok(StopExecutionResponse { stop_date }),
        Err(StopError::NotRunning) => {
            let ended = app.execution(arn).await?.stopped_at;
            let stop_date = ended.ok_or_else(|| ApiError::internal(&StopError::SetAside))?;
            Ok(StopExecutionResponse { stop_date })
        }
        Err(error @ StopError::SetAside) => Err(ApiError::internal(&error)),
        Err(StopError::Unavailable(why)) => Err(ApiError::new("ServiceUnavailable", why)),
    }
}
