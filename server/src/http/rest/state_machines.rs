//! `/api/v1/state-machines`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use stepyard_store::{RETENTION_DAYS_MAX, StateMachine, StateMachineSummary};

use super::{Body, Nothing, Parameters, limit, place, value};
use crate::actions::{
    CreateStateMachineRequest, DeleteStateMachineRequest, UpdateStateMachineRequest,
    create_state_machine, delete_state_machine, type_word, update_state_machine,
};
use crate::app::App;
use crate::arn::ANY_ROLE_ARN;
use crate::wire::{ApiError, Problem, encode_token};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    limit: Option<usize>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Definition {
    name: Option<String>,
    /// The definition as JSON, or as text.
    definition: Option<Value>,
    role_arn: Option<String>,
    /// `STANDARD` or `EXPRESS`; it never changes.
    r#type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Retention {
    /// Days; 0 is for ever, null what the server is set to.
    retention_days: Option<u32>,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Parameters(page): Parameters<Page>,
) -> Result<Json<Value>, Problem> {
    let limit = limit(page.limit)?;
    let after = page.cursor.as_deref().map(parse_cursor).transpose()?;
    let mut machines = app.store.list_state_machines(after.as_deref(), limit + 1).await?;
    let more = machines.len() > limit;
    machines.truncate(limit);
    let cursor = machines.last().filter(|_| more).map(|machine| encode_token(&machine.arn));
    let shown: Vec<_> = machines.iter().map(summary).collect();
    Ok(Json(json!({ "stateMachines": shown, "cursor": cursor })))
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    Body(asked): Body<Definition>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let request = CreateStateMachineRequest {
        name: asked.name,
        definition: asked.definition.map(text),
        role_arn: asked.role_arn.or_else(|| Some(ANY_ROLE_ARN.into())),
        r#type: asked.r#type,
        ..CreateStateMachineRequest::default()
    };
    let created = create_state_machine(&app, request).await?;
    let machine = app.state_machine(&created.state_machine_arn).await?;
    Ok((StatusCode::CREATED, Json(whole(&machine))))
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    _: Parameters<Nothing>,
) -> Result<Json<Value>, Problem> {
    let arn = app.identity.state_machine(&name).to_string();
    Ok(Json(whole(&app.state_machine(&arn).await?)))
}

pub(super) async fn update(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Body(asked): Body<Definition>,
) -> Result<Json<Value>, Problem> {
    let arn = app.identity.state_machine(&name).to_string();
    let request = UpdateStateMachineRequest {
        state_machine_arn: Some(arn.clone()),
        definition: asked.definition.map(text),
        role_arn: asked.role_arn,
        ..UpdateStateMachineRequest::default()
    };
    update_state_machine(&app, request).await?;
    Ok(Json(whole(&app.state_machine(&arn).await?)))
}

/// Sets for how long executions are kept after their end, which AWS's API has no field for.
pub(super) async fn set_retention(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Body(asked): Body<Retention>,
) -> Result<Json<Value>, Problem> {
    let arn = app.identity.state_machine(&name).to_string();
    if asked.retention_days.is_some_and(|days| days > RETENTION_DAYS_MAX) {
        let detail = format!("retentionDays must be from 0 to {RETENTION_DAYS_MAX}, or null");
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
    }
    if !app.store.set_retention(&arn, asked.retention_days).await? {
        return Err(ApiError::state_machine_does_not_exist(&arn).into());
    }
    app.machines.forget(&arn);
    Ok(Json(whole(&app.state_machine(&arn).await?)))
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let arn = app.identity.state_machine(&name).to_string();
    app.state_machine(&arn).await?;
    let request = DeleteStateMachineRequest { state_machine_arn: Some(arn) };
    delete_state_machine(&app, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn parse_cursor(cursor: &str) -> Result<String, Problem> {
    place(cursor, |arn| Some(arn.to_owned()))
}

fn text(definition: Value) -> String {
    match definition {
        Value::String(text) => text,
        definition => definition.to_string(),
    }
}

fn summary(machine: &StateMachineSummary) -> Value {
    json!({
        "name": &*machine.name,
        "arn": &*machine.arn,
        "type": type_word(machine.machine_type),
        "createdAt": machine.created_at.to_string(),
        "updatedAt": machine.updated_at.to_string(),
    })
}

fn whole(machine: &StateMachine) -> Value {
    let mut shown = summary(&machine.summary());
    shown["definition"] = value(&machine.revision.definition);
    shown["roleArn"] = (*machine.revision.role_arn).into();
    shown["retentionDays"] = machine.retention_days.into();
    shown["deletingSince"] = machine.deleting_since.map(|since| since.to_string()).into();
    shown
}
