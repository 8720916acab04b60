//! Reference paths: JSONPaths that name exactly one place, by member names and indexes only.

use std::fmt;
use std::sync::Arc;

use crate::{Json, Object, parse};

/// Longest path that is accepted, in bytes.
const LENGTH_MAX: usize = 1_024;

/// Highest index that is accepted: a value is never padded to reach it, so the bound only keeps
/// nonsense out.
const INDEX_MAX: usize = 1_000_000;

/// A reference path such as `$`, `$.order.id`, `$['a b'][3]` (AWS developer guide, "Reference paths").
#[derive(Clone, PartialEq, Eq)]
pub struct ReferencePath {
    text: Arc<str>,
    steps: Box<[Step]>,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `.name` or `['name']`.
    Member(Arc<str>),
    /// `[3]`; negative counts from the end.
    Index(i64),
}

/// The steps from the root of a value to a place in it.
pub type Place = Box<[Step]>;

/// Why a text is not a reference path, or why a place cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathError {
    /// Byte of the path at which it was noticed; zero when a value stood in the way.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for PathError {}

impl ReferencePath {
    /// Parses a path.
    ///
    /// # Errors
    /// When it does not start with `$`, is too long, or holds anything but member names and indexes.
    pub fn parse(text: &str) -> Result<ReferencePath, PathError> {
        if text.len() > LENGTH_MAX {
            return Err(error(LENGTH_MAX, format!("A path is at most {LENGTH_MAX} bytes long")));
        }
        let Some(rest) = text.strip_prefix('$') else {
            return Err(error(0, "A reference path must start with '$'"));
        };
        let mut scanner = Scanner { text, rest };
        let mut steps = Vec::new();
        while !scanner.rest.is_empty() {
            steps.push(scanner.step()?);
        }
        Ok(ReferencePath { text: text.into(), steps: steps.into() })
    }

    /// The path `$`.
    pub fn root() -> ReferencePath {
        ReferencePath { text: "$".into(), steps: Box::default() }
    }

    /// Whether it is `$`.
    pub fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    /// Its steps from the root.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The value at that place.
    pub fn get<'a>(&self, json: &'a Json) -> Option<&'a Json> {
        self.steps.iter().try_fold(json, |json, step| step.get(json))
    }

    /// The value at that place as it is spelled in a JSON text; of members with the same name the last one.
    pub(crate) fn excerpt<'a>(&self, text: &'a str) -> Option<&'a str> {
        self.steps.iter().try_fold(text, |text, step| step.excerpt(text))
    }

    /// A copy of `json` with `value` at that place. Members that are missing on the way are created
    /// as objects; everything off the way is shared with the original.
    ///
    /// # Errors
    /// When the way leads through something that is not an object, or through an index that the
    /// array does not have.
    pub fn set(&self, json: &Json, value: Json) -> Result<Json, PathError> {
        let mut whole = json.clone();
        let mut place = &mut whole;
        for step in &self.steps {
            place = step.get_or_create(place)?;
        }
        *place = value;
        Ok(whole)
    }
}

impl Step {
    /// The value one step further.
    pub fn get<'a>(&self, json: &'a Json) -> Option<&'a Json> {
        match self {
            Step::Member(name) => json.get(name),
            Step::Index(index) => {
                let elements = json.as_array()?;
                elements.get(position(*index, elements.len())?)
            }
        }
    }

    fn excerpt<'a>(&self, text: &'a str) -> Option<&'a str> {
        let parts = parse::parts(text)?;
        let (_, value) = match self {
            Step::Member(name) => {
                parts.iter().rfind(|(member, _)| member.as_ref() == Some(name))?
            }
            Step::Index(index) => {
                parts.get(position(*index, parts.len())?).filter(|(member, _)| member.is_none())?
            }
        };
        Some(value)
    }

    fn get_or_create<'a>(&self, json: &'a mut Json) -> Result<&'a mut Json, PathError> {
        let kind = json.type_name();
        match (self, json) {
            (Step::Member(name), Json::Object(object)) => {
                let object: &mut Object = Arc::make_mut(object);
                if !object.contains_key(name) {
                    object.insert(name.clone(), Json::empty_object());
                }
                let missing = || error(0, format!("The member '{name}' cannot be created"));
                object.get_mut(name).ok_or_else(missing)
            }
            (Step::Index(index), Json::Array(elements)) => {
                let elements = Arc::make_mut(elements);
                let length = elements.len();
                position(*index, length).and_then(|at| elements.get_mut(at)).ok_or_else(|| {
                    error(0, format!("Index {index} is not in an array of {length}"))
                })
            }
            (Step::Member(name), _) => Err(error(
                0,
                format!("The member '{name}' cannot be set in a value of type {kind}"),
            )),
            (Step::Index(index), _) => {
                Err(error(0, format!("Index {index} cannot be set in a value of type {kind}")))
            }
        }
    }
}

/// Place of an index in an array of that length; negative indexes count from the end.
fn position(index: i64, length: usize) -> Option<usize> {
    if index < 0 {
        length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)
    } else {
        usize::try_from(index).ok()
    }
}

struct Scanner<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    fn step(&mut self) -> Result<Step, PathError> {
        if let Some(rest) = self.rest.strip_prefix('.') {
            self.rest = rest;
            // `$.a.['b']`, as the AWS guide writes it, is the same as `$.a['b']`.
            if !rest.starts_with('[') {
                return self.dotted_name();
            }
        }
        if self.rest.starts_with('[') {
            return self.bracketed();
        }
        Err(self.error("'.' or '[' expected"))
    }

    fn dotted_name(&mut self) -> Result<Step, PathError> {
        let end = self.rest.find(['.', '[']).unwrap_or(self.rest.len());
        let name = &self.rest[..end];
        let stray = name.find(|c: char| c.is_whitespace() || "*?@,:()]'\"".contains(c));
        if name.is_empty() || stray.is_some() {
            return Err(self.error("A member name expected"));
        }
        self.rest = &self.rest[end..];
        Ok(Step::Member(name.into()))
    }

    fn bracketed(&mut self) -> Result<Step, PathError> {
        let inner = self.rest[1..].trim_start();
        match inner.chars().next() {
            Some(quote @ ('\'' | '"')) => self.quoted_name(inner, quote),
            _ => self.index(inner),
        }
    }

    fn index(&mut self, inner: &'a str) -> Result<Step, PathError> {
        let Some(end) = inner.find(']') else { return Err(self.error("']' expected")) };
        let index = inner[..end].trim().parse::<i64>();
        match index {
            Ok(index) if index.unsigned_abs() <= INDEX_MAX as u64 => {
                self.rest = &inner[end + 1..];
                Ok(Step::Index(index))
            }
            _ => Err(self.error("An index or a quoted name expected")),
        }
    }

    fn quoted_name(&mut self, inner: &'a str, quote: char) -> Result<Step, PathError> {
        let mut name = String::new();
        let mut characters = inner[1..].char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => match characters.next() {
                    Some((_, escaped)) if escaped == quote || escaped == '\\' => name.push(escaped),
                    // Recorded from AWS: before anything else the backslash stands for itself.
                    other => {
                        name.push('\\');
                        name.extend(other.map(|(_, literal)| literal));
                    }
                },
                _ if character == quote => {
                    let after = inner[1 + at + 1..].trim_start();
                    let Some(rest) = after.strip_prefix(']') else { break };
                    self.rest = rest;
                    return Ok(Step::Member(name.into()));
                }
                _ => name.push(character),
            }
        }
        Err(self.error("A quoted name must end with a quote and ']'"))
    }

    fn error(&self, message: &str) -> PathError {
        error(self.text.len() - self.rest.len(), message)
    }
}

fn error(offset: usize, message: impl Into<String>) -> PathError {
    PathError { offset, message: message.into() }
}

/// The path as it was written.
impl fmt::Display for ReferencePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for ReferencePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::ReferencePath;
    use crate::Json;

    fn json(text: &str) -> Json {
        Json::parse(text).unwrap()
    }

    fn path(text: &str) -> ReferencePath {
        ReferencePath::parse(text).unwrap()
    }

    #[test]
    fn one_place_is_found() {
        let data = json(r#"{"a":{"b c":[10,20,{"é":1}]},"first-name":"x","q\\\"\"":2,"it's":3}"#);
        for (text, found) in [
            ("$.a['b c'][1]", Some("20")),
            ("$.a.['b c'][-1].é", Some("1")),
            ("$[\"a\"][ 'b c' ][0]", Some("10")),
            ("$.first-name", Some("\"x\"")),
            (r#"$['q\""']"#, Some("2")),
            (r"$['it\'s']", Some("3")),
            ("$.a['b c'][3]", None),
            ("$.a['b c'][-4]", None),
            ("$.nothing.at.all", None),
        ] {
            let value = path(text).get(&data).map(ToString::to_string);
            assert_eq!(value.as_deref(), found, "{text}");
        }
        assert_eq!(path("$").get(&data), Some(&data));
    }

    #[test]
    fn setting_creates_what_is_missing_and_shares_the_rest() {
        let data = json(r#"{"a":[1,2]}"#);
        for (text, result) in [
            ("$", "9"),
            ("$.b.c", r#"{"a":[1,2],"b":{"c":9}}"#),
            ("$.a[1]", r#"{"a":[1,9]}"#),
            ("$.a", r#"{"a":9}"#),
        ] {
            assert_eq!(path(text).set(&data, json("9")).unwrap(), json(result), "{text}");
        }
        assert_eq!(data, json(r#"{"a":[1,2]}"#));
    }

    #[test]
    fn setting_through_a_scalar_or_past_an_array_is_refused() {
        let data = json(r#"{"a":[1],"s":"x"}"#);
        for text in ["$.s.t", "$.a.b", "$.a[5]", "$.s[0]"] {
            assert!(path(text).set(&data, json("9")).is_err(), "{text}");
        }
    }

    #[test]
    fn only_names_and_indexes_are_accepted() {
        for text in ["", "a", "$.", "$..a", "$.a[*]", "$.a[?(@.b)]", "$[1:2]", "$['a", "$[", "$x"] {
            assert!(ReferencePath::parse(text).is_err(), "{text}");
        }
        assert!(ReferencePath::parse(&format!("${}", ".a".repeat(600))).is_err());
    }
}
