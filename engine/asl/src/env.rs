//! What an evaluation sees, and how it fails.

use std::fmt;
use std::sync::Arc;

use stepyard_json::{Json, Payload};

use crate::{Random, StatesMember, Timestamp};

/// Steps that the JSONata of one field may take: some tenths of a second.
pub const EXPRESSION_FUEL: u64 = 10_000_000;

/// What paths and functions are evaluated against.
pub struct Env<'a> {
    /// `$`: the data at this point of the state's data flow.
    pub data: &'a Payload,
    /// `$$` and `$name`: the context object and the variables.
    pub surroundings: &'a dyn Surroundings,
    /// Source of everything random.
    pub random: &'a mut Random,
    /// The time, as JSONata tells it.
    pub now: Timestamp,
    /// Steps that JSONata may take; what is left of them afterwards.
    pub fuel: u64,
}

impl<'a> Env<'a> {
    /// For one evaluation at the beginning of 1970.
    pub fn new(
        data: &'a Payload,
        surroundings: &'a dyn Surroundings,
        random: &'a mut Random,
    ) -> Env<'a> {
        Env { data, surroundings, random, now: Timestamp::default(), fuel: EXPRESSION_FUEL }
    }
}

/// What a state sees beside its data.
pub trait Surroundings {
    /// `$$`: the context object, made only when somebody looks at it.
    fn context_object(&self) -> &Json;

    /// `$name`: the variable, of this scope or of one around it.
    fn variable(&self, name: &str) -> Option<&Json>;

    /// A member of `$states`; `None` when there is none at this point.
    fn states(&self, member: StatesMember) -> Option<Json>;
}

/// A context object alone, without variables.
impl Surroundings for Json {
    fn context_object(&self) -> &Json {
        self
    }

    fn variable(&self, _name: &str) -> Option<&Json> {
        None
    }

    fn states(&self, member: StatesMember) -> Option<Json> {
        (member == StatesMember::Context).then(|| self.clone())
    }
}

/// Why an evaluation failed: what the execution or the `Catch` of the state gets to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvalError {
    /// Error name, such as `States.Runtime`.
    pub error: &'static str,
    /// AWS's words, without the prefix that names the state.
    pub cause: String,
    /// The field of the JSONata expression that failed, as a path from the state.
    pub location: Option<Arc<str>>,
    /// A JSONata expression gave a value of the right type which its field does not admit: AWS's history tells that
    /// differently from an expression that fails.
    pub is_out_of_range: bool,
}

impl EvalError {
    /// `States.Runtime`: cannot be retried or caught.
    pub fn runtime(cause: impl Into<String>) -> EvalError {
        EvalError::new("States.Runtime", cause)
    }

    /// `States.IntrinsicFailure`.
    pub fn intrinsic(cause: impl Into<String>) -> EvalError {
        EvalError::new("States.IntrinsicFailure", cause)
    }

    /// `States.QueryEvaluationError`, of a JSONata expression.
    pub fn query(cause: impl Into<String>, location: Option<Arc<str>>) -> EvalError {
        EvalError { location, ..EvalError::new(EvalError::QUERY_EVALUATION, cause) }
    }

    /// `States.QueryEvaluationError`, of the value that a JSONata expression gave.
    pub fn out_of_range(cause: impl Into<String>, location: Arc<str>) -> EvalError {
        EvalError { is_out_of_range: true, ..EvalError::query(cause, Some(location)) }
    }

    /// Any other error, without a field.
    pub fn new(error: &'static str, cause: impl Into<String>) -> EvalError {
        EvalError { error, cause: cause.into(), location: None, is_out_of_range: false }
    }

    /// The error name of what goes wrong in JSONata.
    pub const QUERY_EVALUATION: &'static str = "States.QueryEvaluationError";
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error, self.cause)
    }
}

impl std::error::Error for EvalError {}
