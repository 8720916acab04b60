//! ValidateStateMachineDefinition.

use serde::{Deserialize, Serialize};
use stepyard_asl::{Diagnostic, Severity, WorkflowType, compile_as};

use super::create_state_machine::check_length;
use crate::app::App;
use crate::wire::{ApiError, Constraints, required};

/// Most faults that are told (API reference, `maxResults`); 0 asks for as many.
const DIAGNOSTICS_MAX: usize = 100;

/// Request of ValidateStateMachineDefinition.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ValidateStateMachineDefinitionRequest {
    pub(crate) definition: Option<String>,
    pub(crate) r#type: Option<String>,
    pub(crate) severity: Option<String>,
    pub(crate) max_results: Option<i64>,
}

/// Answer of ValidateStateMachineDefinition.
#[derive(Debug, Serialize)]
pub(crate) struct ValidateStateMachineDefinitionResponse {
    result: &'static str,
    diagnostics: Vec<ShownDiagnostic>,
    /// Whether there are more.
    truncated: bool,
}

#[derive(Debug, Serialize)]
struct ShownDiagnostic {
    severity: &'static str,
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
}

/// Tells whether a definition is valid. What is valid and cannot be run here yet, is valid.
pub(crate) async fn validate_state_machine_definition(
    _app: &App,
    request: ValidateStateMachineDefinitionRequest,
) -> Result<ValidateStateMachineDefinitionResponse, ApiError> {
    let definition = required(request.definition.as_deref(), "definition")?;
    Constraints::default()
        .one_of("type", request.r#type.as_deref(), &["STANDARD", "EXPRESS"])
        .one_of("severity", request.severity.as_deref(), &["ERROR", "WARNING"])
        .range("maxResults", request.max_results, 0..=DIAGNOSTICS_MAX as i64)
        .check()?;
    check_length(definition)?;
    let workflow = match request.r#type.as_deref() {
        Some("EXPRESS") => WorkflowType::Express,
        _ => WorkflowType::Standard,
    };
    let mut diagnostics = compile_as(definition, workflow).diagnostics;
    let is_valid = diagnostics.iter().all(|fault| fault.severity != Severity::Error);
    if request.severity.as_deref() != Some("WARNING") {
        diagnostics.retain(|fault| fault.severity == Severity::Error);
    }
    let most = match request.max_results.unwrap_or(0) {
        0 => DIAGNOSTICS_MAX,
        most => usize::try_from(most).unwrap_or(DIAGNOSTICS_MAX),
    };
    Ok(ValidateStateMachineDefinitionResponse {
        result: if is_valid { "OK" } else { "FAIL" },
        truncated: diagnostics.len() > most,
        diagnostics: diagnostics.into_iter().take(most).map(show).collect(),
    })
}

fn show(fault: Diagnostic) -> ShownDiagnostic {
    ShownDiagnostic {
        severity: fault.severity.as_str(),
        code: fault.code.as_str(),
        message: fault.message,
        location: fault.location,
    }
}
