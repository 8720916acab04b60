//! StartSyncExecution.

use std::sync::Arc;

use bytestring::ByteString;
use serde::{Deserialize, Serialize};
use stepyard_json::Payload;
use stepyard_machine::{ExecutionKind, ExecutionStatus, StartContext, Text};
use stepyard_runtime::{Billing, ExpressEnd};
use stepyard_store::StateMachineType;

use super::express::express_start;
use super::start_execution::input;
use super::type_not_supported;
use crate::app::App;
use crate::wire::{ApiError, Constraints, EpochSeconds, METADATA_ONLY, check_name, required};

/// Request of StartSyncExecution.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StartSyncExecutionRequest {
    pub(crate) state_machine_arn: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) input: Option<String>,
    pub(crate) trace_header: Option<String>,
    pub(crate) included_data: Option<String>,
}

/// Answer of StartSyncExecution.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StartSyncExecutionResponse {
    execution_arn: Arc<str>,
    state_machine_arn: Arc<str>,
    name: Arc<str>,
    start_date: EpochSeconds,
    stop_date: EpochSeconds,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<ByteString>,
    input_details: Included,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<ByteString>,
    output_details: Included,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_header: Option<String>,
    billing_details: BillingDetails,
}

/// Whether data is in the answer; said of the output also when there is none (recorded from AWS).
#[derive(Debug, Serialize)]
struct Included {
    included: bool,
}

#[derive(Debug, Serialize)]
struct BillingDetails {
    #[serde(rename = "billedMemoryUsedInMB")]
    memory: u64,
    #[serde(rename = "billedDurationInMilliseconds")]
    duration: u64,
}

/// Runs an execution of an EXPRESS state machine and answers how it has ended.
pub(crate) async fn start_sync_execution(
    app: &App,
    request: StartSyncExecutionRequest,
) -> Result<StartSyncExecutionResponse, ApiError> {
    let machine_arn = required(request.state_machine_arn.as_deref(), "stateMachineArn")?;
    Constraints::default()
        .trace_header(request.trace_header.as_deref())
        .included_data(request.included_data.as_deref())
        .check()?;
    if let Some(name) = &request.name {
        check_name(name)?;
    }
    let input = input(request.input, app.limits)?;
    let target = app.target_to_start(machine_arn).await?;
    if target.machine.machine_type != StateMachineType::Express {
        return Err(type_not_supported());
    }
    let kind = ExecutionKind::SyncExpress;
    let start = express_start(app, &target, kind, request.name, input.clone()).await?;
    let context = start.context.clone();
    let end = app.runtime.run_express(start).await?;
    let with_data = request.included_data.as_deref() != Some(METADATA_ONLY);
    Ok(answer(&context, &input, end, with_data, request.trace_header))
}

fn answer(
    context: &StartContext,
    input: &Payload,
    end: ExpressEnd,
    with_data: bool,
    trace_header: Option<String>,
) -> StartSyncExecutionResponse {
    let text = |data: &Payload| with_data.then(|| data.text().clone());
    let Billing { duration_millis, memory_mb } = end.billing;
    StartSyncExecutionResponse {
        execution_arn: context.execution_arn.clone(),
        state_machine_arn: context.state_machine_arn.clone(),
        name: context.execution_name.clone(),
        start_date: EpochSeconds(end.started_at),
        stop_date: EpochSeconds(end.stopped_at),
        status: status(end.status).as_str(),
        error: end.error,
        cause: end.cause,
        input: text(input),
        input_details: Included { included: with_data },
        output: end.output.as_ref().and_then(text),
        output_details: Included { included: with_data },
        trace_header,
        billing_details: BillingDetails { memory: memory_mb, duration: duration_millis },
    }
}

/// The API has no word here for what nobody but this server can stop.
fn status(status: ExecutionStatus) -> ExecutionStatus {
    match status {
        ExecutionStatus::Aborted => ExecutionStatus::Failed,
        status => status,
    }
}
