//! Functions of objects.

use std::collections::HashSet;
use std::rc::Rc;

use super::Arguments;
use crate::ast::Name;
use crate::error::Outcome;
use crate::eval::Machine;
use crate::value::{ArrayBuilder, Flags, Record, Value, View, to_json};

type Result = Outcome<Value>;

/// The names of the members, of all objects when there are many.
pub(super) fn keys(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let mut seen = HashSet::new();
    let mut names = Vec::new();
    collect_keys(machine, arguments.get(0), &mut seen, &mut names)?;
    let mut found = ArrayBuilder::new();
    for name in names {
        found.push(Value::text(name))?;
    }
    found.sequence()
}

fn collect_keys(
    machine: &mut Machine<'_>,
    value: &Value,
    seen: &mut HashSet<Name>,
    names: &mut Vec<Name>,
) -> Outcome<()> {
    machine.fuel.pay(1)?;
    match value.view() {
        View::Array(items) => {
            for item in items.iter() {
                collect_keys(machine, &item, seen, names)?;
            }
        }
        View::Object(members) => {
            machine.fuel.pay(members.len() as u64)?;
            for name in members.names() {
                if seen.insert(name.clone()) {
                    names.push(name);
                }
            }
        }
        _ => {}
    }
    Ok(())
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
                let spread = spread_value(machine, &item)?;
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
