//! DescribeStateMachineForExecution.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepyard_asl::Timestamp;

use super::describe_state_machine::{
    Configuration, VariableReferences, configuration, shown_definition, variable_references,
};
use crate::app::App;
use crate::wire::{ApiError, Constraints, epoch_seconds, required};

/// Request of DescribeStateMachineForExecution.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescribeStateMachineForExecutionRequest {
    pub(crate) execution_arn: Option<String>,
    pub(crate) included_data: Option<String>,
}

/// Answer of DescribeStateMachineForExecution.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescribeStateMachineForExecutionResponse {
    pub(crate) state_machine_arn: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) definition: Arc<str>,
    pub(crate) role_arn: Arc<str>,
    #[serde(serialize_with = "epoch_seconds")]
    pub(crate) update_date: Timestamp,
    #[serde(flatten)]
    pub(crate) configuration: Configuration,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) revision_id: Option<String>,
    #[serde(skip_serializing_if = "VariableReferences::is_empty")]
    pub(crate) variable_references: VariableReferences,
}

/// Describes the revision that an execution runs, whatever became of the state machine since.
pub(crate) async fn describe_state_machine_for_execution(
    app: &App,
    request: DescribeStateMachineForExecutionRequest,
) -> Result<DescribeStateMachineForExecutionResponse, ApiError> {
    let arn = required(request.execution_arn.as_deref(), "executionArn")?;
    Constraints::default().included_data(request.included_data.as_deref()).check()?;
    let view = app.execution_view(arn).await?;
    let revision = app.store.get_revision(view.row.revision).await?;
    let revision = revision.ok_or_else(|| ApiError::internal(&"a revision is missing"))?;
    let machine = app.store.get_state_machine(&view.row.state_machine_arn).await?;
    let is_first = machine.is_some_and(|machine| machine.created_at == revision.created_at);
    let included_data = request.included_data.as_deref();
    Ok(DescribeStateMachineForExecutionResponse {
        variable_references: variable_references(app, &revision, included_data).await?,
        state_machine_arn: view.row.state_machine_arn.clone(),
        name: view.context.state_machine_name.clone(),
        definition: shown_definition(&revision, included_data),
        role_arn: revision.role_arn.clone(),
        update_date: revision.created_at,
        configuration: configuration(&revision),
        revision_id: (!is_first).then(|| revision.id.to_string()),
    })
}
