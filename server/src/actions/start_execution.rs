//! StartExecution.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepyard_asl::{Random, Timestamp};
use stepyard_json::Payload;
use stepyard_machine::{ExecutionKind, Limits, StartContext};
use stepyard_runtime::StartExecution;
use stepyard_store::StateMachineType;

use super::express::express_start;
use crate::app::App;
use crate::arn::Arn;
use crate::target::Target;
use crate::wire::{ApiError, Constraints, check_data, check_name, epoch_seconds, required};

/// Request of StartExecution.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StartExecutionRequest {
    pub(crate) state_machine_arn: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) input: Option<String>,
    /// Checked, and not kept: nothing is traced here.
    pub(crate) trace_header: Option<String>,
}

/// Answer of StartExecution.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StartExecutionResponse {
    pub(crate) execution_arn: Arc<str>,
    #[serde(serialize_with = "epoch_seconds")]
    pub(crate) start_date: Timestamp,
}

/// Starts an execution. The answer leaves when the start is durable; that of an EXPRESS state machine at once.
pub(crate) async fn start_execution(
    app: &App,
    request: StartExecutionRequest,
) -> Result<StartExecutionResponse, ApiError> {
    let machine_arn = required(request.state_machine_arn.as_deref(), "stateMachineArn")?;
    Constraints::default().trace_header(request.trace_header.as_deref()).check()?;
    if let Some(name) = &request.name {
        check_name(name)?;
    }
    let input = input(request.input, app.limits)?;
    Arn::parse(machine_arn)?.refuse_label()?;
    let target = app.target_to_start(machine_arn).await?;
    if target.machine.machine_type == StateMachineType::Express {
        return start_express(app, &target, request.name, input).await;
    }
    let Target { machine, qualifier } = target;
    let program = app.runtime.program(machine.revision.id).await?;
    let name_is_chosen = request.name.is_some();
    let name = request.name.unwrap_or_else(|| random_name(app));
    let execution_arn: Arc<str> = Arn::parse(&machine.arn)?.execution(&name)?.into();
    let context = Arc::new(StartContext {
        execution_arn: execution_arn.clone(),
        execution_name: name.into(),
        state_machine_arn: machine.arn.clone(),
        state_machine_name: machine.name.clone(),
        role_arn: machine.revision.role_arn.clone(),
        qualifier,
        child_of: None,
        kind: ExecutionKind::Standard,
        limits: app.limits,
    });
    let revision = machine.revision.id;
    let start = StartExecution { context, name_is_chosen, revision, program, input };
    let row = app.runtime.start_execution(start).await?;
    Ok(StartExecutionResponse { execution_arn, start_date: row.started_at })
}

/// Starts an execution of an EXPRESS state machine, which is never the same as another one.
async fn start_express(
    app: &App,
    target: &Target,
    name: Option<String>,
    input: Payload,
) -> Result<StartExecutionResponse, ApiError> {
    let start = express_start(app, target, ExecutionKind::Express, name, input).await?;
    let execution_arn = start.context.execution_arn.clone();
    Ok(StartExecutionResponse { execution_arn, start_date: app.runtime.start_express(start)? })
}

/// The input, `{}` when absent.
pub(super) fn input(text: Option<String>, limits: Limits) -> Result<Payload, ApiError> {
    let Some(text) = text else { return Ok(Payload::empty_object()) };
    let invalid = |why: &str| {
        let message = format!("Invalid State Machine Execution Input: '{why}'");
        ApiError::new("InvalidExecutionInput", message)
    };
    if text.is_empty() {
        return Err(invalid("Invalid execution input."));
    }
    check_data(&text, "input", limits)?;
    Payload::from_text(text).map_err(|error| invalid(&error.message))
}

pub(super) fn random_name(app: &App) -> String {
    Random::from_entropy(app.runtime.entropy().draw()).uuid_v4()
}
