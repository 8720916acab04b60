//! Functions of numbers.

use super::{Arguments, parse_number};
use crate::error::{Error, Outcome};
use crate::eval::Machine;
use crate::fault::Fault;
use crate::number;
use crate::value::{Items, Members, Value, quote};

type Result = Outcome<Value>;

pub(super) fn sum(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let total = numbers(machine, arguments)?.map(|numbers| total(&numbers));
    Ok(defined(total))
}

pub(super) fn count(_: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    Ok(arguments.get(0).items().map_or(0, Items::len).into())
}

pub(super) fn max(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let numbers = numbers(machine, arguments)?;
    Ok(defined(
        numbers.and_then(|numbers| numbers.into_iter().reduce(|a, b| either(a, b, f64::max))),
    ))
}

pub(super) fn min(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let numbers = numbers(machine, arguments)?;
    Ok(defined(
        numbers.and_then(|numbers| numbers.into_iter().reduce(|a, b| either(a, b, f64::min))),
    ))
}

/// One of two numbers; none when one of them is none.
fn either(a: f64, b: f64, choice: fn(f64, f64) -> f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { choice(a, b) }
}

/// The sum, from zero on: of nothing the standard library has a negative zero.
fn total(numbers: &[f64]) -> f64 {
    numbers.iter().fold(0.0, |total, number| total + number)
}

pub(super) fn average(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let numbers = numbers(machine, arguments)?.filter(|numbers| !numbers.is_empty());
    Ok(defined(numbers.map(|numbers| total(&numbers) / numbers.len() as f64)))
}

pub(super) fn number(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let argument = arguments.get(0);
    let refused = || Error::new("D3030").with_json("value", &quote(argument));
    match argument {
        Value::Undefined => Ok(Value::Undefined),
        Value::Json(stepyard_json::Json::Bool(value)) => Ok(f64::from(u8::from(*value)).into()),
        _ => match argument.as_text() {
            Some(text) => {
                machine.fuel.pay_bytes(text.len())?;
                parse_number::parse(text).map(Value::Number).ok_or_else(refused)
            }
            None if argument.as_f64().is_some() => Ok(argument.clone()),
            None => Err(refused()),
        },
    }
}

pub(super) fn floor(_: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    Ok(defined(arguments.number(0).map(f64::floor)))
}

pub(super) fn ceil(_: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    Ok(defined(arguments.number(0).map(f64::ceil)))
}

pub(super) fn abs(_: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    Ok(defined(arguments.number(0).map(f64::abs)))
}

/// Rounds halves to even, at a number of decimals.
pub(super) fn round(_: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let Some(number) = arguments.number(0) else { return Ok(Value::Undefined) };
    let places = arguments.number(1).filter(|places| !places.is_nan()).unwrap_or(0.0);
    Ok(Value::Number(number::round(number, places)))
}

pub(super) fn sqrt(_: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    match arguments.number(0) {
        Some(number) if number < 0.0 => {
            Err(Error::new("D3060").with_json("value", &quote(arguments.get(0))))
        }
        number => Ok(defined(number.map(f64::sqrt))),
    }
}

pub(super) fn power(_: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let Some(base) = arguments.number(0) else { return Ok(Value::Undefined) };
    let exponent = arguments.number(1).unwrap_or(f64::NAN);
    let result = number::power(base, exponent);
    // In JavaScript a power of one is none, too, when the exponent is not finite.
    if result.is_finite() && (exponent.is_finite() || base.abs() != 1.0) {
        return Ok(Value::Number(result));
    }
    let error = Error::new("D3061").with_json("value", &quote(arguments.get(0)));
    Err(error.with_json("exp", &quote(arguments.get(1))))
}

pub(super) fn format_number(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let Some(value) = arguments.number(0) else { return Ok(Value::Undefined) };
    let picture = arguments.text(1).cloned().unwrap_or_default();
    machine.fuel.pay_bytes(picture.len())?;
    let members = arguments.get(2).members().map_or_else(Vec::new, Members::to_vec);
    let options: Vec<(String, String)> = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.as_text()?.to_string())))
        .collect();
    number::format_number(value, &picture, &options).map(Value::text).map_err(fault)
}

pub(super) fn format_base(_: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let Some(value) = arguments.number(0) else { return Ok(Value::Undefined) };
    let radix = arguments.number(1).unwrap_or(10.0);
    number::format_base(value, radix).map(Value::text).map_err(fault)
}

pub(super) fn format_integer(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let Some(value) = arguments.number(0) else { return Ok(Value::Undefined) };
    let picture = arguments.text(1).cloned().unwrap_or_default();
    machine.fuel.pay_bytes(picture.len())?;
    number::format_integer(value, &picture).map(Value::text).map_err(fault)
}

pub(super) fn parse_integer(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    let picture = arguments.text(1).cloned().unwrap_or_default();
    machine.fuel.pay_bytes(text.len() + picture.len())?;
    number::parse_integer(text, &picture).map(Value::Number).map_err(fault)
}

/// The numbers of the first argument.
fn numbers(machine: &mut Machine<'_>, arguments: &Arguments<'_>) -> Outcome<Option<Vec<f64>>> {
    let Some(items) = arguments.get(0).items() else { return Ok(None) };
    machine.fuel.pay(items.len() as u64)?;
    Ok(Some(items.iter().filter_map(|item| item.as_f64()).collect()))
}

pub(super) fn defined(number: Option<f64>) -> Value {
    number.map_or(Value::Undefined, Value::Number)
}

/// The error of a function that knows nothing of evaluations.
pub(super) fn fault(fault: Fault) -> Box<Error> {
    let error = Error::new(fault.code);
    let error = match fault.value {
        // A radix; all others are texts.
        Some(value) if fault.code == "D3100" => error.with_json("value", &value),
        Some(value) => error.with_text("value", &value),
        None => error,
    };
    match fault.token {
        Some(token) => error.with_token(token),
        None => error,
    }
}
