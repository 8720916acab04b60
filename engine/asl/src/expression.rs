//! The right side of a `k.$` member: a path or an intrinsic function.

use stepyard_json::Json;

use crate::references::{References, VariableNames};
use crate::{Env, EvalError, Intrinsic, Path};

/// A path or an intrinsic function, with the name of the field that holds it.
#[derive(Clone, Debug)]
pub struct Expression {
    /// The field as it is written, for messages: `name.$`, `ErrorPath`.
    field: String,
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Path(Path),
    Intrinsic(Intrinsic),
}

impl Expression {
    /// Parses the value of a field.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(field: impl Into<String>, text: &str) -> Result<Expression, String> {
        let source = match text.starts_with('$') {
            true => Source::Path(Path::parse(text)?),
            false => Source::Intrinsic(Intrinsic::parse(text)?),
        };
        Ok(Expression { field: field.into(), source })
    }

    /// Its value.
    ///
    /// # Errors
    /// `States.Runtime` for a definite path that leads nowhere; those of [`Intrinsic::eval`].
    pub fn eval(&self, env: &mut Env<'_>) -> Result<Json, EvalError> {
        match &self.source {
            Source::Intrinsic(intrinsic) => intrinsic.eval(env),
            Source::Path(path) => match path.eval(env) {
                Ok(value) => Ok(value),
                // Here, and only here, AWS takes what is behind the end of an array for null.
                Err(missing) if missing.is_past_the_end => Ok(Json::Null),
                Err(missing) => Err(EvalError::runtime(format!(
                    "The JSONPath '{}' specified for the field '{}' could not be found in the input '{}'",
                    missing.path,
                    self.field,
                    env.data.text()
                ))),
            },
        }
    }
}

impl References for Expression {
    fn collect(&self, found: &mut VariableNames) {
        match &self.source {
            Source::Path(path) => path.collect(found),
            Source::Intrinsic(intrinsic) => intrinsic.collect(found),
        }
    }
}
