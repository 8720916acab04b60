//! Matching: by regular expressions, and by functions that behave like them.

use std::rc::Rc;
use std::sync::Arc;

use super::Arguments;
use crate::error::{Error, Outcome};
use crate::eval::Machine;
use crate::pattern::{Found, Pattern};
use crate::value::{ArrayBuilder, Callable, Function, Items, Record, Value, quote};

type Result = Outcome<Value>;

/// Where a regular expression goes on.
#[derive(Debug)]
pub(crate) struct Cursor {
    pattern: Arc<Pattern>,
    text: Arc<str>,
    at: usize,
}

/// One match. Places are bytes of the text.
pub(super) struct Match {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) matched: Value,
    pub(super) groups: Vec<Value>,
    /// What the language sees, when a function of the user gave it.
    object: Option<Value>,
    /// Gives the next match.
    next: Next,
}

enum Next {
    Pattern(Rc<Cursor>),
    Custom(Value),
}

/// All matches in a text, one after the other.
pub(super) struct Matches {
    text: Arc<str>,
    next: Next,
    started: bool,
}

impl Matches {
    pub(super) fn new(function: &Rc<Function>, text: &Arc<str>) -> Matches {
        let next = match function.callable() {
            Callable::Pattern(pattern) => Next::Pattern(Rc::new(Cursor {
                pattern: pattern.clone(),
                text: text.clone(),
                at: 0,
            })),
            _ => Next::Custom(Value::Function(function.clone())),
        };
        Matches { text: text.clone(), next, started: false }
    }

    pub(super) fn next(&mut self, machine: &mut Machine<'_>) -> Outcome<Option<Match>> {
        let is_first = !std::mem::replace(&mut self.started, true);
        let found = match &self.next {
            Next::Pattern(cursor) if is_first => find(machine, cursor)?,
            Next::Pattern(cursor) => find_next(machine, cursor)?,
            Next::Custom(function) => {
                let argument =
                    if is_first { Value::text(self.text.clone()) } else { Value::Undefined };
                let result = machine.callback(function, vec![argument])?;
                custom(&self.text, result)?
            }
        };
        if let Some(found) = &found {
            self.next = match &found.next {
                Next::Pattern(cursor) => Next::Pattern(cursor.clone()),
                Next::Custom(function) => Next::Custom(function.clone()),
            };
        }
        Ok(found)
    }
}

impl Match {
    /// The match as the language sees it.
    pub(super) fn into_value(self, text: &str) -> Result {
        if let Some(object) = self.object {
            return Ok(object);
        }
        let mut record = Record::default();
        record.insert("match".into(), self.matched)?;
        record.insert("start".into(), units(text, self.start).into())?;
        record.insert("end".into(), units(text, self.end).into())?;
        record.insert("groups".into(), Value::array(self.groups))?;
        let next = match self.next {
            Next::Pattern(cursor) => Function::value(Callable::Next(cursor)),
            Next::Custom(function) => function,
        };
        record.insert("next".into(), next)?;
        Ok(Value::Object(Rc::new(record)))
    }
}

fn find(machine: &mut Machine<'_>, cursor: &Rc<Cursor>) -> Outcome<Option<Match>> {
    let Cursor { pattern, text, at } = &**cursor;
    machine.fuel.pay_bytes(text.len() - at)?;
    let Some(Found { start, end, groups }) = pattern.find(text, *at) else { return Ok(None) };
    let part = |(start, end): (usize, usize)| Value::text(&text[start..end]);
    let groups = groups.into_iter().map(|group| group.map_or(Value::Undefined, part)).collect();
    let next = Cursor { pattern: pattern.clone(), text: text.clone(), at: end };
    Ok(Some(Match {
        start,
        end,
        matched: part((start, end)),
        groups,
        object: None,
        next: Next::Pattern(Rc::new(next)),
    }))
}

/// The next match; an empty one would come again and again.
fn find_next(machine: &mut Machine<'_>, cursor: &Rc<Cursor>) -> Outcome<Option<Match>> {
    if cursor.at >= cursor.text.len() {
        return Ok(None);
    }
    match find(machine, cursor)? {
        Some(found) if found.start == found.end => {
            Err(Error::new("D1004").with_text("value", cursor.pattern.source()))
        }
        found => Ok(found),
    }
}

/// The match that a function of the user gave.
fn custom(text: &str, result: Value) -> Outcome<Option<Match>> {
    if result.is_undefined() {
        return Ok(None);
    }
    let member = |name| result.members().and_then(|members| members.get(name)).unwrap_or_default();
    let (start, next, groups) = (member("start"), member("next"), member("groups"));
    if start.as_f64().is_none() && !groups.is_array() && !next.is_function() {
        return Err(Error::new("T1010"));
    }
    let place = |value: &Value| bytes(text, value.as_f64().unwrap_or(0.0));
    let matched = member("match");
    let start = place(&start);
    let end = match member("end") {
        Value::Undefined => start + matched.as_text().map_or(0, |text| text.len()),
        end => place(&end),
    };
    let groups = groups.items().map_or_else(Vec::new, Items::to_vec);
    Ok(Some(Match {
        start,
        end: end.max(start),
        matched,
        groups,
        object: Some(result),
        next: Next::Custom(next),
    }))
}

/// A place in UTF-16 units, as JavaScript counts.
fn units(text: &str, byte: usize) -> usize {
    if text.is_ascii() { byte } else { text[..byte].encode_utf16().count() }
}

/// The byte at a place in UTF-16 units.
fn bytes(text: &str, units: f64) -> usize {
    let mut left = units;
    for (at, character) in text.char_indices() {
        if left <= 0.0 {
            return at;
        }
        left -= character.len_utf16() as f64;
    }
    text.len()
}

/// A regular expression called as a function, with a text and a place to start at.
pub(crate) fn match_from_arguments(
    machine: &mut Machine<'_>,
    pattern: &Arc<Pattern>,
    arguments: &[Value],
) -> Result {
    let Some(text) = arguments.first().and_then(Value::as_text) else {
        return Ok(Value::Undefined);
    };
    let from = arguments.get(1).and_then(Value::as_f64).unwrap_or(0.0);
    let at = bytes(text, from);
    let cursor = Rc::new(Cursor { pattern: pattern.clone(), text: text.clone(), at });
    match find(machine, &cursor)? {
        Some(found) => found.into_value(text),
        None => Ok(Value::Undefined),
    }
}

/// The function `next` of a match.
pub(crate) fn next_match(machine: &mut Machine<'_>, cursor: &Rc<Cursor>) -> Result {
    match find_next(machine, cursor)? {
        Some(found) => found.into_value(&cursor.text),
        None => Ok(Value::Undefined),
    }
}

/// Whether a limit allows another one.
pub(super) fn allows(limit: Option<f64>, count: usize) -> bool {
    limit.is_none_or(|limit| (count as f64) < limit)
}

/// A limit that is not negative, or an error of that code.
pub(super) fn limit(
    arguments: &Arguments<'_>,
    at: usize,
    code: &'static str,
) -> Outcome<Option<f64>> {
    match arguments.number(at) {
        Some(limit) if limit < 0.0 => {
            Err(Error::new(code).with_json("value", &quote(arguments.get(at))))
        }
        limit => Ok(limit),
    }
}

pub(super) fn matches(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    let limit = limit(arguments, 2, "D3040")?;
    let mut found = ArrayBuilder::new();
    let Some(function) = arguments.function(1) else { return found.sequence() };
    let mut matches = Matches::new(function, text);
    while allows(limit, found.len())
        && let Some(one) = matches.next(machine)?
    {
        let index = match &one.object {
            Some(object) => object.members().and_then(|m| m.get("start")).unwrap_or_default(),
            None => units(text, one.start).into(),
        };
        let mut record = Record::default();
        record.insert("match".into(), one.matched)?;
        record.insert("index".into(), index)?;
        record.insert("groups".into(), Value::array(one.groups))?;
        found.push(Value::Object(Rc::new(record)))?;
    }
    found.sequence()
}

pub(super) fn contains(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    if let Some(wanted) = arguments.text(1) {
        machine.fuel.pay_bytes(text.len())?;
        return Ok(text.contains(&**wanted).into());
    }
    let Some(function) = arguments.function(1) else { return Ok(Value::Undefined) };
    if let Callable::Pattern(pattern) = function.callable() {
        machine.fuel.pay_bytes(text.len())?;
        return Ok(pattern.occurs(text).into());
    }
    Ok(Matches::new(function, text).next(machine)?.is_some().into())
}

pub(super) fn split(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    let limit = limit(arguments, 2, "D3020")?;
    machine.fuel.pay_bytes(text.len())?;
    if let Some(separator) = arguments.text(1) {
        // JavaScript counts in 32 bits, where infinity is 0.
        let most = limit.map_or(usize::MAX, |limit| (limit % 4_294_967_296.0) as usize);
        let parts: Vec<Value> = if separator.is_empty() {
            text.chars().take(most).map(|c| Value::text(c.to_string())).collect()
        } else {
            text.split(&**separator).take(most).map(Value::text).collect()
        };
        machine.fuel.pay(parts.len() as u64)?;
        return Ok(Value::array(parts));
    }
    let mut parts = Vec::new();
    if let Some(function) = arguments.function(1) {
        split_by(machine, &mut Matches::new(function, text), text, limit, &mut parts)?;
    }
    Ok(Value::array(parts))
}

fn split_by(
    machine: &mut Machine<'_>,
    matches: &mut Matches,
    text: &str,
    limit: Option<f64>,
    parts: &mut Vec<Value>,
) -> Outcome<()> {
    let mut start = 0;
    while allows(limit, parts.len())
        && let Some(found) = matches.next(machine)?
    {
        parts.push(Value::text(&text[start.min(found.start)..found.start]));
        start = found.end;
    }
    if allows(limit, parts.len()) {
        parts.push(Value::text(&text[start..]));
    }
    Ok(())
}
