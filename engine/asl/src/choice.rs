//! Conditions of Choice states.

mod compile;
mod operator;

use stepyard_json::Json;

pub(crate) use compile::{compile, is_comparison};
pub use operator::{Comparison, Kind, Operator, TypeTest};

use crate::references::{References, VariableNames};
use crate::{Env, EvalError, Jsonata, Path, Timestamp};

/// A compiled condition.
#[derive(Clone, Debug)]
pub enum Choice {
    /// All of them hold.
    And(Vec<Choice>),
    /// One of them holds.
    Or(Vec<Choice>),
    /// It does not hold.
    Not(Box<Choice>),
    /// A test of one variable.
    Test(Box<Test>),
    /// `Condition` in JSONata.
    Jsonata(Jsonata),
    /// `Condition` in JSONata, as a literal.
    Literal(bool),
}

/// A variable with an operator.
#[derive(Clone, Debug)]
pub struct Test {
    variable: Path,
    condition: Condition,
}

#[derive(Clone, Debug)]
enum Condition {
    Compare { comparison: Comparison, kind: Kind, operand: Operand },
    Matches(Pattern),
    Type { test: TypeTest, expected: bool },
}

#[derive(Clone, Debug)]
enum Operand {
    Literal(Json),
    Path(Path),
}

impl Choice {
    /// Whether it holds. A value of another type than the operator's does not match.
    ///
    /// # Errors
    /// `States.Runtime` when the variable does not exist, but for `IsPresent`; `States.QueryEvaluationError` when an
    /// expression fails or is no boolean.
    pub fn eval(&self, env: &mut Env<'_>) -> Result<bool, EvalError> {
        match self {
            Choice::And(conditions) => all(conditions, env),
            Choice::Or(conditions) => any(conditions, env),
            Choice::Not(condition) => Ok(!condition.eval(env)?),
            Choice::Test(test) => test.eval(env),
            Choice::Jsonata(jsonata) => {
                let value = jsonata.eval(env)?;
                value.as_bool().ok_or_else(|| jsonata.unexpected("boolean", &value))
            }
            Choice::Literal(holds) => Ok(*holds),
        }
    }
}

fn all(conditions: &[Choice], env: &mut Env<'_>) -> Result<bool, EvalError> {
    for condition in conditions {
        if !condition.eval(env)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn any(conditions: &[Choice], env: &mut Env<'_>) -> Result<bool, EvalError> {
    for condition in conditions {
        if condition.eval(env)? {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Test {
    fn eval(&self, env: &Env<'_>) -> Result<bool, EvalError> {
        if let Condition::Type { test: TypeTest::IsPresent, expected } = self.condition {
            return Ok(self.variable.eval(env).is_ok() == expected);
        }
        let value = reference(&self.variable, env)?;
        match &self.condition {
            Condition::Type { test, expected } => Ok(test.holds(&value) == *expected),
            Condition::Matches(pattern) => {
                Ok(value.as_str().is_some_and(|text| pattern.matches(text)))
            }
            Condition::Compare { comparison, kind, operand } => {
                let operand = match operand {
                    Operand::Literal(json) => json.clone(),
                    Operand::Path(path) => reference(path, env)?,
                };
                Ok(kind.compare(&value, &operand).is_some_and(|order| comparison.accepts(order)))
            }
        }
    }
}

impl References for Choice {
    fn collect(&self, found: &mut VariableNames) {
        match self {
            Choice::And(conditions) | Choice::Or(conditions) => {
                conditions.as_slice().collect(found);
            }
            Choice::Not(condition) => condition.collect(found),
            Choice::Literal(_) => {}
            Choice::Jsonata(jsonata) => jsonata.collect(found),
            Choice::Test(test) => {
                test.variable.collect(found);
                if let Condition::Compare { operand: Operand::Path(path), .. } = &test.condition {
                    path.collect(found);
                }
            }
        }
    }
}

fn reference(path: &Path, env: &Env<'_>) -> Result<Json, EvalError> {
    path.eval(env).map_err(|_| {
        EvalError::runtime(format!(
            "Invalid path '{path}': The choice state's condition path references an invalid value."
        ))
    })
}

/// A pattern of `StringMatches`: `*` stands for any text, `\\*` and `\\\\` (in JSON) for themselves.
#[derive(Clone, Debug)]
struct Pattern {
    /// Before the first `*`.
    start: String,
    /// After each `*`, in their order. Empty when there is no `*`.
    rest: Vec<String>,
}

impl Pattern {
    fn new(text: &str) -> Pattern {
        let mut pattern = Pattern { start: String::new(), rest: Vec::new() };
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            let literal = match character {
                '*' => {
                    pattern.rest.push(String::new());
                    continue;
                }
                '\\' => characters.next().unwrap_or('\\'),
                _ => character,
            };
            pattern.rest.last_mut().unwrap_or(&mut pattern.start).push(literal);
        }
        pattern
    }

    /// Takes the first place where each piece fits, so the time grows with the length of the text only.
    fn matches(&self, text: &str) -> bool {
        let Some((end, middle)) = self.rest.split_last() else { return text == self.start };
        let Some(mut text) = text.strip_prefix(&*self.start) else { return false };
        for piece in middle {
            let Some((_, after)) = text.split_once(&**piece) else { return false };
            text = after;
        }
        text.ends_with(&**end)
    }
}

fn timestamp(json: &Json) -> Option<Timestamp> {
    Timestamp::parse(json.as_str()?)
}

#[cfg(test)]
mod tests;
