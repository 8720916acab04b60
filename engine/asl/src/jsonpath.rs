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

/// Values that a query may look at, about.
const WORK_MAX: u64 = 10_000_000;

/// Operators of filters that Jayway has and RFC 9535 has not.
const UNSUPPORTED: [&str; 8] =
    ["=~", " in ", " nin ", " subsetof ", " contains ", " size ", " empty ", " anyof "];

/// A query that may give any number of values.
pub(crate) struct Query {
    text: String,
    parsed: JpQuery,
    growth: Growth,
}

/// How many times a value may be found by one query.
#[derive(Clone, Copy)]
struct Growth {
    /// Descendant segments: each but the first finds a value once for each of its ancestors.
    descents: u32,
    /// Product of the numbers of alternatives in brackets.
    alternatives: u64,
    /// Whether each candidate of a filter is searched as a whole.
    filters_search: bool,
}

impl Query {
    /// Parses a query on the root `$`.
    pub(crate) fn parse(text: &str) -> Result<Query, String> {
        if text.len() > LENGTH_MAX {
            return Err(format!("A path is at most {LENGTH_MAX} bytes long"));
        }
        let text = Normaliser::default().normalise(text)?;
        match parse_json_path(&text) {
            Ok(parsed) => {
                let growth = Growth::of(&text);
                Ok(Query { text, parsed, growth })
            }
            Err(_) => Err("The path is not a valid JSONPath".into()),
        }
    }

    /// All values that match, in document order; `None` when looking for them could take too long.
    pub(crate) fn select(&self, json: &Json) -> Option<Json> {
        if self.growth.work(json) > WORK_MAX {
            return None;
        }
        // Queries that were parsed do not fail; no match is an empty list.
        let found = js_path_process(&self.parsed, json).unwrap_or_default();
        Some(found.into_iter().map(|found| found.val().clone()).collect())
    }
}

impl Growth {
    /// Quoted names count like the rest, so this may be too high, never too low.
    fn of(text: &str) -> Growth {
        let commas = text.split('[').skip(1).map(|bracket| {
            let inside = bracket.split(']').next().unwrap_or_default();
            inside.matches(',').count() as u64 + 1
        });
        let filters = text.split_once('?').map_or("", |(_, filters)| filters);
        Growth {
            descents: u32::try_from(text.matches("..").count()).unwrap_or(u32::MAX),
            alternatives: commas.fold(1, u64::saturating_mul),
            filters_search: filters.contains("..") || filters.contains('*'),
        }
    }

    /// About how many values are looked at.
    fn work(self, json: &Json) -> u64 {
        if self.descents < 2 && self.alternatives == 1 && !self.filters_search {
            return 0;
        }
        let (nodes, depth) = measure(json);
        let again = (depth + 1).saturating_pow(self.descents.saturating_sub(1));
        let searched = if self.filters_search { nodes } else { 1 };
        nodes.saturating_mul(again).saturating_mul(self.alternatives).saturating_mul(searched)
    }
}

/// Number of values in a value, and how deep they are nested.
fn measure(json: &Json) -> (u64, u64) {
    let (mut nodes, mut deepest) = (0, 0);
    let mut waiting = vec![(json, 0)];
    while let Some((value, depth)) = waiting.pop() {
        nodes += 1;
        deepest = deepest.max(depth);
        match value {
            Json::Array(elements) => waiting.extend(elements.iter().map(|e| (e, depth + 1))),
            Json::Object(members) => waiting.extend(members.iter().map(|(_, m)| (m, depth + 1))),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
        }
    }
    (nodes, deepest)
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

#[cfg(test)]
mod tests {
    use stepyard_json::Json;

    use super::Query;

    fn nested(depth: usize) -> Json {
        Json::parse(&format!("{}1{}", "[".repeat(depth), "]".repeat(depth))).unwrap()
    }

    #[test]
    fn queries_that_multiply_their_results_are_given_up() {
        let deep = nested(200);
        for bomb in ["$..*..*..*..*", &format!("${}", "[0,0]".repeat(60)), "$..[?(@..*..*)]"] {
            assert_eq!(Query::parse(bomb).unwrap().select(&deep), None, "{bomb}");
        }
    }

    #[test]
    fn usual_queries_are_not() {
        let wide =
            Json::parse(&format!("{{\"a\":[{}]}}", vec!["{\"b\":{\"c\":1}}"; 5_000].join(",")));
        let wide = wide.unwrap();
        for usual in ["$..c", "$.a[*].b.c", "$..b..c", "$.a[?(@.b.c == 1)].b.c", "$..['b','x']..c"]
        {
            let found = Query::parse(usual).unwrap().select(&wide).unwrap();
            assert_eq!(found.as_array().map(<[Json]>::len), Some(5_000), "{usual}");
        }
        assert!(Query::parse("$..*").unwrap().select(&nested(200)).is_some());
    }
}
