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
    MapRunReply, NodeKey, POKE, REDRIVE, RedriveMessage, RedriveReply, Reply, SIGNATURE, START,
    STOP, StartMessage, StartReply, StopMessage, StopReply, TAKE, TakeMessage, TakeReply,
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

/// Refuses requests that are not signed with the key.
async fn check(State(key): State<NodeKey>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MESSAGE_BYTES_MAX).collect().await else {
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large")
            .into_response();
    };
    let body = body.to_bytes();
    let signature = parts.headers.get(SIGNATURE).and_then(|value| value.to_str().ok());
    if !key.verify(parts.uri.path(), &body, signature) {
        let detail = "This is for nodes of the same cluster, which share a --node-key";
        return Problem::new(StatusCode::UNAUTHORIZED, detail).into_response();
    }
    next.run(Request::from_parts(parts, body.into())).await
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
