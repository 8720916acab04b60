//! JSON values that keep their written form, shared payloads and reference paths.
//!
//! Step Functions hands data on as it was written: `1.0` stays `1.0`, members keep their order. So
//! this tree is our own: numbers keep their text, nodes are shared by reference count, and a
//! [`Payload`] keeps text and tree of one value and makes each from the other on demand.

mod json;
mod number;
mod object;
mod parse;
mod payload;
mod reference_path;
mod scan;
mod write;

pub use json::Json;
pub use number::Number;
pub use object::Object;
pub use parse::{DEPTH_MAX, ParseError};
pub use payload::Payload;
pub use reference_path::{PathError, Place, ReferencePath, Step};
