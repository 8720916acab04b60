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
use axum::extract::{FromRequest, FromRequestParts, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::routing::{get, post, put};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

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

/// A JSON body; what cannot be read is a problem that says where.
struct Body<T>(T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Body<T>, Problem> {
        let bytes = bytes::Bytes::from_request(request, state)
            .await
            .map_err(|error| Problem::new(error.status(), error.body_text()))?;
        let bytes = if bytes.is_empty() { bytes::Bytes::from_static(b"{}") } else { bytes };
        if bytes.trim_ascii_start().starts_with(b"[") {
            // It would be taken for the fields of an object, one after the other.
            return Err(Problem::new(StatusCode::BAD_REQUEST, "The body must be a JSON object"));
        }
        serde_json::from_slice(&bytes).map(Body).map_err(|error| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                format!("The body is not what is expected: {error}"),
            )
        })
    }
}

/// The query; what cannot be read, and a parameter that there is not, is a problem that says what.
struct Parameters<T>(T);

/// The query of what has no parameters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Parameters<T>, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(parameters)) => Ok(Parameters(parameters)),
            Err(error) => Err(Problem::new(error.status(), error.body_text())),
        }
    }
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

/// JSON text as a value; what a client wrote in numbers beyond the range of floats stays text.
fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}
