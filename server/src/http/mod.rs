//! One port for everything.

mod aws;
mod conditional;
mod extract;
mod guard;
mod health;
mod landing;
mod metrics;
mod objects;
mod peer;
mod rest;
mod starting;
mod upload;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;

use stepyard_machine::Limits;

use crate::app::App;
use crate::peer::NodeKey;
use crate::wire::Problem;
pub(crate) use aws::request_id;
pub(crate) use guard::Guard;
pub(crate) use starting::{Starting, until_ready};

/// Largest request of the APIs under AWS's limits, in bytes (AWS: 1 MB, and a definition may be as large in JSON text).
const REQUEST_BYTES_MAX: usize = 8 << 20;

/// Bytes that one byte of data takes at most as JSON text within JSON: some clients write all but ASCII as escapes.
const BYTES_PER_DATA_BYTE: usize = 3;

/// Largest request of the APIs, in bytes, when executions may hold so much.
fn request_bytes_max(limits: Limits) -> usize {
    let more = limits.data_bytes.saturating_sub(Limits::AWS.data_bytes);
    REQUEST_BYTES_MAX + BYTES_PER_DATA_BYTE * more
}

/// The whole HTTP interface.
pub(crate) fn router(app: Arc<App>, guard: Guard, node_key: NodeKey) -> Router {
    let guard = Arc::new(guard);
    let guarded = Router::new()
        .nest("/api/v1", rest::router())
        .route("/upload", post(upload::upload).layer(DefaultBodyLimit::disable()))
        .route("/objects/{bucket}/{*key}", get(objects::object))
        .route("/", get(landing::page))
        .fallback(landing::nothing_there)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(guard.clone(), guard::check));
    let peers = match app.store.is_shared() {
        true => peer::router(node_key),
        false => Router::new(),
    };
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::metrics))
        .merge(peers)
        .method_not_allowed_fallback(method_not_allowed)
        .fallback_service(guarded.with_state(app.clone()))
        .layer(DefaultBodyLimit::max(request_bytes_max(app.limits)))
        .layer(middleware::from_fn_with_state((app.clone(), guard), aws::protocol))
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn_with_state(app.clone(), close_when_leaving))
        .with_state(app)
}

/// A client that is told to close its connection looks for another server before this one is gone.
async fn close_when_leaving(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if app.runtime.is_leaving() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn method_not_allowed(method: Method) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("{method} is not possible here"))
}
