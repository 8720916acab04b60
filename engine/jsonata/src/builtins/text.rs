//! Functions of strings.

use super::Arguments;
use crate::error::{Error, Outcome};
use crate::eval::Machine;
use crate::limits::STRING_MAX;
use crate::value::{Value, to_text};

type Result = Outcome<Value>;

pub(super) fn string(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let argument = arguments.get(0);
    if argument.is_undefined() {
        return Ok(Value::Undefined);
    }
    let pretty = matches!(arguments.get(1), Value::Json(stepyard_json::Json::Bool(true)));
    to_text(argument, pretty, &mut machine.fuel).map(Value::text)
}

/// Characters from a place on, which counts from the end when negative.
pub(super) fn substring(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    machine.fuel.pay_bytes(text.len())?;
    let length = text.chars().count() as f64;
    let given = arguments.number(1);
    let mut start = given.unwrap_or(0.0);
    if length + start < 0.0 {
        start = 0.0;
    }
    let end = match arguments.number(2) {
        // As in the reference, from nowhere no number of characters is nothing.
        Some(count) if count <= 0.0 || given.is_none() => return Ok(Value::text("")),
        Some(count) if start >= 0.0 => start + count,
        Some(count) => length + start + count,
        None => f64::INFINITY,
    };
    let (start, end) = (place(start, length), place(end, length));
    Ok(Value::text(text.chars().skip(start).take(end.saturating_sub(start)).collect::<String>()))
}

/// A place in a sequence of that length, as JavaScript's `slice` takes it.
fn place(index: f64, length: f64) -> usize {
    let index = if index.is_nan() { 0.0 } else { index.trunc() };
    let index = if index < 0.0 { (length + index).max(0.0) } else { index.min(length) };
    index as usize
}

pub(super) fn substring_before(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    around(machine, arguments, |text, at, _| &text[..at])
}

pub(super) fn substring_after(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    around(machine, arguments, |text, at, length| &text[at + length..])
}

fn around(
    machine: &mut Machine<'_>,
    arguments: &Arguments<'_>,
    part: fn(&str, usize, usize) -> &str,
) -> Result {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    machine.fuel.pay_bytes(text.len())?;
    let wanted = arguments.text(1).cloned().unwrap_or_else(|| "undefined".into());
    Ok(match text.find(&*wanted) {
        Some(at) => Value::text(part(text, at, wanted.len())),
        None => arguments.get(0).clone(),
    })
}

pub(super) fn lowercase(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    mapped(machine, arguments, str::to_lowercase)
}

pub(super) fn uppercase(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    mapped(machine, arguments, str::to_uppercase)
}

/// Blanks become single spaces; none is left at the ends.
pub(super) fn trim(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    mapped(machine, arguments, |text| {
        let words = text.split([' ', '\t', '\n', '\r']).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join(" ")
    })
}

fn mapped(machine: &mut Machine<'_>, arguments: &Arguments<'_>, map: fn(&str) -> String) -> Result {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    machine.fuel.pay_bytes(text.len())?;
    Ok(Value::text(map(text)))
}

pub(super) fn length(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    machine.fuel.pay_bytes(text.len())?;
    Ok(text.chars().count().into())
}

/// Pads to a width: at the end, or at the start when it is negative.
pub(super) fn pad(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    let width = arguments.number(1).unwrap_or(0.0).trunc();
    let filling = arguments.text(2).filter(|filling| !filling.is_empty());
    let filling: Vec<char> = filling.map_or_else(|| vec![' '], |filling| filling.chars().collect());
    machine.fuel.pay_bytes(text.len())?;
    let missing = width.abs() - text.chars().count() as f64;
    if missing <= 0.0 || missing.is_nan() {
        return Ok(arguments.get(0).clone());
    }
    if missing > STRING_MAX as f64 {
        return Err(Error::limit("D1016", STRING_MAX));
    }
    machine.fuel.pay_bytes(missing as usize)?;
    let padding: String = filling.iter().cycle().take(missing as usize).collect();
    let padded = if width > 0.0 { format!("{text}{padding}") } else { format!("{padding}{text}") };
    if padded.len() > STRING_MAX {
        return Err(Error::limit("D1016", STRING_MAX));
    }
    Ok(Value::text(padded))
}

pub(super) fn join(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let Some(items) = arguments.get(0).items() else { return Ok(Value::Undefined) };
    let separator = arguments.text(1).cloned().unwrap_or_default();
    let mut joined = String::new();
    for (at, item) in items.iter().enumerate() {
        let piece = item.as_text().cloned().unwrap_or_default();
        machine.fuel.pay_bytes(piece.len() + separator.len())?;
        if joined.len() + piece.len() + separator.len() > STRING_MAX {
            return Err(Error::limit("D1016", STRING_MAX));
        }
        if at > 0 {
            joined.push_str(&separator);
        }
        joined.push_str(&piece);
    }
    Ok(Value::text(joined))
}
