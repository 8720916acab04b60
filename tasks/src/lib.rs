//! Task runners: the in-process image functions and AWS Lambda. Objects, and what a Distributed Map reads and writes
//! of them.

mod arguments;
#[cfg(feature = "aws")]
mod aws;
pub mod functions;
pub mod image;
pub mod items;
pub mod lambda;
pub mod objects;
mod registry;
pub mod results;
#[cfg(test)]
mod testing;

pub use registry::{Route, TaskRegistry};
