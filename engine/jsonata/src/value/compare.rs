//! Equality, order and truth.

use std::cmp::Ordering;

use stepyard_json::Json;

use super::{Items, Members, Value, View};
use crate::error::Outcome;
use crate::eval::Fuel;

/// Whether two values are equal in depth: `=`.
pub(crate) fn equal(a: &Value, b: &Value, fuel: &mut Fuel) -> Outcome<bool> {
    fuel.pay(1)?;
    match (a.view(), b.view()) {
        (View::Array(a), View::Array(b)) => equal_items(a, b, fuel),
        (View::Object(a), View::Object(b)) => equal_members(a, b, fuel),
        _ => Ok(is_same(a, b)),
    }
}

fn equal_items(a: Items<'_>, b: Items<'_>, fuel: &mut Fuel) -> Outcome<bool> {
    if a.len() != b.len() {
        return Ok(false);
    }
    for at in 0..a.len() {
        if !equal(&a.get(at), &b.get(at), fuel)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn equal_members(a: Members<'_>, b: Members<'_>, fuel: &mut Fuel) -> Outcome<bool> {
    if a.len() != b.len() {
        return Ok(false);
    }
    for (name, value) in a.to_vec() {
        match b.get(&name) {
            Some(other) if equal(&value, &other, fuel)? => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// Whether two values are the same scalar or the same thing: `===`.
pub(crate) fn is_same(a: &Value, b: &Value) -> bool {
    match (a.view(), b.view()) {
        (View::Null, View::Null) => true,
        (View::Bool(a), View::Bool(b)) => a == b,
        (View::Number(a), View::Number(b)) => a == b,
        (View::Text(a), View::Text(b)) => a == b,
        (View::Function(a), View::Function(b)) => std::rc::Rc::ptr_eq(a, b),
        (View::Array(_), View::Array(_)) | (View::Object(_), View::Object(_)) => is_shared(a, b),
        _ => false,
    }
}

fn is_shared(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => std::ptr::eq(a.items(), b.items()),
        (Value::Object(a), Value::Object(b)) => std::rc::Rc::ptr_eq(a, b),
        (Value::Json(Json::Array(a)), Value::Json(Json::Array(b))) => std::sync::Arc::ptr_eq(a, b),
        (Value::Json(Json::Object(a)), Value::Json(Json::Object(b))) => {
            std::sync::Arc::ptr_eq(a, b)
        }
        _ => false,
    }
}

/// The order of strings in JavaScript: by UTF-16 units.
pub(crate) fn compare_text(a: &str, b: &str) -> Ordering {
    if a.is_ascii() && b.is_ascii() { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
}

/// The effective boolean value: empty values, zero, `null`, functions and nothing are false. An array
/// is true when an element is.
pub(crate) fn truth(value: &Value, fuel: &mut Fuel) -> Outcome<bool> {
    fuel.pay(1)?;
    Ok(match value.view() {
        View::Undefined | View::Null | View::Function(_) => false,
        View::Bool(value) => value,
        View::Number(number) => finite(number)? && number != 0.0,
        View::Text(text) => !text.is_empty(),
        View::Object(members) => members.len() > 0,
        View::Array(items) => {
            for item in items.iter() {
                if truth(&item, fuel)? {
                    return Ok(true);
                }
            }
            false
        }
    })
}

/// Refuses infinities; tells whether it is a number at all.
fn finite(number: f64) -> Outcome<bool> {
    if number.is_infinite() {
        return Err(super::convert::out_of_range(number));
    }
    Ok(!number.is_nan())
}
