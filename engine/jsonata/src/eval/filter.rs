//! Predicates.

use super::{Env, Machine};
use crate::ast::{Kind, Node, Stage};
use crate::error::Outcome;
use crate::value::{ArrayBuilder, Items, Tuple, Value, View, out_of_range, truth};

impl Machine<'_> {
    pub(super) fn predicates(&mut self, node: &Node, value: Value, env: &Env) -> Outcome<Value> {
        let filter = |value, predicate: &Node| self.filter(predicate, value, env);
        node.predicates.iter().try_fold(value, filter)
    }

    /// The stages of a step that is no part of a tuple stream: predicates.
    pub(super) fn stages(&mut self, stages: &[Stage], value: Value, env: &Env) -> Outcome<Value> {
        stages.iter().try_fold(value, |value, stage| match stage {
            Stage::Filter(predicate) => self.filter(predicate, value, env),
            Stage::Index(_) => Ok(value),
        })
    }

    /// Keeps the items that a predicate is true for, or whose place it gives.
    pub(super) fn filter(&mut self, predicate: &Node, value: Value, env: &Env) -> Outcome<Value> {
        self.fuel.enter(1)?;
        let kept = self.kept(predicate, value, env)?;
        self.fuel.leave(1);
        Ok(kept)
    }

    fn kept(&mut self, predicate: &Node, value: Value, env: &Env) -> Outcome<Value> {
        if let Value::Tuples(tuples) = &value {
            let kept = self.filter_tuples(predicate, tuples, env)?;
            return Ok(Value::Tuples(kept.into()));
        }
        if let Kind::Number(index) = predicate.kind
            && predicate.is_plain()
        {
            return self.item(index, value);
        }
        let mut kept = ArrayBuilder::new();
        let Some(items) = value.items() else {
            for _ in 0..self.matches(predicate, &value, (0, 1), env)? {
                kept.push(value.clone())?;
            }
            return kept.sequence();
        };
        let length = items.len();
        for (at, item) in items.iter().enumerate() {
            for _ in 0..self.matches(predicate, &item, (at, length), env)? {
                kept.push(item.clone())?;
            }
        }
        kept.sequence()
    }

    /// The item at a place that is written as a number; an array there is the result itself.
    fn item(&mut self, index: f64, value: Value) -> Outcome<Value> {
        self.fuel.pay(1)?;
        let mut found = ArrayBuilder::new();
        let length = value.items().map_or(1, Items::len);
        let Some(at) = place(index, length) else { return found.sequence() };
        let item = match value.items() {
            Some(items) => items.get(at),
            None => value,
        };
        if item.is_array() {
            return Ok(item);
        }
        if !item.is_undefined() {
            found.push(item)?;
        }
        found.sequence()
    }

    fn filter_tuples(
        &mut self,
        predicate: &Node,
        tuples: &[Tuple],
        env: &Env,
    ) -> Outcome<Vec<Tuple>> {
        if let Kind::Number(index) = predicate.kind
            && predicate.is_plain()
        {
            let found = place(index, tuples.len()).and_then(|at| tuples.get(at));
            return Ok(found.cloned().into_iter().collect());
        }
        let mut kept = Vec::new();
        for (at, tuple) in tuples.iter().enumerate() {
            let scope = self.registry.open(Some(env), tuple.bindings.clone());
            let count = self.matches(predicate, &tuple.context, (at, tuples.len()), &scope)?;
            kept.extend((0..count).map(|_| tuple.clone()));
        }
        Ok(kept)
    }

    /// How often an item is taken: once when the predicate is true, once for each number that is its
    /// place.
    fn matches(
        &mut self,
        predicate: &Node,
        item: &Value,
        (at, length): (usize, usize),
        env: &Env,
    ) -> Outcome<usize> {
        let result = self.eval(predicate, item, env)?;
        let is_here = |number: f64| place(number, length) == Some(at);
        if let View::Number(number) = result.view()
            && number.is_finite()
        {
            return Ok(usize::from(is_here(number)));
        }
        if let Some(items) = result.items() {
            self.fuel.pay(items.len() as u64)?;
            if let Some(numbers) = numbers(items)? {
                return Ok(numbers.into_iter().filter(|number| is_here(*number)).count());
            }
        }
        truth(&result, &mut self.fuel).map(usize::from)
    }
}

/// The items, if all are numbers.
///
/// # Errors
/// When one is infinite.
fn numbers(items: Items<'_>) -> Outcome<Option<Vec<f64>>> {
    let numbers: Vec<f64> = items.iter().filter_map(|item| item.as_f64()).collect();
    if numbers.iter().any(|number| number.is_infinite()) {
        return Err(out_of_range());
    }
    let are_all = numbers.len() == items.len() && !numbers.iter().any(|number| number.is_nan());
    Ok(are_all.then_some(numbers))
}

/// The place that a number means: rounded down, from the end when negative.
fn place(index: f64, length: usize) -> Option<usize> {
    let index = index.floor();
    let index = if index < 0.0 { index + length as f64 } else { index };
    (index >= 0.0 && index < length as f64).then_some(index as usize)
}
