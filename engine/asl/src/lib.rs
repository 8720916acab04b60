//! Amazon States Language: text to diagnostics and a typed program.

mod env;
mod jsonpath;
mod path;
mod random;
mod timestamp;

pub use env::{ContextObject, Env, EvalError};
pub use path::{NotFound, Path};
pub use random::Random;
pub use timestamp::Timestamp;
