//! `POST /upload`: a form with a file, or the bare bytes of an image.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::multipart::Multipart;
use axum::extract::{FromRequest, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use serde::Deserialize;

use crate::app::App;
use crate::upload::{Upload, UploadError, accept};
use crate::wire::Problem;

/// How long an upload waits for a place among those that are taken in.
const PLACE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the next piece of an upload is waited for: a client that sends nothing must not keep its
/// place.
const PIECE_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest name of a user, in bytes.
const USER_BYTES_MAX: usize = 1_024;

/// What may stand in the query, for uploads that are not forms.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Parameters {
    user: Option<String>,
    name: Option<String>,
}

/// Accepts an upload. 201 with the image's id, its URL and the execution that processes it.
pub(super) async fn upload(
    State(app): State<Arc<App>>,
    Query(parameters): Query<Parameters>,
    request: Request,
) -> Result<Response, Problem> {
    let Ok(_place) = tokio::time::timeout(PLACE_TIMEOUT, app.uploads.acquire()).await else {
        return Ok(busy());
    };
    let headers = request.headers().clone();
    let content_type = text(&headers, header::CONTENT_TYPE.as_str());
    let is_form = content_type.as_deref().is_some_and(|kind| kind.starts_with("multipart/"));
    let mut upload = match is_form {
        true => from_form(request, app.upload_bytes_max).await?,
        false => {
            let body = request.into_body().into_data_stream();
            let body = limited(body, app.upload_bytes_max, too_large).await?;
            Upload { content_type, body, ..Upload::default() }
        }
    };
    upload.user = parameters.user.or(upload.user).or_else(|| text(&headers, "x-user"));
    upload.file_name = parameters.name.or(upload.file_name);
    if upload.body.is_empty() {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "The upload is empty; send a file"));
    }
    let uploaded = accept(&app, upload).await.map_err(problem)?;
    let base = base_url(&headers);
    let object_url = format!("{base}/objects/{}/{}", uploaded.bucket, uploaded.key);
    let (machine, name) = (&app.upload_state_machine, &uploaded.image_id);
    let mut answer = serde_json::json!({
        "image_id": uploaded.image_id,
        "url": object_url,
        "bucket": uploaded.bucket,
        "key": uploaded.key,
        "content_type": uploaded.content_type,
        "execution_arn": uploaded.execution_arn,
        "links": {
            "execution": format!("{base}/api/v1/executions/{machine}/{name}"),
            "metadata": format!("{base}/api/v1/images/{name}"),
        },
    });
    if let Some(declared) = uploaded.declared_content_type {
        answer["note"] =
            format!("it was sent as {declared}, its content is {}", uploaded.content_type).into();
    }
    Ok((StatusCode::CREATED, [(header::LOCATION, object_url)], Json(answer)).into_response())
}

async fn from_form(request: Request, most: usize) -> Result<Upload, Problem> {
    let bad = |error: &dyn std::fmt::Display| {
        Problem::new(StatusCode::BAD_REQUEST, format!("The form cannot be read: {error}"))
    };
    let mut form = Multipart::from_request(request, &()).await.map_err(|error| bad(&error))?;
    let mut upload = Upload::default();
    while let Some(field) = form.next_field().await.map_err(|error| bad(&error))? {
        match field.name() {
            Some("user") => {
                let user = limited(field, USER_BYTES_MAX, user_too_long).await?;
                upload.user = Some(String::from_utf8_lossy(&user).trim().to_owned());
            }
            _ if field.file_name().is_some() => {
                upload.file_name = field.file_name().map(str::to_owned);
                upload.content_type = field.content_type().map(str::to_owned);
                upload.body = limited(field, most, too_large).await?;
            }
            // Other fields of the form are none of ours, and not endless.
            _ => drop(limited(field, most, too_large).await?),
        }
    }
    Ok(upload)
}

/// Reads a stream to its end, but not beyond the limit.
async fn limited<E: std::fmt::Display>(
    mut stream: impl futures::Stream<Item = Result<Bytes, E>> + Unpin,
    most: usize,
    beyond: fn(usize) -> Problem,
) -> Result<Bytes, Problem> {
    let mut body = BytesMut::new();
    let stalled = |_| Problem::new(StatusCode::REQUEST_TIMEOUT, "The upload has stalled");
    while let Some(piece) =
        tokio::time::timeout(PIECE_TIMEOUT, stream.next()).await.map_err(stalled)?
    {
        let piece = piece.map_err(|error| {
            Problem::new(StatusCode::BAD_REQUEST, format!("The upload broke off: {error}"))
        })?;
        if body.len() + piece.len() > most {
            return Err(beyond(most));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body.freeze())
}

fn too_large(most: usize) -> Problem {
    let detail = format!("An upload is at most {most} bytes; see --upload-bytes-max");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

fn user_too_long(most: usize) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, format!("The field 'user' has at most {most} bytes"))
}

/// Other uploads have taken all places for too long.
fn busy() -> Response {
    let detail = "Too many uploads at the same time; try again in a moment";
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail);
    ([(header::RETRY_AFTER, "5")], problem).into_response()
}

fn problem(error: UploadError) -> Problem {
    match error {
        UploadError::Store(error) => super::objects::problem(&error),
        UploadError::Start(error) => {
            let mut problem = Problem::from(error);
            problem.detail = format!(
                "The image is stored, but its processing did not start: {}",
                problem.detail
            );
            problem
        }
    }
}

/// How the client reaches this server.
fn base_url(headers: &HeaderMap) -> String {
    let host = text(headers, header::HOST.as_str()).unwrap_or_else(|| "localhost".into());
    format!("http://{host}")
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
