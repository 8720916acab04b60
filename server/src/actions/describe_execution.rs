//! DescribeExecution.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepyard_json::Payload;
use stepyard_machine::{ExecutionStatus, Text};

use crate::app::App;
use crate::view::ExecutionView;
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
    input: Option<String>,
    input_details: Included,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_details: Option<Included>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    redrive_count: u32,
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
    let row = app.execution(arn).await?;
    let view = ExecutionView::load(&*app.store, row).await?;
    let with_data = request.included_data.as_deref() != Some(METADATA_ONLY);
    Ok(answer(view, with_data))
}

fn answer(view: ExecutionView, with_data: bool) -> DescribeExecutionResponse {
    let text = |data: Payload| with_data.then(|| data.to_string());
    let owned = |text: Text| text.map(|text| text.to_string());
    let (redrive_status, redrive_status_reason) = redrive(view.row.status);
    let timed_out = view.row.status == ExecutionStatus::TimedOut;
    DescribeExecutionResponse {
        execution_arn: view.context.execution_arn.clone(),
        state_machine_arn: view.row.state_machine_arn,
        name: view.row.name,
        status: view.row.status.as_str(),
        start_date: EpochSeconds(view.row.started_at),
        stop_date: view.row.stopped_at.map(EpochSeconds),
        input: text(view.input),
        input_details: Included { included: with_data },
        output_details: view.output.as_ref().map(|_| Included { included: with_data }),
        output: view.output.and_then(text),
        // An execution that its state machine's TimeoutSeconds has ended shows neither.
        error: owned(view.error).filter(|_| !timed_out),
        cause: owned(view.cause).filter(|_| !timed_out),
        redrive_count: 0,
        redrive_status,
        redrive_status_reason,
    }
}

/// What AWS says of redriving an execution with this status.
fn redrive(status: ExecutionStatus) -> (&'static str, Option<String>) {
    match status {
        ExecutionStatus::Running | ExecutionStatus::Succeeded => (
            "NOT_REDRIVABLE",
            Some(format!("Execution is {} and cannot be redriven", status.as_str())),
        ),
        ExecutionStatus::Failed | ExecutionStatus::TimedOut | ExecutionStatus::Aborted => {
            ("REDRIVABLE", None)
        }
    }
}
