//! DeleteStateMachineVersion.

use serde::Deserialize;
use stepyard_store::{Publication, PublicationChange};

use super::Empty;
use crate::app::App;
use crate::arn::{Arn, Qualified, wrong_qualifier};
use crate::wire::{ApiError, required};

/// Request of DeleteStateMachineVersion.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeleteStateMachineVersionRequest {
    pub(crate) state_machine_version_arn: Option<String>,
}

/// Deletes a version to which no alias leads; one that does not exist is no error, as in AWS. Its number is never
/// given again. Running executions go on.
pub(crate) async fn delete_state_machine_version(
    app: &App,
    request: DeleteStateMachineVersionRequest,
) -> Result<Empty, ApiError> {
    let arn = required(request.state_machine_version_arn.as_deref(), "stateMachineVersionArn")?;
    let parsed = Arn::parse(arn)?;
    let machine_arn = parsed.unqualified()?;
    let Some(Qualified::Version(number)) = parsed.qualified() else {
        return Err(wrong_qualifier(arn, "a version"));
    };
    loop {
        let publication = app.store.publication(&machine_arn).await?.unwrap_or_default();
        if publication.version(number).is_none() {
            return Ok(Empty {});
        }
        check_references(&publication, number)?;
        let change = PublicationChange::RemoveVersion(number);
        if app.store.change_publication(&machine_arn, publication.changes, change).await? {
            app.machines.forget(&machine_arn);
            return Ok(Empty {});
        }
    }
}

fn check_references(publication: &Publication, number: u64) -> Result<(), ApiError> {
    let names: Vec<&str> = publication.aliases_to(number).map(|alias| &*alias.name).collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(ApiError::new(
        "ConflictException",
        format!(
            "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: [{}]",
            names.join(", ")
        ),
    ))
}
