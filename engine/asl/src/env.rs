//! What an evaluation sees, and how it fails.

use std::fmt;

use stepyard_json::{Json, Payload};

use crate::Random;

/// What paths and functions are evaluated against.
pub struct Env<'a> {
    /// `$`: the data at this point of the state's data flow.
    pub data: &'a Payload,
    /// `$$`: the context object.
    pub context: &'a dyn ContextObject,
    /// Source of `States.UUID` and `States.MathRandom`.
    pub random: &'a mut Random,
}

/// The context object, made only when somebody looks at it.
pub trait ContextObject {
    /// The whole object.
    fn tree(&self) -> &Json;
}

impl ContextObject for Json {
    fn tree(&self) -> &Json {
        self
    }
}

/// Why an evaluation failed: what the execution or the `Catch` of the state gets to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvalError {
    /// Error name, such as `States.Runtime`.
    pub error: &'static str,
    /// AWS's words, without the prefix that names the state.
    pub cause: String,
}

impl EvalError {
    /// `States.Runtime`: cannot be retried or caught.
    pub fn runtime(cause: impl Into<String>) -> EvalError {
        EvalError { error: "States.Runtime", cause: cause.into() }
    }

    /// `States.IntrinsicFailure`.
    pub fn intrinsic(cause: impl Into<String>) -> EvalError {
        EvalError { error: "States.IntrinsicFailure", cause: cause.into() }
    }
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error, self.cause)
    }
}

impl std::error::Error for EvalError {}
