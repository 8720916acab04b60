//! Liveness and readiness.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use stepyard_store::ShardId;

use crate::app::App;
use crate::wire::Problem;

/// The process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// The store answers, and executions can be started and go on.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, Problem> {
    let unready = |why: &str| Problem::new(StatusCode::SERVICE_UNAVAILABLE, why);
    if let Some(fault) = app.runtime.fault() {
        return Err(unready(&fault));
    }
    let answer = app.store.read_leases(&[ShardId(0)]).await;
    answer.map(|_| "ready\n").map_err(|error| unready(&error.to_string()))
}
