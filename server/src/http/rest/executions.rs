//! `/api/v1/executions`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use stepyard_machine::history::HistoryEvent;
use stepyard_machine::{ExecutionStatus, Text};
use stepyard_store::{ExecutionId, ExecutionQuery, ExecutionRow};

use super::{as_written, express, given, limit, place};
use crate::actions::{
    RedriveExecutionRequest, RedriveStatus, StartExecutionRequest, StopExecutionRequest,
    history_page, list_executions, redrive_execution, redrive_status, start_execution,
    stop_execution,
};
use crate::app::App;
use crate::arn::{Arn, ExpressExecution};
use crate::http::extract::{Body, Nothing, Parameters, Segments};
use crate::wire::{ApiError, Problem, encode_token};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Filter {
    state_machine: Option<String>,
    status: Option<String>,
    name_prefix: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Submission {
    /// Name or ARN of the state machine, either maybe with a version or an alias behind a colon.
    state_machine: Option<String>,
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    input: Option<Box<RawValue>>,
}

/// An execution with its data.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Whole {
    #[serde(flatten)]
    summary: Value,
    input: Box<RawValue>,
    output: Option<Box<RawValue>>,
    error: Text,
    cause: Text,
    /// Not of Express executions, as they cannot be redriven.
    #[serde(flatten)]
    redrive: Option<RedriveStatus>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HistoryQuery {
    limit: Option<usize>,
    cursor: Option<String>,
    reverse: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reason {
    error: Option<String>,
    cause: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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
    let unqualified: Option<Arc<str>> =
        machine.as_ref().map(Arn::unqualified).transpose()?.map(Arc::from);
    let is_narrowed =
        filter.status.is_some() || filter.name_prefix.is_some() || filter.cursor.is_some();
    let query = ExecutionQuery {
        state_machine_arn: unqualified.clone(),
        map_run: None,
        started_by: machine.as_ref().and_then(list_executions::started_by),
        status: filter.status.as_deref().map(parse_status).transpose()?,
        name_prefix: filter.name_prefix,
        after: filter.cursor.as_deref().map(parse_cursor).transpose()?,
        limit: limit(filter.limit)?,
    };
    let is_express = express::is_asked_for(&app, &query).await?;
    let (rows, cursor) = list_executions::page_of(query, async |query| match is_express {
        true => app.store.list_express(&query).await,
        false => app.store.list_executions(&query).await,
    })
    .await?;
    let whole = machine.as_ref().and_then(Arn::labelled).map(|(whole, _)| Arc::from(whole));
    let has_none = rows.is_empty() && !is_narrowed;
    if let Some(arn) = whole.or(unqualified).filter(|_| has_none) {
        // The name is misspelled, unless nothing has been started yet. Of a deleted one there may be some.
        app.state_machine(&arn).await?;
    }
    let shown: Vec<_> =
        rows.iter().map(|row| summary(row, is_express)).collect::<Result<_, _>>()?;
    Ok(Json(json!({ "executions": shown, "cursor": cursor })))
}

pub(super) async fn start(
    State(app): State<Arc<App>>,
    _: Parameters<Nothing>,
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
    let arn = Arn::parse(&started.execution_arn)?;
    if let Some(express) = arn.as_express_execution() {
        // There is no row of it before its end, and maybe none after it.
        let shown = json!({
            "arn": &*started.execution_arn,
            "name": express.name,
            "stateMachine": arn.rest_place_of_execution()?.0,
            "status": ExecutionStatus::Running.as_str(),
            "startedAt": started.start_date.to_string(),
        });
        return Ok((StatusCode::CREATED, Json(shown)));
    }
    let row = app.execution(&started.execution_arn).await?;
    Ok((StatusCode::CREATED, Json(summary(&row, false)?)))
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    Segments((machine, name)): Segments<(String, String)>,
    _: Parameters<Nothing>,
) -> Result<Json<Whole>, Problem> {
    let arn = execution_arn(&app, &machine, &name)?;
    let express = express_execution(&arn)?;
    let view = match &express {
        Some(asked) => express::view(&app, asked).await?,
        None => app.execution_view(&arn).await?,
    };
    let redrive = match express {
        Some(_) => None,
        None => Some(redrive_status(&app, &view).await?),
    };
    Ok(Json(Whole {
        summary: summary(&view.row, express.is_some())?,
        input: as_written(view.input.text()),
        output: view.output.as_ref().map(|output| as_written(output.text())),
        error: view.error.clone(),
        cause: view.cause.clone(),
        redrive,
    }))
}

pub(super) async fn history(
    State(app): State<Arc<App>>,
    Segments((machine, name)): Segments<(String, String)>,
    Parameters(query): Parameters<HistoryQuery>,
) -> Result<Json<Value>, Problem> {
    let reverse = query.reverse.unwrap_or(false);
    let from = match query.cursor.as_deref() {
        Some(cursor) => place(cursor, |id| id.parse().ok())?,
        None if reverse => u64::MAX,
        None => 1,
    };
    let (arn, size) = (execution_arn(&app, &machine, &name)?, limit(query.limit)?);
    let page = match express_execution(&arn)? {
        Some(asked) => express::history(&app, &asked, from, reverse, size).await?,
        None => history_page(&app, &app.execution(&arn).await?, from, reverse, size).await?,
    };
    let events: Vec<_> = page.events.iter().map(event).collect();
    let cursor = page.next.map(|id| encode_token(&id.to_string()));
    Ok(Json(json!({ "events": events, "cursor": cursor })))
}

pub(super) async fn stop(
    State(app): State<Arc<App>>,
    Segments((machine, name)): Segments<(String, String)>,
    _: Parameters<Nothing>,
    Body(reason): Body<Reason>,
) -> Result<Json<Value>, Problem> {
    let arn = execution_arn(&app, &machine, &name)?;
    let request = StopExecutionRequest {
        execution_arn: Some(arn.clone()),
        error: reason.error,
        cause: reason.cause,
    };
    stop_execution(&app, request).await?;
    Ok(Json(summary(&app.execution(&arn).await?, false)?))
}

pub(super) async fn redrive(
    State(app): State<Arc<App>>,
    Segments((machine, name)): Segments<(String, String)>,
    _: Parameters<Nothing>,
    Body(token): Body<Token>,
) -> Result<Json<Value>, Problem> {
    let arn = execution_arn(&app, &machine, &name)?;
    let request = RedriveExecutionRequest {
        execution_arn: Some(arn.clone()),
        client_token: token.client_token,
    };
    redrive_execution(&app, request).await?;
    Ok(Json(summary(&app.execution(&arn).await?, false)?))
}

fn parse_status(name: &str) -> Result<ExecutionStatus, Problem> {
    let known = ExecutionStatus::ALL.into_iter().find(|status| status.as_str() == name);
    known.ok_or_else(|| {
        let names = ExecutionStatus::ALL.map(ExecutionStatus::as_str).join(", ");
        Problem::new(StatusCode::BAD_REQUEST, format!("status must be one of {names}, not {name}"))
    })
}

fn parse_cursor(cursor: &str) -> Result<ExecutionId, Problem> {
    place(cursor, |id| id.parse().ok().map(ExecutionId))
}

/// Clients may give a name or an ARN.
fn machine_arn(app: &App, machine: &str) -> String {
    match machine.starts_with("arn:") {
        true => machine.to_owned(),
        false => app.identity.state_machine(machine).to_string(),
    }
}

/// Names have no colons: what has one is `NAME:UUID`, an Express execution.
fn execution_arn(app: &App, machine: &str, name: &str) -> Result<String, ApiError> {
    let machine = app.identity.state_machine(machine);
    let Some((express, id)) = name.split_once(':') else { return machine.execution(name) };
    match id.parse() {
        Ok(id) => machine.express_execution(express, id),
        Err(_) => Err(ApiError::execution_does_not_exist(name)),
    }
}

fn express_execution(arn: &str) -> Result<Option<ExpressExecution>, ApiError> {
    Ok(Arn::parse(arn)?.as_express_execution())
}

fn summary(row: &ExecutionRow, is_express: bool) -> Result<Value, ApiError> {
    let machine = Arn::parse(&row.state_machine_arn)?;
    let arn = match is_express {
        true => machine.express_execution(&row.name, row.id.0)?,
        false => machine.execution(&row.name)?,
    };
    Ok(json!({
        "arn": arn,
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
