//! CreateStateMachine.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stepyard_asl::{
    Code, DEFINITION_BYTES_MAX, Program, Severity, Timestamp, WorkflowType, compile_as,
};
use stepyard_store::{Revision, StateMachine, StateMachineType, Version};
use uuid::Uuid;

use super::configuration::{EncryptionConfiguration, LoggingConfiguration, TracingConfiguration};
use super::publish_state_machine_version::{DESCRIPTION_CHARS_MAX, version_arn};
use super::tags::{self, Tag};
use crate::app::App;
use crate::arn::check_role;
use crate::wire::{ApiError, Constraints, check_name, epoch_seconds, required};

/// Request of CreateStateMachine.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateStateMachineRequest {
    pub(crate) name: Option<String>,
    pub(crate) definition: Option<String>,
    pub(crate) role_arn: Option<String>,
    pub(crate) r#type: Option<String>,
    pub(crate) logging_configuration: Option<LoggingConfiguration>,
    pub(crate) tracing_configuration: Option<TracingConfiguration>,
    pub(crate) encryption_configuration: Option<EncryptionConfiguration>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state_machine_version_arn: Option<String>,
}

/// Creates a state machine. Creating the same one again gives the one that is there.
pub(crate) async fn create_state_machine(
    app: &App,
    request: CreateStateMachineRequest,
) -> Result<CreateStateMachineResponse, ApiError> {
    let name = required(request.name.as_deref(), "name")?;
    check_name(name)?;
    let role_arn: Arc<str> = required(request.role_arn.as_deref(), "roleArn")?.into();
    check_role(&role_arn)?;
    let definition: Arc<str> = required(request.definition.as_deref(), "definition")?.into();
    let workflow = workflow_type(request.r#type.as_deref())?;
    check_versions(request.publish, request.version_description.as_deref())?;
    let configuration = configuration(&request)?;
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
            configuration: configuration.to_string().into(),
            created_at: now,
        },
        retention_days: None,
        tags,
        deleting_since: None,
    };
    let version = first_version(&request, &machine);
    match app.store.create_state_machine(machine.clone(), version.clone()).await? {
        None => Ok(answer(machine, version)),
        Some(present) if present.deleting_since.is_some() => {
            Err(ApiError::state_machine_deleting(&present.arn))
        }
        Some(present) if is_same(&present, &machine) => {
            let earlier = version_of_creation(app, &present).await?;
            let description = |version: &Option<Version>| {
                version.as_ref().map(|version| version.description.clone())
            };
            match description(&earlier) == description(&version) {
                true => Ok(answer(present, earlier)),
                false => Err(already_exists(&present)),
            }
        }
        Some(present) => Err(already_exists(&present)),
    }
}

fn answer(machine: StateMachine, version: Option<Version>) -> CreateStateMachineResponse {
    CreateStateMachineResponse {
        state_machine_version_arn: version.map(|version| version_arn(&machine.arn, version.number)),
        state_machine_arn: machine.arn,
        creation_date: machine.created_at,
    }
}

fn already_exists(present: &StateMachine) -> ApiError {
    let message = format!("State Machine Already Exists: '{}'", present.arn);
    ApiError::new("StateMachineAlreadyExists", message)
}

/// The version that is published with the creation. It is as old as the state machine, by which it is known later.
fn first_version(request: &CreateStateMachineRequest, machine: &StateMachine) -> Option<Version> {
    request.publish.unwrap_or(false).then(|| Version {
        number: 1,
        revision: machine.revision.id,
        description: request.version_description.as_deref().map(Arc::from),
        created_at: machine.created_at,
    })
}

/// The version that was published when a state machine was created.
async fn version_of_creation(
    app: &App,
    machine: &StateMachine,
) -> Result<Option<Version>, ApiError> {
    let publication = app.store.publication(&machine.arn).await?.unwrap_or_default();
    let mut versions = publication.versions.into_iter();
    Ok(versions.find(|version| version.created_at == machine.created_at))
}

/// Role and tags are not compared, as in AWS.
fn is_same(present: &StateMachine, asked: &StateMachine) -> bool {
    present.machine_type == asked.machine_type
        && present.revision.definition == asked.revision.definition
        && present.revision.configuration == asked.revision.configuration
}

/// What is kept of a request's configuration.
fn configuration(request: &CreateStateMachineRequest) -> Result<Value, ApiError> {
    if let Some(logging) = &request.logging_configuration {
        logging.check()?;
    }
    let encryption = request.encryption_configuration.as_ref();
    Ok(json!({
        "loggingConfiguration": request.logging_configuration,
        "tracingConfiguration": request.tracing_configuration,
        "encryptionConfiguration": encryption.map(EncryptionConfiguration::read).transpose()?,
    }))
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

/// A description belongs to a version that is to be published.
pub(super) fn check_versions(
    publish: Option<bool>,
    description: Option<&str>,
) -> Result<(), ApiError> {
    Constraints::default()
        .sensitive_length("versionDescription", description, 0..=DESCRIPTION_CHARS_MAX)
        .check()?;
    match (publish.unwrap_or(false), description) {
        (false, Some(_)) => {
            Err(ApiError::validation("Version description can only be set when publish is true"))
        }
        _ => Ok(()),
    }
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
        let texts: Vec<_> = errors().map(ToString::to_string).collect();
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
