//! What an evaluation sees, and how it fails.

use std::fmt;

use stepyard_json::{Json, Payload};

use crate::Random;

/// What paths and functions are evaluated against.
pub struct Env<'a> {
    /// `$`: the data at this point of the state's data flow.
    pub data: &'a Payload,
    /// `$$` and `$name`: the context object and the variables.
    pub surroundings: &'a dyn Surroundings,
    /// Source of `States.UUID` and `States.MathRandom`.
    pub random: &'a mut Random,
}

/// What a state sees beside its data.
pub trait Surroundings {
    /// `$$`: the context object, made only when somebody looks at it.
    fn context_object(&self) -> &Json;

    /// `$name`: the variable, of this scope or of one around it.
    fn variable(&self, name: &str) -> Option<&Json>;
}

/// A context object alone, without variables.
impl Surroundings for Json {
    fn context_object(&self) -> &Json {
        self
    }

    fn variable(&self, _name: &str) -> Option<&Json> {
        None
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
