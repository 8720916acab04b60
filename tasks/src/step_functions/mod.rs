//! Step Functions itself, as the service that a task calls.

mod sdk;
mod start_execution;

use async_trait::async_trait;
use bytes::Bytes;
use stepyard_json::Json;

pub(crate) use sdk::call_sdk;
pub(crate) use start_execution::start_execution;

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

impl ApiReply {
    /// The body; an empty object when it is no JSON.
    fn json(&self) -> Json {
        let answer = std::str::from_utf8(&self.body).ok().and_then(|text| Json::parse(text).ok());
        answer.unwrap_or_else(Json::empty_object)
    }
}

/// The error that the API answers, such as `InvalidToken`; `None` when it answers none.
fn error_code(reply: &ApiReply) -> Option<String> {
    let code = reply.json().get("__type").and_then(Json::as_str).map(str::to_owned);
    code.filter(|_| reply.status != 200)
}
