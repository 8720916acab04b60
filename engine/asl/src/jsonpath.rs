//! Indefinite JSONPath queries.
//!
//! AWS evaluates the dialect of the Jayway library; `jsonpath-rust` evaluates RFC 9535. What the two
//! spell differently is rewritten here, what RFC 9535 cannot express is refused.

use std::fmt;

use jsonpath_rust::parser::model::JpQuery;
use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::js_path_process;
use stepyard_json::Json;

/// Longest query that is accepted, in bytes.
const LENGTH_MAX: usize = 1_024;

/// Deepest nesting of brackets and parentheses: the parser behind it works by recursion.
const NESTING_MAX: usize = 8;

/// Operators of filters that Jayway has and RFC 9535 has not.
const UNSUPPORTED: [&str; 8] =
    ["=~", " in ", " nin ", " subsetof ", " contains ", " size ", " empty ", " anyof "];

/// A query that may give any number of values.
pub(crate) struct Query {
    text: String,
    parsed: JpQuery,
}

impl Query {
    /// Parses a query on the root `$`.
    pub(crate) fn parse(text: &str) -> Result<Query, String> {
        if text.len() > LENGTH_MAX {
            return Err(format!("A path is at most {LENGTH_MAX} bytes long"));
        }
        let text = Normaliser::default().normalise(text)?;
        match parse_json_path(&text) {
            Ok(parsed) => Ok(Query { text, parsed }),
            Err(_) => Err("The path is not a valid JSONPath".into()),
        }
    }

    /// All values that match, in document order.
    pub(crate) fn select(&self, json: &Json) -> Json {
        // Queries that were parsed do not fail; no match is an empty list.
        let found = js_path_process(&self.parsed, json).unwrap_or_default();
        found.into_iter().map(|found| found.val().clone()).collect()
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Rewrites Jayway spellings: `.['a b']` to `['a b']`, `.first-name` to `['first-name']`.
#[derive(Default)]
struct Normaliser {
    out: String,
    depth: usize,
    quote: Option<char>,
}

impl Normaliser {
    fn normalise(mut self, text: &str) -> Result<String, String> {
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            if self.depth == 0 && character == '.' {
                rest = self.segment(rest)?;
            } else {
                rest = self.copy(rest, character)?;
            }
        }
        match (self.depth, self.quote) {
            (0, None) => Ok(self.out),
            _ => Err("A bracket or quote of the path is not closed".into()),
        }
    }

    /// A segment after a dot, outside of brackets.
    fn segment<'a>(&mut self, rest: &'a str) -> Result<&'a str, String> {
        let (dots, after) = match rest.strip_prefix("..") {
            Some(after) => ("..", after),
            None => (".", &rest[1..]),
        };
        if after.starts_with('[') {
            // After one dot the bracket stands alone in RFC 9535.
            self.out.push_str(if dots == ".." { dots } else { "" });
            return Ok(after);
        }
        let end = after.find(['.', '[']).unwrap_or(after.len());
        let name = &after[..end];
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || "()'\"]@?,:".contains(c))
        {
            return Err(format!("'{name}' is not a member name"));
        }
        if name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '*')
            && !starts_with_digit(name)
        {
            self.out.push_str(dots);
            self.out.push_str(name);
        } else {
            self.out.push_str(if dots == ".." { dots } else { "" });
            self.out.push_str(&format!("['{}']", name.replace('\\', "\\\\")));
        }
        Ok(&after[end..])
    }

    /// One character of anything else, minding quotes, nesting and foreign operators.
    fn copy<'a>(&mut self, rest: &'a str, character: char) -> Result<&'a str, String> {
        let next = &rest[character.len_utf8()..];
        match (self.quote, character) {
            (Some(_), '\\') => {
                self.out.push('\\');
                self.out.extend(next.chars().next());
                let skipped = next.chars().next().map_or(0, char::len_utf8);
                return Ok(&next[skipped..]);
            }
            (Some(quote), _) if quote == character => self.quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => self.quote = Some(character),
            (None, '[' | '(') => self.depth += 1,
            (None, ']' | ')') => {
                let closed =
                    self.depth.checked_sub(1).ok_or("A bracket of the path is not open")?;
                self.depth = closed;
            }
            (None, _) => self.refuse_foreign_operators(rest)?,
        }
        if self.depth > NESTING_MAX {
            return Err(format!("A path nests at most {NESTING_MAX} brackets"));
        }
        self.out.push(character);
        Ok(next)
    }

    fn refuse_foreign_operators(&self, rest: &str) -> Result<(), String> {
        match UNSUPPORTED.iter().find(|operator| rest.starts_with(**operator)) {
            Some(operator) => {
                Err(format!("The filter operator '{}' is not supported", operator.trim()))
            }
            None => Ok(()),
        }
    }
}

fn starts_with_digit(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_digit())
}
