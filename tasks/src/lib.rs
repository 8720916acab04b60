//! Task runners: the in-process image functions and AWS Lambda. Objects, here and on S3.

#[cfg(feature = "aws")]
mod aws;
pub mod functions;
pub mod image;
pub mod lambda;
pub mod objects;
mod registry;
#[cfg(test)]
mod testing;

pub use registry::{Route, TaskRegistry};
