//! Lambda functions: the call, the answer and what the two become in an execution.

#[cfg(feature = "aws")]
mod aws;
mod headers;
mod outcome;
mod parameters;

use async_trait::async_trait;
use bytes::Bytes;

#[cfg(feature = "aws")]
pub use aws::AwsLambda;
pub(crate) use outcome::{direct_outcome, failed, invoke_outcome};
pub(crate) use parameters::{function_name, parse_invoke};

/// Longest answer that is read: Lambda's own limit of a synchronous answer is 6 MB. (What a state
/// may pass on is limited further, by the machine.)
pub const REPLY_BYTES_MAX: usize = 6 * 1024 * 1024;

/// Calls Lambda functions somewhere else.
#[async_trait]
pub trait LambdaService: Send + Sync {
    /// Calls a function once, without repeating it on errors: `Retry` is the state machine's.
    async fn invoke(&self, request: InvokeRequest) -> Result<InvokeReply, InvokeFailure>;
}

/// A call of a function, as in the API action `Invoke`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InvokeRequest {
    /// Name, partial ARN or ARN.
    pub function_name: String,
    /// Version or alias.
    pub qualifier: Option<String>,
    /// `RequestResponse`, `Event` or `DryRun`.
    pub invocation_type: Option<String>,
    /// Base64 text handed to the function.
    pub client_context: Option<String>,
    /// `None` or `Tail`.
    pub log_type: Option<String>,
    /// The event; nothing is sent for a `null` of `lambda:invoke`.
    pub payload: Option<Bytes>,
}

/// The answer to an [`InvokeRequest`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InvokeReply {
    /// HTTP status: 200, or 202 for `Event` and 204 for `DryRun`.
    pub status: u16,
    /// Set when the function itself failed: `Handled` or `Unhandled`.
    pub function_error: Option<String>,
    /// The version that ran.
    pub executed_version: Option<String>,
    /// End of the log in Base64, when asked for.
    pub log_result: Option<String>,
    /// The function's result, or its error as an object with `errorMessage` and `errorType`.
    pub payload: Bytes,
    /// HTTP headers in order of arrival, spelled in any way.
    pub headers: Vec<(String, String)>,
}

/// Why a call had no answer from the function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvokeFailure {
    /// Lambda refused, or could not be reached.
    Error {
        /// Name as in `Lambda.ResourceNotFoundException`.
        error: String,
        /// For people.
        cause: String,
    },
    /// The answer was longer than [`REPLY_BYTES_MAX`].
    TooLarge,
}

#[cfg(test)]
mod tests;
