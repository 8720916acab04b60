//! Intrinsic functions: `States.Format(...)` and its siblings (AWS developer guide, "Intrinsic functions").

mod array;
mod encoding;
mod function;
mod json;
mod math;
mod parser;
mod text;

use std::fmt;
use std::sync::Arc;

use stepyard_json::Json;

pub use function::Function;

use crate::references::{References, VariableNames};
use crate::{Env, EvalError, Path};

/// A compiled call.
#[derive(Clone, Debug)]
pub struct Intrinsic {
    text: Arc<str>,
    call: Call,
}

#[derive(Clone, Debug)]
struct Call {
    function: Function,
    arguments: Vec<Argument>,
}

#[derive(Clone, Debug)]
enum Argument {
    Literal(Json),
    Path(Path),
    Call(Call),
}

impl Intrinsic {
    /// Parses a call with everything nested in it.
    ///
    /// # Errors
    /// When it is not one: unknown function, wrong number of arguments, a dangling backslash, calls
    /// nested too deeply.
    pub fn parse(text: &str) -> Result<Intrinsic, String> {
        Ok(Intrinsic { text: text.into(), call: parser::parse(text)? })
    }

    /// Calls it.
    ///
    /// # Errors
    /// `States.Runtime` when a path among the arguments leads nowhere, `States.IntrinsicFailure` when
    /// an argument is of the wrong type or size.
    pub fn eval(&self, env: &mut Env<'_>) -> Result<Json, EvalError> {
        self.call.eval(&self.text, env)
    }
}

/// The call as it was written.
impl fmt::Display for Intrinsic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl References for Intrinsic {
    fn collect(&self, found: &mut VariableNames) {
        self.call.collect(found);
    }
}

impl References for Call {
    fn collect(&self, found: &mut VariableNames) {
        for argument in &self.arguments {
            match argument {
                Argument::Literal(_) => {}
                Argument::Path(path) => path.collect(found),
                Argument::Call(call) => call.collect(found),
            }
        }
    }
}

impl Call {
    /// `whole` is the call that this one stands in, for messages.
    fn eval(&self, whole: &str, env: &mut Env<'_>) -> Result<Json, EvalError> {
        let mut values = Vec::with_capacity(self.arguments.len());
        for argument in &self.arguments {
            values.push(match argument {
                Argument::Literal(json) => json.clone(),
                Argument::Path(path) => {
                    path.eval(env).map_err(|_| missing_argument(whole, path, env))?
                }
                Argument::Call(call) => call.eval(whole, env)?,
            });
        }
        let arguments = Arguments { function: self.function, values: &values };
        function::call(&arguments, env.random)
    }
}

/// A path among the arguments leads nowhere, in AWS's words.
fn missing_argument(whole: &str, path: &Path, env: &Env<'_>) -> EvalError {
    let input = env.data.text();
    EvalError::runtime(format!(
        "The function '{whole}' had the following error: The JsonPath argument for the field '{path}' could not be \
         found in the input '{input}'"
    ))
}

/// The evaluated arguments of a call, read with checks.
struct Arguments<'a> {
    function: Function,
    values: &'a [Json],
}

impl<'a> Arguments<'a> {
    fn json(&self, at: usize) -> Result<&'a Json, EvalError> {
        self.values.get(at).ok_or_else(|| self.fault(at, "is missing"))
    }

    fn array(&self, at: usize) -> Result<&'a [Json], EvalError> {
        self.json(at)?.as_array().ok_or_else(|| self.fault(at, "must be an array"))
    }

    fn string(&self, at: usize) -> Result<&'a str, EvalError> {
        self.json(at)?.as_str().ok_or_else(|| self.fault(at, "must be a string"))
    }

    /// A string that AWS limits to [`TEXT_MAX`] characters.
    fn short_string(&self, at: usize) -> Result<&'a str, EvalError> {
        let text = self.string(at)?;
        if text.chars().count() > TEXT_MAX {
            return Err(self.fault(at, &format!("must not be longer than {TEXT_MAX} characters")));
        }
        Ok(text)
    }

    /// An integer; AWS rounds other numbers half up.
    fn integer(&self, at: usize) -> Result<i64, EvalError> {
        let json = self.json(at)?;
        if let Some(integer) = json.as_i64() {
            return Ok(integer);
        }
        let float = json.as_f64().ok_or_else(|| self.fault(at, "must be a number"))?;
        let rounded = (float + 0.5).floor();
        // Beyond the exact range of floats no integer is meant.
        if rounded.abs() > 9_007_199_254_740_992.0 {
            return Err(self.fault(at, "is out of range"));
        }
        Ok(rounded as i64)
    }

    fn object(&self, at: usize) -> Result<&'a stepyard_json::Object, EvalError> {
        self.json(at)?.as_object().ok_or_else(|| self.fault(at, "must be a JSON object"))
    }

    fn fault(&self, at: usize, rule: &str) -> EvalError {
        EvalError::intrinsic(format!(
            "Invalid arguments in {}: argument {} {rule}",
            self.function.name(),
            at + 1
        ))
    }

    fn failure(&self, why: &str) -> EvalError {
        EvalError::intrinsic(format!("Invalid arguments in {}: {why}", self.function.name()))
    }
}

/// Longest input of Base64 and Hash functions, in characters (AWS developer guide).
const TEXT_MAX: usize = 10_000;

#[cfg(test)]
mod tests;
