//! CreateStateMachine.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stepyard_asl::{
    Code, DEFINITION_BYTES_MAX, Program, Severity, Timestamp, WorkflowType, compile_as,
};
use stepyard_store::{Revision, StateMachine, StateMachineType};
use uuid::Uuid;

use super::tags::{self, Tag};
use crate::app::App;
use crate::wire::{ApiError, check_name, epoch_seconds, required};

/// Request of CreateStateMachine.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateStateMachineRequest {
    pub(crate) name: Option<String>,
    pub(crate) definition: Option<String>,
    pub(crate) role_arn: Option<String>,
    pub(crate) r#type: Option<String>,
    pub(crate) logging_configuration: Option<Value>,
    pub(crate) tracing_configuration: Option<Value>,
    pub(crate) encryption_configuration: Option<Value>,
    pub(crate) tags: Option<Vec<Tag>>,
    pub(crate) publish: Option<bool>,
    pub(crate) version_description: Option<String>,
}

/// Answer of CreateStateMachine.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateStateMachineResponse {
    pub(crate) state_machine_arn: Arc<str>,
    #[serde(serialize_with = "epoch_seconds")]
    pub(crate) creation_date: Timestamp,
}

/// Creates a state machine. Creating the same one again gives the one that is there.
pub(crate) async fn create_state_machine(
    app: &App,
    request: CreateStateMachineRequest,
) -> Result<CreateStateMachineResponse, ApiError> {
    let name = required(request.name.as_deref(), "name")?;
    check_name(name)?;
    let role_arn: Arc<str> = required(request.role_arn.as_deref(), "roleArn")?.into();
    let definition: Arc<str> = required(request.definition.as_deref(), "definition")?.into();
    let workflow = workflow_type(request.r#type.as_deref())?;
    check_versions(request.publish, request.version_description.as_deref())?;
    check_logging(request.logging_configuration.as_ref())?;
    let tags = tags::read(request.tags.clone())?;
    tags::check_count(&tags)?;
    check_definition_as(&definition, workflow)?;
    let now = app.runtime.clock().now();
    let machine = StateMachine {
        arn: app.identity.state_machine(name).to_string().into(),
        name: name.into(),
        machine_type: machine_type(workflow),
        created_at: now,
        revision: Revision {
            id: new_revision_id(app, now),
            definition,
            role_arn,
            configuration: configuration(&request).to_string().into(),
            created_at: now,
        },
        retention_days: None,
        tags,
    };
    let created = CreateStateMachineResponse {
        state_machine_arn: machine.arn.clone(),
        creation_date: machine.created_at,
    };
    match app.store.create_state_machine(machine.clone()).await? {
        None => Ok(created),
        Some(present) if is_same(&present, &machine) => Ok(CreateStateMachineResponse {
            state_machine_arn: present.arn,
            creation_date: present.created_at,
        }),
        Some(present) => Err(ApiError::new(
            "StateMachineAlreadyExists",
            format!("State Machine Already Exists: '{}'", present.arn),
        )),
    }
}

/// Role and tags are not compared, as in AWS.
fn is_same(present: &StateMachine, asked: &StateMachine) -> bool {
    present.machine_type == asked.machine_type
        && present.revision.definition == asked.revision.definition
        && present.revision.configuration == asked.revision.configuration
}

fn configuration(request: &CreateStateMachineRequest) -> Value {
    json!({
        "loggingConfiguration": request.logging_configuration,
        "tracingConfiguration": request.tracing_configuration,
        "encryptionConfiguration": request.encryption_configuration,
    })
}

fn workflow_type(machine_type: Option<&str>) -> Result<WorkflowType, ApiError> {
    match machine_type {
        None | Some("STANDARD") => Ok(WorkflowType::Standard),
        Some("EXPRESS") => Ok(WorkflowType::Express),
        Some(other) => Err(ApiError::validation(format!(
            "1 validation error detected: Value '{other}' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [STANDARD, EXPRESS]"
        ))),
    }
}

fn machine_type(workflow: WorkflowType) -> StateMachineType {
    match workflow {
        WorkflowType::Standard => StateMachineType::Standard,
        WorkflowType::Express => StateMachineType::Express,
    }
}

/// What a definition of such a state machine is compiled as.
pub(super) fn workflow_of(machine_type: StateMachineType) -> WorkflowType {
    match machine_type {
        StateMachineType::Standard => WorkflowType::Standard,
        StateMachineType::Express => WorkflowType::Express,
    }
}

/// Versions come later; asking for one must not be lost silently.
pub(super) fn check_versions(
    publish: Option<bool>,
    description: Option<&str>,
) -> Result<(), ApiError> {
    match (publish.unwrap_or(false), description) {
        (true, _) => Err(ApiError::validation("Publishing versions is not supported yet")),
        (false, Some(_)) => {
            Err(ApiError::validation("Version description can only be set when publish is true"))
        }
        (false, None) => Ok(()),
    }
}

/// Logging that is on needs a destination.
pub(super) fn check_logging(configuration: Option<&Value>) -> Result<(), ApiError> {
    let Some(configuration) = configuration else { return Ok(()) };
    let level = configuration["level"].as_str().unwrap_or("OFF");
    let destinations = configuration["destinations"].as_array().map_or(0, Vec::len);
    if level == "OFF" || destinations == 1 {
        return Ok(());
    }
    Err(ApiError::new(
        "InvalidLoggingConfiguration",
        "Invalid Logging Configuration: Must specify exactly one Log Destination.",
    ))
}

/// Compiles a definition of a Standard workflow.
///
/// # Errors
/// `InvalidDefinition` with all faults.
pub(crate) fn check_definition(definition: &str) -> Result<Arc<Program>, ApiError> {
    check_definition_as(definition, WorkflowType::Standard)
}

/// Compiles a definition of that type.
///
/// # Errors
/// `InvalidDefinition` with all faults.
pub(super) fn check_definition_as(
    definition: &str,
    workflow: WorkflowType,
) -> Result<Arc<Program>, ApiError> {
    check_length(definition)?;
    let compilation = compile_as(definition, workflow);
    compilation.program.ok_or_else(|| {
        let errors = || compilation.diagnostics.iter().filter(|f| f.severity == Severity::Error);
        if let Some(label) = errors().find(|fault| fault.code == Code::InvalidLabel) {
            return invalid_label(definition, &label.message);
        }
        // What AWS refuses too comes first: nothing else is told until that is mended.
        let faults = errors().filter(|fault| fault.code != Code::UnsupportedFeature);
        let mut texts: Vec<_> = faults.map(ToString::to_string).collect();
        if texts.is_empty() {
            texts.extend(errors().map(ToString::to_string));
        }
        let message = format!("Invalid State Machine Definition: '{}'", texts.join(", "));
        ApiError::new("InvalidDefinition", message)
    })
}

/// AWS tells a bad `Label` in the words of the program that reads it, and then nothing else (recorded).
fn invalid_label(definition: &str, message: &str) -> ApiError {
    let escaped = message.replace('\\', "\\\\");
    let quoted = match (message.contains('\''), message.contains('"')) {
        (true, false) => format!("\"{escaped}\""),
        _ => format!("'{}'", escaped.replace('\'', "\\'")),
    };
    let message = format!("Error=ValueError Args=[{quoted}] in definition '{definition}'.");
    ApiError::new("InvalidDefinition", message)
}

pub(super) fn check_length(definition: &str) -> Result<(), ApiError> {
    if definition.len() <= DEFINITION_BYTES_MAX {
        return Ok(());
    }
    Err(ApiError::validation(format!(
        "1 validation error detected: Value at 'definition' failed to satisfy constraint: Member must have length less than or equal to {DEFINITION_BYTES_MAX}"
    )))
}

/// A fresh id.
pub(super) fn new_revision_id(app: &App, now: Timestamp) -> Uuid {
    let entropy = app.runtime.entropy().draw();
    let bytes = entropy.first_chunk::<10>().copied().unwrap_or_default();
    stepyard_store::ExecutionId::new(now, bytes).0
}
