//! Equality, order and truth.

use std::cmp::Ordering;

use stepyard_json::Json;

use super::{Items, Members, Value, View};
use crate::error::Outcome;
use crate::eval::Fuel;

/// Whether two values are equal in depth: `=`. The depth takes no stack.
pub(crate) fn equal(a: &Value, b: &Value, fuel: &mut Fuel) -> Outcome<bool> {
    if !matches!(
        (a.view(), b.view()),
        (View::Array(_), View::Array(_)) | (View::Object(_), View::Object(_))
    ) {
        fuel.pay(1)?;
        return Ok(is_same(a, b));
    }
    let mut open = vec![(a.clone(), b.clone())];
    while let Some((a, b)) = open.pop() {
        fuel.pay(1)?;
        let may_be_equal = match (a.view(), b.view()) {
            (View::Array(a), View::Array(b)) => pair_items(a, b, &mut open),
            (View::Object(a), View::Object(b)) => pair_members(a, b, &mut open),
            _ => is_same(&a, &b),
        };
        if !may_be_equal {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Leaves the elements to be compared; false when they cannot be equal.
fn pair_items(a: Items<'_>, b: Items<'_>, open: &mut Vec<(Value, Value)>) -> bool {
    if a.len() != b.len() {
        return false;
    }
    open.extend((0..a.len()).rev().map(|at| (a.get(at), b.get(at))));
    true
}

/// Leaves the members to be compared; false when they cannot be equal.
fn pair_members(a: Members<'_>, b: Members<'_>, open: &mut Vec<(Value, Value)>) -> bool {
    if a.len() != b.len() {
        return false;
    }
    a.to_vec().into_iter().all(|(name, value)| match b.get(&name) {
        Some(other) => {
            open.push((value, other));
            true
        }
        None => false,
    })
}

/// Whether two values are the same scalar or the same thing: `===`.
pub(crate) fn is_same(a: &Value, b: &Value) -> bool {
    match (a.view(), b.view()) {
        (View::Undefined, View::Undefined) | (View::Null, View::Null) => true,
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
        (Value::Array(a), Value::Array(b)) => a.is_shared_with(b),
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
/// is true when an element is, however deep.
pub(crate) fn truth(value: &Value, fuel: &mut Fuel) -> Outcome<bool> {
    fuel.pay(1)?;
    let Some(items) = value.items() else { return scalar_truth(value) };
    let mut open: Vec<Value> = reversed(items);
    // All are looked at: an infinity is refused wherever it stands.
    let mut any = false;
    while let Some(value) = open.pop() {
        fuel.pay(1)?;
        match value.items() {
            Some(items) => open.extend(reversed(items)),
            None => any |= scalar_truth(&value)?,
        }
    }
    Ok(any)
}

fn scalar_truth(value: &Value) -> Outcome<bool> {
    Ok(match value.view() {
        View::Undefined | View::Null | View::Function(_) | View::Array(_) => false,
        View::Bool(value) => value,
        View::Number(number) => finite(number)? && number != 0.0,
        View::Text(text) => !text.is_empty(),
        View::Object(members) => members.len() > 0,
    })
}

/// Elements for a stack: the first one on top.
pub(crate) fn reversed(items: Items<'_>) -> Vec<Value> {
    (0..items.len()).rev().map(|at| items.get(at)).collect()
}

/// Refuses infinities; tells whether it is a number at all.
fn finite(number: f64) -> Outcome<bool> {
    if number.is_infinite() {
        return Err(super::convert::out_of_range());
    }
    Ok(!number.is_nan())
}
