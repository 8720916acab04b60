//! ListExecutions.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepyard_machine::{ExecutionStatus, MapRunRecord};
use stepyard_store::{
    ExecutionId, ExecutionQuery, ExecutionRow, StartedBy, StateMachineType, map_run_key,
};
use uuid::Uuid;

use super::type_not_supported;
use crate::app::App;
use crate::arn::{Arn, Qualified};
use crate::wire::{
    ApiError, Constraints, EpochSeconds, decode_token, encode_token, invalid_token, page_size,
    required,
};

/// Longest `nextToken`, in characters (AWS's model).
const TOKEN_CHARS_MAX: usize = 3_096;

/// Words of `statusFilter`, in the order in which AWS's message lists them.
const STATUSES: &[&str] =
    &["SUCCEEDED", "TIMED_OUT", PENDING_REDRIVE, "ABORTED", "FAILED", "RUNNING"];

/// Words of `redriveFilter`.
const REDRIVE_FILTERS: &[&str] = &["NOT_REDRIVEN", REDRIVEN];

/// Those that were redriven.
const REDRIVEN: &str = "REDRIVEN";

/// A status that only child executions of a Map Run have.
const PENDING_REDRIVE: &str = "PENDING_REDRIVE";

/// Request of ListExecutions.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListExecutionsRequest {
    pub(crate) state_machine_arn: Option<String>,
    pub(crate) status_filter: Option<String>,
    pub(crate) max_results: Option<i64>,
    pub(crate) next_token: Option<String>,
    pub(crate) map_run_arn: Option<String>,
    pub(crate) redrive_filter: Option<String>,
}

/// Answer of ListExecutions.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListExecutionsResponse {
    executions: Vec<ExecutionListItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// One execution of the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ExecutionListItem {
    execution_arn: String,
    state_machine_arn: Arc<str>,
    name: Arc<str>,
    status: &'static str,
    start_date: EpochSeconds,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_date: Option<EpochSeconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_machine_version_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_machine_alias_arn: Option<String>,
    redrive_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    redrive_date: Option<EpochSeconds>,
    /// Of a child execution, where those of a Map Run are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    map_run_arn: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_count: Option<u64>,
}

/// Lists executions of a state machine, a version or an alias, or child executions of a Map Run, newest start first.
pub(crate) async fn list_executions(
    app: &App,
    request: ListExecutionsRequest,
) -> Result<ListExecutionsResponse, ApiError> {
    Constraints::default()
        .one_of("statusFilter", request.status_filter.as_deref(), STATUSES)
        .one_of("redriveFilter", request.redrive_filter.as_deref(), REDRIVE_FILTERS)
        .max_results(request.max_results)
        .length("nextToken", request.next_token.as_deref(), 1..=TOKEN_CHARS_MAX)
        .check()?;
    match (&request.state_machine_arn, &request.map_run_arn) {
        (Some(_), Some(_)) => Err(ApiError::validation(
            "Specify either a stateMachineArn or a mapRunArn, but not both",
        )),
        (None, Some(map_run_arn)) => list_of_map_run(app, &request, map_run_arn).await,
        (machine_arn, None) => {
            let machine_arn = required(machine_arn.as_deref(), "stateMachineArn")?;
            list_of_state_machine(app, &request, machine_arn).await
        }
    }
}

async fn list_of_state_machine(
    app: &App,
    request: &ListExecutionsRequest,
    arn: &str,
) -> Result<ListExecutionsResponse, ApiError> {
    refuse_filters_of_map_runs(request)?;
    let parsed = Arn::parse(arn)?;
    let machine_arn = parsed.unqualified()?;
    if app.state_machine(&machine_arn).await?.machine_type == StateMachineType::Express {
        return Err(type_not_supported());
    }
    check_existence(app, &parsed, arn).await?;
    let query = ExecutionQuery {
        state_machine_arn: Some(machine_arn.into()),
        started_by: started_by(&parsed),
        map_run: None,
        status: request.status_filter.as_deref().map(parse_status).transpose()?,
        name_prefix: None,
        after: request.next_token.as_deref().map(parse_cursor).transpose()?,
        limit: page_size(request.max_results),
    };
    let (rows, next_token) = page(app, query).await?;
    let executions = rows.into_iter().map(item).collect::<Result<_, _>>()?;
    Ok(ListExecutionsResponse { executions, next_token })
}

/// Those of an EXPRESS type are not kept, so none of these is shown.
async fn list_of_map_run(
    app: &App,
    request: &ListExecutionsRequest,
    arn: &str,
) -> Result<ListExecutionsResponse, ApiError> {
    let map_run = app.map_run(arn).await?;
    let after = request.next_token.as_deref().map(parse_cursor).transpose()?;
    let (status, redriven) = (request.status_filter.as_deref(), request.redrive_filter.as_deref());
    let query = ExecutionQuery {
        map_run: map_run_key(&map_run.record.arn),
        status: status.filter(|name| *name != PENDING_REDRIVE).map(parse_status).transpose()?,
        after,
        limit: page_size(request.max_results),
        ..ExecutionQuery::default()
    };
    let (rows, next_token) = page(app, query).await?;
    let child = |row: ExecutionRow| {
        let item_count = row.child.map(|child| child.items);
        let status = status_of_child(&row, &map_run.record);
        let map_run_arn = Some(map_run.record.arn.clone());
        Ok(ExecutionListItem { status, map_run_arn, item_count, ..item(row)? })
    };
    let children: Result<Vec<_>, ApiError> = rows.into_iter().map(child).collect();
    // A page may be shorter than what was asked for.
    let is_wanted = |child: &ExecutionListItem| {
        status.is_none_or(|status| child.status == status)
            && redriven.is_none_or(|name| (name == REDRIVEN) == (child.redrive_count > 0))
    };
    let executions = children?.into_iter().filter(is_wanted).collect();
    Ok(ListExecutionsResponse { executions, next_token })
}

/// The status that is shown of a child execution. One that has ended badly before its Map Run was redriven, waits to be
/// redriven as long as that runs.
pub(super) fn status_of_child(row: &ExecutionRow, map_run: &MapRunRecord) -> &'static str {
    let opened_at = row.redriven.map_or(row.started_at, |redriven| redriven.at);
    let redriven = map_run.redriven.filter(|_| map_run.stopped_at.is_none());
    match row.status {
        ExecutionStatus::Running | ExecutionStatus::Succeeded => row.status.as_str(),
        _ if redriven.is_some_and(|redriven| opened_at < redriven.at) => PENDING_REDRIVE,
        _ => row.status.as_str(),
    }
}

/// What only a list of a Map Run can be filtered by (API reference).
fn refuse_filters_of_map_runs(request: &ListExecutionsRequest) -> Result<(), ApiError> {
    let refused = |what| {
        let text = format!("{what} is supported for a mapRunArn only, not for a stateMachineArn");
        Err(ApiError::validation(text))
    };
    if request.redrive_filter.is_some() {
        return refused("redriveFilter");
    }
    match request.status_filter.as_deref() {
        Some(PENDING_REDRIVE) => refused("The statusFilter PENDING_REDRIVE"),
        _ => Ok(()),
    }
}

/// Which executions of its state machine an ARN stands for; `None` is all of them.
pub(crate) fn started_by(arn: &Arn) -> Option<StartedBy> {
    Some(match arn.qualified()? {
        Qualified::Version(number) => StartedBy::Version(number),
        Qualified::Alias(name) => StartedBy::Alias(name.into()),
    })
}

/// # Errors
/// `StateMachineDoesNotExist` when the version or alias is not there that the ARN of a state machine names.
async fn check_existence(app: &App, arn: &Arn, text: &str) -> Result<(), ApiError> {
    let machine_arn = arn.unqualified()?;
    let is_there = match arn.qualified() {
        None => true,
        Some(Qualified::Version(number)) => {
            app.store.find_version(&machine_arn, number).await?.is_some()
        }
        Some(Qualified::Alias(name)) => app.store.find_alias(&machine_arn, name).await?.is_some(),
    };
    if is_there { Ok(()) } else { Err(ApiError::state_machine_does_not_exist(text)) }
}

/// A page of rows, and the token of the next one.
async fn page(
    app: &App,
    query: ExecutionQuery,
) -> Result<(Vec<ExecutionRow>, Option<String>), ApiError> {
    page_of(query, async |query| app.store.list_executions(&query).await).await
}

/// The same of whatever the store lists.
pub(crate) async fn page_of(
    mut query: ExecutionQuery,
    list: impl AsyncFnOnce(ExecutionQuery) -> Result<Vec<ExecutionRow>, stepyard_store::Error>,
) -> Result<(Vec<ExecutionRow>, Option<String>), ApiError> {
    let size = query.limit;
    query.limit += 1;
    let mut rows = list(query).await?;
    let more = rows.len() > size;
    rows.truncate(size);
    let last = rows.last().filter(|_| more);
    let token = last.map(|row| encode_token(&row.id.0.to_string()));
    Ok((rows, token))
}

fn item(row: ExecutionRow) -> Result<ExecutionListItem, ApiError> {
    let (machine_arn, qualifier) = (&row.state_machine_arn, row.qualifier.as_ref());
    Ok(ExecutionListItem {
        state_machine_version_arn: qualifier.map(|by| by.version_arn(machine_arn)),
        state_machine_alias_arn: qualifier.and_then(|by| by.alias_arn(machine_arn)),
        execution_arn: Arn::parse(&row.state_machine_arn)?.execution(&row.name)?,
        state_machine_arn: row.state_machine_arn,
        name: row.name,
        status: row.status.as_str(),
        start_date: EpochSeconds(row.started_at),
        stop_date: row.stopped_at.map(EpochSeconds),
        redrive_count: row.redriven.map_or(0, |redriven| redriven.count),
        redrive_date: row.redriven.map(|redriven| EpochSeconds(redriven.at)),
        map_run_arn: None,
        item_count: None,
    })
}

/// The status that a filter names.
fn parse_status(name: &str) -> Result<ExecutionStatus, ApiError> {
    Constraints::default().one_of("statusFilter", Some(name), STATUSES).check()?;
    let known = ExecutionStatus::ALL.into_iter().find(|status| status.as_str() == name);
    known.ok_or_else(|| ApiError::validation(format!("No execution has the status {name} here")))
}

/// The place in the list that a token names.
fn parse_cursor(token: &str) -> Result<ExecutionId, ApiError> {
    let key = decode_token(token)?;
    let id = key.parse::<Uuid>();
    id.map(ExecutionId).map_err(|_| invalid_token())
}
