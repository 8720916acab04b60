//! Truth, types, errors, chance and `$eval`.

use super::Arguments;
use crate::compile::{self, Place};
use crate::error::{Error, ErrorKind, Outcome};
use crate::eval::Machine;
use crate::value::{Array, Flags, Value, View, out_of_range, truth};

type Result = Outcome<Value>;

pub(super) fn boolean(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let argument = arguments.get(0);
    if argument.is_undefined() {
        return Ok(Value::Undefined);
    }
    truth(argument, &mut machine.fuel).map(Value::from)
}

pub(super) fn not(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let argument = arguments.get(0);
    if argument.is_undefined() {
        return Ok(Value::Undefined);
    }
    Ok((!truth(argument, &mut machine.fuel)?).into())
}

pub(super) fn exists(_: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    Ok((!arguments.get(0).is_undefined()).into())
}

pub(super) fn type_of(_: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    Ok(Value::text(match arguments.get(0).view() {
        View::Undefined => return Ok(Value::Undefined),
        View::Null => "null",
        View::Bool(_) => "boolean",
        View::Number(number) if number.is_infinite() => return Err(out_of_range()),
        // As in the reference, where it is no number and not null.
        View::Number(number) if number.is_nan() => "object",
        View::Number(_) => "number",
        View::Text(_) => "string",
        View::Array(_) => "array",
        View::Object(_) => "object",
        View::Function(_) => "function",
    }))
}

pub(super) fn error(_: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    Err(raised("D3137", arguments, 0, "$error() function evaluated"))
}

pub(super) fn assert(_: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    match arguments.get(0) {
        Value::Json(stepyard_json::Json::Bool(true)) => Ok(Value::Undefined),
        _ => Err(raised("D3141", arguments, 1, "$assert() statement failed")),
    }
}

/// An error with the user's message, or with that one when there is none.
fn raised(code: &'static str, arguments: &Arguments<'_>, at: usize, default: &str) -> Box<Error> {
    let message = arguments.text(at).filter(|message| !message.is_empty());
    Error::new(code).with_text("message", message.map_or(default, |message| message))
}

pub(super) fn random(machine: &mut Machine<'_>, _: &mut Arguments<'_>) -> Result {
    Ok(Value::Number(machine.random().unit()))
}

/// Compiles and evaluates a text.
pub(super) fn eval(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    machine.fuel.pay_bytes(16 * text.len())?;
    let node = compile::compile(text, machine.dialect, Place::Within)
        .map_err(|error| Error::new("D3120").with_text("value", &error.message()))?;
    let input = match arguments.get(1) {
        Value::Undefined => arguments.context.clone(),
        data if data.is_array() && !data.is_sequence() => {
            Value::Array(Array::new(vec![data.clone()], Flags::SEQUENCE.and(Flags::OUTER)))
        }
        other => other.clone(),
    };
    machine.evaluate(&node, &input).map_err(|error| match error.kind {
        ErrorKind::Expression => Error::new("D3121").with_text("value", &error.message()),
        _ => error,
    })
}
