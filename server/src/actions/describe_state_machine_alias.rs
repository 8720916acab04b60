//! DescribeStateMachineAlias.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepyard_asl::Timestamp;

use super::routing::{self, RoutingConfigurationListItem};
use crate::app::App;
use crate::arn::{Arn, Qualified, wrong_qualifier};
use crate::wire::{ApiError, epoch_seconds, required};

/// Request of DescribeStateMachineAlias.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescribeStateMachineAliasRequest {
    pub(crate) state_machine_alias_arn: Option<String>,
}

/// Answer of DescribeStateMachineAlias.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescribeStateMachineAliasResponse {
    state_machine_alias_arn: Arc<str>,
    name: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Arc<str>>,
    routing_configuration: Vec<RoutingConfigurationListItem>,
    #[serde(serialize_with = "epoch_seconds")]
    creation_date: Timestamp,
    #[serde(serialize_with = "epoch_seconds")]
    update_date: Timestamp,
}

/// Describes an alias.
pub(crate) async fn describe_state_machine_alias(
    app: &App,
    request: DescribeStateMachineAliasRequest,
) -> Result<DescribeStateMachineAliasResponse, ApiError> {
    let arn = required(request.state_machine_alias_arn.as_deref(), "stateMachineAliasArn")?;
    let (machine_arn, name) = read_arn(arn)?;
    let alias = app.store.find_alias(&machine_arn, &name).await?;
    let alias = alias.ok_or_else(ApiError::resource_not_found)?;
    Ok(DescribeStateMachineAliasResponse {
        state_machine_alias_arn: arn.into(),
        routing_configuration: routing::show(&machine_arn, &alias.routing),
        name: alias.name,
        description: alias.description,
        creation_date: alias.created_at,
        update_date: alias.updated_at,
    })
}

/// The ARN of the state machine and the name in the ARN of an alias.
///
/// # Errors
/// `InvalidArn`.
pub(super) fn read_arn(arn: &str) -> Result<(String, String), ApiError> {
    let parsed = Arn::parse(arn)?;
    let machine_arn = parsed.unqualified()?;
    match parsed.qualified() {
        Some(Qualified::Alias(name)) => Ok((machine_arn, name.to_owned())),
        _ => Err(wrong_qualifier(arn, "an alias")),
    }
}
