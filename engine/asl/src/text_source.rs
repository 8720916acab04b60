//! `Error`, `ErrorPath`, `Cause` and `CausePath` of a Fail state.

use std::sync::Arc;

use stepyard_json::Json;

use crate::{Env, EvalError, Expression, Jsonata};

/// A text that is written or computed.
#[derive(Clone, Debug)]
pub enum TextSource {
    /// `Error`, `Cause`.
    Literal(Arc<str>),
    /// `ErrorPath`, `CausePath`: a path or an intrinsic function.
    Expression(Expression),
    /// `Error`, `Cause`, computed in JSONata.
    Jsonata(Jsonata),
}

impl TextSource {
    /// The text; a value that is not a string is written as JSON.
    ///
    /// # Errors
    /// Those of the expression. In JSONata only a string will do.
    pub fn eval(&self, env: &mut Env<'_>) -> Result<Arc<str>, EvalError> {
        match self {
            TextSource::Literal(text) => Ok(text.clone()),
            TextSource::Expression(expression) => match expression.eval(env)? {
                Json::String(text) => Ok(text),
                other => Ok(other.to_string().into()),
            },
            TextSource::Jsonata(jsonata) => match jsonata.eval(env)? {
                Json::String(text) => Ok(text),
                other => Err(jsonata.unexpected("string", &other)),
            },
        }
    }
}
