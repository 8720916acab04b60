//! Paths: `$...` on the data, `$$...` on the context object, `$name...` on a variable.

use std::fmt;
use std::sync::Arc;

use stepyard_json::{Json, Payload, ReferencePath, Step};

use crate::jsonpath::{Miss, Query};
use crate::variable::name_length;
use crate::{Env, EvalError};

/// A compiled path, as `InputPath`, `ItemsPath`, `Variable` or a `k.$` member of a payload template holds it.
#[derive(Clone, Debug)]
pub struct Path {
    text: Arc<str>,
    root: Root,
    query: Selection,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Root {
    Data,
    Context,
    Variable(Arc<str>),
}

/// A definite path names one place and gives its value; an indefinite one (wildcard, slice, filter,
/// deep scan) gives the array of all values that match, empty when none does.
#[derive(Clone, Debug)]
enum Selection {
    Place(ReferencePath),
    Query(Arc<Query>),
}

/// A definite path without a value. AWS words it differently from field to field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotFound {
    /// The path as it was written.
    pub path: Arc<str>,
    /// In the words of AWS's JSONPath library, such as `No results for path: $['a']`.
    pub detail: String,
    /// Whether it ends with an index that its array does not have.
    pub is_past_the_end: bool,
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
        let Some(rest) = text.strip_prefix('$') else {
            return Err("A path must start with '$'".into());
        };
        let (root, query) = match (rest.starts_with('$'), name_length(rest)) {
            (true, _) => (Root::Context, selection(rest)?),
            (false, 0) => (Root::Data, selection(text)?),
            (false, length) => {
                let (name, rest) = rest.split_at(length);
                (Root::Variable(name.into()), selection(&format!("${rest}"))?)
            }
        };
        Ok(Path { text: text.into(), root, query })
    }

    /// The path `$`.
    pub fn identity() -> Path {
        let query = Selection::Place(ReferencePath::root());
        Path { text: "$".into(), root: Root::Data, query }
    }

    /// Whether it is `$`, so that data passes without being looked into.
    pub fn is_identity(&self) -> bool {
        self.root == Root::Data && matches!(&self.query, Selection::Place(path) if path.is_root())
    }

    /// Whether it names exactly one place.
    pub fn is_definite(&self) -> bool {
        match &self.query {
            Selection::Place(_) => true,
            Selection::Query(query) => query.is_definite(),
        }
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The variable that it leads into.
    pub fn variable(&self) -> Option<&Arc<str>> {
        match &self.root {
            Root::Variable(name) => Some(name),
            Root::Data | Root::Context => None,
        }
    }

    /// The value, or for an indefinite path the array of values.
    ///
    /// # Errors
    /// When a definite path leads nowhere, or an indefinite one to more values than can be looked at.
    pub fn eval(&self, env: &Env<'_>) -> Result<Json, NotFound> {
        let json = match &self.root {
            Root::Data => env.data.tree(),
            Root::Context => env.surroundings.context_object(),
            Root::Variable(name) => env.surroundings.variable(name).ok_or_else(|| NotFound {
                path: self.text.clone(),
                detail: format!("The variable '{name}' has no value"),
                is_past_the_end: false,
            })?,
        };
        match &self.query {
            Selection::Place(path) => {
                path.get(json).cloned().ok_or_else(|| self.not_found(path, json))
            }
            Selection::Query(query) => query.select(json).map_err(|miss| NotFound {
                path: self.text.clone(),
                detail: match miss {
                    Miss::NoSuchPlace => format!("No results for path: {}", self.text),
                    Miss::TooManyValues => "The path leads to too many values".into(),
                },
                is_past_the_end: false,
            }),
        }
    }

    /// The value as it is spelled in the text of the data, where a path to one place of them has a value.
    pub fn excerpt(&self, data: &Payload) -> Option<Payload> {
        match (&self.root, &self.query) {
            (Root::Data, Selection::Place(path)) => data.excerpt(path),
            _ => None,
        }
    }

    fn not_found(&self, path: &ReferencePath, json: &Json) -> NotFound {
        let mut reached = Reached { value: Some(json), is_element: false };
        let mut walked = String::from("$");
        let mut is_past_the_end = false;
        for (at, step) in path.steps().iter().enumerate() {
            if let Some(detail) = reached.refuses(step, &walked) {
                return NotFound { path: self.text.clone(), detail, is_past_the_end: false };
            }
            push_step(&mut walked, step);
            is_past_the_end = matches!(step, Step::Index(_));
            let next = reached.value.and_then(|value| step.get(value));
            let is_last = at + 1 == path.steps().len();
            if next.is_none() && !is_past_the_end && !is_last {
                let detail = format!("Missing property in path {walked}");
                return NotFound { path: self.text.clone(), detail, is_past_the_end: false };
            }
            reached = Reached { value: next, is_element: is_past_the_end };
        }
        let detail = format!("No results for path: {walked}");
        NotFound { path: self.text.clone(), detail, is_past_the_end }
    }
}

/// How far the walk to a missing value has come.
struct Reached<'a> {
    /// `None` behind the end of an array.
    value: Option<&'a Json>,
    /// Whether an index led here.
    is_element: bool,
}

impl Reached<'_> {
    /// Why a value of this type does not have such a part, in the words of AWS's JSONPath library.
    fn refuses(&self, step: &Step, walked: &str) -> Option<String> {
        match (step, self.value) {
            (Step::Member(_), Some(Json::Object(_))) | (Step::Index(_), Some(Json::Array(_))) => {
                None
            }
            (Step::Member(name), _) => Some(format!(
                "Expected to find an object with property ['{name}'] in path {walked} but found \
                 '{}'. This is not a json object according to the JsonProvider: \
                 'com.jayway.jsonpath.spi.json.JacksonJsonNodeJsonProvider'.",
                self.java_type()
            )),
            (Step::Index(_), None | Some(Json::Null)) => Some(format!("The path {walked} is null")),
            (Step::Index(index), Some(value)) => Some(format!(
                "Filter: [{index}] can only be applied to arrays. Current context is: {value}"
            )),
        }
    }

    /// The class of the value, which that library names: it unwraps members, but not elements.
    fn java_type(&self) -> &'static str {
        match (self.value, self.is_element) {
            (None, _) | (Some(Json::Null), false) => "null",
            (Some(Json::Null), true) => "com.fasterxml.jackson.databind.node.NullNode",
            (Some(Json::Bool(_)), false) => "java.lang.Boolean",
            (Some(Json::Bool(_)), true) => "com.fasterxml.jackson.databind.node.BooleanNode",
            (Some(Json::String(_)), false) => "java.lang.String",
            (Some(Json::String(_)), true) => "com.fasterxml.jackson.databind.node.TextNode",
            (Some(Json::Number(number)), is_element) => java_number(number.as_i64(), is_element),
            (Some(Json::Array(_)), _) => "com.fasterxml.jackson.databind.node.ArrayNode",
            (Some(Json::Object(_)), _) => "com.fasterxml.jackson.databind.node.ObjectNode",
        }
    }
}

fn java_number(integer: Option<i64>, is_element: bool) -> &'static str {
    let is_int = integer.map(|integer| i32::try_from(integer).is_ok());
    match (is_int, is_element) {
        (Some(true), false) => "java.lang.Integer",
        (Some(true), true) => "com.fasterxml.jackson.databind.node.IntNode",
        (Some(false), false) => "java.lang.Long",
        (Some(false), true) => "com.fasterxml.jackson.databind.node.LongNode",
        (None, false) => "java.lang.Double",
        (None, true) => "com.fasterxml.jackson.databind.node.DoubleNode",
    }
}

/// What stands behind the root, with `$` in its place.
fn selection(on_root: &str) -> Result<Selection, String> {
    match ReferencePath::parse(on_root) {
        Ok(path) => Ok(Selection::Place(path)),
        Err(not_definite) => match Query::parse(on_root) {
            Ok(query) => Ok(Selection::Query(Arc::new(query))),
            // The reader of a reference path has the clearer words for simple mistakes.
            Err(_) if !looks_indefinite(on_root) => Err(not_definite.message),
            Err(message) => Err(message),
        },
    }
}

fn looks_indefinite(text: &str) -> bool {
    text.contains("..") || text.contains(['*', '?', '@', ':', ',', '('])
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
        let random = &mut Random::from_seed(1);
        let env = Env::new(&data, &context, random);
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
        let found = |path: &str, class: &str| {
            format!(
                "Expected to find an object with property ['b'] in path {path} but found '{class}'. This is not a \
                 json object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonNodeJsonProvider'."
            )
        };
        for (path, data, detail) in [
            ("$.a.b", r#"{"a":"x"}"#, found("$['a']", "java.lang.String")),
            (
                "$.a[0].b",
                r#"{"a":[1]}"#,
                found("$['a'][0]", "com.fasterxml.jackson.databind.node.IntNode"),
            ),
            ("$.a[1].b", r#"{"a":[1]}"#, found("$['a'][1]", "null")),
            ("$.a[0]", r#"{"a":null}"#, "The path $['a'] is null".into()),
            (
                "$.a[0]",
                r#"{"a":{}}"#,
                "Filter: [0] can only be applied to arrays. Current context is: {}".into(),
            ),
        ] {
            assert_eq!(eval(path, data).unwrap_err(), format!("Invalid path '{path}' : {detail}"));
        }
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
    fn variables_are_read_by_their_names() {
        struct Around(Json);
        impl crate::Surroundings for Around {
            fn context_object(&self) -> &Json {
                &self.0
            }
            fn variable(&self, name: &str) -> Option<&Json> {
                self.0.get(name)
            }
            fn states(&self, _: crate::StatesMember) -> Option<Json> {
                None
            }
        }
        let around = Around(Json::parse(r#"{"v":[1,{"x":2}],"größe":3}"#).unwrap());
        let eval = |path: &str| {
            let data = Payload::empty_object();
            let random = &mut Random::from_seed(1);
            let env = Env::new(&data, &around, random);
            let found = Path::parse(path).unwrap().eval(&env);
            found.map(|json| json.to_string()).map_err(|missing| missing.detail)
        };
        for (path, found) in
            [("$v", r#"[1,{"x":2}]"#), ("$v[1].x", "2"), ("$größe", "3"), ("$v[*].x", "[2]")]
        {
            assert_eq!(eval(path).unwrap(), found, "{path}");
        }
        assert_eq!(eval("$w").unwrap_err(), "The variable 'w' has no value");
        assert_eq!(eval("$v[1].y").unwrap_err(), "No results for path: $[1]['y']");
        assert!(Path::parse("$v w").is_err());
    }

    #[test]
    fn nonsense_is_refused() {
        for path in
            ["", "a.b", "$.", "$.a[", "$.a[?(@.b", "$.a[?(@.b =~ /(?=x)/)]", "$.items.long()"]
        {
            assert!(Path::parse(path).is_err(), "{path}");
        }
        assert!(Path::parse(&format!("$[*]{}", ".a".repeat(1_000))).is_err());
        assert!(Path::parse(&format!("$[?{}@.a]", "@[?".repeat(20))).is_err());
    }
}
