//! Task runners: the in-process image functions, AWS Lambda, and the API of this service itself. Objects, and what a
//! Distributed Map reads and writes of them.

mod arguments;
#[cfg(feature = "aws")]
mod aws;
pub mod functions;
pub mod image;
pub mod items;
pub mod lambda;
mod map_run_data;
pub mod objects;
mod registry;
pub mod results;
pub mod step_functions;
#[cfg(test)]
mod testing;

pub use map_run_data::ObjectMapRunData;
pub use registry::{Route, TaskRegistry};
