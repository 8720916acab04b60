//! DeleteStateMachine.

use serde::Deserialize;

use super::Empty;
use crate::app::App;
use crate::arn::Arn;
use crate::wire::{ApiError, required};

/// Request of DeleteStateMachine.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeleteStateMachineRequest {
    pub(crate) state_machine_arn: Option<String>,
}

/// Deletes a state machine; one that does not exist is no error, as in AWS. Running executions go on
/// with their revision.
pub(crate) async fn delete_state_machine(
    app: &App,
    request: DeleteStateMachineRequest,
) -> Result<Empty, ApiError> {
    let arn = required(request.state_machine_arn.as_deref(), "stateMachineArn")?;
    Arn::parse(arn)?.state_machine_name()?;
    app.store.delete_state_machine(arn).await?;
    app.machines.forget(arn);
    Ok(Empty {})
}
