//! JSONPath beyond reference paths: wildcards, slices, filters, deep scan and functions.
//!
//! AWS evaluates the dialect of the Jayway library, which is older than RFC 9535 and differs from it: a filter on an
//! object asks the object itself, several names at the end of a path give one object, numbers compare with strings that
//! spell them, and there are operators such as `in` and `=~`.

mod filter;
mod operator;
mod parse;
mod parse_filter;
mod select;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use stepyard_json::Json;

use filter::Filter;
use select::Walk;

/// Longest query that is accepted, in bytes.
const LENGTH_MAX: usize = 1_024;

/// A query that is not a reference path.
pub(crate) struct Query {
    text: Arc<str>,
    path: Compiled,
}

/// Why a query has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    /// It names one place, and that does not exist.
    NoSuchPlace,
    /// It leads to more values than can be looked at.
    TooManyValues,
}

/// A path, also one inside a filter.
#[derive(Clone, Debug)]
struct Compiled {
    root: Root,
    segments: Vec<Segment>,
    function: Option<Function>,
}

/// Where a path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Root {
    /// `$`.
    Document,
    /// `@`, in a filter: the value that is asked.
    Candidate,
}

#[derive(Clone, Debug)]
enum Segment {
    /// Selects among the parts of each value.
    Child(Selector),
    /// `..`: selects among the parts of each value and of everything in it.
    Descendant(Selector),
}

#[derive(Clone, Debug)]
enum Selector {
    /// `.a`, `['a', 'b']`.
    Members(Vec<Arc<str>>),
    /// `[1]`, `[0, -1]`.
    Indexes(Vec<i64>),
    /// `[1:]`, `[:2]`, `[1:2]`.
    Slice { from: Option<i64>, to: Option<i64> },
    /// `*`, `[*]`.
    Wildcard,
    /// `[?(...)]`.
    Filter(Filter),
}

/// What is made of the value of a path, as in `$.items.length()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Length,
    Keys,
    Min,
    Max,
    Sum,
    Average,
    StandardDeviation,
    First,
    Last,
}

impl Query {
    /// Parses a query on the root `$`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(crate) fn parse(text: &str) -> Result<Query, String> {
        if text.len() > LENGTH_MAX {
            return Err(format!("A path is at most {LENGTH_MAX} bytes long"));
        }
        Ok(Query { text: text.into(), path: parse::parse(text)? })
    }

    /// Whether it names exactly one place.
    pub(crate) fn is_definite(&self) -> bool {
        self.path.is_definite()
    }

    /// The value of a query that names one place, else the array of all values that match, in document order.
    pub(crate) fn select(&self, json: &Json) -> Result<Json, Miss> {
        let mut walk = Walk::new(json);
        let found = walk.value(&self.path, json);
        if walk.is_exhausted() {
            return Err(Miss::TooManyValues);
        }
        found.ok_or(Miss::NoSuchPlace)
    }
}

impl Compiled {
    fn is_definite(&self) -> bool {
        let (last, before) = match self.segments.split_last() {
            Some((last, before)) => (Some(last), before),
            None => (None, &[][..]),
        };
        before.iter().all(Segment::names_one_place) && last.is_none_or(Segment::gives_one_value)
    }
}

impl Segment {
    fn names_one_place(&self) -> bool {
        match self {
            Segment::Child(Selector::Members(names)) => names.len() == 1,
            Segment::Child(Selector::Indexes(indexes)) => indexes.len() == 1,
            _ => false,
        }
    }

    /// Several names at the end of a path give one object.
    fn gives_one_value(&self) -> bool {
        matches!(self, Segment::Child(Selector::Members(_))) || self.names_one_place()
    }
}

impl Function {
    const ALL: [Function; 9] = [
        Function::Length,
        Function::Keys,
        Function::Min,
        Function::Max,
        Function::Sum,
        Function::Average,
        Function::StandardDeviation,
        Function::First,
        Function::Last,
    ];

    fn by_name(name: &str) -> Option<Function> {
        Function::ALL.into_iter().find(|function| function.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Function::Length => "length",
            Function::Keys => "keys",
            Function::Min => "min",
            Function::Max => "max",
            Function::Sum => "sum",
            Function::Average => "avg",
            Function::StandardDeviation => "stddev",
            Function::First => "first",
            Function::Last => "last",
        }
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
