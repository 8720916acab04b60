//! Functions of objects.

use std::collections::HashSet;
use std::rc::Rc;

use super::Arguments;
use crate::error::Outcome;
use crate::eval::Machine;
use crate::value::{ArrayBuilder, Flags, Record, Value, View, reversed, to_json};

type Result = Outcome<Value>;

/// The names of the members, of all objects when there are many.
pub(super) fn keys(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let mut seen = HashSet::new();
    let mut found = ArrayBuilder::new();
    let mut open = vec![arguments.get(0).clone()];
    while let Some(value) = open.pop() {
        machine.fuel.pay(1)?;
        match value.view() {
            View::Array(items) => open.extend(reversed(items)),
            View::Object(members) => {
                machine.fuel.pay(members.len() as u64)?;
                for name in members.names() {
                    if seen.insert(name.clone()) {
                        found.push(Value::text(name))?;
                    }
                }
            }
            _ => {}
        }
    }
    found.sequence()
}

pub(super) fn lookup(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let Some(name) = arguments.text(1) else { return Ok(Value::Undefined) };
    machine.lookup(arguments.get(0), name)
}

/// An object of one member for each member.
pub(super) fn spread(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    spread_value(machine, arguments.get(0))
}

fn spread_value(machine: &mut Machine<'_>, value: &Value) -> Result {
    machine.fuel.pay(1)?;
    let mut found = ArrayBuilder::new();
    match value.view() {
        View::Array(items) => {
            let mut flags = Flags::SEQUENCE;
            for item in items.iter() {
                machine.fuel.enter(1)?;
                let spread = spread_value(machine, &item)?;
                machine.fuel.leave(1);
                if !spread.is_undefined() {
                    // As in the reference, what is put together is an ordinary array.
                    flags = Flags::NONE;
                    found.extend(spread)?;
                }
            }
            return found.finish(flags).map(Value::Array);
        }
        View::Object(members) => {
            machine.fuel.pay(members.len() as u64)?;
            for (name, member) in members.to_vec() {
                let mut record = Record::default();
                record.insert(name, member)?;
                found.push(Value::Object(Rc::new(record)))?;
            }
        }
        _ => return Ok(value.clone()),
    }
    found.sequence()
}

/// One object with the members of all; the last of a name counts.
pub(super) fn merge(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let Some(items) = arguments.get(0).items() else { return Ok(Value::Undefined) };
    let mut merged = Record::default();
    for item in items.iter() {
        let Some(members) = item.members() else { continue };
        machine.fuel.pay(1 + members.len() as u64)?;
        for (name, member) in members.to_vec() {
            merged.insert(name, member)?;
        }
    }
    Ok(Value::Object(Rc::new(merged)))
}

/// A copy as data: what is no data is lost.
pub(super) fn clone(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    match arguments.get(0) {
        Value::Undefined => Ok(Value::Undefined),
        value => to_json(value, &mut machine.fuel).map(Value::Json),
    }
}
