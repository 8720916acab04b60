//! How an expression fails.

use std::fmt;

use crate::limits;
use crate::messages;

/// What kind of failure it is, for callers that react to some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The expression or its data are at fault: the same failure every time.
    Expression,
    /// The budget of steps is used up: with a larger one the evaluation may go on further.
    OutOfFuel,
    /// Evaluations nest deeper than was allowed: with more depth, on a thread with a larger stack,
    /// the evaluation may go on further.
    TooDeep,
}

/// Why an expression does not compile or evaluate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The kind of failure.
    pub kind: ErrorKind,
    /// The code of the reference, such as `T2001`.
    pub code: &'static str,
    /// Where in the expression, in UTF-16 units.
    pub position: Option<usize>,
    /// The operator, function or token that failed.
    pub token: Option<String>,
    /// What the text of the code mentions, by name: JSON texts, or bare text.
    inserts: Vec<(&'static str, Insert)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Insert {
    Json(String),
    Text(String),
}

/// Errors are boxed: they are rare, and results stay small on the stack.
pub(crate) type Outcome<T> = Result<T, Box<Error>>;

impl Error {
    pub(crate) fn new(code: &'static str) -> Box<Error> {
        Box::new(Error {
            kind: ErrorKind::Expression,
            code,
            position: None,
            token: None,
            inserts: Vec::new(),
        })
    }

    pub(crate) fn out_of_fuel() -> Box<Error> {
        let mut error = Error::new("D1014");
        error.kind = ErrorKind::OutOfFuel;
        error
    }

    pub(crate) fn too_deep() -> Box<Error> {
        let mut error = Error::new("D1011");
        error.kind = ErrorKind::TooDeep;
        error
    }

    /// The text nests too deeply or is too long.
    pub(crate) fn nesting(position: usize) -> Box<Error> {
        Error::new("S0501").at(position).with_json("value", &limits::NESTING_MAX.to_string())
    }

    /// A limit is exceeded.
    pub(crate) fn limit(code: &'static str, limit: usize) -> Box<Error> {
        Error::new(code).with_json("value", &limit.to_string())
    }

    pub(crate) fn at(mut self: Box<Self>, position: usize) -> Box<Error> {
        self.position = Some(position);
        self
    }

    pub(crate) fn with_token(mut self: Box<Self>, token: impl Into<String>) -> Box<Error> {
        self.token = Some(token.into());
        self
    }

    /// Inserts a JSON text.
    pub(crate) fn with_json(mut self: Box<Self>, name: &'static str, json: &str) -> Box<Error> {
        self.inserts.push((name, Insert::Json(json.to_owned())));
        self
    }

    /// Inserts a text, quoted where the template asks for JSON.
    pub(crate) fn with_text(mut self: Box<Self>, name: &'static str, text: &str) -> Box<Error> {
        self.inserts.push((name, Insert::Text(text.to_owned())));
        self
    }

    /// The value that the error is about, as JSON text or as text.
    pub fn value(&self) -> Option<&str> {
        self.insert("value").map(|(Insert::Json(text) | Insert::Text(text))| text.as_str())
    }

    /// What went wrong, in the words of the reference.
    pub fn message(&self) -> String {
        let Some(mut rest) = messages::template(self.code) else { return self.code.to_owned() };
        let mut text = String::new();
        while let Some(start) = rest.find("{{") {
            text.push_str(&rest[..start]);
            let (open, close) =
                if rest[start..].starts_with("{{{") { ("{{{", "}}}") } else { ("{{", "}}") };
            let inside = &rest[start + open.len()..];
            let end = inside.find(close).unwrap_or(inside.len());
            text.push_str(&self.inserted(&inside[..end], open == "{{"));
            rest = inside.get(end + close.len()..).unwrap_or("");
        }
        text + rest
    }

    fn insert(&self, name: &str) -> Option<&Insert> {
        self.inserts.iter().find(|(inserted, _)| *inserted == name).map(|(_, insert)| insert)
    }

    fn inserted(&self, name: &str, as_json: bool) -> String {
        let token = || self.token.clone().filter(|_| name == "token").map(Insert::Text);
        let insert = self.insert(name).cloned().or_else(token);
        match insert {
            Some(Insert::Text(text)) if as_json => stepyard_json::Json::from(text).to_string(),
            Some(Insert::Json(text) | Insert::Text(text)) => text,
            None => "undefined".to_owned(),
        }
    }
}

/// `code: message`, as Step Functions shows it.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn texts_are_filled_in() {
        let error = Error::new("S0202").at(3).with_token("}").with_text("value", ")");
        assert_eq!(error.to_string(), r#"S0202: Expected ")", got "}""#);
        let error = Error::new("T1005").with_token("sum");
        assert_eq!(error.message(), "Attempted to invoke a non-function. Did you mean $sum?");
        let error = Error::new("D3030").with_json("value", "null");
        assert_eq!(error.message(), "Unable to cast value to a number: null");
        assert_eq!(Error::new("D3030").message(), "Unable to cast value to a number: undefined");
    }
}
