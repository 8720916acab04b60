//! `/api/v1/state-machines`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use stepyard_store::{RETENTION_DAYS_MAX, StateMachine, StateMachineSummary};

use super::{as_written, limit, place};
use crate::actions::{
    CreateStateMachineRequest, DeleteStateMachineRequest, UpdateStateMachineRequest,
    create_state_machine, delete_state_machine, type_word, update_state_machine,
};
use crate::app::App;
use crate::arn::ANY_ROLE_ARN;
use crate::http::extract::{Body, Nothing, Parameters, Segments};
use crate::wire::{ApiError, Problem, encode_token};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    limit: Option<usize>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Creation {
    name: Option<String>,
    /// The definition as JSON, or as text.
    definition: Option<Box<RawValue>>,
    role_arn: Option<String>,
    /// `STANDARD` or `EXPRESS`; it never changes.
    r#type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Update {
    /// The definition as JSON, or as text.
    definition: Option<Box<RawValue>>,
    role_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Retention {
    /// Days; 0 is for ever, null what the server is set to.
    #[serde(deserialize_with = "Option::deserialize")]
    retention_days: Option<u32>,
}

/// A state machine with all that is to be known of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Whole {
    #[serde(flatten)]
    summary: Value,
    definition: Box<RawValue>,
    role_arn: Arc<str>,
    retention_days: Option<u32>,
    deleting_since: Option<String>,
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
    _: Parameters<Nothing>,
    Body(asked): Body<Creation>,
) -> Result<(StatusCode, Json<Whole>), Problem> {
    let request = CreateStateMachineRequest {
        name: asked.name,
        definition: asked.definition.as_deref().map(text),
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
    Segments(name): Segments<String>,
    _: Parameters<Nothing>,
) -> Result<Json<Whole>, Problem> {
    let arn = app.identity.state_machine(&name).to_string();
    Ok(Json(whole(&app.state_machine(&arn).await?)))
}

pub(super) async fn update(
    State(app): State<Arc<App>>,
    Segments(name): Segments<String>,
    _: Parameters<Nothing>,
    Body(asked): Body<Update>,
) -> Result<Json<Whole>, Problem> {
    let arn = app.identity.state_machine(&name).to_string();
    let request = UpdateStateMachineRequest {
        state_machine_arn: Some(arn.clone()),
        definition: asked.definition.as_deref().map(text),
        role_arn: asked.role_arn,
        ..UpdateStateMachineRequest::default()
    };
    update_state_machine(&app, request).await?;
    Ok(Json(whole(&app.state_machine(&arn).await?)))
}

/// Sets for how long executions are kept after their end, which AWS's API has no field for.
pub(super) async fn set_retention(
    State(app): State<Arc<App>>,
    Segments(name): Segments<String>,
    _: Parameters<Nothing>,
    Body(asked): Body<Retention>,
) -> Result<Json<Whole>, Problem> {
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
    Segments(name): Segments<String>,
    _: Parameters<Nothing>,
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

/// A definition as text, be it text in JSON or JSON itself, of which white space does not count.
fn text(definition: &RawValue) -> String {
    match serde_json::from_str(definition.get()) {
        Ok(text) => text,
        Err(_) => compact(definition.get()),
    }
}

/// JSON text without the white space between its tokens.
fn compact(json: &str) -> String {
    let (mut is_text, mut is_escaped) = (false, false);
    let counts = |character: &char| {
        let ends = is_text && !is_escaped && *character == '"';
        is_escaped = is_text && !is_escaped && *character == '\\';
        let kept = is_text || !character.is_ascii_whitespace();
        is_text = if is_text { !ends } else { *character == '"' };
        kept
    };
    json.chars().filter(counts).collect()
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

fn whole(machine: &StateMachine) -> Whole {
    Whole {
        summary: summary(&machine.summary()),
        definition: as_written(&machine.revision.definition),
        role_arn: machine.revision.role_arn.clone(),
        retention_days: machine.retention_days,
        deleting_since: machine.deleting_since.map(|since| since.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::compact;

    #[test]
    fn only_white_space_between_tokens_is_left_out() {
        let written = "{ \"a b\" :\n[1.50 , \"\\\" c\\\\\", \"d \"] }";
        assert_eq!(compact(written), r#"{"a b":[1.50,"\" c\\","d "]}"#);
    }
}
