//! `|pattern|update|`: a copy of an object in which what the pattern finds is changed.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::rc::Rc;
use std::sync::Arc;

use stepyard_json::{Json, Object};

use super::{Env, Machine};
use crate::ast::{Node, Transform};
use crate::error::{Error, Outcome};
use crate::limits::{NODE_BYTES, VALUE_DEPTH_MAX};
use crate::memory;
use crate::value::{Array, Flags, Items, Record, Value, View, quote, to_json};

/// What has been changed: members of the objects of the copy, by identity. The language has no
/// mutable values, so changes are kept beside the copy and put in when somebody looks.
#[derive(Default)]
struct Changes {
    members: HashMap<usize, Record>,
}

impl Machine<'_> {
    pub(super) fn transform(
        &mut self,
        transform: &Arc<Transform>,
        env: &Env,
        argument: &Value,
    ) -> Outcome<Value> {
        if argument.is_undefined() {
            return Ok(Value::Undefined);
        }
        if env.get("clone").is_some_and(|clone| !clone.is_function()) {
            return Err(Error::new("T2013").at(transform.position));
        }
        let json = to_json(argument, &mut self.fuel)?;
        let copy = Value::Json(self.fresh(&json)?);
        let found = self.eval(&transform.pattern, &copy, env)?;
        let found = match found.items() {
            Some(items) => items.to_vec(),
            None if found.is_undefined() => Vec::new(),
            None => vec![found],
        };
        let mut changes = Changes::default();
        self.fuel.enter(1)?;
        for target in found {
            self.change(transform, env, &target, &mut changes)?;
        }
        self.fuel.leave(1);
        self.changed(&copy, &changes, VALUE_DEPTH_MAX)
    }

    /// A copy in which each object is a new one, so that its address is its identity.
    fn fresh(&mut self, json: &Json) -> Outcome<Json> {
        self.fuel.pay(1)?;
        memory::keep(NODE_BYTES);
        self.fuel.enter(1)?;
        let copy = self.fresh_copy(json)?;
        self.fuel.leave(1);
        Ok(copy)
    }

    fn fresh_copy(&mut self, json: &Json) -> Outcome<Json> {
        match json {
            Json::Array(elements) => {
                elements.iter().map(|element| self.fresh(element)).collect::<Outcome<Json>>()
            }
            Json::Object(object) => {
                let mut copy = Object::new();
                for (name, member) in object.iter() {
                    copy.insert(name.clone(), self.fresh(member)?);
                }
                Ok(copy.into())
            }
            scalar => Ok(scalar.clone()),
        }
    }

    fn change(
        &mut self,
        transform: &Transform,
        env: &Env,
        target: &Value,
        changes: &mut Changes,
    ) -> Outcome<()> {
        let current = self.changed(target, changes, VALUE_DEPTH_MAX)?;
        let update = self.eval(&transform.update, &current, env)?;
        match update.view() {
            View::Undefined => {}
            View::Object(members) => {
                if let Some(record) = self.record(target, changes)? {
                    for (name, value) in members.to_vec() {
                        record.insert(name, value)?;
                    }
                }
            }
            _ => {
                let error = Error::new("T2011").at(transform.update.position);
                return Err(error.with_json("value", &quote(&update)));
            }
        }
        match &transform.delete {
            Some(delete) => self.delete(delete, env, target, changes),
            None => Ok(()),
        }
    }

    fn delete(
        &mut self,
        delete: &Node,
        env: &Env,
        target: &Value,
        changes: &mut Changes,
    ) -> Outcome<()> {
        let current = self.changed(target, changes, VALUE_DEPTH_MAX)?;
        let names = self.eval(delete, &current, env)?;
        if names.is_undefined() {
            return Ok(());
        }
        let list = names.items().map_or_else(|| vec![names.clone()], Items::to_vec);
        let texts: Option<Vec<_>> = list.iter().map(Value::as_text).collect();
        let Some(texts) = texts else {
            let error = Error::new("T2012").at(delete.position);
            return Err(error.with_json("value", &quote(&names)));
        };
        if let Some(record) = self.record(target, changes)? {
            let mut rest = Record::default();
            for (name, value) in record.iter() {
                if !texts.iter().any(|text| **text == *name) {
                    rest.insert(name.clone(), value.clone())?;
                }
            }
            *record = rest;
        }
        Ok(())
    }

    /// The members of an object of the copy, to change them; nothing when it is no such object.
    fn record<'c>(
        &mut self,
        target: &Value,
        changes: &'c mut Changes,
    ) -> Outcome<Option<&'c mut Record>> {
        let Value::Json(Json::Object(object)) = target else { return Ok(None) };
        match changes.members.entry(identity(object)) {
            Entry::Occupied(known) => Ok(Some(known.into_mut())),
            Entry::Vacant(free) => {
                self.fuel.pay(object.len() as u64)?;
                let mut record = Record::default();
                for (name, member) in object.iter() {
                    record.insert(name.clone(), Value::Json(member.clone()))?;
                }
                Ok(Some(free.insert(record)))
            }
        }
    }

    /// A value with the changes put in.
    fn changed(&mut self, value: &Value, changes: &Changes, levels: u16) -> Outcome<Value> {
        if changes.members.is_empty() {
            return Ok(value.clone());
        }
        self.fuel.pay(1)?;
        let Some(below) = levels.checked_sub(1) else {
            return Err(Error::limit("D1015", usize::from(VALUE_DEPTH_MAX)));
        };
        self.fuel.enter(1)?;
        let changed = self.changed_below(value, changes, below)?;
        self.fuel.leave(1);
        Ok(changed)
    }

    fn changed_below(&mut self, value: &Value, changes: &Changes, below: u16) -> Outcome<Value> {
        if let Value::Json(Json::Object(object)) = value
            && let Some(record) = changes.members.get(&identity(object))
        {
            return self.changed_members(record.iter().cloned().collect(), changes, below);
        }
        match value.view() {
            View::Array(items) => {
                let mut elements = Vec::with_capacity(items.len());
                for item in items.iter() {
                    elements.push(self.changed(&item, changes, below)?);
                }
                Ok(Value::Array(Array::new(elements, Flags::NONE)))
            }
            View::Object(members) => self.changed_members(members.to_vec(), changes, below),
            _ => Ok(value.clone()),
        }
    }

    fn changed_members(
        &mut self,
        members: Vec<(Arc<str>, Value)>,
        changes: &Changes,
        levels: u16,
    ) -> Outcome<Value> {
        let mut record = Record::default();
        for (name, value) in members {
            record.insert(name, self.changed(&value, changes, levels)?)?;
        }
        Ok(Value::Object(Rc::new(record)))
    }
}

fn identity(object: &Arc<Object>) -> usize {
    Arc::as_ptr(object) as usize
}
