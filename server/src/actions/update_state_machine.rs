//! UpdateStateMachine.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stepyard_asl::{Timestamp, WorkflowType};
use stepyard_store::{Revision, StateMachine};

use super::configuration::{EncryptionConfiguration, LoggingConfiguration, TracingConfiguration};
use super::create_state_machine::{
    check_definition_as, check_versions, new_revision_id, workflow_of,
};
use super::publish_state_machine_version::{publish, version_arn};
use crate::app::App;
use crate::arn::{Arn, check_role};
use crate::wire::{ApiError, epoch_seconds, required};

/// Request of UpdateStateMachine.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UpdateStateMachineRequest {
    pub(crate) state_machine_arn: Option<String>,
    pub(crate) definition: Option<String>,
    pub(crate) role_arn: Option<String>,
    pub(crate) logging_configuration: Option<LoggingConfiguration>,
    pub(crate) tracing_configuration: Option<TracingConfiguration>,
    pub(crate) encryption_configuration: Option<EncryptionConfiguration>,
    pub(crate) publish: Option<bool>,
    pub(crate) version_description: Option<String>,
}

/// Answer of UpdateStateMachine.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UpdateStateMachineResponse {
    #[serde(serialize_with = "epoch_seconds")]
    pub(crate) update_date: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) revision_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state_machine_version_arn: Option<String>,
}

/// Gives a state machine a new revision; running executions keep theirs. An update that changes
/// nothing keeps the revision.
pub(crate) async fn update_state_machine(
    app: &App,
    request: UpdateStateMachineRequest,
) -> Result<UpdateStateMachineResponse, ApiError> {
    let arn = required(request.state_machine_arn.as_deref(), "stateMachineArn")?;
    Arn::parse(arn)?.refuse_label()?;
    let machine = app.state_machine_to_change(arn).await?;
    check(&request, workflow_of(machine.machine_type))?;
    let said = said_configuration(&request)?;
    loop {
        let machine = app.state_machine_to_change(arn).await?;
        let now = app.runtime.clock().now();
        let revision = next_revision(app, &machine, &request, &said, now);
        if is_same(&machine.revision, &revision) {
            return answer(app, &machine, &request, now).await;
        }
        // Another update may have come between; this one is then made of what that has left.
        let present = machine.revision.id;
        if app.store.update_state_machine(arn, present, revision.clone()).await? {
            app.machines.forget(arn);
            return answer(app, &StateMachine { revision, ..machine }, &request, now).await;
        }
    }
}

fn check(request: &UpdateStateMachineRequest, workflow: WorkflowType) -> Result<(), ApiError> {
    check_versions(request.publish, request.version_description.as_deref())?;
    if !changes_anything(request) {
        return Err(ApiError::new(
            "MissingRequiredParameter",
            "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified",
        ));
    }
    request.role_arn.as_deref().map_or(Ok(()), check_role)?;
    if let Some(logging) = &request.logging_configuration {
        logging.check()?;
    }
    request
        .definition
        .as_deref()
        .map_or(Ok(()), |definition| check_definition_as(definition, workflow).map(drop))
}

fn next_revision(
    app: &App,
    machine: &StateMachine,
    request: &UpdateStateMachineRequest,
    said: &Value,
    now: Timestamp,
) -> Revision {
    let present = &machine.revision;
    let definition = request.definition.as_deref();
    let role_arn = request.role_arn.as_deref();
    Revision {
        id: new_revision_id(app, now),
        definition: definition.map_or(present.definition.clone(), Arc::from),
        role_arn: role_arn.map_or(present.role_arn.clone(), Arc::from),
        configuration: changed_configuration(machine, said),
        // The first revision is told from later ones by its time: it is that of the machine.
        created_at: now.max(machine.created_at.plus_millis(1)),
    }
}

/// Publishes the revision if that is asked for. Should this be cut off, the same update again finds nothing to
/// change and publishes it.
async fn answer(
    app: &App,
    machine: &StateMachine,
    request: &UpdateStateMachineRequest,
    now: Timestamp,
) -> Result<UpdateStateMachineResponse, ApiError> {
    let mut version = None;
    if request.publish.unwrap_or(false) {
        version = Some(publish(app, machine, request.version_description.as_deref()).await?);
    }
    Ok(UpdateStateMachineResponse {
        update_date: now,
        revision_id: revision_id(machine),
        state_machine_version_arn: version.map(|version| version_arn(&machine.arn, version.number)),
    })
}

/// The first revision of a state machine has no id in the API.
pub(super) fn revision_id(machine: &StateMachine) -> Option<String> {
    (machine.revision.created_at != machine.created_at).then(|| machine.revision.id.to_string())
}

fn changes_anything(request: &UpdateStateMachineRequest) -> bool {
    request.definition.is_some()
        || request.role_arn.is_some()
        || request.logging_configuration.is_some()
        || request.tracing_configuration.is_some()
        || request.encryption_configuration.is_some()
}

fn is_same(present: &Revision, asked: &Revision) -> bool {
    present.definition == asked.definition
        && present.role_arn == asked.role_arn
        && present.configuration == asked.configuration
}

/// The configuration that a request names; what it does not name is null.
fn said_configuration(request: &UpdateStateMachineRequest) -> Result<Value, ApiError> {
    let encryption = request.encryption_configuration.as_ref();
    Ok(json!({
        "loggingConfiguration": request.logging_configuration,
        "tracingConfiguration": request.tracing_configuration,
        "encryptionConfiguration": encryption.map(EncryptionConfiguration::read).transpose()?,
    }))
}

fn changed_configuration(machine: &StateMachine, said: &Value) -> Arc<str> {
    let present = &machine.revision.configuration;
    let Ok(Value::Object(mut configuration)) = serde_json::from_str(present) else {
        return present.clone();
    };
    for (member, value) in said.as_object().into_iter().flatten() {
        if !value.is_null() {
            configuration.insert(member.clone(), value.clone());
        }
    }
    Value::Object(configuration).to_string().into()
}
