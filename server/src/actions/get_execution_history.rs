//! GetExecutionHistory.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use stepyard_asl::Timestamp;
use stepyard_machine::history::{HistoryEvent, project};
use stepyard_store::{ExecutionRow, ReadLimit, codec};

use crate::app::App;
use crate::wire::{
    ApiError, Constraints, TOKEN_CHARS_MAX, decode_token, encode_token, page_size, required,
};

/// Chunks that are read at first, for a short page.
const CHUNKS_AT_FIRST: usize = 4;

/// Request of GetExecutionHistory.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GetExecutionHistoryRequest {
    pub(crate) execution_arn: Option<String>,
    pub(crate) max_results: Option<i64>,
    pub(crate) reverse_order: Option<bool>,
    pub(crate) next_token: Option<String>,
    pub(crate) include_execution_data: Option<bool>,
}

/// Answer of GetExecutionHistory.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GetExecutionHistoryResponse {
    events: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// The committed history of an execution, page by page.
pub(crate) async fn get_execution_history(
    app: &App,
    request: GetExecutionHistoryRequest,
) -> Result<GetExecutionHistoryResponse, ApiError> {
    let arn = required(request.execution_arn.as_deref(), "executionArn")?;
    Constraints::default()
        .max_results(request.max_results)
        .length("nextToken", request.next_token.as_deref(), 1..=TOKEN_CHARS_MAX)
        .check()?;
    let size = page_size(request.max_results);
    let descending = request.reverse_order.unwrap_or(false);
    let from = match request.next_token.as_deref() {
        Some(token) => parse_cursor(token)?,
        None if descending => u64::MAX,
        None => 1,
    };
    let row = app.execution(arn).await?;
    let page = history_page(app, &row, from, descending, size).await?;
    let with_data = request.include_execution_data.unwrap_or(true);
    Ok(GetExecutionHistoryResponse {
        events: page.events.iter().map(|event| event_json(event, with_data)).collect(),
        next_token: page.next.map(|id| encode_token(&id.to_string())),
    })
}

/// A page of history.
pub(crate) struct HistoryPage {
    pub(crate) events: Vec<HistoryEvent>,
    /// Id of the event that the next page begins with.
    pub(crate) next: Option<u64>,
}

/// Reads as many chunks as a page needs, from the one that holds its first event: few at first, for a short page. It ends
/// when as much of the journal has been read for it as may be held.
pub(crate) async fn history_page(
    app: &App,
    row: &ExecutionRow,
    from: u64,
    descending: bool,
    size: usize,
) -> Result<HistoryPage, ApiError> {
    let program = app.runtime.program(row.revision).await?;
    let mut events: Vec<HistoryEvent> = Vec::new();
    let (mut at, mut limit) = (from, ReadLimit { chunks: CHUNKS_AT_FIRST, ..ReadLimit::PIECE });
    loop {
        let chunks = app.store.journal_page(row.shard, row.id, at, descending, limit).await?;
        let before = events.len();
        for chunk in &chunks {
            let mut decoded = codec::decode(&chunk.body)?;
            if descending {
                decoded.reverse();
            }
            let shown = decoded
                .iter()
                .filter_map(|event| project(&program, &app.identity.region, event))
                .filter(|event| if descending { event.id.0 <= at } else { event.id.0 >= at });
            events.extend(shown);
        }
        if events.len() > size {
            let next = events[size].id.0;
            events.truncate(size);
            return Ok(HistoryPage { events, next: Some(next) });
        }
        if !limit.is_reached(&chunks) {
            return Ok(HistoryPage { events, next: None });
        }
        let Some(last) = events.last().filter(|_| events.len() > before) else {
            // All of them hold invisible events only; going back, there may be very many.
            match chunks.last().filter(|_| descending).map(|chunk| chunk.first_visible_id - 1) {
                Some(0) => return Ok(HistoryPage { events, next: None }),
                Some(before) => at = before,
                None => limit = ReadLimit::of_chunks(limit.chunks * 2),
            }
            continue;
        };
        at = if descending { last.id.0 - 1 } else { last.id.0 + 1 };
        let left = limit.behind(&chunks);
        if left.bytes == 0 {
            return Ok(HistoryPage { events, next: Some(at).filter(|at| *at > 0) });
        }
        limit = ReadLimit { chunks: ReadLimit::PIECE.chunks.min(left.chunks * 2), ..left };
    }
}

fn event_json(event: &HistoryEvent, with_data: bool) -> Value {
    let mut members = Map::new();
    members.insert("timestamp".into(), seconds(event.timestamp));
    members.insert("type".into(), event.event_type.as_str().into());
    members.insert("id".into(), event.id.0.into());
    members.insert("previousEventId".into(), event.previous_event_id.0.into());
    if let Some(details) = &event.details {
        members.insert(event.details_key(), details.to_json(with_data).into());
    }
    Value::Object(members)
}

fn seconds(time: Timestamp) -> Value {
    Value::from(time.0 as f64 / 1_000.0)
}

fn parse_cursor(token: &str) -> Result<u64, ApiError> {
    let key = decode_token(token)?;
    key.parse().map_err(|_| ApiError::new("InvalidToken", "Invalid Token: 'Invalid token'"))
}
