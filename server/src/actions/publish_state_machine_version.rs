//! PublishStateMachineVersion.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepyard_asl::Timestamp;
use stepyard_store::{PublicationChange, StateMachine, Version};

use super::update_state_machine::revision_id;
use crate::app::App;
use crate::wire::{ApiError, Constraints, epoch_seconds, required};

/// Longest description of a version or an alias, in characters.
pub(super) const DESCRIPTION_CHARS_MAX: usize = 256;

/// Most versions of a state machine (Step Functions developer guide, "Quotas").
const VERSIONS_MAX: usize = 1_000;

/// How clients call the first revision, which has no id in the API.
const FIRST_REVISION: &str = "INITIAL";

/// Request of PublishStateMachineVersion.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PublishStateMachineVersionRequest {
    pub(crate) state_machine_arn: Option<String>,
    pub(crate) revision_id: Option<String>,
    pub(crate) description: Option<String>,
}

/// Answer of PublishStateMachineVersion.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PublishStateMachineVersionResponse {
    #[serde(serialize_with = "epoch_seconds")]
    creation_date: Timestamp,
    state_machine_version_arn: String,
}

/// Publishes the present revision of a state machine; one that is published already keeps its version.
pub(crate) async fn publish_state_machine_version(
    app: &App,
    request: PublishStateMachineVersionRequest,
) -> Result<PublishStateMachineVersionResponse, ApiError> {
    let arn = required(request.state_machine_arn.as_deref(), "stateMachineArn")?;
    let description = request.description.as_deref();
    Constraints::default()
        .sensitive_length("description", description, 0..=DESCRIPTION_CHARS_MAX)
        .check()?;
    let machine = app.state_machine_to_change(arn).await?;
    check_revision(&machine, request.revision_id.as_deref())?;
    let version = publish(app, &machine, description).await?;
    Ok(PublishStateMachineVersionResponse {
        creation_date: version.created_at,
        state_machine_version_arn: version_arn(&machine.arn, version.number),
    })
}

/// The revision that a client names must be the present one.
fn check_revision(machine: &StateMachine, asked: Option<&str>) -> Result<(), ApiError> {
    let present = revision_id(machine).unwrap_or_else(|| FIRST_REVISION.to_owned());
    match asked {
        Some(asked) if asked != present => Err(ApiError::new(
            "ConflictException",
            format!(
                "Failed to publish the State Machine version for revision {asked}. The current State Machine revision is {present}."
            ),
        )),
        _ => Ok(()),
    }
}

/// The version of the revision of a state machine: the one that there is, or a new one.
pub(super) async fn publish(
    app: &App,
    machine: &StateMachine,
    description: Option<&str>,
) -> Result<Version, ApiError> {
    let revision = machine.revision.id;
    loop {
        let publication = app.store.publication(&machine.arn).await?;
        let publication =
            publication.ok_or_else(|| ApiError::state_machine_does_not_exist(&machine.arn))?;
        let mut versions = publication.versions.iter();
        if let Some(present) = versions.find(|version| version.revision == revision) {
            return Ok(present.clone());
        }
        if publication.versions.len() >= VERSIONS_MAX {
            let message = format!("A state machine has at most {VERSIONS_MAX} versions");
            return Err(ApiError::new("ServiceQuotaExceededException", message));
        }
        let version = Version {
            number: publication.last_version + 1,
            revision,
            description: description.map(Arc::from),
            // One that was published with the creation is as old as the state machine.
            created_at: app.runtime.clock().now().max(machine.created_at.plus_millis(1)),
        };
        let change = PublicationChange::AddVersion(version.clone());
        if app.store.change_publication(&machine.arn, publication.changes, change).await? {
            return Ok(version);
        }
    }
}

/// ARN of a version.
pub(super) fn version_arn(machine_arn: &str, number: u64) -> String {
    format!("{machine_arn}:{number}")
}
