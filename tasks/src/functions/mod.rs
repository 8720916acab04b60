//! Functions that run in this process, called like Lambda functions: a JSON event in, a JSON result
//! or an error with a name out.

mod error;
mod image_processor;
mod metadata_writer;
mod origin;
mod request;

use std::sync::Arc;

use async_trait::async_trait;
use stepyard_asl::Timestamp;
use stepyard_json::{Json, Payload};
use stepyard_runtime::Started;
use tokio_util::sync::CancellationToken;

pub use error::{ErrorType, FunctionError};
pub use image_processor::ImageProcessorFunction;
pub use metadata_writer::MetadataWriterFunction;
pub use origin::{METADATA_IMAGE_ID, METADATA_UPLOADED_AT, METADATA_USER};

/// A function of this process.
#[async_trait]
pub trait Function: Send + Sync {
    /// Runs the function once. It fires [`FunctionCall::started`] when its work begins. After a
    /// crash the same call may come again.
    async fn call(&self, call: FunctionCall) -> Result<Json, FunctionError>;
}

/// One call of a [`Function`].
#[derive(Debug)]
pub struct FunctionCall {
    /// The input.
    pub event: Payload,
    /// ARN of the execution that calls.
    pub execution_arn: Arc<str>,
    /// When that execution started: the same on every repetition.
    pub execution_started: Timestamp,
    /// To be fired when the work begins.
    pub started: Started,
    /// Cancelled when nobody waits for the result any more.
    pub cancellation: CancellationToken,
}

#[cfg(test)]
mod tests;
