//! DeleteStateMachineAlias.

use serde::Deserialize;
use stepyard_store::PublicationChange;

use super::Empty;
use super::describe_state_machine_alias::read_arn;
use crate::app::App;
use crate::wire::{ApiError, required};

/// Request of DeleteStateMachineAlias.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeleteStateMachineAliasRequest {
    pub(crate) state_machine_alias_arn: Option<String>,
}

/// Deletes an alias; one that does not exist is no error, as in AWS. The versions stay.
pub(crate) async fn delete_state_machine_alias(
    app: &App,
    request: DeleteStateMachineAliasRequest,
) -> Result<Empty, ApiError> {
    let arn = required(request.state_machine_alias_arn.as_deref(), "stateMachineAliasArn")?;
    let (machine_arn, name) = read_arn(arn)?;
    loop {
        let publication = app.store.publication(&machine_arn).await?.unwrap_or_default();
        if publication.alias(&name).is_none() {
            return Ok(Empty {});
        }
        let change = PublicationChange::RemoveAlias(name.as_str().into());
        if app.store.change_publication(&machine_arn, publication.changes, change).await? {
            app.machines.forget(&machine_arn);
            return Ok(Empty {});
        }
    }
}
