//! Originals and processed images by URL.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use stepyard_tasks::objects::ObjectError;

use crate::app::App;
use crate::wire::Problem;

/// `GET /objects/{bucket}/{key}`.
pub(super) async fn object(
    State(app): State<Arc<App>>,
    Path((bucket, key)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let object = app.objects.get(&bucket, &key).await.map_err(|error| problem(&error))?;
    let etag = format!("\"{}\"", object.info.etag);
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    let mut response = object.body.into_response();
    let answer = response.headers_mut();
    let content_type = HeaderValue::from_str(&object.info.content_type)
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    answer.insert(header::CONTENT_TYPE, content_type);
    // What was uploaded is shown as what it is said to be and never run as a page of this origin.
    answer.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let sandbox = HeaderValue::from_static("sandbox; default-src 'none'");
    answer.insert(header::CONTENT_SECURITY_POLICY, sandbox);
    answer.extend(HeaderValue::from_str(&etag).map(|etag| (header::ETAG, etag)));
    Ok(response)
}

/// What a failing object store means to a client.
pub(super) fn problem(error: &ObjectError) -> Problem {
    match error {
        ObjectError::NoSuchBucket { .. } | ObjectError::NoSuchKey { .. } => {
            Problem::new(StatusCode::NOT_FOUND, error.to_string())
        }
        ObjectError::InvalidKey { .. } => Problem::new(StatusCode::BAD_REQUEST, error.to_string()),
        _ => crate::wire::ApiError::internal(error).into(),
    }
}
