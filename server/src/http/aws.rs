//! The AWS protocol: a POST whose `X-Amz-Target` names the operation, whatever its host and path. SDKs put
//! prefixes before the host name, and proxies send the absolute form.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Response};
use axum::middleware::Next;
use stepyard_asl::Random;

use super::REQUEST_BYTES_MAX;
use super::guard::Guard;
use crate::actions;
use crate::app::App;
use crate::wire::{ApiError, respond};

/// What `X-Amz-Target` starts with.
const TARGET_PREFIX: &str = "AWSStepFunctions.";

/// Answers requests of the protocol and lets all others pass.
pub(super) async fn protocol(
    State((app, guard)): State<(Arc<App>, Arc<Guard>)>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let target = operation(request.headers()).map(str::to_owned);
    let Some(operation) = target.filter(|_| request.method() == Method::POST) else {
        return next.run(request).await;
    };
    let id = Random::from_entropy(app.runtime.entropy().draw()).uuid_v4();
    // SDKs send no origin; browsers do, and no page but our own may use this server through them.
    if guard.is_foreign_page(request.headers()) {
        let message = "A page of another origin may not use this server";
        return respond::<()>(Err(ApiError::new("AccessDeniedException", message)), &id);
    }
    let response = match axum::body::to_bytes(request.into_body(), REQUEST_BYTES_MAX).await {
        // Boxed, because the future holds all operations.
        Ok(body) => Box::pin(actions::call(&app, &operation, &body, &id)).await,
        Err(error) => respond::<()>(Err(ApiError::validation(error.to_string())), &id),
    };
    let status = response.status().as_u16();
    tracing::debug!(target: "stepyard::api", operation, request_id = id, status);
    response
}

fn operation(headers: &HeaderMap) -> Option<&str> {
    let target = headers.get("x-amz-target")?.to_str().ok()?;
    Some(target.strip_prefix(TARGET_PREFIX).unwrap_or(target))
}
