//! One port for everything.

mod aws;
mod guard;
mod health;
mod landing;
mod metrics;
mod objects;
mod rest;
mod starting;
mod upload;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, StatusCode};
use axum::middleware;
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;
use crate::wire::Problem;
pub(crate) use guard::Guard;
pub(crate) use starting::{Starting, until_ready};

/// Largest request of the APIs, in bytes (AWS: 1 MB, and a definition may be as large in JSON text).
const REQUEST_BYTES_MAX: usize = 8 << 20;

/// The whole HTTP interface.
pub(crate) fn router(app: Arc<App>, guard: Guard) -> Router {
    let guard = Arc::new(guard);
    let guarded = Router::new()
        .nest("/api/v1", rest::router())
        .route("/upload", post(upload::upload).layer(DefaultBodyLimit::disable()))
        .route("/objects/{bucket}/{*key}", get(objects::object))
        .fallback(get(landing::page))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(guard.clone(), guard::check));
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::metrics))
        .fallback_service(guarded.with_state(app.clone()))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .layer(middleware::from_fn_with_state((app.clone(), guard), aws::protocol))
        .layer(CatchPanicLayer::new())
        .with_state(app)
}

async fn method_not_allowed(method: Method) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("{method} is not possible here"))
}
