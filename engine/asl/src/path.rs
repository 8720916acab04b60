//! Paths: `$...` on the data, `$$...` on the context object.

use std::fmt;
use std::sync::Arc;

use stepyard_json::{Json, ReferencePath, Step};

use crate::jsonpath::Query;
use crate::{Env, EvalError};

/// A compiled path, as `InputPath`, `ItemsPath`, `Variable` or a `k.$` member of a payload template holds it.
#[derive(Clone, Debug)]
pub struct Path {
    text: Arc<str>,
    root: Root,
    query: Selection,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Root {
    Data,
    Context,
}

/// A definite path names one place and gives its value; an indefinite one (wildcard, slice, filter,
/// deep scan) gives the array of all values that match, empty when none does.
#[derive(Clone, Debug)]
enum Selection {
    Definite(ReferencePath),
    Indefinite(Arc<Query>),
}

/// A definite path without a value. AWS words it differently from field to field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotFound {
    /// The path as it was written.
    pub path: Arc<str>,
    /// `No results for path: $['a']` or `Missing property in path $['a']`.
    pub detail: String,
}

impl From<NotFound> for EvalError {
    fn from(missing: NotFound) -> EvalError {
        EvalError::runtime(format!("Invalid path '{}' : {}", missing.path, missing.detail))
    }
}

impl Path {
    /// Parses a path.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Path, String> {
        let (root, on_root) = match text.strip_prefix('$') {
            Some(rest) if rest.starts_with('$') => (Root::Context, rest),
            Some(_) => (Root::Data, text),
            None => return Err("A path must start with '$'".into()),
        };
        let query = match ReferencePath::parse(on_root) {
            Ok(path) => Selection::Definite(path),
            Err(not_definite) => match Query::parse(on_root) {
                Ok(query) => Selection::Indefinite(Arc::new(query)),
                // The reader of a reference path has the clearer words for simple mistakes.
                Err(_) if !looks_indefinite(on_root) => return Err(not_definite.message),
                Err(message) => return Err(message),
            },
        };
        Ok(Path { text: text.into(), root, query })
    }

    /// The path `$`.
    pub fn identity() -> Path {
        let query = Selection::Definite(ReferencePath::root());
        Path { text: "$".into(), root: Root::Data, query }
    }

    /// Whether it is `$`, so that data passes without being looked into.
    pub fn is_identity(&self) -> bool {
        self.root == Root::Data
            && matches!(&self.query, Selection::Definite(path) if path.is_root())
    }

    /// Whether it names exactly one place.
    pub fn is_definite(&self) -> bool {
        matches!(self.query, Selection::Definite(_))
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The value, or for an indefinite path the array of values.
    ///
    /// # Errors
    /// When a definite path leads nowhere, or an indefinite one to more values than can be looked at.
    pub fn eval(&self, env: &Env<'_>) -> Result<Json, NotFound> {
        let json = match self.root {
            Root::Data => env.data.tree(),
            Root::Context => env.context.tree(),
        };
        match &self.query {
            Selection::Definite(path) => {
                path.get(json).cloned().ok_or_else(|| self.not_found(path, json))
            }
            Selection::Indefinite(query) => query.select(json).ok_or_else(|| NotFound {
                path: self.text.clone(),
                detail: "The path leads to too many values".into(),
            }),
        }
    }

    fn not_found(&self, path: &ReferencePath, json: &Json) -> NotFound {
        let mut reached = json;
        let mut walked = String::from("$");
        for (at, step) in path.steps().iter().enumerate() {
            push_step(&mut walked, step);
            match step.get(reached) {
                Some(next) => reached = next,
                None if at + 1 < path.steps().len() => {
                    let detail = format!("Missing property in path {walked}");
                    return NotFound { path: self.text.clone(), detail };
                }
                None => break,
            }
        }
        NotFound { path: self.text.clone(), detail: format!("No results for path: {walked}") }
    }
}

fn looks_indefinite(text: &str) -> bool {
    text.contains("..") || text.contains(['*', '?', '@', ':', ','])
}

/// The spelling that AWS's JSONPath library uses in its messages.
fn push_step(walked: &mut String, step: &Step) {
    match step {
        Step::Member(name) => {
            walked.push_str("['");
            walked.push_str(name);
            walked.push_str("']");
        }
        Step::Index(index) => {
            walked.push('[');
            walked.push_str(&index.to_string());
            walked.push(']');
        }
    }
}

/// The path as it was written.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use stepyard_json::{Json, Payload};

    use super::Path;
    use crate::{Env, EvalError, Random};

    fn eval(path: &str, data: &str) -> Result<String, String> {
        let context = Json::parse(r#"{"Execution":{"Name":"e"}}"#).unwrap();
        let data = Payload::from_text(data.to_owned()).unwrap();
        let env = Env { data: &data, context: &context, random: &mut Random::from_seed(1) };
        let path = Path::parse(path).unwrap();
        path.eval(&env).map(|json| json.to_string()).map_err(|error| EvalError::from(error).cause)
    }

    #[test]
    fn definite_paths_give_the_value() {
        assert_eq!(eval("$.a[1].b", r#"{"a":[0,{"b":1.0}]}"#).unwrap(), "1.0");
        assert_eq!(eval("$$.Execution.Name", "{}").unwrap(), "\"e\"");
        assert_eq!(eval("$", "[ 1 ]").unwrap(), "[1]");
    }

    #[test]
    fn definite_paths_over_missing_data_fail_in_awss_words() {
        assert_eq!(
            eval("$.x", "{}").unwrap_err(),
            "Invalid path '$.x' : No results for path: $['x']"
        );
        assert_eq!(
            eval("$.no.such.path", "{}").unwrap_err(),
            "Invalid path '$.no.such.path' : Missing property in path $['no']"
        );
    }

    #[test]
    fn indefinite_paths_give_an_array() {
        let data = r#"{"items":[{"v":1},{"v":2},{"w":3}],"first-name":{"x":[7]}}"#;
        for (path, found) in [
            ("$.items[*].v", "[1,2]"),
            ("$.items[1:].v", "[2]"),
            ("$.items[-1:]", r#"[{"w":3}]"#),
            ("$.items[0,2]", r#"[{"v":1},{"w":3}]"#),
            ("$..v", "[1,2]"),
            ("$.items[?(@.v > 1)].v", "[2]"),
            ("$.items[?(@.v)].v", "[1,2]"),
            ("$.items[?(@.v == 1 || @.w == 3)]", r#"[{"v":1},{"w":3}]"#),
            ("$.first-name.x[*]", "[7]"),
            ("$.['first-name'].x[*]", "[7]"),
            ("$.nothing[*]", "[]"),
            ("$.nothing[1:].v", "[]"),
        ] {
            assert_eq!(eval(path, data).unwrap(), found, "{path}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for path in ["", "a.b", "$.", "$.a[", "$.a[?(@.b", "$.a[?(@.b =~ /x/)]", "$.items.length()"]
        {
            assert!(Path::parse(path).is_err(), "{path}");
        }
        assert!(Path::parse(&format!("$[*]{}", ".a".repeat(1_000))).is_err());
        assert!(Path::parse(&format!("$[?{}@.a]", "@[?".repeat(20))).is_err());
    }
}
