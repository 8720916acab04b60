//! What handlers take from a request. What cannot be read is a problem that says where.

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::wire::Problem;

/// A JSON object in the body; none at all is one without members.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Body<T>, Problem> {
        let bytes = Bytes::from_request(request, state).await.map_err(|error| {
            let detail = match error.status() {
                StatusCode::PAYLOAD_TOO_LARGE => "The body is larger than a request may be".into(),
                _ => error.body_text(),
            };
            Problem::new(error.status(), detail)
        })?;
        let bytes = if bytes.is_empty() { Bytes::from_static(b"{}") } else { bytes };
        if !bytes.trim_ascii_start().starts_with(b"{") {
            // An array would be taken for the members of an object, one after the other.
            return Err(bad("The body must be a JSON object"));
        }
        serde_json::from_slice(&bytes)
            .map(Body)
            .map_err(|error| bad(format!("The body is not what is expected: {error}")))
    }
}

/// The query; a parameter that there is not is a problem, too.
pub(super) struct Parameters<T>(pub(super) T);

/// The query of what has no parameters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Parameters<T>, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(parameters)) => Ok(Parameters(parameters)),
            Err(error) => Err(Problem::new(error.status(), error.body_text())),
        }
    }
}

/// The variable segments of the path.
pub(super) struct Segments<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Segments<T>, Problem> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(segments)) => Ok(Segments(segments)),
            Err(error) => Err(Problem::new(error.status(), error.body_text())),
        }
    }
}

fn bad(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}
