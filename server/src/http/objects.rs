//! Originals and processed images by URL.

use std::ops::RangeInclusive;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use stepyard_tasks::objects::{OUTPUT_BUCKET, ObjectError, ObjectInfo, SOURCE_BUCKET};

use super::conditional::{Answer, Validators};
use super::extract::Segments;
use crate::app::App;
use crate::wire::Problem;

/// `GET` and `HEAD` of `/objects/{bucket}/{key}`: whole, in part, or only if it has changed.
pub(super) async fn object(
    State(app): State<Arc<App>>,
    Segments((bucket, key)): Segments<(String, String)>,
    method: Method,
    request: HeaderMap,
) -> Result<Response, Problem> {
    // Whoever reaches this port may see the images, but not all that the server may read on S3.
    if ![SOURCE_BUCKET, OUTPUT_BUCKET].contains(&&*bucket) {
        return Err(problem(&ObjectError::NoSuchBucket { bucket, place: String::new() }));
    }
    let info = app.objects.head(&bucket, &key).await.map_err(|error| problem(&error))?;
    let answer = Validators::new(&info).judge(&request);
    if method == Method::HEAD {
        // Ranges are for GET only (RFC 9110, section 14.2).
        let answer = if matches!(answer, Answer::Part(_) | Answer::Unsatisfiable) {
            Answer::Whole
        } else {
            answer
        };
        return Ok(respond(&info, &answer, None));
    }
    if !matches!(answer, Answer::Whole | Answer::Part(_)) {
        return Ok(respond(&info, &answer, None));
    }
    // Another content may have taken its place meanwhile, so it is judged as it is read.
    let object = app.objects.get(&bucket, &key).await.map_err(|error| problem(&error))?;
    let answer = Validators::new(&object.info).judge(&request);
    Ok(respond(&object.info, &answer, Some(object.body)))
}

fn respond(info: &ObjectInfo, answer: &Answer, body: Option<Bytes>) -> Response {
    let mut response = match (answer, body) {
        (Answer::Whole, Some(body)) => body.into_response(),
        (Answer::Part(range), Some(body)) => part(&body, range).into_response(),
        (Answer::PreconditionFailed | Answer::Unsatisfiable, _) => refused(info, answer),
        _ => StatusCode::OK.into_response(),
    };
    *response.status_mut() = answer.status();
    let headers = response.headers_mut();
    Validators::new(info).describe(answer, headers);
    // What was uploaded is shown as what it is said to be and never run as a page of this origin.
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let sandbox = HeaderValue::from_static("sandbox; default-src 'none'");
    headers.insert(header::CONTENT_SECURITY_POLICY, sandbox);
    if matches!(answer, Answer::Whole | Answer::Part(_)) {
        let content_type = HeaderValue::from_str(&info.content_type)
            .unwrap_or(HeaderValue::from_static("application/octet-stream"));
        headers.insert(header::CONTENT_TYPE, content_type);
    }
    if *answer == Answer::Whole {
        headers.insert(header::CONTENT_LENGTH, info.size.into());
    }
    response
}

fn part(body: &Bytes, range: &RangeInclusive<u64>) -> Bytes {
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(body.len());
    body.slice(place(*range.start())..place(range.end().saturating_add(1)))
}

fn refused(info: &ObjectInfo, answer: &Answer) -> Response {
    let detail = match answer {
        Answer::Unsatisfiable => {
            format!("The object has {} bytes, and none in that range", info.size)
        }
        _ => {
            format!("The object has the ETag \"{}\" and is not what the request expects", info.etag)
        }
    };
    Problem::new(answer.status(), detail).into_response()
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
