//! `$replace`.

use std::sync::Arc;

use super::Arguments;
use super::matcher::{Match, Matches, allows, limit};
use crate::error::{Error, Outcome};
use crate::eval::Machine;
use crate::limits::STRING_MAX;
use crate::value::{Value, quote};

/// Replaces what a string or a regular expression finds, by a text or by what a function makes of it.
pub(super) fn replace(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Outcome<Value> {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    let pattern = arguments.text(1);
    if pattern.is_some_and(|pattern| pattern.is_empty()) {
        return Err(Error::new("D3010").with_json("value", "\"\""));
    }
    let limit = limit(arguments, 3, "D3011")?;
    machine.fuel.pay_bytes(text.len())?;
    let mut out = Replaced { text: String::new() };
    match (pattern, arguments.function(1)) {
        (Some(pattern), _) => by_text(machine, arguments, text, pattern, limit, &mut out)?,
        (None, Some(function)) => {
            by_matches(machine, arguments, text, Matches::new(function, text), limit, &mut out)?;
        }
        (None, None) => return Ok(arguments.get(0).clone()),
    }
    Ok(Value::text(out.text))
}

/// The text so far, which must not grow too long.
struct Replaced {
    text: String,
}

impl Replaced {
    fn push(&mut self, machine: &mut Machine<'_>, piece: &str) -> Outcome<()> {
        machine.fuel.pay_bytes(piece.len())?;
        if self.text.len() + piece.len() > STRING_MAX {
            return Err(Error::limit("D1016", STRING_MAX));
        }
        self.text.push_str(piece);
        Ok(())
    }
}

fn by_text(
    machine: &mut Machine<'_>,
    arguments: &Arguments<'_>,
    text: &str,
    pattern: &str,
    limit: Option<f64>,
    out: &mut Replaced,
) -> Outcome<()> {
    let replacement = arguments.text(2).cloned().unwrap_or_else(|| "undefined".into());
    let mut rest = text;
    let mut count = 0;
    while allows(limit, count)
        && let Some(at) = rest.find(pattern)
    {
        out.push(machine, &rest[..at])?;
        out.push(machine, &replacement)?;
        rest = &rest[at + pattern.len()..];
        count += 1;
    }
    out.push(machine, rest)
}

fn by_matches(
    machine: &mut Machine<'_>,
    arguments: &Arguments<'_>,
    text: &Arc<str>,
    mut matches: Matches,
    limit: Option<f64>,
    out: &mut Replaced,
) -> Outcome<()> {
    let mut position = 0;
    let mut count = 0;
    while allows(limit, count)
        && let Some(found) = matches.next(machine)?
    {
        out.push(machine, &text[position.min(found.start)..found.start])?;
        position = found.end;
        let piece = match arguments.function(2) {
            Some(function) => {
                let function = Value::Function(function.clone());
                machine.callback(&function, vec![found.into_value(text)?])?
            }
            None => {
                let template = arguments.text(2).cloned().unwrap_or_default();
                Value::text(substituted(&template, &found))
            }
        };
        let Some(piece) = piece.as_text() else {
            return Err(Error::new("D3012").with_json("value", &quote(&piece)));
        };
        out.push(machine, piece)?;
        count += 1;
    }
    out.push(machine, &text[position..])
}

/// Fills in `$0` for the match, `$1` and so on for its groups, `$$` for a dollar sign.
fn substituted(template: &str, found: &Match) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('0') {
            out.push_str(found.matched.as_text().map_or("", |text| text));
            rest = after;
        } else if let Some((group, length)) = group_number(rest, found.groups.len()) {
            let group = found.groups.get(group.wrapping_sub(1)).and_then(Value::as_text);
            out.push_str(group.map_or("", |text| text));
            rest = &rest[length..];
        } else {
            out.push('$');
        }
    }
    out.push_str(rest);
    out
}

/// A group's number and its length: as many digits as the number of groups has, one less when there
/// is no such group.
fn group_number(text: &str, groups: usize) -> Option<(usize, usize)> {
    let most = groups.max(1).to_string().len();
    let digits = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let number = |length: usize| text[..length].parse::<usize>().ok();
    let value = number(digits)?;
    if most > 1 && value > groups && digits == most {
        let shorter = number(digits - 1)?;
        return Some((shorter, shorter.to_string().len()));
    }
    Some((value, value.to_string().len()))
}
