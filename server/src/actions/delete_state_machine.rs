//! DeleteStateMachine.

use serde::Deserialize;
use stepyard_store::StateMachineType;

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

/// Deletes a state machine; one that does not exist is no error, as in AWS. While executions of it are in progress its
/// status is DELETING: they are stopped. Those of an EXPRESS state machine, which no list shows, come to their own end.
pub(crate) async fn delete_state_machine(
    app: &App,
    request: DeleteStateMachineRequest,
) -> Result<Empty, ApiError> {
    let arn = required(request.state_machine_arn.as_deref(), "stateMachineArn")?;
    let parsed = Arn::parse(arn)?;
    parsed.state_machine_name()?;
    parsed.refuse_label()?;
    match app.store.get_state_machine(arn).await? {
        Some(machine) if machine.machine_type == StateMachineType::Standard => {
            app.begin_deletion(arn).await?;
        }
        Some(_) => {
            app.store.delete_state_machine(arn).await?;
            app.machines.forget(arn);
        }
        None => {}
    }
    Ok(Empty {})
}
