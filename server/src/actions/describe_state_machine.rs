//! DescribeStateMachine.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stepyard_asl::Timestamp;
use stepyard_store::{Revision, StateMachineType};

use super::update_state_machine::revision_id;
use crate::app::App;
use crate::wire::{ApiError, Constraints, METADATA_ONLY, epoch_seconds, required};

/// Request of DescribeStateMachine.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescribeStateMachineRequest {
    pub(crate) state_machine_arn: Option<String>,
    pub(crate) included_data: Option<String>,
}

/// Answer of DescribeStateMachine.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescribeStateMachineResponse {
    pub(crate) state_machine_arn: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) status: &'static str,
    pub(crate) definition: Arc<str>,
    pub(crate) role_arn: Arc<str>,
    pub(crate) r#type: &'static str,
    #[serde(serialize_with = "epoch_seconds")]
    pub(crate) creation_date: Timestamp,
    #[serde(flatten)]
    pub(crate) configuration: Configuration,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) revision_id: Option<String>,
}

/// Logging and tracing, with AWS's defaults where nothing was said, and encryption.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Configuration {
    logging_configuration: Value,
    tracing_configuration: Value,
    /// Only when it was given (recorded from AWS).
    #[serde(skip_serializing_if = "Value::is_null")]
    encryption_configuration: Value,
}

/// Describes a state machine.
pub(crate) async fn describe_state_machine(
    app: &App,
    request: DescribeStateMachineRequest,
) -> Result<DescribeStateMachineResponse, ApiError> {
    let arn = required(request.state_machine_arn.as_deref(), "stateMachineArn")?;
    Constraints::default().included_data(request.included_data.as_deref()).check()?;
    let machine = app.state_machine(arn).await?;
    Ok(DescribeStateMachineResponse {
        revision_id: revision_id(&machine),
        r#type: type_word(machine.machine_type),
        configuration: configuration(&machine.revision),
        state_machine_arn: machine.arn,
        name: machine.name,
        status: "ACTIVE",
        definition: shown_definition(&machine.revision, request.included_data.as_deref()),
        role_arn: machine.revision.role_arn,
        creation_date: machine.created_at,
    })
}

/// The definition, or `{}` for a client that has waived it.
pub(super) fn shown_definition(revision: &Revision, included_data: Option<&str>) -> Arc<str> {
    match included_data {
        Some(METADATA_ONLY) => "{}".into(),
        _ => revision.definition.clone(),
    }
}

/// The word of the API for a state machine's type.
pub(crate) fn type_word(machine_type: StateMachineType) -> &'static str {
    match machine_type {
        StateMachineType::Standard => "STANDARD",
        StateMachineType::Express => "EXPRESS",
    }
}

/// What a revision was configured with.
pub(super) fn configuration(revision: &Revision) -> Configuration {
    let mut said: Value = serde_json::from_str(&revision.configuration).unwrap_or_default();
    let mut take = |member: &str, mut shown: Value| {
        // What was said stands over the defaults, member by member.
        if let (Some(shown), Value::Object(said)) = (shown.as_object_mut(), said[member].take()) {
            shown.extend(said);
        }
        shown
    };
    Configuration {
        logging_configuration: take(
            "loggingConfiguration",
            json!({ "level": "OFF", "includeExecutionData": false }),
        ),
        tracing_configuration: take("tracingConfiguration", json!({ "enabled": false })),
        encryption_configuration: said["encryptionConfiguration"].take(),
    }
}
