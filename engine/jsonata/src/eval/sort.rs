//! `^(...)`: orders by terms.

use std::cmp::Ordering;

use super::path::Stream;
use super::{Env, Machine};
use crate::ast::{Node, Term};
use crate::error::{Error, Outcome};
use crate::value::{Array, Flags, Tuple, Value, View, compare_text, quote};

impl Machine<'_> {
    pub(super) fn sort_values(
        &mut self,
        step: &Node,
        terms: &[Term],
        input: &Stream,
        env: &Env,
    ) -> Outcome<Array> {
        let items = input.items();
        if items.len() <= 1 {
            return Ok(match input {
                Stream::Many(array) => array.clone(),
                Stream::One(value) => Array::new(vec![value.clone()], Flags::SEQUENCE),
            });
        }
        let mut keyed = Vec::with_capacity(items.len());
        for item in items {
            keyed.push((self.keys(terms, item, env)?, item.clone()));
        }
        let sorted = self.merge_sort(keyed, &mut |machine, (a, _), (b, _)| {
            machine.fuel.pay(terms.len() as u64)?;
            order(step, terms, a, b)
        })?;
        Ok(Array::new(sorted.into_iter().map(|(_, item)| item).collect(), Flags::NONE))
    }

    pub(super) fn sort_tuples(
        &mut self,
        step: &Node,
        terms: &[Term],
        tuples: Vec<Tuple>,
        env: &Env,
    ) -> Outcome<Vec<Tuple>> {
        if tuples.len() <= 1 {
            return Ok(tuples);
        }
        let mut keyed = Vec::with_capacity(tuples.len());
        for tuple in tuples {
            let scope = self.registry.open(Some(env), tuple.bindings.clone());
            keyed.push((self.keys(terms, &tuple.context, &scope)?, tuple));
        }
        let sorted = self.merge_sort(keyed, &mut |machine, (a, _), (b, _)| {
            machine.fuel.pay(terms.len() as u64)?;
            order(step, terms, a, b)
        })?;
        Ok(sorted.into_iter().map(|(_, tuple)| tuple).collect())
    }

    /// The terms of an item. The reference evaluates them for each comparison; once is enough, as
    /// they have no effects.
    fn keys(&mut self, terms: &[Term], context: &Value, env: &Env) -> Outcome<Vec<Value>> {
        terms.iter().map(|term| self.eval(&term.expression, context, env)).collect()
    }

    /// Sorts stably by halves. Which items are compared, and in which order, is as in the reference: errors
    /// and orders that contradict themselves show it. The halves take no stack, because a comparison may
    /// sort in turn.
    pub(crate) fn merge_sort<T>(
        &mut self,
        items: Vec<T>,
        behind: &mut dyn FnMut(&mut Self, &T, &T) -> Outcome<bool>,
    ) -> Outcome<Vec<T>> {
        let mut open = vec![Part::Unsorted(items.len())];
        let mut items = items.into_iter();
        let mut sorted: Vec<Vec<T>> = Vec::new();
        while let Some(part) = open.pop() {
            match part {
                Part::Unsorted(length) if length > 1 => {
                    let left = length / 2;
                    open.extend([
                        Part::Halves,
                        Part::Unsorted(length - left),
                        Part::Unsorted(left),
                    ]);
                }
                Part::Unsorted(length) => sorted.push(items.by_ref().take(length).collect()),
                Part::Halves => {
                    let (right, left) = (sorted.pop(), sorted.pop());
                    let (left, right) = (left.unwrap_or_default(), right.unwrap_or_default());
                    let mut merged = Vec::with_capacity(left.len() + right.len());
                    self.merge(left, right, &mut merged, behind)?;
                    sorted.push(merged);
                }
            }
        }
        Ok(sorted.pop().unwrap_or_default())
    }

    fn merge<T>(
        &mut self,
        left: Vec<T>,
        right: Vec<T>,
        merged: &mut Vec<T>,
        behind: &mut dyn FnMut(&mut Self, &T, &T) -> Outcome<bool>,
    ) -> Outcome<()> {
        let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            self.fuel.pay(1)?;
            let next = if behind(self, a, b)? { right.next() } else { left.next() };
            merged.extend(next);
        }
        merged.extend(left);
        merged.extend(right);
        Ok(())
    }
}

/// What is left to do of a sort, the next last.
enum Part {
    /// So many of the items that come next.
    Unsorted(usize),
    /// Two halves that are sorted by now.
    Halves,
}

/// Whether the first belongs behind the second.
fn order(step: &Node, terms: &[Term], a: &[Value], b: &[Value]) -> Outcome<bool> {
    for ((term, a), b) in terms.iter().zip(a).zip(b) {
        let order = compare(step, a, b)?;
        let order = match order {
            // What is undefined comes last, whatever the direction.
            Compared::Defined(order) if term.descending => order.reverse(),
            Compared::Undefined(order) | Compared::Defined(order) => order,
        };
        if order != Ordering::Equal {
            return Ok(order == Ordering::Greater);
        }
    }
    Ok(false)
}

enum Compared {
    Undefined(Ordering),
    Defined(Ordering),
}

fn compare(step: &Node, a: &Value, b: &Value) -> Outcome<Compared> {
    let is_scalar = |value: &Value| matches!(value.view(), View::Number(_) | View::Text(_));
    match (a.view(), b.view()) {
        (View::Undefined, View::Undefined) => Ok(Compared::Undefined(Ordering::Equal)),
        (View::Undefined, _) => Ok(Compared::Undefined(Ordering::Greater)),
        (_, View::Undefined) => Ok(Compared::Undefined(Ordering::Less)),
        (View::Number(a), View::Number(b)) => {
            // What is not a number is neither less nor equal.
            Ok(Compared::Defined(a.partial_cmp(&b).unwrap_or(Ordering::Greater)))
        }
        (View::Text(a), View::Text(b)) => Ok(Compared::Defined(compare_text(a, b))),
        _ if !is_scalar(a) || !is_scalar(b) => {
            let culprit = if is_scalar(a) { b } else { a };
            let error = Error::new("T2008").at(step.position);
            Err(error.with_json("value", &quote(culprit)))
        }
        _ => {
            let error = Error::new("T2007").at(step.position).with_json("value", &quote(a));
            Err(error.with_json("value2", &quote(b)))
        }
    }
}
