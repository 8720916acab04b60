//! What is answered while executions in progress are being taken up.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use stepyard_runtime::OsEntropy;
use tower::ServiceExt;

use super::{aws, health};
use crate::wire::{ApiError, Problem, respond};

/// The place of the router that takes over when the server is ready.
pub(crate) type Starting = Arc<OnceLock<Router>>;

/// Answers `/healthz`, and 503 to all else, until there is a router in its place.
pub(crate) fn until_ready(ready: Starting) -> Router {
    Router::new().fallback(answer).with_state(ready)
}

async fn answer(State(ready): State<Starting>, request: Request) -> Response<Body> {
    if let Some(router) = ready.get() {
        return router.clone().oneshot(request).await.into_response();
    }
    if request.uri().path() == "/healthz" {
        return health::alive().await.into_response();
    }
    let detail = "The server is taking up the executions in progress; try again in a moment";
    let error = ApiError::new("ServiceUnavailable", detail);
    match aws::operation(&request) {
        Some(_) => respond::<()>(Err(error), &aws::request_id(&OsEntropy::default())),
        None => Problem::from(error).into_response(),
    }
}
