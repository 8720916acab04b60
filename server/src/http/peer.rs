//! What other nodes ask for.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use http_body_util::{BodyExt, Limited};
use stepyard_runtime::{MapRunRequest, NotOwner, RedriveRequest, StopRequest};

use crate::app::App;
use crate::peer::{
    CALLBACK, CallbackMessage, CallbackReply, MAP_RUN, MESSAGE_BYTES_MAX, MapRunMessage,
    MapRunReply, NodeKey, POKE, REDRIVE, RedriveMessage, RedriveReply, Reply, START, STOP,
    StartMessage, StartReply, StopMessage, StopReply, TAKE, TakeMessage, TakeReply,
};
use crate::wire::Problem;

/// The calls between nodes; only those that know the key are answered.
pub(super) fn router(key: NodeKey) -> Router<Arc<App>> {
    Router::new()
        .route(START, post(start))
        .route(STOP, post(stop))
        .route(CALLBACK, post(call_back))
        .route(TAKE, post(take))
        .route(REDRIVE, post(redrive))
        .route(MAP_RUN, post(ask_map_run))
        .route(POKE, post(poke))
        // Whatever this node takes from clients: the limits of the others may be higher, and `check` has its own.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(key, check))
}

/// Refuses requests that are not signed with the key: of those, no byte of the body is read.
async fn check(State(key): State<NodeKey>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Some(signed) = key.verify(parts.uri.path(), &parts.headers) else {
        return unsigned();
    };
    let Ok(body) = Limited::new(body, MESSAGE_BYTES_MAX).collect().await else {
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large")
            .into_response();
    };
    let body = body.to_bytes();
    if !signed.is(&body) {
        return unsigned();
    }
    next.run(Request::from_parts(parts, body.into())).await
}

fn unsigned() -> Response {
    let detail = "This is for nodes of the same cluster, which share a --node-key";
    Problem::new(StatusCode::UNAUTHORIZED, detail).into_response()
}

async fn start(
    State(app): State<Arc<App>>,
    Json(message): Json<StartMessage>,
) -> Result<Json<Reply<StartReply>>, Problem> {
    let request = message.into_request().map_err(bad_json)?;
    Ok(Json(reply(app.runtime.start_forwarded(request).await)))
}

/// An input or an output that is no JSON.
fn bad_json(error: stepyard_json::ParseError) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, error.message)
}

async fn stop(
    State(app): State<Arc<App>>,
    Json(message): Json<StopMessage>,
) -> Json<Reply<StopReply>> {
    Json(reply(app.runtime.stop_forwarded(StopRequest::from(message)).await))
}

async fn call_back(
    State(app): State<Arc<App>>,
    Json(message): Json<CallbackMessage>,
) -> Result<Json<Reply<CallbackReply>>, Problem> {
    let request = message.into_request().map_err(bad_json)?;
    Ok(Json(reply(app.runtime.call_back_forwarded(request).await)))
}

/// Any node may have tasks of an activity, so each of them answers.
async fn take(
    State(app): State<Arc<App>>,
    Json(message): Json<TakeMessage>,
) -> Json<Reply<TakeReply>> {
    let (activity, worker) = (message.activity.into(), message.worker.map(Arc::from));
    let task = app.runtime.take_activity_task(&activity, worker).await;
    Json(Reply::Owner(task.into()))
}

async fn redrive(
    State(app): State<Arc<App>>,
    Json(message): Json<RedriveMessage>,
) -> Json<Reply<RedriveReply>> {
    Json(reply(app.runtime.redrive_forwarded(RedriveRequest::from(message)).await))
}

async fn ask_map_run(
    State(app): State<Arc<App>>,
    Json(message): Json<MapRunMessage>,
) -> Json<Reply<MapRunReply>> {
    Json(reply(app.runtime.ask_map_run_forwarded(MapRunRequest::from(message)).await))
}

fn reply<T, R: From<T>>(answer: Result<T, NotOwner>) -> Reply<R> {
    answer.map_or(Reply::NotOwner, |answer| Reply::Owner(answer.into()))
}

async fn poke(State(app): State<Arc<App>>, _empty: Bytes) -> StatusCode {
    app.runtime.poked();
    StatusCode::OK
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::body::{Body, Bytes};
    use axum::extract::Request;
    use axum::http::StatusCode;
    use axum::middleware::from_fn_with_state;
    use axum::routing::post;
    use futures::stream;
    use tower::ServiceExt;

    use super::{NodeKey, POKE, check};

    /// What a request with a body of two pieces is answered, and how many of them were read.
    async fn ask(signed_with: &str, signed_body: &[u8]) -> (StatusCode, usize) {
        let key: NodeKey = "the key of the cluster".parse().unwrap();
        let router = Router::new()
            .route(POKE, post(|body: Bytes| async move { assert_eq!(body, "body") }))
            .layer(from_fn_with_state(key, check));
        let read = Arc::new(AtomicUsize::new(0));
        let count = read.clone();
        let pieces = ["bo", "dy"].into_iter().map(move |piece| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok::<_, std::io::Error>(piece)
        });
        let mut request = Request::post(POKE);
        for (name, value) in signed_with.parse::<NodeKey>().unwrap().sign(POKE, signed_body) {
            request = request.header(name, value);
        }
        let request = request.body(Body::from_stream(stream::iter(pieces))).unwrap();
        let status = router.oneshot(request).await.unwrap().status();
        (status, read.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn the_body_of_a_stranger_is_not_read() {
        let key = "the key of the cluster";
        assert_eq!(ask(key, b"body").await, (StatusCode::OK, 2));
        assert_eq!(ask("the key of another one", b"body").await, (StatusCode::UNAUTHORIZED, 0));
        assert_eq!(ask("", b"body").await, (StatusCode::UNAUTHORIZED, 0));
        assert_eq!(ask(key, b"another body").await, (StatusCode::UNAUTHORIZED, 2));
    }
}
