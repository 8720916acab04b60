//! Arrays, objects and group-by; names, wildcards and descendants.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use super::{Env, Machine};
use crate::ast::{Group, Kind, Name, Node};
use crate::error::{Error, Outcome};
use crate::value::{
    Array, ArrayBuilder, Flags, Items, Record, Tuple, Value, View, quote, reversed,
};

/// What has been gathered under one key of a group-by.
struct Gathered {
    key: Name,
    /// Which pair of expressions gave the key.
    pair: usize,
    data: Data,
}

enum Data {
    /// The first item alone; what it is counts.
    Value(Value),
    /// All items, arrays among them flattened.
    Values(ArrayBuilder),
    Tuples(Vec<Tuple>),
}

impl Machine<'_> {
    pub(super) fn array(
        &mut self,
        node: &Node,
        nodes: &[Node],
        input: &Value,
        env: &Env,
    ) -> Outcome<Value> {
        let mut builder = ArrayBuilder::new();
        for element in nodes {
            let value = self.eval(element, input, env)?;
            if value.is_undefined() {
                continue;
            }
            if matches!(element.kind, Kind::Array(_)) {
                builder.push(value)?;
                continue;
            }
            self.fuel.pay(value.items().map_or(0, Items::len) as u64)?;
            match value {
                // A range alone is not copied.
                Value::Array(array) if builder.len() == 0 && nodes.len() == 1 => {
                    builder = ArrayBuilder::from_array(array);
                }
                other => builder.extend(other)?,
            }
        }
        let flags = if node.cons_array { Flags::CONS } else { Flags::NONE };
        builder.finish(flags).map(Value::Array)
    }

    /// The member of that name, of an object or of each object in an array.
    pub(crate) fn lookup(&mut self, input: &Value, name: &str) -> Outcome<Value> {
        self.fuel.pay(1)?;
        if let Some(members) = input.members() {
            return Ok(members.get(name).unwrap_or_default());
        }
        let Some(items) = input.items() else { return Ok(Value::Undefined) };
        let mut found = ArrayBuilder::new();
        // The depth of the data takes no stack.
        let mut open = reversed(items);
        while let Some(item) = open.pop() {
            self.fuel.pay(1)?;
            if let Some(members) = item.members() {
                let value = members.get(name).unwrap_or_default();
                if !value.is_undefined() {
                    self.fuel.pay(value.items().map_or(0, Items::len) as u64)?;
                    found.extend(value)?;
                }
            } else if let Some(items) = item.items() {
                open.extend(reversed(items));
            }
        }
        found.sequence()
    }

    /// `*`: all members, arrays among them flattened.
    pub(super) fn wildcard(&mut self, input: &Value) -> Outcome<Value> {
        let mut found = ArrayBuilder::new();
        let unwrapped = input.unwrapped();
        let values: Vec<Value> = match unwrapped.view() {
            View::Object(members) => members.to_vec().into_iter().map(|(_, value)| value).collect(),
            View::Array(items) => items.to_vec(),
            _ => Vec::new(),
        };
        // As in the reference, an array among the members makes the result an ordinary array.
        let flags = if values.iter().any(Value::is_array) { Flags::NONE } else { Flags::SEQUENCE };
        let mut open: Vec<Value> = values.into_iter().rev().collect();
        while let Some(value) = open.pop() {
            self.fuel.pay(1)?;
            match value.items() {
                Some(items) => open.extend(reversed(items)),
                None => found.push(value)?,
            }
        }
        found.finish(flags).map(Value::Array)
    }

    /// `**`: the value and everything below it.
    pub(super) fn descendants(&mut self, input: &Value) -> Outcome<Value> {
        if input.is_undefined() {
            return Ok(Value::Undefined);
        }
        let mut found = ArrayBuilder::new();
        let mut open = vec![input.clone()];
        while let Some(value) = open.pop() {
            self.fuel.pay(1)?;
            if let Some(items) = value.items() {
                open.extend(reversed(items));
                continue;
            }
            if let Some(members) = value.members() {
                open.extend(members.to_vec().into_iter().rev().map(|(_, member)| member));
            }
            found.push(value)?;
        }
        if found.len() == 1 {
            return Ok(found.items()[0].clone());
        }
        found.sequence()
    }

    /// An object whose members are made of the input's items, gathered by key.
    pub(super) fn group(&mut self, group: &Group, input: &Value, env: &Env) -> Outcome<Value> {
        if let Value::Tuples(tuples) = input {
            let gathered = self.gather_tuples(group, tuples, env)?;
            return self.grouped(group, gathered, env);
        }
        if !input.is_array() {
            return self.object(group, input, env);
        }
        let gathered = self.gather(group, input, env)?;
        self.grouped(group, gathered, env)
    }

    /// The frequent case of one item.
    fn object(&mut self, group: &Group, input: &Value, env: &Env) -> Outcome<Value> {
        let mut keys = Vec::with_capacity(group.pairs.len());
        for (key, _) in &group.pairs {
            keys.push(self.key(group, key, input, env)?);
        }
        if !group.is_distinct {
            check_distinct(group, &keys)?;
        }
        let mut record = Record::with_capacity(keys.len());
        for (key, (_, value)) in keys.into_iter().zip(&group.pairs) {
            let Some(key) = key else { continue };
            let value = self.eval(value, input, env)?;
            if !value.is_undefined() {
                record.insert(key, value)?;
            }
        }
        Ok(Value::Object(Rc::new(record)))
    }

    fn gather(&mut self, group: &Group, input: &Value, env: &Env) -> Outcome<Vec<Gathered>> {
        let mut gathering = Gathering::default();
        let items = match input.items() {
            // Nothing still makes an object.
            Some(items) if items.len() == 0 => {
                if let Value::Array(array) = input {
                    array.put_nothing();
                }
                vec![Value::Undefined]
            }
            Some(items) => items.to_vec(),
            None => vec![input.clone()],
        };
        self.fuel.pay(items.len() as u64)?;
        for item in &items {
            for (at, (key, _)) in group.pairs.iter().enumerate() {
                let Some(key) = self.key(group, key, item, env)? else { continue };
                match gathering.find(group, &key, at)? {
                    Some(data) => self.gather_item(data, item)?,
                    None => gathering.add(key, at, Data::Value(item.clone())),
                }
            }
        }
        Ok(gathering.groups)
    }

    /// `$append` to what was gathered.
    fn gather_item(&mut self, data: &mut Data, item: &Value) -> Outcome<()> {
        if item.is_undefined() {
            return Ok(());
        }
        self.fuel.pay(1 + item.items().map_or(1, Items::len) as u64)?;
        match data {
            Data::Value(first) if first.is_undefined() => *first = item.clone(),
            Data::Value(first) => {
                let mut items = self.builder(std::mem::take(first))?;
                items.extend(item.clone())?;
                *data = Data::Values(items);
            }
            Data::Values(items) => items.extend(item.clone())?,
            Data::Tuples(_) => {}
        }
        Ok(())
    }

    fn gather_tuples(
        &mut self,
        group: &Group,
        tuples: &[Tuple],
        env: &Env,
    ) -> Outcome<Vec<Gathered>> {
        let mut gathering = Gathering::default();
        for tuple in tuples {
            let scope = self.registry.open(Some(env), tuple.bindings.clone());
            for (at, (key, _)) in group.pairs.iter().enumerate() {
                let Some(key) = self.key(group, key, &tuple.context, &scope)? else { continue };
                match gathering.find(group, &key, at)? {
                    Some(Data::Tuples(data)) => data.push(tuple.clone()),
                    Some(Data::Value(_) | Data::Values(_)) => {}
                    None => gathering.add(key, at, Data::Tuples(vec![tuple.clone()])),
                }
            }
        }
        Ok(gathering.groups)
    }

    fn key(&mut self, group: &Group, key: &Node, item: &Value, env: &Env) -> Outcome<Option<Name>> {
        if let Some(text) = key.as_written() {
            return Ok(Some(text.clone()));
        }
        let key = self.eval(key, item, env)?;
        match (key.as_text(), key.is_undefined()) {
            (Some(text), _) => Ok(Some(text.clone())),
            (None, true) => Ok(None),
            (None, false) => {
                let error = Error::new("T1003").at(group.position);
                Err(error.with_json("value", &quote(&key)))
            }
        }
    }

    fn grouped(&mut self, group: &Group, gathered: Vec<Gathered>, env: &Env) -> Outcome<Value> {
        let mut record = Record::with_capacity(gathered.len());
        for Gathered { key, pair, data } in gathered {
            let value = &group.pairs[pair].1;
            let value = match data {
                Data::Value(item) => self.eval(value, &item, env)?,
                Data::Values(items) => {
                    self.eval(value, &Value::Array(items.finish(Flags::NONE)?), env)?
                }
                Data::Tuples(tuples) => {
                    let Tuple { context, bindings } = self.merge_tuples(tuples)?;
                    let scope = self.registry.open(Some(env), bindings);
                    self.eval(value, &context, &scope)?
                }
            };
            if !value.is_undefined() {
                record.insert(key, value)?;
            }
        }
        Ok(Value::Object(Rc::new(record)))
    }

    /// One tuple of many: each variable holds all its values.
    fn merge_tuples(&mut self, tuples: Vec<Tuple>) -> Outcome<Tuple> {
        let mut tuples = tuples.into_iter();
        let mut merged = tuples.next().unwrap_or_default();
        for tuple in tuples {
            let context = std::mem::take(&mut merged.context);
            merged.context = self.append(context, tuple.context)?;
            for (name, value) in tuple.bindings {
                match merged.bindings.iter_mut().find(|(bound, _)| *bound == name) {
                    Some((_, slot)) => {
                        let old = std::mem::take(slot);
                        *slot = self.append(old, value)?;
                    }
                    None => merged.bindings.push((name, value)),
                }
            }
        }
        Ok(merged)
    }

    /// `$append`: both sides as arrays, one after the other.
    pub(crate) fn append(&mut self, first: Value, second: Value) -> Outcome<Value> {
        if first.is_undefined() {
            return Ok(second);
        }
        if second.is_undefined() {
            return Ok(first);
        }
        self.fuel.pay(1 + second.items().map_or(1, Items::len) as u64)?;
        let mut builder = self.builder(first)?;
        builder.extend(second)?;
        builder.finish(Flags::NONE).map(Value::Array)
    }

    /// Goes on with the items of an array, or with anything else as the first item.
    fn builder(&mut self, first: Value) -> Outcome<ArrayBuilder> {
        if let Value::Array(array) = first {
            // Copied unless nobody else has it.
            self.fuel.pay(array.items().len() as u64 / 8)?;
            return Ok(ArrayBuilder::from_array(array));
        }
        let mut builder = ArrayBuilder::new();
        builder.extend(first)?;
        Ok(builder)
    }
}

/// Groups in the order of their first items.
#[derive(Default)]
struct Gathering {
    groups: Vec<Gathered>,
    places: BTreeMap<Name, usize>,
}

impl Gathering {
    fn find(&mut self, group: &Group, key: &Name, pair: usize) -> Outcome<Option<&mut Data>> {
        let Some(place) = self.places.get(key) else { return Ok(None) };
        let found = &mut self.groups[*place];
        if found.pair != pair {
            return Err(ambiguous(group, key));
        }
        Ok(Some(&mut found.data))
    }

    fn add(&mut self, key: Name, pair: usize, data: Data) {
        self.places.insert(key.clone(), self.groups.len());
        self.groups.push(Gathered { key, pair, data });
    }
}

/// Two pairs must not give the same key.
fn check_distinct(group: &Group, keys: &[Option<Name>]) -> Outcome<()> {
    let mut seen = HashSet::new();
    let mut repeated = keys.iter().flatten().filter(|key| !seen.insert(*key));
    repeated.next().map_or(Ok(()), |key| Err(ambiguous(group, key)))
}

fn ambiguous(group: &Group, key: &Name) -> Box<Error> {
    let error = Error::new("D1009").at(group.position);
    error.with_json("value", &quote(&Value::text(key.clone())))
}

/// Keeps an array's elements together as one value.
pub(super) fn as_array(value: Value) -> Array {
    match value {
        Value::Array(array) => array,
        Value::Json(stepyard_json::Json::Array(elements)) => {
            Array::new(elements.iter().cloned().map(Value::Json).collect(), Flags::NONE)
        }
        Value::Undefined => Array::new(Vec::new(), Flags::SEQUENCE),
        other => Array::new(vec![other], Flags::SEQUENCE),
    }
}
