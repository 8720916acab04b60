//! Segments to values.

use std::sync::Arc;

use stepyard_json::{Json, Object};

use super::{Compiled, Function, Segment, Selector};

/// Values that one query may look at. A query can multiply what it finds: `$..*..*`.
const WORK_MAX: u64 = 2_000_000;

/// One evaluation on its way.
pub(super) struct Walk<'a> {
    document: &'a Json,
    left: u64,
}

impl<'a> Walk<'a> {
    pub(super) fn new(document: &'a Json) -> Walk<'a> {
        Walk { document, left: WORK_MAX }
    }

    /// The root of the whole query.
    pub(super) fn document(&self) -> &'a Json {
        self.document
    }

    /// Whether it had to give up; what it then has found does not count.
    pub(super) fn is_exhausted(&self) -> bool {
        self.left == 0
    }

    fn spend(&mut self, values: usize) {
        self.left = self.left.saturating_sub(values as u64);
    }

    /// Whether one more value can be looked at.
    fn look(&mut self) -> bool {
        self.spend(1);
        !self.is_exhausted()
    }

    /// The value of a path: `None` when it names one place that does not exist.
    pub(super) fn value(&mut self, path: &Compiled, root: &Json) -> Option<Json> {
        let mut found = self.select(path, root);
        let value = if path.is_definite() { found.pop()? } else { found.into() };
        match path.function {
            Some(function) => function.apply(&value),
            None => Some(value),
        }
    }

    /// All values that a path leads to. Values are shared, not copied.
    fn select(&mut self, path: &Compiled, root: &Json) -> Vec<Json> {
        let mut found = vec![root.clone()];
        for (at, segment) in path.segments.iter().enumerate() {
            let is_last = at + 1 == path.segments.len();
            let mut next = Vec::new();
            for value in &found {
                match segment {
                    _ if self.is_exhausted() => return Vec::new(),
                    Segment::Child(selector) => self.child(selector, value, is_last, &mut next),
                    Segment::Descendant(selector) => {
                        self.descend(selector, value, is_last, &mut next);
                    }
                }
            }
            found = next;
        }
        found
    }

    /// The value itself and everything in it, each before its parts.
    fn descend(&mut self, selector: &Selector, value: &Json, is_last: bool, found: &mut Vec<Json>) {
        let mut waiting = vec![value];
        while let Some(value) = waiting.pop() {
            if !self.look() {
                return;
            }
            if self.is_asked(selector, value, is_last) {
                self.child(selector, value, is_last, found);
            }
            match value {
                Json::Array(elements) => waiting.extend(elements.iter().rev()),
                Json::Object(members) => {
                    let first = waiting.len();
                    waiting.extend(members.iter().map(|(_, member)| member));
                    waiting[first..].reverse();
                }
                Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
            }
        }
    }

    /// Whether a deep scan asks this value: an object for several names only when it has all of them, an array for a
    /// filter only when the array itself passes it.
    fn is_asked(&mut self, selector: &Selector, value: &Json, is_last: bool) -> bool {
        match (selector, value) {
            (Selector::Members(names), Json::Object(object)) if is_last => {
                names.iter().all(|name| object.contains_key(name))
            }
            (Selector::Filter(filter), Json::Array(_)) => filter.accepts(self, value),
            _ => true,
        }
    }

    fn child(&mut self, selector: &Selector, value: &Json, is_last: bool, found: &mut Vec<Json>) {
        let before = found.len();
        self.choose(selector, value, is_last, found);
        self.spend(found.len() - before);
    }

    fn choose(&mut self, selector: &Selector, value: &Json, is_last: bool, found: &mut Vec<Json>) {
        match (selector, value) {
            (Selector::Members(names), Json::Object(object)) => {
                if names.len() > 1 && is_last {
                    found.push(picked(object, names));
                } else {
                    found.extend(names.iter().filter_map(|name| object.get(name)).cloned());
                }
            }
            (Selector::Indexes(indexes), Json::Array(elements)) => {
                let at = indexes.iter().filter_map(|index| place(*index, elements.len()));
                found.extend(at.filter_map(|at| elements.get(at)).cloned());
            }
            (Selector::Slice { from, to }, Json::Array(elements)) => {
                let bound = |bound: i64| clamp(bound, elements.len());
                let (from, to) = (from.map_or(0, bound), to.map_or(elements.len(), bound));
                found.extend(elements.get(from..to).unwrap_or_default().iter().cloned());
            }
            (Selector::Wildcard, Json::Array(elements)) => found.extend(elements.iter().cloned()),
            (Selector::Wildcard, Json::Object(object)) => {
                found.extend(object.iter().map(|(_, member)| member.clone()));
            }
            (Selector::Filter(filter), Json::Array(elements)) => {
                for element in elements.iter() {
                    if self.look() && filter.accepts(self, element) {
                        found.push(element.clone());
                    }
                }
            }
            // An object is not searched but asked itself.
            (Selector::Filter(filter), Json::Object(_))
                if self.look() && filter.accepts(self, value) =>
            {
                found.push(value.clone());
            }
            _ => {}
        }
    }
}

/// An object with those of the members that are there.
fn picked(object: &Object, names: &[Arc<str>]) -> Json {
    let mut picked = Object::new();
    for name in names {
        if let Some(value) = object.get(name) {
            picked.insert(name.clone(), value.clone());
        }
    }
    picked.into()
}

/// Place of an index; negative ones count from the end.
fn place(index: i64, length: usize) -> Option<usize> {
    let back = || length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?);
    if index < 0 { back() } else { usize::try_from(index).ok() }
}

/// The same for the bound of a slice, which may lie outside.
fn clamp(bound: i64, length: usize) -> usize {
    place(bound, length).unwrap_or(0).min(length)
}

impl Function {
    /// `None` when the value is not one that the function takes.
    fn apply(self, value: &Json) -> Option<Json> {
        match (self, value) {
            (Function::Length, Json::String(text)) => Some(text.chars().count().into()),
            (Function::Length, Json::Array(elements)) => Some(elements.len().into()),
            (Function::Length, Json::Object(object)) => Some(object.len().into()),
            (Function::Keys, Json::Object(object)) => {
                Some(object.iter().map(|(name, _)| Json::from(name.clone())).collect())
            }
            (Function::Length | Function::Keys, _) => None,
            (Function::First, _) => value.as_array()?.first().cloned(),
            (Function::Last, _) => value.as_array()?.last().cloned(),
            _ => self.aggregate(value.as_array()?),
        }
    }

    /// Of the numbers of an array; there must be one.
    fn aggregate(self, elements: &[Json]) -> Option<Json> {
        let numbers: Vec<f64> = elements.iter().filter_map(Json::as_f64).collect();
        let (first, count) = (numbers.first()?, numbers.len() as f64);
        let sum: f64 = numbers.iter().sum();
        let result = match self {
            Function::Min => numbers.iter().copied().fold(*first, f64::min),
            Function::Max => numbers.iter().copied().fold(*first, f64::max),
            Function::Sum => sum,
            Function::Average => sum / count,
            Function::StandardDeviation => {
                let squares: f64 = numbers.iter().map(|number| number * number).sum();
                (squares / count - (sum / count).powi(2)).max(0.0).sqrt()
            }
            Function::Length | Function::Keys | Function::First | Function::Last => return None,
        };
        Some(result.into())
    }
}
