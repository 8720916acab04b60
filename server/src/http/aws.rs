//! The AWS protocol: a POST whose `X-Amz-Target` names the operation, whatever its host and path. SDKs put
//! prefixes before the host name, and proxies send the absolute form.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, Response};
use axum::middleware::Next;
use stepyard_asl::Random;
use stepyard_runtime::Entropy;

use super::guard::Guard;
use super::request_bytes_max;
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
    let Some(operation) = operation(&request).map(str::to_owned) else {
        return next.run(request).await;
    };
    let id = request_id(&**app.runtime.entropy());
    // SDKs send no origin; browsers do, and no page but our own may use this server through them.
    if guard.is_foreign_page(request.headers()) {
        let message = "A page of another origin may not use this server";
        return respond::<()>(Err(ApiError::new("AccessDeniedException", message)), &id);
    }
    let bytes_max = request_bytes_max(app.limits);
    let response = match axum::body::to_bytes(request.into_body(), bytes_max).await {
        // Boxed, because the future holds all operations.
        Ok(body) => Box::pin(actions::call(&app, &operation, &body, &id)).await,
        Err(error) => respond::<()>(Err(ApiError::validation(error.to_string())), &id),
    };
    let status = response.status().as_u16();
    tracing::debug!(target: "stepyard::api", operation, request_id = id, status);
    response
}

/// The operation that a request of the protocol names.
pub(super) fn operation(request: &Request) -> Option<&str> {
    if request.method() != Method::POST {
        return None;
    }
    let target = request.headers().get("x-amz-target")?.to_str().ok()?;
    Some(target.strip_prefix(TARGET_PREFIX).unwrap_or(target))
}

/// An id for a request, by which its answer is found in the log.
pub(crate) fn request_id(entropy: &dyn Entropy) -> String {
    Random::from_entropy(entropy.draw()).uuid_v4()
}
