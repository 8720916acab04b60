//! Functions that take functions.

use std::rc::Rc;

use super::Arguments;
use crate::error::{Error, Outcome};
use crate::eval::Machine;
use crate::value::{ArrayBuilder, Function, Record, Value, truth};

type Result = Outcome<Value>;

/// A function with the array or object that it is called for each item of.
struct Callback {
    function: Value,
    arity: usize,
    whole: Value,
}

impl Callback {
    fn new(function: &Rc<Function>, whole: Value) -> Callback {
        Callback { arity: function.arity(), function: Value::Function(function.clone()), whole }
    }

    /// Gives the item, and its place and the whole when the function takes them.
    fn call(&self, machine: &mut Machine<'_>, item: Value, place: Value) -> Result {
        let mut arguments = vec![item];
        if self.arity >= 2 {
            arguments.push(place);
        }
        if self.arity >= 3 {
            arguments.push(self.whole.clone());
        }
        machine.callback(&self.function, arguments)
    }

    fn test(&self, machine: &mut Machine<'_>, item: Value, place: Value) -> Outcome<bool> {
        let result = self.call(machine, item, place)?;
        truth(&result, &mut machine.fuel)
    }
}

pub(super) fn map(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let array = arguments.get(0);
    let (Some(items), Some(function)) = (array.items(), arguments.function(1)) else {
        return Ok(Value::Undefined);
    };
    let callback = Callback::new(function, array.clone());
    let mut mapped = ArrayBuilder::new();
    for (at, item) in items.iter().enumerate() {
        let value = callback.call(machine, item, at.into())?;
        if !value.is_undefined() {
            mapped.push(value)?;
        }
    }
    mapped.sequence()
}

pub(super) fn filter(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let array = arguments.get(0);
    let (Some(items), Some(function)) = (array.items(), arguments.function(1)) else {
        return Ok(Value::Undefined);
    };
    let callback = Callback::new(function, array.clone());
    let mut kept = ArrayBuilder::new();
    for (at, item) in items.iter().enumerate() {
        if callback.test(machine, item.clone(), at.into())? {
            kept.push(item)?;
        }
    }
    kept.sequence()
}

/// The one item that a function is true for.
pub(super) fn single(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let array = arguments.get(0);
    let Some(items) = array.items() else { return Ok(Value::Undefined) };
    let callback = arguments.function(1).map(|function| Callback::new(function, array.clone()));
    let mut found = None;
    for (at, item) in items.iter().enumerate() {
        machine.fuel.pay(1)?;
        let matches = match &callback {
            Some(callback) => callback.test(machine, item.clone(), at.into())?,
            None => true,
        };
        if matches && found.replace(item).is_some() {
            return Err(Error::new("D3138"));
        }
    }
    found.ok_or_else(|| Error::new("D3139"))
}

pub(super) fn reduce(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let initial = arguments.take(2);
    let array = arguments.take(0);
    let (Some(items), Some(function)) = (array.items(), arguments.function(1)) else {
        return Ok(Value::Undefined);
    };
    let arity = function.arity();
    if arity < 2 {
        return Err(Error::new("D3050"));
    }
    let function = Value::Function(function.clone());
    let mut items_left = items.iter().enumerate();
    let mut result = match initial {
        Value::Undefined => items_left.next().map(|(_, item)| item).unwrap_or_default(),
        initial => initial,
    };
    for (at, item) in items_left {
        // Not kept here meanwhile: an array that only the function has need not be copied.
        let mut given = vec![std::mem::take(&mut result), item];
        if arity >= 3 {
            given.push(at.into());
        }
        if arity >= 4 {
            given.push(array.clone());
        }
        result = machine.callback(&function, given)?;
    }
    Ok(result)
}

pub(super) fn each(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let object = arguments.get(0);
    let mut results = ArrayBuilder::new();
    if let (Some(members), Some(function)) = (object.members(), arguments.function(1)) {
        let callback = Callback::new(function, object.clone());
        for (name, member) in members.to_vec() {
            let value = callback.call(machine, member, Value::text(name))?;
            if !value.is_undefined() {
                results.push(value)?;
            }
        }
    }
    results.sequence()
}

/// The members that a function is true for; nothing when there are none.
pub(super) fn sift(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let object = arguments.get(0);
    let mut kept = Record::default();
    if let (Some(members), Some(function)) = (object.members(), arguments.function(1)) {
        let callback = Callback::new(function, object.clone());
        for (name, member) in members.to_vec() {
            if callback.test(machine, member.clone(), Value::text(name.clone()))? {
                kept.insert(name, member)?;
            }
        }
    }
    Ok(if kept.len() == 0 { Value::Undefined } else { Value::Object(Rc::new(kept)) })
}
