//! Text to segments.

use std::sync::Arc;

use super::parse_filter;
use super::{Compiled, Function, Root, Segment, Selector};

/// Deepest nesting of filters and of parentheses in them: their parser works by recursion.
pub(super) const NESTING_MAX: usize = 8;

/// What ends a member name after a dot.
const NAME_ENDS: [char; 3] = ['.', '[', '('];

/// What else ends it inside a filter.
const FILTER_NAME_ENDS: [char; 10] = ['<', '>', '=', '~', '!', '&', '|', ',', ')', ']'];

/// What a name cannot hold without quotes.
const NEEDS_QUOTES: [char; 7] = ['\'', '"', ')', ']', '?', '@', ','];

/// Parses a whole query.
pub(super) fn parse(text: &str) -> Result<Compiled, String> {
    let mut scanner = Scanner { rest: text, depth: 0 };
    if !scanner.skip("$") {
        return Err("A path must start with '$'".into());
    }
    let path = scanner.path(Root::Document)?;
    match scanner.rest {
        "" => Ok(path),
        rest => Err(format!("'.' or '[' expected before '{rest}'")),
    }
}

/// The text that is not parsed yet.
pub(super) struct Scanner<'a> {
    pub(super) rest: &'a str,
    /// Filters and parentheses around this place.
    pub(super) depth: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Skips a token, when it comes next.
    pub(super) fn skip(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    pub(super) fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    pub(super) fn expect(&mut self, token: &str) -> Result<(), String> {
        self.skip_blanks();
        if self.skip(token) {
            return Ok(());
        }
        match self.rest {
            "" => Err(format!("'{token}' expected at the end of the path")),
            rest => Err(format!("'{token}' expected before '{rest}'")),
        }
    }

    /// The text up to one of these characters, or up to the end.
    fn take_until(&mut self, ends: impl Fn(char) -> bool) -> &'a str {
        let (taken, rest) = self.rest.split_at(self.rest.find(ends).unwrap_or(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// What follows the root of a path.
    pub(super) fn path(&mut self, root: Root) -> Result<Compiled, String> {
        let mut path = Compiled { root, segments: Vec::new(), function: None };
        while path.function.is_none() {
            if self.skip("..") {
                let selector = self.selector()?;
                path.segments.push(Segment::Descendant(selector));
            } else if self.skip(".") {
                path.function = self.function()?;
                if path.function.is_none() {
                    path.segments.push(Segment::Child(self.selector()?));
                }
            } else if self.peek() == Some('[') {
                path.segments.push(Segment::Child(self.selector()?));
            } else {
                break;
            }
        }
        Ok(path)
    }

    /// A function call at the end of a path, such as `length()`.
    fn function(&mut self) -> Result<Option<Function>, String> {
        let name = self.rest.split(['.', '[', '(']).next().unwrap_or_default();
        let Some(after) = self.rest[name.len()..].strip_prefix('(') else { return Ok(None) };
        let function = Function::by_name(name).ok_or(format!("There is no function '{name}'"))?;
        self.rest = after;
        self.expect(")")?;
        Ok(Some(function))
    }

    fn selector(&mut self) -> Result<Selector, String> {
        if self.skip("[") {
            let selector = self.bracket()?;
            self.expect("]")?;
            return Ok(selector);
        }
        if self.skip("*") {
            return Ok(Selector::Wildcard);
        }
        let in_filter = self.depth > 0;
        let name = self.take_until(|c| {
            NAME_ENDS.contains(&c)
                || in_filter && (c.is_whitespace() || FILTER_NAME_ENDS.contains(&c))
        });
        let is_plain = |c: char| !c.is_whitespace() && !NEEDS_QUOTES.contains(&c);
        if name.is_empty() || !name.chars().all(is_plain) {
            return Err(format!("'{name}' is not a member name"));
        }
        Ok(Selector::Members(vec![name.into()]))
    }

    /// What stands between brackets.
    fn bracket(&mut self) -> Result<Selector, String> {
        self.skip_blanks();
        match self.peek() {
            Some('\'' | '"') => self.names(),
            Some('*') => {
                self.skip("*");
                Ok(Selector::Wildcard)
            }
            Some('?') => {
                self.skip("?");
                self.nested(|scanner| {
                    scanner.expect("(")?;
                    let filter = parse_filter::any_of(scanner)?;
                    scanner.expect(")")?;
                    Ok(Selector::Filter(filter))
                })
            }
            _ => self.places(),
        }
    }

    /// Something that may hold its like.
    pub(super) fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, String>,
    ) -> Result<T, String> {
        if self.depth == NESTING_MAX {
            return Err(format!("A path nests at most {NESTING_MAX} brackets"));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn names(&mut self) -> Result<Selector, String> {
        let mut names: Vec<Arc<str>> = Vec::new();
        loop {
            self.skip_blanks();
            names.push(self.quoted()?.into());
            self.skip_blanks();
            if !self.skip(",") {
                return Ok(Selector::Members(names));
            }
        }
    }

    /// A text in quotes of either kind; a backslash makes the next character stand for itself.
    pub(super) fn quoted(&mut self) -> Result<String, String> {
        let Some(quote @ ('\'' | '"')) = self.peek() else {
            return Err(format!("A quoted name expected before '{}'", self.rest));
        };
        let mut text = String::new();
        let mut characters = self.rest[1..].char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => text.extend(characters.next().map(|(_, escaped)| escaped)),
                _ if character == quote => {
                    self.rest = &self.rest[1 + at + 1..];
                    return Ok(text);
                }
                _ => text.push(character),
            }
        }
        Err("A quote of the path is not closed".into())
    }

    /// `0`, `0, -1`, `1:`, `:2`, `1:2`.
    fn places(&mut self) -> Result<Selector, String> {
        let inside = self.take_until(|c| c == ']').trim();
        let wrong = || format!("'{inside}' is neither an index, a slice nor a quoted name");
        let number = |text: &str| text.trim().parse::<i64>().map_err(|_| wrong());
        let Some((from, rest)) = inside.split_once(':') else {
            return inside.split(',').map(number).collect::<Result<_, _>>().map(Selector::Indexes);
        };
        let bound = |text: &str| match text.trim() {
            "" => Ok(None),
            text => number(text).map(Some),
        };
        // Jayway accepts a step and does not heed it.
        let (to, step) = rest.split_once(':').unwrap_or((rest, ""));
        match (bound(from)?, bound(to)?) {
            (None, None) => Err(wrong()),
            _ if bound(step).is_err() => Err(wrong()),
            (from, to) => Ok(Selector::Slice { from, to }),
        }
    }
}
