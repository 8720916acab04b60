//! `POST /upload`: a form with a file, or the bare bytes of an image.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::multipart::Multipart;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use serde::Deserialize;

use super::extract::Parameters;
use crate::app::App;
use crate::upload::{Upload, UploadError, accept, has_state_machine};
use crate::wire::Problem;

/// How long an upload waits for a place among those that are taken in.
const PLACE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long an upload is waited for.
#[derive(Clone, Copy)]
struct Patience {
    /// For its next piece: a client that sends nothing must not keep its place.
    piece: Duration,
    /// For all of it: neither must one whose pieces are small.
    whole: Duration,
}

/// At the default size limit the whole is a line of 170 kB/s.
const PATIENCE: Patience =
    Patience { piece: Duration::from_secs(30), whole: Duration::from_secs(600) };

/// What a form may have beside the content of its file: boundaries, headers of its fields, a user.
const FORM_BYTES_MAX: usize = 1 << 20;

/// Longest name of a user, in bytes.
const USER_BYTES_MAX: usize = 1_024;

/// How much of a name is repeated in an error.
const NAME_CHARS_SHOWN: usize = 64;

/// What may stand in the query, for uploads that are not forms.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Described {
    user: Option<String>,
    name: Option<String>,
}

/// Accepts an upload. 201 with the image's id, its URL and the execution that processes it.
pub(super) async fn upload(
    State(app): State<Arc<App>>,
    Parameters(described): Parameters<Described>,
    request: Request,
) -> Result<Response, Problem> {
    let Ok(_place) = tokio::time::timeout(PLACE_TIMEOUT, app.uploads.acquire()).await else {
        return Ok(busy());
    };
    let headers = request.headers().clone();
    let mut upload = receive(request, app.upload_bytes_max, PATIENCE).await?;
    upload.user = described.user.or(upload.user).or_else(|| text(&headers, "x-user"));
    if upload.user.as_ref().is_some_and(|user| user.len() > USER_BYTES_MAX) {
        return Err(user_too_long(USER_BYTES_MAX));
    }
    upload.file_name = described.name.or(upload.file_name);
    if upload.body.is_empty() {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "The upload is empty; send a file"));
    }
    if !has_state_machine(&app).await? {
        return Err(nothing_to_start(&app.upload_state_machine));
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

/// Takes in the file, as a form or as it is.
async fn receive(request: Request, most: usize, patience: Patience) -> Result<Upload, Problem> {
    let content_type = text(request.headers(), header::CONTENT_TYPE.as_str());
    let received = async {
        if content_type.as_deref().is_some_and(|kind| kind.starts_with("multipart/")) {
            return from_form(request, most, patience.piece).await;
        }
        let body = request.into_body().into_data_stream();
        let body = limited(body, most, too_large, patience.piece).await?;
        Ok(Upload { content_type, body, ..Upload::default() })
    };
    let too_slow = |_| {
        let detail = format!("An upload takes {} seconds at most", patience.whole.as_secs_f64());
        Problem::new(StatusCode::REQUEST_TIMEOUT, detail)
    };
    tokio::time::timeout(patience.whole, received).await.map_err(too_slow)?
}

async fn from_form(
    mut request: Request,
    most: usize,
    patience: Duration,
) -> Result<Upload, Problem> {
    let bad = |error: &dyn std::fmt::Display| invalid(format!("The form cannot be read: {error}"));
    DefaultBodyLimit::max(most.saturating_add(FORM_BYTES_MAX)).apply(&mut request);
    let mut form = Multipart::from_request(request, &()).await.map_err(|error| bad(&error))?;
    let (mut upload, mut file) = (Upload::default(), None);
    while let Some(field) =
        in_time(form.next_field(), patience).await?.map_err(|error| bad(&error))?
    {
        match field.name() {
            Some("user") if upload.user.is_none() => {
                let user = limited(field, USER_BYTES_MAX, user_too_long, patience).await?;
                upload.user = Some(String::from_utf8_lossy(&user).trim().to_owned());
            }
            Some("user") => return Err(invalid("The field 'user' stands twice in the form")),
            _ if field.file_name().is_some() && file.is_none() => {
                upload.file_name = field.file_name().map(str::to_owned);
                upload.content_type = field.content_type().map(str::to_owned);
                file = Some(limited(field, most, too_large, patience).await?);
            }
            _ if field.file_name().is_some() => {
                return Err(invalid("The form has a second file; send one at a time"));
            }
            name => return Err(unknown_field(name)),
        }
    }
    upload.body = file.unwrap_or_default();
    Ok(upload)
}

/// Waits for the next piece of an upload.
async fn in_time<T>(piece: impl Future<Output = T>, patience: Duration) -> Result<T, Problem> {
    let stalled = |_| Problem::new(StatusCode::REQUEST_TIMEOUT, "The upload has stalled");
    tokio::time::timeout(patience, piece).await.map_err(stalled)
}

fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

fn unknown_field(name: Option<&str>) -> Problem {
    match name {
        Some("file") => invalid("The field 'file' has no file name; send a file, not a text"),
        Some(name) => invalid(format!(
            "There is no field '{}'; a form has the fields 'file' and 'user'",
            shown(name)
        )),
        None => invalid("A field of the form has no name; name it 'file' or 'user'"),
    }
}

/// The beginning of a name that somebody has sent.
fn shown(name: &str) -> String {
    name.chars().take(NAME_CHARS_SHOWN).collect()
}

/// Reads a stream to its end, but not beyond the limit.
async fn limited<E: std::fmt::Display>(
    mut stream: impl futures::Stream<Item = Result<Bytes, E>> + Unpin,
    most: usize,
    beyond: fn(usize) -> Problem,
    patience: Duration,
) -> Result<Bytes, Problem> {
    let mut body = BytesMut::new();
    while let Some(piece) = in_time(stream.next(), patience).await? {
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
    invalid(format!("The name of a user has at most {most} bytes"))
}

/// Nothing would become of the image; whoever runs the server has to say what.
fn nothing_to_start(machine: &str) -> Problem {
    let detail = format!(
        "There is no state machine '{machine}', which an upload starts: create it, or name another with --upload-state-machine"
    );
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
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

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, header};
    use futures::stream;
    use std::time::Duration;

    use super::{FORM_BYTES_MAX, Patience, receive};

    const PATIENCE: Patience =
        Patience { piece: Duration::from_millis(50), whole: Duration::from_secs(60) };

    fn form(body: Body) -> Request<Body> {
        let kind = "multipart/form-data; boundary=x";
        Request::builder().header(header::CONTENT_TYPE, kind).body(body).unwrap()
    }

    #[tokio::test]
    async fn the_head_of_a_field_is_not_endless() {
        let head = "--x\r\nContent-Disposition: form-data; name=\"";
        let pieces =
            [head.to_owned()].into_iter().chain(std::iter::repeat_n("x".repeat(1 << 16), 64));
        let body = Body::from_stream(stream::iter(pieces.map(Ok::<_, std::io::Error>)));
        let problem = receive(form(body), 1_000, PATIENCE).await.err().unwrap();
        assert!(problem.detail.starts_with("The form cannot be read"), "{}", problem.detail);
        const { assert!(FORM_BYTES_MAX < 64 << 16) };
    }

    #[tokio::test]
    async fn a_form_that_does_not_go_on_is_given_up() {
        let head = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
        for beginning in ["", "--x\r\n", head] {
            let piece = stream::iter([Ok::<_, std::io::Error>(beginning)]);
            let body = Body::from_stream(futures::StreamExt::chain(piece, stream::pending()));
            let problem = receive(form(body), 1_000, PATIENCE).await.err().unwrap();
            assert_eq!(problem.detail, "The upload has stalled");
        }
    }

    #[tokio::test]
    async fn an_upload_that_comes_byte_by_byte_is_given_up() {
        let bytes = stream::unfold((), async |()| {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Some((Ok::<_, std::io::Error>("x"), ()))
        });
        let request = Request::new(Body::from_stream(bytes));
        let patience =
            Patience { piece: Duration::from_secs(60), whole: Duration::from_millis(500) };
        let problem = receive(request, 1_000_000, patience).await.err().unwrap();
        assert_eq!(problem.detail, "An upload takes 0.5 seconds at most");
    }
}
