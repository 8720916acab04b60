//! Task runners: the in-process image functions, AWS Lambda, and the API of this service itself.

pub mod functions;
pub mod image;
pub mod lambda;
pub mod objects;
mod registry;
pub mod step_functions;
#[cfg(test)]
mod testing;

pub use registry::{Route, TaskRegistry};
