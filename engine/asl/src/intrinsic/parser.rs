//! Text of a call to its compiled form.

use stepyard_json::Json;

use super::{Argument, Call, Function};
use crate::Path;

/// Calls may be nested so deeply (AWS developer guide).
const NESTING_MAX: usize = 10;

/// Parses a whole call.
pub(super) fn parse(text: &str) -> Result<Call, String> {
    let mut parser = Parser { rest: text.trim() };
    let call = parser.call(1)?;
    match parser.rest.trim() {
        "" => Ok(call),
        rest => Err(format!("Unexpected '{rest}' after the call")),
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn call(&mut self, depth: usize) -> Result<Call, String> {
        if depth > NESTING_MAX {
            return Err(format!("Intrinsic functions can be nested at most {NESTING_MAX} deep"));
        }
        let Some(open) = self.rest.find('(') else { return Err("'(' expected".into()) };
        let name = self.rest[..open].trim_end();
        let Some(function) = Function::by_name(name) else {
            return Err(format!("'{name}' is not an intrinsic function"));
        };
        self.rest = self.rest[open + 1..].trim_start();
        let arguments = self.arguments(function, depth)?;
        let arity = function.arity();
        if !arity.contains(&arguments.len()) {
            return Err(format!("{name} does not take {} arguments", arguments.len()));
        }
        Ok(Call { function, arguments })
    }

    fn arguments(&mut self, function: Function, depth: usize) -> Result<Vec<Argument>, String> {
        let mut arguments = Vec::new();
        if self.take(')') {
            return Ok(arguments);
        }
        loop {
            let is_template = function == Function::Format && arguments.is_empty();
            arguments.push(self.argument(is_template, depth)?);
            self.rest = self.rest.trim_start();
            if self.take(')') {
                return Ok(arguments);
            }
            if !self.take(',') {
                return Err("',' or ')' expected".into());
            }
            self.rest = self.rest.trim_start();
        }
    }

    fn argument(&mut self, is_template: bool, depth: usize) -> Result<Argument, String> {
        match self.rest.chars().next() {
            Some('\'') => self.string(is_template).map(|text| Argument::Literal(text.into())),
            Some('$') => self.path().map(Argument::Path),
            Some('S') => self.call(depth + 1).map(Argument::Call),
            Some(_) => self.scalar().map(Argument::Literal),
            None => Err("An argument expected".into()),
        }
    }

    /// A single-quoted string. The template of `States.Format` keeps its other escapes: what `\{`
    /// means is known only when it is filled in.
    fn string(&mut self, is_template: bool) -> Result<String, String> {
        let mut text = String::new();
        let mut characters = self.rest[1..].char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '\'' => {
                    self.rest = &self.rest[1 + at + 1..];
                    return Ok(text);
                }
                '\\' => match characters.next() {
                    Some((_, '\'')) => text.push('\''),
                    Some((_, escaped @ ('{' | '}' | '\\'))) if !is_template => text.push(escaped),
                    Some((_, other)) => text.extend(['\\', other]),
                    None => break,
                },
                _ => text.push(character),
            }
        }
        Err("A string is not closed".into())
    }

    /// A path reaches to the comma or parenthesis that ends the argument, outside of its own
    /// brackets and quotes.
    fn path(&mut self) -> Result<Path, String> {
        let mut depth = 0_usize;
        let mut quote = None;
        let end = self.rest.find(|character: char| {
            if let Some(open) = quote {
                quote = (open != character).then_some(open);
                return false;
            }
            match character {
                '\'' | '"' => quote = Some(character),
                '[' | '(' => depth += 1,
                ']' | ')' if depth > 0 => depth -= 1,
                ')' | ',' if depth == 0 => return true,
                _ => {}
            }
            false
        });
        let (path, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        Path::parse(path.trim_end())
    }

    fn scalar(&mut self) -> Result<Json, String> {
        let end = self.rest.find([',', ')']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        match Json::parse(word.trim()) {
            Ok(json @ (Json::Null | Json::Bool(_) | Json::Number(_))) => Ok(json),
            _ => Err(format!("'{}' is not an argument", word.trim())),
        }
    }

    fn take(&mut self, character: char) -> bool {
        match self.rest.strip_prefix(character) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}
