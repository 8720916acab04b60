//! Filters: which values a `[?(...)]` lets pass.

use regex::Regex;
use stepyard_json::Json;

use super::select::Walk;
use super::{Compiled, Root};
use crate::jsonpath::operator::Operator;

/// A condition on a value.
#[derive(Clone, Debug)]
pub(super) enum Filter {
    /// `a || b`.
    Any(Vec<Filter>),
    /// `a && b`.
    All(Vec<Filter>),
    /// `!(a)`.
    Not(Box<Filter>),
    /// `@.a`.
    Exists(Compiled),
    /// `!@.a`. AWS counts a member that is `null` as missing here, and only here.
    Missing(Compiled),
    /// `@.a == 1`.
    Compare(Operand, Operator, Operand),
}

/// One side of a comparison.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Path(Compiled),
    Literal(Json),
    Pattern(Regex),
}

impl Filter {
    /// Whether a value passes.
    pub(super) fn accepts(&self, walk: &mut Walk<'_>, candidate: &Json) -> bool {
        match self {
            Filter::Any(filters) => filters.iter().any(|filter| filter.accepts(walk, candidate)),
            Filter::All(filters) => filters.iter().all(|filter| filter.accepts(walk, candidate)),
            Filter::Not(filter) => !filter.accepts(walk, candidate),
            Filter::Exists(path) => exists(walk, path, candidate, |_| true),
            Filter::Missing(path) => !exists(walk, path, candidate, |value| !value.is_null()),
            Filter::Compare(left, operator, right) => {
                compare(walk, left, *operator, right, candidate)
            }
        }
    }
}

/// Whether a path leads to a value that counts, an indefinite one to any.
fn exists(
    walk: &mut Walk<'_>,
    path: &Compiled,
    candidate: &Json,
    counts: impl Fn(&Json) -> bool,
) -> bool {
    match walk.value_for(path, candidate) {
        None => false,
        Some(Json::Array(found)) if !path.is_definite() => !found.is_empty(),
        Some(value) => counts(&value),
    }
}

fn compare(
    walk: &mut Walk<'_>,
    left: &Operand,
    operator: Operator,
    right: &Operand,
    candidate: &Json,
) -> bool {
    match (left, right) {
        (Operand::Pattern(pattern), other) | (other, Operand::Pattern(pattern)) => {
            let value = other.value(walk, candidate);
            operator == Operator::Matches && value.is_some_and(|value| matches(pattern, &value))
        }
        _ => {
            let (left, right) = (left.value(walk, candidate), right.value(walk, candidate));
            operator.holds(left.as_ref(), right.as_ref())
        }
    }
}

/// A pattern matches a text as a whole, and an array when it matches one of its elements.
fn matches(pattern: &Regex, value: &Json) -> bool {
    match value {
        Json::String(text) => pattern.is_match(text),
        Json::Number(_) | Json::Bool(_) => pattern.is_match(&value.to_string()),
        Json::Array(elements) => {
            elements.iter().filter_map(Json::as_str).any(|text| pattern.is_match(text))
        }
        Json::Null | Json::Object(_) => false,
    }
}

impl Operand {
    /// `None` when a path leads nowhere, and for a pattern.
    fn value(&self, walk: &mut Walk<'_>, candidate: &Json) -> Option<Json> {
        match self {
            Operand::Path(path) => walk.value_for(path, candidate),
            Operand::Literal(json) => Some(json.clone()),
            Operand::Pattern(_) => None,
        }
    }
}

impl Walk<'_> {
    /// The value of a path inside a filter.
    fn value_for(&mut self, path: &Compiled, candidate: &Json) -> Option<Json> {
        match path.root {
            Root::Candidate => self.value(path, candidate),
            Root::Document => self.value(path, self.document()),
        }
    }
}
