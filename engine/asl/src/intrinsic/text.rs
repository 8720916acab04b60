//! Functions on text.

use std::fmt::Write;

use stepyard_json::Json;

use super::Arguments;
use crate::EvalError;

/// Fills `{}` of the template in order; `\{`, `\}` and `\\` stand for themselves.
pub(super) fn format(arguments: &Arguments<'_>) -> Result<Json, EvalError> {
    let template = arguments.string(0)?;
    let mut values = arguments.values[1..].iter();
    let mut text = String::new();
    let mut characters = template.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(escaped @ ('{' | '}' | '\\' | '\'')) => text.push(escaped),
                Some(other) => text.extend(['\\', other]),
                None => return Err(arguments.fault(0, "ends with a backslash")),
            },
            '{' => {
                if characters.next() != Some('}') {
                    return Err(arguments.fault(0, "has a '{' that is not followed by '}'"));
                }
                let value = values.next().ok_or_else(|| mismatch(arguments))?;
                push_value(&mut text, value);
            }
            '}' => return Err(arguments.fault(0, "has a '}' that is not preceded by '{'")),
            _ => text.push(character),
        }
    }
    match values.next() {
        None => Ok(text.into()),
        Some(_) => Err(mismatch(arguments)),
    }
}

fn mismatch(arguments: &Arguments<'_>) -> EvalError {
    arguments.failure("the number of '{}' does not match the number of arguments")
}

/// Strings as they are; objects and arrays as Java prints them, which is what AWS does.
fn push_value(text: &mut String, value: &Json) {
    match value {
        Json::String(string) => text.push_str(string),
        Json::Array(elements) => {
            text.push('[');
            for (at, element) in elements.iter().enumerate() {
                text.push_str(if at > 0 { ", " } else { "" });
                push_value(text, element);
            }
            text.push(']');
        }
        Json::Object(object) => {
            text.push('{');
            for (at, (key, member)) in object.iter().enumerate() {
                text.push_str(if at > 0 { ", " } else { "" });
                text.push_str(key);
                text.push('=');
                push_value(text, member);
            }
            text.push('}');
        }
        // Writing to a string cannot fail.
        Json::Null | Json::Bool(_) | Json::Number(_) => {
            let _ = write!(text, "{value}");
        }
    }
}

/// Each character of the second argument splits; empty pieces are dropped.
pub(super) fn split(arguments: &Arguments<'_>) -> Result<Json, EvalError> {
    let (text, separators) = (arguments.string(0)?, arguments.string(1)?);
    let pieces = text.split(|character| separators.contains(character));
    Ok(pieces.filter(|piece| !piece.is_empty()).map(Json::from).collect())
}
