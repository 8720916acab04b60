//! DescribeStateMachine.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stepyard_asl::{Timestamp, VariableNames};
use stepyard_store::{Error, Revision, StateMachine, StateMachineType};

use super::item_processor::ItemProcessor;
use super::update_state_machine::revision_id;
use crate::app::App;
use crate::arn::Arn;
use crate::target::Described;
use crate::wire::{ApiError, Constraints, METADATA_ONLY, epoch_seconds, required};

/// Request of DescribeStateMachine.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescribeStateMachineRequest {
    pub(crate) state_machine_arn: Option<String>,
    pub(crate) included_data: Option<String>,
}

/// Answer of DescribeStateMachine.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescribeStateMachineResponse {
    pub(crate) state_machine_arn: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) status: &'static str,
    pub(crate) definition: Arc<str>,
    pub(crate) role_arn: Arc<str>,
    pub(crate) r#type: &'static str,
    #[serde(serialize_with = "epoch_seconds")]
    pub(crate) creation_date: Timestamp,
    #[serde(flatten)]
    pub(crate) configuration: Configuration,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) revision_id: Option<String>,
    #[serde(skip_serializing_if = "VariableReferences::is_empty")]
    pub(crate) variable_references: VariableReferences,
    /// Of the item processor of a Map state in DISTRIBUTED mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<String>,
    /// Of a version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<Arc<str>>,
}

/// Words of the API for the types of state machines.
const STANDARD: &str = "STANDARD";
const EXPRESS: &str = "EXPRESS";

/// The variables that states read, by the name of the state.
pub(crate) type VariableReferences = BTreeMap<Arc<str>, VariableNames>;

/// Logging, tracing and encryption, with AWS's defaults where nothing was said. (That of encryption stands in newer
/// recordings only.)
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Configuration {
    logging_configuration: Value,
    tracing_configuration: Value,
    encryption_configuration: Value,
}

/// Describes a state machine, or a version: then ARN, date and description are those of the version.
pub(crate) async fn describe_state_machine(
    app: &App,
    request: DescribeStateMachineRequest,
) -> Result<DescribeStateMachineResponse, ApiError> {
    let arn = required(request.state_machine_arn.as_deref(), "stateMachineArn")?;
    Constraints::default().included_data(request.included_data.as_deref()).check()?;
    let included_data = request.included_data.as_deref();
    if let Some((machine_arn, label)) = Arn::parse(arn)?.labelled() {
        let machine = app.store.get_state_machine(&machine_arn).await?;
        let machine = machine.ok_or_else(|| ApiError::state_machine_does_not_exist(arn))?;
        return describe_processor(app, arn, (machine, label), included_data).await;
    }
    let Described { machine, version } = app.described(arn).await?;
    Ok(DescribeStateMachineResponse {
        variable_references: variable_references(app, &machine.revision, included_data).await?,
        revision_id: revision_id(&machine),
        r#type: type_word(machine.machine_type),
        configuration: configuration(&machine.revision),
        state_machine_arn: arn.into(),
        status: status(&machine),
        name: machine.name,
        definition: shown_text(machine.revision.definition.clone(), included_data),
        role_arn: machine.revision.role_arn,
        creation_date: version.as_ref().map_or(machine.created_at, |version| version.created_at),
        description: version.and_then(|version| version.description),
        label: None,
    })
}

/// Describes the item processor of the Map state with that label.
async fn describe_processor(
    app: &App,
    arn: &str,
    (machine, label): (StateMachine, &str),
    included_data: Option<&str>,
) -> Result<DescribeStateMachineResponse, ApiError> {
    let processor = ItemProcessor::with_label(&machine.revision.definition, label);
    let processor = processor.ok_or_else(|| ApiError::state_machine_does_not_exist(arn))?;
    let is_express = processor.execution_type() == Some(EXPRESS);
    Ok(DescribeStateMachineResponse {
        variable_references: references_within(app, &machine.revision, included_data, &processor)
            .await?,
        revision_id: revision_id(&machine),
        r#type: if is_express { EXPRESS } else { STANDARD },
        configuration: configuration(&machine.revision),
        state_machine_arn: arn.into(),
        name: format!("{}/{label}", machine.name).into(),
        status: status(&machine),
        definition: shown_text(processor.definition().into(), included_data),
        role_arn: machine.revision.role_arn,
        creation_date: machine.created_at,
        description: None,
        label: Some(label.to_owned()),
    })
}

fn status(machine: &StateMachine) -> &'static str {
    match machine.deleting_since {
        None => "ACTIVE",
        Some(_) => "DELETING",
    }
}

/// The definition, or `{}` for a client that has waived it.
pub(super) fn shown_text(definition: Arc<str>, included_data: Option<&str>) -> Arc<str> {
    match included_data {
        Some(METADATA_ONLY) => "{}".into(),
        _ => definition,
    }
}

/// Those of a revision; like the definition, they are left out for a client that has waived it. A definition that cannot be
/// run by this version is shown all the same.
pub(super) async fn variable_references(
    app: &App,
    revision: &Revision,
    included_data: Option<&str>,
) -> Result<VariableReferences, ApiError> {
    if included_data == Some(METADATA_ONLY) {
        return Ok(VariableReferences::new());
    }
    match app.runtime.program(revision.id).await {
        Ok(program) => Ok(program.variable_references().into_iter().collect()),
        Err(Error::Corrupt { .. }) => Ok(VariableReferences::new()),
        Err(error) => Err(error.into()),
    }
}

/// Those of the states within an item processor.
pub(super) async fn references_within(
    app: &App,
    revision: &Revision,
    included_data: Option<&str>,
    processor: &ItemProcessor,
) -> Result<VariableReferences, ApiError> {
    let names = processor.state_names();
    let mut references = variable_references(app, revision, included_data).await?;
    references.retain(|name, _| names.contains(&**name));
    Ok(references)
}

/// The word of the API for a state machine's type.
pub(crate) fn type_word(machine_type: StateMachineType) -> &'static str {
    match machine_type {
        StateMachineType::Standard => STANDARD,
        StateMachineType::Express => EXPRESS,
    }
}

/// What a revision was configured with.
pub(super) fn configuration(revision: &Revision) -> Configuration {
    let mut said: Value = serde_json::from_str(&revision.configuration).unwrap_or_default();
    let mut take = |member: &str, mut shown: Value| {
        // What was said stands over the defaults, member by member.
        if let (Some(shown), Value::Object(said)) = (shown.as_object_mut(), said[member].take()) {
            shown.extend(said);
        }
        shown
    };
    Configuration {
        logging_configuration: take(
            "loggingConfiguration",
            json!({ "level": "OFF", "includeExecutionData": false }),
        ),
        tracing_configuration: take("tracingConfiguration", json!({ "enabled": false })),
        encryption_configuration: take(
            "encryptionConfiguration",
            json!({ "type": "AWS_OWNED_KEY" }),
        ),
    }
}
