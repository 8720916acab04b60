//! Paths: each step is evaluated for each result of the one before.

use stepyard_json::Json;

use super::construct::as_array;
use super::{Env, Machine, normalised};
use crate::ast::{Kind, Node, Path};
use crate::error::Outcome;
use crate::value::{Array, ArrayBuilder, Flags, Items, Tuple, Value};

/// Depth that the steps of a path take, for the room that they need on the stack.
const PATH_DEPTH: usize = 1;

/// What a step hands to the next.
pub(super) enum Stream {
    /// One result: most steps give one, and need no array for it.
    One(Value),
    Many(Array),
}

/// How far a path was walked by looking members up.
enum Walked {
    Whole(Value),
    UpTo(usize, Stream),
}

impl Stream {
    pub(super) fn items(&self) -> &[Value] {
        match self {
            Stream::One(value) => std::slice::from_ref(value),
            Stream::Many(array) => array.items(),
        }
    }

    /// As a value whose single element is not yet taken out.
    fn into_sequence(self) -> Value {
        match self {
            Stream::One(value) => Value::sequence_of(value),
            Stream::Many(array) => Value::Array(array),
        }
    }
}

impl Machine<'_> {
    pub(super) fn path(
        &mut self,
        node: &Node,
        path: &Path,
        input: &Value,
        env: &Env,
    ) -> Outcome<Value> {
        let (from, stream) = match self.walk(path, input, env)? {
            Walked::Whole(value) if node.group.is_none() => return Ok(value),
            Walked::Whole(value) => (path.steps.len(), Stream::Many(as_array(value))),
            Walked::UpTo(from, stream) => (from, stream),
        };
        self.fuel.enter(PATH_DEPTH)?;
        let value = if path.has_tuples {
            self.tuple_path(node, path, stream, env)?
        } else {
            let stream = self.steps(path, from, stream, env)?;
            self.finish(node, path, stream, env)?
        };
        self.fuel.leave(PATH_DEPTH);
        Ok(value)
    }

    /// Plain names behind each other, as long as they lead through objects.
    fn walk(&mut self, path: &Path, input: &Value, env: &Env) -> Outcome<Walked> {
        let first = &path.steps[0];
        let absolute = matches!(first.kind, Kind::Variable(_));
        if input.is_array() && !absolute {
            return Ok(Walked::UpTo(0, Stream::Many(as_array(input.clone()))));
        }
        let start = || Ok(Walked::UpTo(0, Stream::One(input.clone())));
        if path.plain == 0 || path.keep_singleton {
            return start();
        }
        let value = match &first.kind {
            Kind::Variable(variable) => self.variable(variable, input, env),
            Kind::Name(name) => self.lookup(input, name)?,
            _ => return start(),
        };
        self.walk_members(path, value)
    }

    fn walk_members(&mut self, path: &Path, value: Value) -> Outcome<Walked> {
        let last = path.steps.len() - 1;
        let mut at = 0;
        let mut value = value;
        if let Value::Json(json) = &value {
            let mut place = json;
            while at + 1 < path.plain
                && let Kind::Name(name) = &path.steps[at + 1].kind
                && !matches!(place, Json::Array(_))
            {
                self.fuel.pay(1)?;
                let Some(member) = place.get(name) else {
                    return Ok(Walked::Whole(Value::Undefined));
                };
                place = member;
                at += 1;
            }
            value = Value::Json(place.clone());
        }
        if value.is_undefined() {
            return Ok(Walked::Whole(Value::Undefined));
        }
        let stream = match value {
            Value::Array(array) if array.is(Flags::SEQUENCE) => {
                match normalised(Value::Array(array), false) {
                    Value::Array(array) => Stream::Many(array),
                    Value::Undefined => return Ok(Walked::Whole(Value::Undefined)),
                    other => Stream::One(other),
                }
            }
            other if at == last => return Ok(Walked::Whole(other)),
            other if other.is_array() => Stream::Many(as_array(other)),
            other => Stream::One(other),
        };
        Ok(Walked::UpTo(at + 1, stream))
    }

    /// The steps from that one on.
    fn steps(
        &mut self,
        path: &Path,
        from: usize,
        mut stream: Stream,
        env: &Env,
    ) -> Outcome<Stream> {
        let last = path.steps.len() - 1;
        for (at, step) in path.steps.iter().enumerate().skip(from) {
            if stream.items().is_empty() && at > 0 {
                return Ok(Stream::Many(Array::new(Vec::new(), Flags::SEQUENCE)));
            }
            stream = if at == 0 && step.cons_array {
                self.first_array(step, stream, env)?
            } else {
                self.step(step, &stream, env, at == last)?
            };
        }
        Ok(stream)
    }

    /// An array constructor at the start is evaluated once for all of the input.
    pub(super) fn first_array(
        &mut self,
        step: &Node,
        stream: Stream,
        env: &Env,
    ) -> Outcome<Stream> {
        let value = self.eval(step, &stream.into_sequence(), env)?;
        Ok(Stream::Many(match value {
            Value::Array(array) => array,
            Value::Json(Json::Array(_)) => as_array(value),
            // As in the reference: what is no array has no items.
            _ => Array::new(Vec::new(), Flags::SEQUENCE),
        }))
    }

    pub(super) fn step(
        &mut self,
        step: &Node,
        input: &Stream,
        env: &Env,
        is_last: bool,
    ) -> Outcome<Stream> {
        if let Kind::Sort(terms) = &step.kind {
            let sorted = self.sort_values(step, terms, input, env)?;
            let sorted = self.stages(&step.stages, Value::Array(sorted), env)?;
            return Ok(Stream::Many(as_array(sorted)));
        }
        if let [item] = input.items() {
            let value = self.step_value(step, item, env)?;
            return self.only(value, is_last);
        }
        let mut results = Vec::new();
        for item in input.items() {
            let value = self.step_value(step, item, env)?;
            if !value.is_undefined() {
                results.push(value);
            }
        }
        if results.len() == 1 {
            return self.only(results.pop().unwrap_or_default(), is_last);
        }
        let mut flat = ArrayBuilder::new();
        for result in results {
            if result.is_cons() {
                flat.push(result)?;
            } else {
                self.fuel.pay(result.items().map_or(0, Items::len) as u64)?;
                flat.extend(result)?;
            }
        }
        flat.finish(Flags::SEQUENCE).map(Stream::Many)
    }

    /// A step that has a single result.
    fn only(&mut self, value: Value, is_last: bool) -> Outcome<Stream> {
        let empty = || Array::new(Vec::new(), Flags::SEQUENCE);
        match value {
            Value::Undefined => Ok(Stream::Many(empty())),
            // An array that was not made of results is the result of the path.
            Value::Array(array) if is_last && !array.is(Flags::SEQUENCE) => Ok(Stream::Many(array)),
            Value::Array(array) if array.is(Flags::CONS) => Ok(Stream::One(Value::Array(array))),
            Value::Array(array) => Ok(Stream::Many(array.into_sequence())),
            Value::Json(Json::Array(_)) => {
                let array = as_array(value);
                self.fuel.pay(array.items().len() as u64)?;
                Ok(Stream::Many(if is_last { array } else { array.with(Flags::SEQUENCE) }))
            }
            other => Ok(Stream::One(other)),
        }
    }

    fn step_value(&mut self, step: &Node, item: &Value, env: &Env) -> Outcome<Value> {
        if step.is_plain_name()
            && let Kind::Name(name) = &step.kind
        {
            return Ok(normalised(self.lookup(item, name)?, false));
        }
        let value = self.eval(step, item, env)?;
        self.stages(&step.stages, value, env)
    }

    /// `[]` and group-by apply to the whole path.
    fn finish(&mut self, node: &Node, path: &Path, stream: Stream, env: &Env) -> Outcome<Value> {
        let value = match stream {
            Stream::One(value) if !path.keep_singleton && !node.keep_array => {
                if node.group.is_none() {
                    return Ok(value);
                }
                Value::sequence_of(value)
            }
            other => keep(other.into_sequence(), path.keep_singleton),
        };
        match &node.group {
            Some(group) => self.group(group, &value, env),
            None => Ok(value),
        }
    }

    fn tuple_path(
        &mut self,
        node: &Node,
        path: &Path,
        mut stream: Stream,
        env: &Env,
    ) -> Outcome<Value> {
        let mut tuples: Option<Vec<Tuple>> = None;
        let last = path.steps.len() - 1;
        for (at, step) in path.steps.iter().enumerate() {
            if at == 0 && step.cons_array {
                stream = self.first_array(step, stream, env)?;
            } else if step.tuple || tuples.is_some() {
                tuples = Some(self.tuple_step(step, &stream, tuples, env)?);
            } else {
                stream = self.step(step, &stream, env, at == last)?;
            }
            if tuples.is_none() && stream.items().is_empty() {
                // The path ends here, with a stream of nothing when one was wanted.
                return self.finish(node, path, stream, env);
            }
        }
        let tuples = tuples.unwrap_or_default();
        if let Some(group) = &node.group {
            return self.group(group, &Value::Tuples(tuples.into()), env);
        }
        if node.tuple {
            return Ok(Value::Tuples(tuples.into()));
        }
        let mut results = ArrayBuilder::new();
        for tuple in tuples {
            results.push(tuple.context)?;
        }
        Ok(keep(results.sequence()?, path.keep_singleton))
    }
}

/// `[]` in a path keeps a single result in its array.
fn keep(value: Value, keep_singleton: bool) -> Value {
    match value {
        Value::Array(array) if keep_singleton => {
            let array = if array.is(Flags::CONS) && !array.is(Flags::SEQUENCE) {
                Array::new(vec![Value::Array(array)], Flags::SEQUENCE)
            } else {
                array
            };
            Value::Array(array.with(Flags::KEEP))
        }
        other => other,
    }
}
