//! `^(...)`: orders by terms.

use std::cell::OnceCell;
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
        let items = items.iter().map(|item| Sortable::new(terms, item, env, ())).collect();
        let sorted = self.sort_by_terms(step, terms, items)?;
        Ok(Array::new(sorted.into_iter().map(|item| item.context).collect(), Flags::NONE))
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
        let mut items = Vec::with_capacity(tuples.len());
        for tuple in tuples {
            let scope = self.registry.open(Some(env), tuple.bindings.clone());
            items.push(Sortable::new(terms, &tuple.context.clone(), &scope, tuple));
        }
        let sorted = self.sort_by_terms(step, terms, items)?;
        Ok(sorted.into_iter().map(|item| item.item).collect())
    }

    fn sort_by_terms<T>(
        &mut self,
        step: &Node,
        terms: &[Term],
        items: Vec<Sortable<T>>,
    ) -> Outcome<Vec<Sortable<T>>> {
        self.merge_sort(items, &mut |machine, a, b| machine.is_behind(step, terms, a, b))
    }

    /// Whether the first belongs behind the second. A term is asked for where those before it are equal.
    fn is_behind<T>(
        &mut self,
        step: &Node,
        terms: &[Term],
        a: &Sortable<T>,
        b: &Sortable<T>,
    ) -> Outcome<bool> {
        for (index, term) in terms.iter().enumerate() {
            self.fuel.pay(1)?;
            let (a, b) = (self.sort_key(terms, index, a)?, self.sort_key(terms, index, b)?);
            let order = match compare(step, a, b)? {
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

    /// What a term is of an item. The reference evaluates it for each comparison; once is enough, as it has no effects.
    fn sort_key<'s, T>(
        &mut self,
        terms: &[Term],
        index: usize,
        item: &'s Sortable<T>,
    ) -> Outcome<&'s Value> {
        let key = &item.keys[index];
        if let Some(value) = key.get() {
            return Ok(value);
        }
        let value = self.eval(&terms[index].expression, &item.context, &item.env)?;
        Ok(key.get_or_init(|| value))
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

/// An item of a sort by terms.
struct Sortable<T> {
    /// What the terms are evaluated over, and the variables there.
    context: Value,
    env: Env,
    /// The terms, those that have been asked for.
    keys: Vec<OnceCell<Value>>,
    item: T,
}

impl<T> Sortable<T> {
    fn new(terms: &[Term], context: &Value, env: &Env, item: T) -> Sortable<T> {
        let keys = terms.iter().map(|_| OnceCell::new()).collect();
        Sortable { context: context.clone(), env: env.clone(), keys, item }
    }
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
