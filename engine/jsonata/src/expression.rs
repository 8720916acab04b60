//! Expressions as their users see them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use stepyard_json::Json;

use crate::ast::Node;
use crate::compile::{self, Place, References, references_of};
use crate::error::Error;
use crate::eval::Machine;
use crate::limits::{DEPTH_MAX, MEMORY_MAX};
use crate::value::{Value, to_pure_json};

/// Steps that an evaluation may take unless somebody says otherwise: some tenths of a second.
const FUEL: u64 = 20_000_000;

/// Which functions there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Those of the reference.
    #[default]
    Plain,
    /// Those that Step Functions adds besides; `$eval` is refused.
    StepFunctions,
}

/// A compiled expression. Cloning costs a reference count.
#[derive(Clone)]
pub struct Expression {
    text: Arc<str>,
    node: Arc<Node>,
    dialect: Dialect,
}

/// What an expression is evaluated over.
pub struct Input<'a> {
    /// `$`: the data; `None` when there is no current value.
    pub data: Option<Json>,
    /// Variables from outside.
    pub bindings: &'a dyn Bindings,
    /// `$now()` and `$millis()`: milliseconds since 1970.
    pub now_millis: i64,
    /// Source of `$random`, `$shuffle` and `$uuid`.
    pub entropy: [u8; 16],
    /// Steps that the evaluation may take; what is left of them afterwards.
    pub fuel: u64,
    /// How deep evaluations may nest; [`DEPTH_MAX`] fits into a stack of 2 MiB.
    pub depth: usize,
    /// Bytes that the values of the evaluation may hold at a time.
    pub memory: usize,
}

/// Variables from outside, by name without the dollar sign.
pub trait Bindings {
    /// The variable of that name.
    fn get(&self, name: &str) -> Option<Json>;
}

/// What an expression evaluated to.
#[derive(Clone, Debug, PartialEq)]
pub enum Evaluated {
    /// Nothing.
    Undefined,
    /// A value.
    Value(Json),
    /// A function, or a value with a function in it: no data.
    Function,
}

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    /// When the text is no expression, or names what the dialect does not have.
    pub fn compile(text: &str, dialect: Dialect) -> Result<Expression, Error> {
        let node = compile::compile(text, dialect, Place::Alone).map_err(|error| *error)?;
        Ok(Expression { text: text.into(), node: Arc::new(node), dialect })
    }

    /// The text that it was compiled from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it refers to from outside.
    pub fn references(&self) -> References {
        references_of(&self.node)
    }

    /// Evaluates it.
    ///
    /// # Errors
    /// When expression and data do not fit, or the evaluation takes more than it may.
    pub fn evaluate(&self, input: &mut Input<'_>) -> Result<Evaluated, Error> {
        let mut machine = Machine::new(input, self.dialect);
        let evaluated = machine.run(&self.node).and_then(|value| match value {
            Value::Undefined | Value::Tuples(_) => Ok(Evaluated::Undefined),
            Value::Json(json) => Ok(Evaluated::Value(json)),
            built => to_pure_json(&built, self.dialect, &mut machine.fuel)
                .map(|json| json.map_or(Evaluated::Function, Evaluated::Value)),
        });
        let left = machine.fuel.left();
        input.fuel = left;
        evaluated.map_err(|error| *error)
    }
}

/// The text.
impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl Input<'_> {
    /// Data alone, at the beginning of 1970 and without randomness.
    pub fn new(data: Option<Json>) -> Input<'static> {
        Input {
            data,
            bindings: &(),
            now_millis: 0,
            entropy: [0; 16],
            fuel: FUEL,
            depth: DEPTH_MAX,
            memory: MEMORY_MAX,
        }
    }
}

/// No variables.
impl Bindings for () {
    fn get(&self, _: &str) -> Option<Json> {
        None
    }
}

impl Bindings for BTreeMap<String, Json> {
    fn get(&self, name: &str) -> Option<Json> {
        BTreeMap::get(self, name).cloned()
    }
}
