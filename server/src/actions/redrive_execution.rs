//! RedriveExecution.

use serde::{Deserialize, Serialize};
use stepyard_asl::Timestamp;
use stepyard_runtime::{ExecutionView, RedriveError, RedriveRequest};

use super::start_execution::random_name;
use crate::app::App;
use crate::arn::Arn;
use crate::wire::{ApiError, Constraints, epoch_seconds, required};

/// Longest client token, in characters (AWS's model).
const TOKEN_CHARS_MAX: usize = 64;

/// What a client token is made of (AWS's model).
const TOKEN_PATTERN: &str = "[!-~]+";

/// Why an execution of a state machine that was deleted is not redriven, in AWS's words.
const DELETING: &str = "State machine is in DELETING status";

/// Request of RedriveExecution.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RedriveExecutionRequest {
    pub(crate) execution_arn: Option<String>,
    pub(crate) client_token: Option<String>,
}

/// Answer of RedriveExecution.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RedriveExecutionResponse {
    #[serde(serialize_with = "epoch_seconds")]
    pub(crate) redrive_date: Timestamp,
}

/// Has an execution that ended badly go on where it was. The answer leaves when that is durable; a request with a token of
/// before changes nothing and is answered as then.
pub(crate) async fn redrive_execution(
    app: &App,
    request: RedriveExecutionRequest,
) -> Result<RedriveExecutionResponse, ApiError> {
    let arn = required(request.execution_arn.as_deref(), "executionArn")?;
    let token = request.client_token.as_deref();
    Constraints::default()
        .length("clientToken", token, 1..=TOKEN_CHARS_MAX)
        .pattern("clientToken", token, TOKEN_PATTERN, |token| {
            token.chars().all(|c| c.is_ascii_graphic())
        })
        .check()?;
    let parsed = Arn::parse(arn)?;
    let (machine, name) = parsed.state_machine_of_execution()?;
    // A child execution of a Map Run goes on with that only.
    Arn::parse(&machine)?.refuse_label()?;
    if is_deleted(app, &machine).await?
        && let Some(reason) = refusal(app, &*app.execution_view(arn).await?).await?
    {
        return Err(not_redrivable(reason));
    }
    let redrive = RedriveRequest {
        state_machine_arn: machine.into(),
        name: name.into(),
        client_token: request.client_token.unwrap_or_else(|| random_name(app)).into(),
    };
    match app.runtime.redrive_execution(redrive).await {
        Ok(redrive_date) => Ok(RedriveExecutionResponse { redrive_date }),
        Err(RedriveError::DoesNotExist) => Err(ApiError::execution_does_not_exist(arn)),
        Err(RedriveError::NotRedrivable(reason)) => Err(not_redrivable(reason.to_string())),
        Err(error @ (RedriveError::SetAside | RedriveError::Unavailable(_))) => {
            Err(ApiError::new("ServiceUnavailable", error.to_string()))
        }
    }
}

fn not_redrivable(reason: String) -> ApiError {
    ApiError::new("ExecutionNotRedrivable", reason)
}

/// Why an execution cannot be redriven, in AWS's words; `None` when it can.
pub(super) async fn refusal(app: &App, view: &ExecutionView) -> Result<Option<String>, ApiError> {
    if let Err(reason) = view.check_redrive(app.runtime.clock().now()) {
        return Ok(Some(reason.to_string()));
    }
    let machine_arn = &*view.row.state_machine_arn;
    let whole = Arn::parse(machine_arn)?.labelled().map(|(machine, _)| machine);
    let is_deleted = is_deleted(app, whole.as_deref().unwrap_or(machine_arn)).await?;
    Ok(is_deleted.then(|| DELETING.to_owned()))
}

async fn is_deleted(app: &App, machine_arn: &str) -> Result<bool, ApiError> {
    match app.state_machine_to_start(machine_arn).await {
        Ok(machine) => Ok(machine.deleting_since.is_some()),
        Err(error) if error.is_state_machine_missing() => Ok(true),
        Err(error) => Err(error),
    }
}
