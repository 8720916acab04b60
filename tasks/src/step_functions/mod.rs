//! Step Functions itself, as the service that a task calls.

mod sdk;

use async_trait::async_trait;
use bytes::Bytes;

pub(crate) use sdk::call_sdk;

/// Carries out operations of the Step Functions API for tasks of this process. The server is above this crate, so it
/// gives it when it starts.
#[async_trait]
pub trait StepFunctionsApi: Send + Sync {
    /// Carries out an operation, such as `SendTaskSuccess`, with a request as a client writes it.
    async fn call(&self, operation: &str, request: Bytes) -> ApiReply;
}

/// The answer of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiReply {
    /// HTTP status.
    pub status: u16,
    /// Id of the request, by which the log knows it.
    pub request_id: String,
    /// The answer, or `__type` and `message` of an error.
    pub body: Bytes,
}
