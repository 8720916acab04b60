//! DescribeExecution.

use std::sync::Arc;

use bytestring::ByteString;
use serde::{Deserialize, Serialize};
use stepyard_json::Payload;
use stepyard_machine::{ExecutionStatus, Text};
use stepyard_runtime::ExecutionView;

use super::list_executions::status_of_child;
use super::redrive_execution;
use crate::app::App;
use crate::wire::{ApiError, Constraints, EpochSeconds, METADATA_ONLY, required};

/// Request of DescribeExecution.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescribeExecutionRequest {
    pub(crate) execution_arn: Option<String>,
    pub(crate) included_data: Option<String>,
}

/// Answer of DescribeExecution.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescribeExecutionResponse {
    execution_arn: Arc<str>,
    state_machine_arn: Arc<str>,
    name: Arc<str>,
    status: &'static str,
    start_date: EpochSeconds,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_date: Option<EpochSeconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<ByteString>,
    input_details: Included,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<ByteString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_details: Option<Included>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    map_run_arn: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_machine_version_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_machine_alias_arn: Option<String>,
    redrive_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    redrive_date: Option<EpochSeconds>,
    redrive_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    redrive_status_reason: Option<String>,
}

/// Whether data is in the answer.
#[derive(Debug, Serialize)]
struct Included {
    included: bool,
}

/// Describes an execution as it is committed.
pub(crate) async fn describe_execution(
    app: &App,
    request: DescribeExecutionRequest,
) -> Result<DescribeExecutionResponse, ApiError> {
    let arn = required(request.execution_arn.as_deref(), "executionArn")?;
    Constraints::default().included_data(request.included_data.as_deref()).check()?;
    let view = app.execution_view(arn).await?;
    let with_data = request.included_data.as_deref() != Some(METADATA_ONLY);
    let redrive = redrive_status(app, &view).await?;
    let status = status(app, &view).await?;
    Ok(DescribeExecutionResponse { status, ..answer(&view, with_data, redrive) })
}

/// Whether an execution can be redriven.
#[derive(Debug, Serialize)]
pub(crate) struct RedriveStatus {
    /// `REDRIVABLE`, `NOT_REDRIVABLE` or `REDRIVABLE_BY_MAP_RUN`.
    #[serde(rename = "redriveStatus")]
    pub(crate) status: &'static str,
    /// Why not, in AWS's words.
    #[serde(rename = "redriveStatusReason")]
    pub(crate) reason: Option<String>,
}

pub(crate) async fn redrive_status(
    app: &App,
    view: &ExecutionView,
) -> Result<RedriveStatus, ApiError> {
    let reason = redrive_execution::refusal(app, view).await?;
    let status = match reason {
        None if view.context.child_of.is_some() => "REDRIVABLE_BY_MAP_RUN",
        None => "REDRIVABLE",
        Some(_) => "NOT_REDRIVABLE",
    };
    Ok(RedriveStatus { status, reason })
}

/// That of a child execution may depend on its Map Run.
async fn status(app: &App, view: &ExecutionView) -> Result<&'static str, ApiError> {
    let child_of = view.context.child_of.as_ref().filter(|_| view.row.stopped_at.is_some());
    let map_run = match child_of {
        Some(child_of) => app.store.find_map_run(&child_of.map_run_arn).await?,
        None => None,
    };
    Ok(map_run
        .map_or(view.row.status.as_str(), |map_run| status_of_child(&view.row, &map_run.record)))
}

fn answer(
    view: &ExecutionView,
    with_data: bool,
    redrive: RedriveStatus,
) -> DescribeExecutionResponse {
    let text = |data: &Payload| with_data.then(|| data.text().clone());
    let timed_out = view.row.status == ExecutionStatus::TimedOut;
    let (machine_arn, qualifier) = (&view.row.state_machine_arn, view.row.qualifier.as_ref());
    let child_of = view.context.child_of.as_ref();
    DescribeExecutionResponse {
        execution_arn: view.context.execution_arn.clone(),
        state_machine_arn: machine_arn.clone(),
        name: view.row.name.clone(),
        status: view.row.status.as_str(),
        start_date: EpochSeconds(view.row.started_at),
        stop_date: view.row.stopped_at.map(EpochSeconds),
        input: text(&view.input),
        input_details: Included { included: with_data },
        output_details: view.output.as_ref().map(|_| Included { included: with_data }),
        output: view.output.as_ref().and_then(text),
        // An execution that its state machine's TimeoutSeconds has ended shows neither.
        error: view.error.clone().filter(|_| !timed_out),
        cause: view.cause.clone().filter(|_| !timed_out),
        map_run_arn: child_of.map(|child_of| child_of.map_run_arn.clone()),
        state_machine_version_arn: qualifier.map(|by| by.version_arn(machine_arn)),
        state_machine_alias_arn: qualifier.and_then(|by| by.alias_arn(machine_arn)),
        redrive_count: view.row.redriven.map_or(0, |redriven| redriven.count),
        redrive_date: view.row.redriven.map(|redriven| EpochSeconds(redriven.at)),
        redrive_status: redrive.status,
        redrive_status_reason: redrive.reason,
    }
}
