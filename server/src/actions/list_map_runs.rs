//! ListMapRuns.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepyard_machine::{EventId, MapRunId};
use stepyard_store::MapRunRow;

use crate::app::App;
use crate::arn::Arn;
use crate::wire::{
    ApiError, Constraints, EpochSeconds, TOKEN_CHARS_MAX, decode_token, encode_token,
    invalid_token, page_size, required,
};

/// Request of ListMapRuns.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListMapRunsRequest {
    pub(crate) execution_arn: Option<String>,
    pub(crate) max_results: Option<i64>,
    pub(crate) next_token: Option<String>,
}

/// Answer of ListMapRuns.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListMapRunsResponse {
    map_runs: Vec<MapRunListItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// One Map Run of the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MapRunListItem {
    execution_arn: Arc<str>,
    map_run_arn: Arc<str>,
    state_machine_arn: String,
    start_date: EpochSeconds,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_date: Option<EpochSeconds>,
}

/// Lists the Map Runs of an execution in the order of their starts.
pub(crate) async fn list_map_runs(
    app: &App,
    request: ListMapRunsRequest,
) -> Result<ListMapRunsResponse, ApiError> {
    let arn = required(request.execution_arn.as_deref(), "executionArn")?;
    let token = request.next_token.as_deref();
    Constraints::default()
        .max_results(request.max_results)
        .length("nextToken", token, 1..=TOKEN_CHARS_MAX)
        .check()?;
    let execution = app.execution(arn).await?;
    let after = token.map(parse_cursor).transpose()?;
    let size = page_size(request.max_results);
    let listed = app.store.list_map_runs(execution.shard, execution.id, after, size + 1);
    let mut rows = listed.await?;
    let has_more = rows.len() > size;
    rows.truncate(size);
    let last = rows.last().filter(|_| has_more);
    let next_token = last.map(|row| encode_token(&row.record.id.0.0.to_string()));
    let execution_arn: Arc<str> = arn.into();
    let item = |row| item(row, execution_arn.clone());
    Ok(ListMapRunsResponse {
        map_runs: rows.into_iter().map(item).collect::<Result<_, _>>()?,
        next_token,
    })
}

fn item(row: MapRunRow, execution_arn: Arc<str>) -> Result<MapRunListItem, ApiError> {
    Ok(MapRunListItem {
        execution_arn,
        state_machine_arn: Arn::parse(&row.record.arn)?.state_machine_of_map_run()?,
        map_run_arn: row.record.arn,
        start_date: EpochSeconds(row.record.started_at),
        stop_date: row.record.stopped_at.map(EpochSeconds),
    })
}

/// The place in the list that a token names.
fn parse_cursor(token: &str) -> Result<MapRunId, ApiError> {
    let number = decode_token(token)?.parse();
    number.map(|number| MapRunId(EventId(number))).map_err(|_| invalid_token())
}
