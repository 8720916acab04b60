//! `/api/v1/executions`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use stepyard_machine::history::HistoryEvent;
use stepyard_store::{ExecutionQuery, ExecutionRow};

use super::{Body, Parameters, limit, value};
use crate::actions::{
    RedriveExecutionRequest, StartExecutionRequest, StopExecutionRequest, history_page,
    list_executions, redrive_execution, start_execution, stop_execution,
};
use crate::app::App;
use crate::arn::Arn;
use crate::wire::{ApiError, Problem, decode_token, encode_token};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Filter {
    state_machine: Option<String>,
    status: Option<String>,
    name_prefix: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Submission {
    /// Name or ARN of the state machine, either maybe with a version or an alias behind a colon.
    state_machine: Option<String>,
    name: Option<String>,
    input: Option<Box<serde_json::value::RawValue>>,
}

#[derive(Deserialize)]
pub(super) struct HistoryQuery {
    limit: Option<usize>,
    cursor: Option<String>,
    reverse: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct Reason {
    error: Option<String>,
    cause: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Token {
    /// A request that is repeated with it has no further effect.
    client_token: Option<String>,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Parameters(filter): Parameters<Filter>,
) -> Result<Json<Value>, Problem> {
    let machine = filter.state_machine.map(|machine| machine_arn(&app, &machine));
    let machine = machine.as_deref().map(Arn::parse).transpose()?;
    let unqualified = machine.as_ref().map(Arn::unqualified).transpose()?;
    let query = ExecutionQuery {
        state_machine_arn: unqualified.map(Arc::from),
        map_run: None,
        started_by: machine.as_ref().and_then(list_executions::started_by),
        status: filter.status.as_deref().map(list_executions::parse_status).transpose()?,
        name_prefix: filter.name_prefix,
        after: filter.cursor.as_deref().map(list_executions::parse_cursor).transpose()?,
        limit: limit(filter.limit)?,
    };
    let (rows, cursor) = list_executions::page(&app, query).await?;
    let shown: Vec<_> = rows.iter().map(summary).collect::<Result<_, _>>()?;
    Ok(Json(json!({ "executions": shown, "cursor": cursor })))
}

pub(super) async fn start(
    State(app): State<Arc<App>>,
    Body(submission): Body<Submission>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let Some(machine) = submission.state_machine else {
        let detail = "The member 'stateMachine' is missing: the name or ARN of a state machine";
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
    };
    let request = StartExecutionRequest {
        state_machine_arn: Some(machine_arn(&app, &machine)),
        name: submission.name,
        input: submission.input.map(|input| input.get().to_owned()),
        ..StartExecutionRequest::default()
    };
    let started = start_execution(&app, request).await?;
    if Arn::parse(&started.execution_arn)?.is_express_execution() {
        // Nothing is kept of it that could be shown later.
        let started_at = started.start_date.to_string();
        let shown = json!({ "arn": &*started.execution_arn, "startedAt": started_at });
        return Ok((StatusCode::CREATED, Json(shown)));
    }
    let row = app.execution(&started.execution_arn).await?;
    Ok((StatusCode::CREATED, Json(summary(&row)?)))
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    Path((machine, name)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let view = app.execution_view(&execution_arn(&app, &machine, &name)?).await?;
    let mut shown = summary(&view.row)?;
    shown["input"] = value(view.input.text());
    shown["output"] = view.output.as_ref().map_or(Value::Null, |output| value(output.text()));
    shown["error"] = view.error.as_deref().into();
    shown["cause"] = view.cause.as_deref().into();
    Ok(Json(shown))
}

pub(super) async fn history(
    State(app): State<Arc<App>>,
    Path((machine, name)): Path<(String, String)>,
    Parameters(query): Parameters<HistoryQuery>,
) -> Result<Json<Value>, Problem> {
    let reverse = query.reverse.unwrap_or(false);
    let from = match query.cursor.as_deref() {
        Some(cursor) => decode_token(cursor)?
            .parse()
            .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "The cursor is not one of ours"))?,
        None if reverse => u64::MAX,
        None => 1,
    };
    let row = app.execution(&execution_arn(&app, &machine, &name)?).await?;
    let page = history_page(&app, &row, from, reverse, limit(query.limit)?).await?;
    let events: Vec<_> = page.events.iter().map(event).collect();
    let cursor = page.next.map(|id| encode_token(&id.to_string()));
    Ok(Json(json!({ "events": events, "cursor": cursor })))
}

pub(super) async fn stop(
    State(app): State<Arc<App>>,
    Path((machine, name)): Path<(String, String)>,
    Body(reason): Body<Reason>,
) -> Result<Json<Value>, Problem> {
    let arn = execution_arn(&app, &machine, &name)?;
    let request = StopExecutionRequest {
        execution_arn: Some(arn.clone()),
        error: reason.error,
        cause: reason.cause,
    };
    stop_execution(&app, request).await?;
    Ok(Json(summary(&app.execution(&arn).await?)?))
}

pub(super) async fn redrive(
    State(app): State<Arc<App>>,
    Path((machine, name)): Path<(String, String)>,
    Body(token): Body<Token>,
) -> Result<Json<Value>, Problem> {
    let arn = execution_arn(&app, &machine, &name)?;
    let request = RedriveExecutionRequest {
        execution_arn: Some(arn.clone()),
        client_token: token.client_token,
    };
    redrive_execution(&app, request).await?;
    Ok(Json(summary(&app.execution(&arn).await?)?))
}

/// Clients may give a name or an ARN.
fn machine_arn(app: &App, machine: &str) -> String {
    match machine.starts_with("arn:") {
        true => machine.to_owned(),
        false => app.identity.state_machine(machine).to_string(),
    }
}

fn execution_arn(app: &App, machine: &str, name: &str) -> Result<String, ApiError> {
    app.identity.state_machine(machine).execution(name)
}

fn summary(row: &ExecutionRow) -> Result<Value, ApiError> {
    let machine = Arn::parse(&row.state_machine_arn)?;
    Ok(json!({
        "arn": machine.execution(&row.name)?,
        "name": &*row.name,
        "stateMachine": machine.state_machine_name()?,
        "version": row.qualifier.as_ref().map(|qualifier| qualifier.version),
        "alias": row.qualifier.as_ref().and_then(|qualifier| qualifier.alias.as_deref()),
        "status": row.status.as_str(),
        "startedAt": row.started_at.to_string(),
        "stoppedAt": row.stopped_at.map(|time| time.to_string()),
        "redriveCount": row.redriven.map_or(0, |redriven| redriven.count),
        "redrivenAt": row.redriven.map(|redriven| redriven.at.to_string()),
    }))
}

fn event(event: &HistoryEvent) -> Value {
    let mut shown = json!({
        "id": event.id.0,
        "previousEventId": event.previous_event_id.0,
        "timestamp": event.timestamp.to_string(),
        "type": event.event_type.as_str(),
    });
    if let Some(details) = &event.details {
        shown["details"] = details.to_json(true).into();
    }
    shown
}
