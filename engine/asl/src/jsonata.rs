//! JSONata in definitions: strings of the form `{% expression %}` (AWS developer guide, "Transforming data with JSONata").

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use stepyard_json::{Json, Object, Payload};
use stepyard_jsonata::{
    Bindings, DEPTH_MAX, Dialect, Error, ErrorKind, Evaluated, Expression, Input, MEMORY_MAX,
};

use crate::references::{References, VariableNames};
use crate::{Code, Env, EvalError, Surroundings};

const OPEN: &str = "{%";
const CLOSE: &str = "%}";

/// Longest cause that AWS tells, in characters (API reference, `EvaluationFailedEventDetails`); in bytes here.
const CAUSE_BYTES_MAX: usize = 32_768;

/// Longest text of a value that a cause quotes.
const QUOTE_BYTES_MAX: usize = 8_192;

/// The variable that holds what Step Functions gives: `$states.input` and its siblings.
const STATES: &str = "states";

/// A member of `$states`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatesMember {
    /// `$states.input`: the input of the state.
    Input,
    /// `$states.context`: the context object.
    Context,
    /// `$states.result`: the result of a Task, Parallel or Map state.
    Result,
    /// `$states.errorOutput`: what a catcher has caught.
    ErrorOutput,
}

impl StatesMember {
    const ALL: [StatesMember; 4] = [
        StatesMember::Input,
        StatesMember::Context,
        StatesMember::Result,
        StatesMember::ErrorOutput,
    ];

    fn name(self) -> &'static str {
        match self {
            StatesMember::Input => "input",
            StatesMember::Context => "context",
            StatesMember::Result => "result",
            StatesMember::ErrorOutput => "errorOutput",
        }
    }
}

/// Where an expression stands, which decides on what it may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Before the work of a state: its input is all there is.
    Input,
    /// `Output` and `Assign` of a state that has a result.
    Result,
    /// `Output` and `Assign` of a catcher.
    Catch,
}

impl Place {
    fn shows(self, member: StatesMember) -> bool {
        match member {
            StatesMember::Input | StatesMember::Context => true,
            StatesMember::Result => self == Place::Result,
            StatesMember::ErrorOutput => self == Place::Catch,
        }
    }
}

/// A compiled expression, with the field that holds it.
#[derive(Clone, Debug)]
pub struct Jsonata {
    expression: Expression,
    /// Its field as a path from the state: `Output/total`, `Choices[0]/Condition`.
    location: Arc<str>,
    /// The members of `$states` that it reads.
    reads: Vec<StatesMember>,
    /// The variables that it reads, but for `$states`.
    variables: Vec<Arc<str>>,
}

/// What is wrong with an expression.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct JsonataFault {
    pub(crate) code: Code,
    pub(crate) message: String,
}

impl JsonataFault {
    fn unsupported(message: String) -> JsonataFault {
        JsonataFault { code: Code::UnsupportedJsonataExpression, message }
    }
}

/// The text between the markers, if the whole string is an expression. Blanks around the markers make it a plain string.
///
/// # Errors
/// When there is only one of the markers.
pub(crate) fn expression_in(text: &str) -> Result<Option<&str>, JsonataFault> {
    let inside = text.strip_prefix(OPEN).map(|rest| rest.strip_suffix(CLOSE));
    match inside {
        Some(Some(inside)) => Ok(Some(inside.trim())),
        None if !text.ends_with(CLOSE) => Ok(None),
        Some(None) | None => Err(JsonataFault {
            code: Code::InvalidJsonataExpression,
            message: format!("A JSONata expression starts with '{OPEN}' and ends with '{CLOSE}'"),
        }),
    }
}

impl Jsonata {
    /// Compiles the text between the markers.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(crate) fn compile(
        text: &str,
        location: &str,
        place: Place,
    ) -> Result<Jsonata, Vec<JsonataFault>> {
        let expression = Expression::compile(text, Dialect::StepFunctions).map_err(|error| {
            let message = error.message();
            vec![JsonataFault { code: Code::InvalidJsonataExpression, message }]
        })?;
        let references = expression.references();
        let mut faults = data_faults(&references.data);
        let mut reads = Vec::new();
        let of_states = references.paths.iter().filter(|path| path.first().is_some_and(is_states));
        for path in of_states {
            match states_members(path.get(1).map(String::as_str), place) {
                Ok(members) => reads.extend(members),
                Err(fault) => faults.extend((!faults.contains(&fault)).then_some(fault)),
            }
        }
        if faults.is_empty() {
            let names = references.variables.iter().filter(|name| !is_states(name));
            let variables = names.map(|name| Arc::from(&**name)).collect();
            Ok(Jsonata { expression, location: location.into(), reads, variables })
        } else {
            Err(faults)
        }
    }

    /// The text between the markers.
    pub fn text(&self) -> &str {
        self.expression.text()
    }

    /// The field that holds it, as a path from the state.
    pub fn location(&self) -> &Arc<str> {
        &self.location
    }

    /// Its value.
    ///
    /// # Errors
    /// `States.QueryEvaluationError` when it fails, takes too long, or gives nothing or a function.
    pub fn eval(&self, env: &mut Env<'_>) -> Result<Json, EvalError> {
        let bindings =
            Visible { expression: self, surroundings: env.surroundings, states: OnceCell::new() };
        let mut input = Input {
            data: None,
            bindings: &bindings,
            now_millis: env.now.0,
            entropy: env.random.entropy(),
            fuel: env.fuel,
            depth: DEPTH_MAX,
            memory: MEMORY_MAX,
        };
        let evaluated = self.expression.evaluate(&mut input);
        env.fuel = input.fuel;
        match evaluated {
            Ok(Evaluated::Value(value)) => Ok(value),
            Ok(Evaluated::Undefined) => Err(self.error("returned nothing (undefined).")),
            Ok(Evaluated::Function) => Err(self.error("returned an unsupported result type.")),
            Err(error) => {
                Err(self.error(&format!("threw an error during evaluation{}", told(&error))))
            }
        }
    }

    /// The value is not what its field is for.
    pub fn unexpected(&self, expected: &str, value: &Json) -> EvalError {
        let (found, value) = (value.type_name(), quoted(value));
        self.error(&format!(
            "returned an unexpected result type. Expected '{expected}', but was '{found}' for value: {value}"
        ))
    }

    /// In the words of AWS, which quotes the expression and names its field.
    fn error(&self, what: &str) -> EvalError {
        let (text, location) = (self.text(), &self.location);
        let cause =
            format!("The JSONata expression '{text}' specified for the field '{location}' {what}");
        let cause = &cause[..cause.floor_char_boundary(CAUSE_BYTES_MAX)];
        EvalError::query(cause, Some(location.clone()))
    }
}

/// Codes of our own for what holds too much: one value, the result, or all values together.
const MEMORY_CODES: [&str; 3] = ["D1016", "D1017", "D1018"];

/// How an error of the evaluation is told: with its code, but for limits, which have none (measured at AWS: floci, issue 2737).
fn told(error: &Error) -> String {
    match error.kind {
        ErrorKind::Expression if MEMORY_CODES.contains(&error.code) => {
            ": Expression evaluation memory limit exceeded: Check for excessive memory usage".into()
        }
        ErrorKind::Expression => format!(". {error}"),
        ErrorKind::OutOfFuel => ": Expression evaluation timeout: Check for infinite loop".into(),
        ErrorKind::TooDeep => {
            ": Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive".into()
        }
    }
}

/// A value in a message. What is shared in it may be there any number of times, so its text has a limit.
fn quoted(value: &Json) -> String {
    let payload = Payload::from(value.clone());
    match payload.fits(QUOTE_BYTES_MAX) {
        true => payload.text().to_string(),
        false => format!("(more than {QUOTE_BYTES_MAX} bytes)"),
    }
}

fn is_states(name: &String) -> bool {
    name == STATES
}

/// There is no data around an expression (measured at AWS: floci, issues 2670 and 2745).
fn data_faults(data: &BTreeSet<String>) -> Vec<JsonataFault> {
    let told = data.iter().map(|name| match &**name {
        "$$" => "Reference to '$$' is not supported.".to_owned(),
        name => format!("Reference to '{name}' at the top level is not supported."),
    });
    told.map(JsonataFault::unsupported).collect()
}

/// What `$states.member` reads, or the whole of `$states`.
fn states_members(member: Option<&str>, place: Place) -> Result<Vec<StatesMember>, JsonataFault> {
    let shown = StatesMember::ALL.into_iter().filter(|member| place.shows(*member));
    let Some(name) = member else { return Ok(shown.collect()) };
    let known = StatesMember::ALL.into_iter().find(|member| member.name() == name);
    match known {
        Some(member) if place.shows(member) => Ok(vec![member]),
        Some(_) => {
            Err(JsonataFault::unsupported(format!("Field '$states.{name}' does not exist.")))
        }
        None => Err(JsonataFault::unsupported(format!("Unknown reserved states field: {name}"))),
    }
}

/// The variables that an expression sees.
struct Visible<'a> {
    expression: &'a Jsonata,
    surroundings: &'a dyn Surroundings,
    /// `$states`, with the members that the expression reads.
    states: OnceCell<Json>,
}

impl Visible<'_> {
    fn states(&self) -> Json {
        let mut states = Object::new();
        for member in &self.expression.reads {
            if let Some(value) = self.surroundings.states(*member) {
                states.insert(member.name(), value);
            }
        }
        states.into()
    }
}

impl Bindings for Visible<'_> {
    fn get(&self, name: &str) -> Option<Json> {
        if name == STATES {
            return Some(self.states.get_or_init(|| self.states()).clone());
        }
        self.surroundings.variable(name).cloned()
    }
}

impl References for Jsonata {
    fn collect(&self, found: &mut VariableNames) {
        found.extend(self.variables.iter().cloned());
    }
}

#[cfg(test)]
mod tests;
