//! AWS JSON 1.0: a POST whose `X-Amz-Target` names the operation.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ApiError;

/// Content type of requests and answers.
const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// Reads a request.
///
/// # Errors
/// `SerializationException` when the body is not JSON or a member has the wrong type.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body)
        .map_err(|error| ApiError::new("SerializationException", error.to_string()))
}

/// Writes an answer or an error.
pub(crate) fn respond<T: Serialize>(
    answer: Result<T, ApiError>,
    request_id: &str,
) -> Response<Body> {
    let written = answer
        .and_then(|answer| serde_json::to_vec(&answer).map_err(|error| ApiError::internal(&error)));
    let (status, body) = match written {
        Ok(body) => (StatusCode::OK, body),
        Err(error) => {
            let mut body = serde_json::json!({ "__type": error.name, "message": error.message });
            if let Some(reason) = error.reason {
                body["reason"] = reason.into();
            }
            (error.aws_status(), body.to_string().into_bytes())
        }
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}
