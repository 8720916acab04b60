//! The REST interface under `/api/v1`: the same functions as the AWS protocol, with plain JSON, RFC 3339
//! times, cursors and problem documents.

mod executions;
mod express;
mod images;
mod nodes;
mod publications;
mod state_machines;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use serde::{Deserialize, Deserializer};
use serde_json::value::{RawValue, to_raw_value};

use crate::app::App;
use crate::wire::{Problem, decode_token};

/// Items on a page when the client does not say, and at most.
const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 1_000;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/state-machines", get(state_machines::list).post(state_machines::create))
        .route(
            "/state-machines/{name}",
            get(state_machines::get).put(state_machines::update).delete(state_machines::delete),
        )
        .route("/state-machines/{name}/retention", put(state_machines::set_retention))
        .route("/state-machines/{name}/versions", get(publications::versions))
        .route("/state-machines/{name}/aliases", get(publications::aliases))
        .route("/executions", get(executions::list).post(executions::start))
        .route("/executions/{machine}/{name}", get(executions::get))
        .route("/executions/{machine}/{name}/history", get(executions::history))
        .route("/executions/{machine}/{name}/stop", post(executions::stop))
        .route("/executions/{machine}/{name}/redrive", post(executions::redrive))
        .route("/images", get(images::list))
        .route("/nodes", get(nodes::list))
        .route("/images/{image_id}", get(images::get))
}

fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    match asked.unwrap_or(LIMIT_DEFAULT) {
        limit @ 1..=LIMIT_MAX => Ok(limit),
        limit => {
            let detail = format!("limit must be from 1 to {LIMIT_MAX}, not {limit}");
            Err(Problem::new(StatusCode::BAD_REQUEST, detail))
        }
    }
}

/// The place in a list that its last page has named.
fn place<T>(cursor: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Problem> {
    let decoded = decode_token(cursor).ok();
    decoded.as_deref().and_then(parse).ok_or_else(|| {
        let detail = "cursor must be that of the page before, as this list has given it";
        Problem::new(StatusCode::BAD_REQUEST, detail)
    })
}

/// JSON text as it was written: members in their order, numbers with all their digits. What is no JSON is shown as text.
fn as_written(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned())
        .or_else(|_| to_raw_value(text))
        .unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// A member that may be null, and is there then.
fn given<'de, D: Deserializer<'de>>(member: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(member).map(Some)
}
