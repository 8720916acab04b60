//! Functions of arrays.

use super::Arguments;
use crate::error::{Error, Outcome};
use crate::eval::Machine;
use crate::value::{ArrayBuilder, Flags, Items, Value, View, compare_text, equal, out_of_range};

type Result = Outcome<Value>;

pub(super) fn append(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let (first, second) = (arguments.take(0), arguments.take(1));
    machine.append(first, second)
}

pub(super) fn reverse(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let array = arguments.get(0);
    let Some(items) = array.items().filter(|items| items.len() > 1) else {
        return Ok(array.clone());
    };
    machine.fuel.pay(items.len() as u64)?;
    Ok(Value::array((0..items.len()).rev().map(|at| items.get(at)).collect()))
}

/// Fisher and Yates, from the inside out.
pub(super) fn shuffle(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let array = arguments.get(0);
    let Some(items) = array.items().filter(|items| items.len() > 1) else {
        return Ok(array.clone());
    };
    machine.fuel.pay(items.len() as u64)?;
    let mut shuffled = items.to_vec();
    for at in 1..shuffled.len() {
        let other = machine.random().below(at as u64 + 1) as usize;
        shuffled.swap(at, other);
    }
    Ok(Value::array(shuffled))
}

/// The first of equal items each.
pub(super) fn distinct(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let array = arguments.get(0);
    let Some(items) = array.items().filter(|items| items.len() > 1) else {
        return Ok(array.clone());
    };
    let mut kept = ArrayBuilder::new();
    for item in items.iter() {
        let mut is_new = true;
        for known in kept.items() {
            if equal(&item, known, &mut machine.fuel)? {
                is_new = false;
                break;
            }
        }
        if is_new {
            kept.push(item)?;
        }
    }
    let flags = if array.is_sequence() { Flags::SEQUENCE } else { Flags::NONE };
    kept.finish(flags).map(Value::Array)
}

/// The first items of all arrays, then the second ones, as long as each has one.
pub(super) fn zip(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let arrays: Vec<Option<Items<'_>>> = arguments.all().iter().map(Value::items).collect();
    let length = arrays.iter().map(|items| items.map_or(0, Items::len)).min().unwrap_or(0);
    let mut zipped = ArrayBuilder::new();
    for at in 0..length {
        machine.fuel.pay(arrays.len() as u64)?;
        let tuple = arrays.iter().flatten().map(|items| items.get(at)).collect();
        zipped.push(Value::array(tuple))?;
    }
    zipped.finish(Flags::NONE).map(Value::Array)
}

/// Sorts numbers or strings, or by a function that tells whether the first belongs behind the second.
pub(super) fn sort(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let array = arguments.get(0);
    let Some(items) = array.items().filter(|items| items.len() > 1) else {
        return Ok(array.clone());
    };
    machine.fuel.pay(items.len() as u64)?;
    let values = items.to_vec();
    let sorted = match arguments.function(1) {
        Some(function) => {
            let function = Value::Function(function.clone());
            machine.merge_sort(values, &mut |machine, a, b| {
                let result = machine.callback(&function, vec![a.clone(), b.clone()])?;
                Ok(is_truthy(&result))
            })?
        }
        None => {
            if !are_numbers(&values)? && !values.iter().all(|value| value.as_text().is_some()) {
                return Err(Error::new("D3070"));
            }
            machine.merge_sort(values, &mut |_, a, b| Ok(is_greater(a, b)))?
        }
    };
    Ok(Value::array(sorted))
}

/// Whether all are numbers, none of them infinite.
fn are_numbers(values: &[Value]) -> Outcome<bool> {
    for value in values {
        match value.as_f64() {
            Some(number) if number.is_infinite() => return Err(out_of_range()),
            Some(number) if !number.is_nan() => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

fn is_greater(a: &Value, b: &Value) -> bool {
    match (a.view(), b.view()) {
        (View::Number(a), View::Number(b)) => a > b,
        (View::Text(a), View::Text(b)) => compare_text(a, b).is_gt(),
        _ => false,
    }
}

/// What JavaScript takes for true.
fn is_truthy(value: &Value) -> bool {
    match value.view() {
        View::Undefined | View::Null => false,
        View::Bool(value) => value,
        View::Number(number) => number != 0.0 && !number.is_nan(),
        View::Text(text) => !text.is_empty(),
        View::Array(_) | View::Object(_) | View::Function(_) => true,
    }
}
