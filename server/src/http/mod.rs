//! One port for everything.

mod guard;
mod health;
mod landing;
mod metrics;
mod objects;
mod rest;
mod upload;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, Method, Response};
use axum::middleware::{self, Next};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use stepyard_asl::Random;
use tower_http::catch_panic::CatchPanicLayer;

use crate::actions;
use crate::app::App;
use guard::Guard;

/// Largest request of the APIs, in bytes (AWS: 1 MB, and a definition may be as large in JSON text).
const REQUEST_BYTES_MAX: usize = 8 << 20;

/// What `X-Amz-Target` starts with.
const TARGET_PREFIX: &str = "AWSStepFunctions.";

/// The whole HTTP interface.
pub(crate) fn router(app: Arc<App>, guard: Guard) -> Router {
    let guarded = Router::new()
        .nest("/api/v1", rest::router())
        .route("/upload", post(upload::upload).layer(DefaultBodyLimit::disable()))
        .route("/objects/{bucket}/{*key}", get(objects::object))
        .fallback(get(landing::page))
        .layer(middleware::from_fn_with_state(Arc::new(guard), guard::check));
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::metrics))
        .fallback_service(guarded.with_state(app.clone()))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .layer(middleware::from_fn_with_state(app.clone(), aws_protocol))
        .layer(CatchPanicLayer::new())
        .with_state(app)
}

pub(crate) use guard::Guard as HostGuard;

/// Requests with a target are of the AWS protocol, whatever their host and path: SDKs put a prefix
/// before the host name, and proxies send the absolute form.
async fn aws_protocol(State(app): State<Arc<App>>, request: Request, next: Next) -> Response<Body> {
    let target = operation(request.headers()).map(str::to_owned);
    let Some(operation) = target.filter(|_| request.method() == Method::POST) else {
        return next.run(request).await;
    };
    let id = Random::from_entropy(app.runtime.entropy().draw()).uuid_v4();
    let body = match axum::body::to_bytes(request.into_body(), REQUEST_BYTES_MAX).await {
        Ok(body) => body,
        Err(error) => return too_large(&error).into_response(),
    };
    call(app, operation, body, id).await
}

async fn call(app: Arc<App>, operation: String, body: Bytes, id: String) -> Response<Body> {
    let response = Box::pin(actions::call(&app, &operation, &body, &id)).await;
    let status = response.status().as_u16();
    tracing::debug!(target: "stepyard::api", operation, request_id = id, status);
    response
}

fn too_large(error: &axum::Error) -> crate::wire::Problem {
    crate::wire::Problem::new(axum::http::StatusCode::PAYLOAD_TOO_LARGE, error.to_string())
}

fn operation(headers: &HeaderMap) -> Option<&str> {
    let target = headers.get("x-amz-target")?.to_str().ok()?;
    Some(target.strip_prefix(TARGET_PREFIX).unwrap_or(target))
}
