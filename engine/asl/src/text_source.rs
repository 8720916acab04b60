//! `Error`, `ErrorPath`, `Cause` and `CausePath` of a Fail state.

use std::sync::Arc;

use crate::{Env, EvalError, Expression};

/// A text that is written or computed.
#[derive(Clone, Debug)]
pub enum TextSource {
    /// `Error`, `Cause`.
    Literal(Arc<str>),
    /// `ErrorPath`, `CausePath`: a path or an intrinsic function.
    Expression(Expression),
}

impl TextSource {
    /// The text; a value that is not a string is written as JSON.
    ///
    /// # Errors
    /// Those of [`Expression::eval`].
    pub fn eval(&self, env: &mut Env<'_>) -> Result<Arc<str>, EvalError> {
        match self {
            TextSource::Literal(text) => Ok(text.clone()),
            TextSource::Expression(expression) => match expression.eval(env)? {
                stepyard_json::Json::String(text) => Ok(text),
                other => Ok(other.to_string().into()),
            },
        }
    }
}
