//! DescribeStateMachineForExecution.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepyard_asl::Timestamp;
use stepyard_runtime::ExecutionView;
use stepyard_store::Revision;

use super::describe_state_machine::{
    Configuration, VariableReferences, configuration, references_within, shown_text,
    variable_references,
};
use super::item_processor::ItemProcessor;
use crate::app::App;
use crate::arn::Arn;
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
    /// Of a child execution of a Map Run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) map_run_arn: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) revision_id: Option<String>,
    #[serde(skip_serializing_if = "VariableReferences::is_empty")]
    pub(crate) variable_references: VariableReferences,
}

/// Describes the revision that an execution runs, whatever became of the state machine since. A child execution of a Map Run
/// runs the item processor of the Map state only.
pub(crate) async fn describe_state_machine_for_execution(
    app: &App,
    request: DescribeStateMachineForExecutionRequest,
) -> Result<DescribeStateMachineForExecutionResponse, ApiError> {
    let arn = required(request.execution_arn.as_deref(), "executionArn")?;
    Constraints::default().included_data(request.included_data.as_deref()).check()?;
    let view = app.execution_view(arn).await?;
    let revision = app.store.get_revision(view.row.revision).await?;
    let revision = revision.ok_or_else(|| ApiError::internal(&"a revision is missing"))?;
    let included_data = request.included_data.as_deref();
    let processor = processor(app, &view, &revision).await?;
    let (variable_references, definition) = match &processor {
        None => {
            let references = variable_references(app, &revision, included_data).await?;
            (references, revision.definition.clone())
        }
        Some(processor) => {
            let references = references_within(app, &revision, included_data, processor).await?;
            (references, processor.definition().into())
        }
    };
    let parsed = Arn::parse(&view.row.state_machine_arn)?;
    let labelled = parsed.labelled();
    let whole = labelled.as_ref().map_or(&*view.row.state_machine_arn, |(machine, _)| machine);
    let machine = app.store.get_state_machine(whole).await?;
    let is_first = machine.is_some_and(|machine| machine.created_at == revision.created_at);
    let child_of = view.context.child_of.as_ref();
    Ok(DescribeStateMachineForExecutionResponse {
        variable_references,
        state_machine_arn: view.row.state_machine_arn.clone(),
        name: view.context.state_machine_name.clone(),
        definition: shown_text(definition, included_data),
        role_arn: revision.role_arn.clone(),
        update_date: revision.created_at,
        configuration: configuration(&revision),
        map_run_arn: child_of.map(|child_of| child_of.map_run_arn.clone()),
        label: labelled.map(|(_, label)| label.into()),
        revision_id: (!is_first).then(|| revision.id.to_string()),
    })
}

/// What a child execution of a Map Run runs.
async fn processor(
    app: &App,
    view: &ExecutionView,
    revision: &Revision,
) -> Result<Option<ItemProcessor>, ApiError> {
    let Some(state) = view.context.map_state() else { return Ok(None) };
    let program = app.runtime.program(revision.id).await?;
    let processor = ItemProcessor::of_state(&revision.definition, &program.state(state).name);
    processor.map(Some).ok_or_else(|| ApiError::internal(&"a Map state is missing"))
}
