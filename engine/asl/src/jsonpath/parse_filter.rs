//! Text to filters.

use regex::RegexBuilder;
use stepyard_json::{Json, Object};

use super::Root;
use super::filter::{Filter, Operand};
use super::operator::{Operator, SYMBOLS, WORDS};
use super::parse::Scanner;

/// Most memory that a compiled pattern may take, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// `a || b`.
pub(super) fn any_of(scanner: &mut Scanner<'_>) -> Result<Filter, String> {
    joined(scanner, "||", all_of, Filter::Any)
}

/// `a && b`.
fn all_of(scanner: &mut Scanner<'_>) -> Result<Filter, String> {
    joined(scanner, "&&", condition, Filter::All)
}

fn joined(
    scanner: &mut Scanner<'_>,
    separator: &str,
    read: fn(&mut Scanner<'_>) -> Result<Filter, String>,
    join: fn(Vec<Filter>) -> Filter,
) -> Result<Filter, String> {
    let first = read(scanner)?;
    let mut all = vec![first];
    loop {
        scanner.skip_blanks();
        if !scanner.skip(separator) {
            break;
        }
        all.push(read(scanner)?);
    }
    Ok(if all.len() == 1 { all.remove(0) } else { join(all) })
}

/// `(a)`, `!(a)`, `@.a`, `!@.a`, `@.a == 1`.
fn condition(scanner: &mut Scanner<'_>) -> Result<Filter, String> {
    scanner.skip_blanks();
    let is_negated = scanner.skip("!");
    scanner.skip_blanks();
    if scanner.peek() == Some('(') {
        let inner = scanner.nested(|scanner| {
            scanner.expect("(")?;
            let inner = any_of(scanner)?;
            scanner.expect(")")?;
            Ok(inner)
        })?;
        return Ok(if is_negated { Filter::Not(Box::new(inner)) } else { inner });
    }
    match (operand(scanner)?, is_negated) {
        (Operand::Path(path), true) => Ok(Filter::Missing(path)),
        (_, true) => Err("Only a path or parentheses can follow '!' in a filter".into()),
        (left, false) => comparison(scanner, left),
    }
}

fn comparison(scanner: &mut Scanner<'_>, left: Operand) -> Result<Filter, String> {
    scanner.skip_blanks();
    match (operator(scanner), left) {
        (Some(operator), left) => {
            let right = operand(scanner)?;
            Ok(Filter::Compare(left, operator, right))
        }
        (None, Operand::Path(path)) => Ok(Filter::Exists(path)),
        (None, _) => Err(format!("An operator expected before '{}'", scanner.rest)),
    }
}

fn operator(scanner: &mut Scanner<'_>) -> Option<Operator> {
    for (symbol, operator) in SYMBOLS {
        if scanner.skip(symbol) {
            return Some(operator);
        }
    }
    let letters = scanner.rest.find(|c: char| !c.is_ascii_alphabetic());
    let (word, rest) = scanner.rest.split_at(letters?);
    let (_, operator) = WORDS.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(word))?;
    scanner.rest = rest;
    Some(operator)
}

fn operand(scanner: &mut Scanner<'_>) -> Result<Operand, String> {
    scanner.skip_blanks();
    match scanner.peek() {
        Some('@') => {
            scanner.skip("@");
            scanner.path(Root::Candidate).map(Operand::Path)
        }
        Some('$') => {
            scanner.skip("$");
            scanner.path(Root::Document).map(Operand::Path)
        }
        Some('/') => pattern(scanner),
        _ => literal(scanner).map(Operand::Literal),
    }
}

/// `/text/flags`, as Java has them.
fn pattern(scanner: &mut Scanner<'_>) -> Result<Operand, String> {
    scanner.skip("/");
    let mut is_escaped = false;
    let end = scanner.rest.find(|c: char| {
        let ends = c == '/' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends
    });
    let Some(end) = end else { return Err("A pattern must end with '/'".into()) };
    let (text, rest) = (&scanner.rest[..end], &scanner.rest[end + 1..]);
    let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    scanner.rest = &rest[letters..];
    let has = |flag: char| rest[..letters].contains(flag);
    let built = RegexBuilder::new(&format!("^(?:{})$", text.replace("\\/", "/")))
        .case_insensitive(has('i'))
        .dot_matches_new_line(has('s'))
        .multi_line(has('m'))
        .ignore_whitespace(has('x'))
        .size_limit(PATTERN_BYTES_MAX)
        .build();
    built
        .map(Operand::Pattern)
        .map_err(|_| format!("The pattern /{text}/ is not one that can be matched in linear time"))
}

/// JSON, in which texts may also stand in single quotes.
fn literal(scanner: &mut Scanner<'_>) -> Result<Json, String> {
    scanner.skip_blanks();
    match scanner.peek() {
        Some('\'' | '"') => scanner.quoted().map(Json::from),
        Some('[') => scanner.nested(array),
        Some('{') => scanner.nested(object),
        _ => {
            let is_in = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
            let end = scanner.rest.find(|c| !is_in(c)).unwrap_or(scanner.rest.len());
            let (word, rest) = scanner.rest.split_at(end);
            let value = Json::parse(word);
            scanner.rest = rest;
            value.map_err(|_| format!("A path or a value expected before '{word}{rest}'"))
        }
    }
}

fn array(scanner: &mut Scanner<'_>) -> Result<Json, String> {
    scanner.expect("[")?;
    let mut elements = Vec::new();
    scanner.skip_blanks();
    if scanner.skip("]") {
        return Ok(elements.into());
    }
    loop {
        elements.push(literal(scanner)?);
        scanner.skip_blanks();
        if !scanner.skip(",") {
            scanner.expect("]")?;
            return Ok(elements.into());
        }
    }
}

fn object(scanner: &mut Scanner<'_>) -> Result<Json, String> {
    scanner.expect("{")?;
    let mut object = Object::new();
    scanner.skip_blanks();
    if scanner.skip("}") {
        return Ok(object.into());
    }
    loop {
        scanner.skip_blanks();
        let name = scanner.quoted()?;
        scanner.expect(":")?;
        object.insert(name, literal(scanner)?);
        scanner.skip_blanks();
        if !scanner.skip(",") {
            scanner.expect("}")?;
            return Ok(object.into());
        }
    }
}
