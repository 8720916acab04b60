//! Text to tree, without recursion: the depth of a text never meets the native stack.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use crate::{Json, Number, Object, Place, Step};

/// Deepest nesting of arrays and objects that a text may have.
pub const DEPTH_MAX: usize = 1_000;

/// Why a text is not JSON. The words are those of the parser that AWS uses, as clients know them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Byte at which it was noticed.
    pub offset: usize,
    /// Line of that byte, from 1.
    pub line: usize,
    /// Column of that byte in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (line {}, column {})", self.message, self.line, self.column)
    }
}

impl std::error::Error for ParseError {}

/// Parses one JSON value with nothing but blanks around it.
pub(crate) fn parse(text: &str) -> Result<Json, ParseError> {
    Parser::new(text).document().map_err(|Fault { at, message }| locate(text, at, message))
}

/// Most repeated names that are told of one text.
const REPEATED_MAX: usize = 100;

/// The same; and where a name stands again in its object, at most [`REPEATED_MAX`] places. Of members with one name the
/// last counts.
pub(crate) fn parse_noting_repeated(text: &str) -> Result<(Json, Vec<Place>), ParseError> {
    let mut parser = Parser { repeated: Some(Vec::new()), ..Parser::new(text) };
    let json = parser.document().map_err(|Fault { at, message }| locate(text, at, message))?;
    Ok((json, parser.repeated.unwrap_or_default()))
}

/// A member or an element: its name, if it is a member, and its value as it is spelled.
pub(crate) type Part<'a> = (Option<Arc<str>>, &'a str);

/// The members of an object or the elements of an array; `None` of anything else.
pub(crate) fn parts(text: &str) -> Option<Vec<Part<'_>>> {
    let mut parser = Parser::new(text);
    parser.skip_blanks();
    let is_object = parser.take(b'{');
    if !is_object && !parser.take(b'[') {
        return None;
    }
    let mut parts = Vec::new();
    loop {
        parser.skip_blanks();
        if parser.take(if is_object { b'}' } else { b']' }) {
            return Some(parts);
        }
        let name = if is_object { Some(parser.key().ok()?) } else { None };
        let start = parser.at;
        parser.whole().ok()?;
        parts.push((name, text[start..parser.at].trim()));
        parser.take(b',');
    }
}

fn locate(text: &str, offset: usize, message: String) -> ParseError {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    ParseError {
        offset,
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        message,
    }
}

struct Fault {
    at: usize,
    message: String,
}

type Parsed<T> = Result<T, Fault>;

/// A container that has been opened and not yet closed.
enum Open {
    Array(Vec<Json>),
    Object { members: Vec<(Arc<str>, Json)>, key: Arc<str> },
}

impl Open {
    /// From the container to what is being read in it.
    fn step(&self) -> Step {
        match self {
            Open::Array(elements) => Step::Index(i64::try_from(elements.len()).unwrap_or(i64::MAX)),
            Open::Object { key, .. } => Step::Member(key.clone()),
        }
    }
}

/// So many names of members are remembered, a power of two.
const NAMES: usize = 32;

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    open: Vec<Open>,
    /// Names of members that were met: objects of an array mostly have the same, and share them.
    names: [Option<Arc<str>>; NAMES],
    /// Where names stand again, for those who ask.
    repeated: Option<Vec<Place>>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Parser<'a> {
        let names = [const { None }; NAMES];
        let bytes = text.as_bytes();
        Parser { text, bytes, at: 0, open: Vec::new(), names, repeated: None }
    }

    fn document(&mut self) -> Parsed<Json> {
        let value = self.whole()?;
        match self.peek() {
            None => Ok(value),
            Some(_) => Err(self.unexpected("end of input")),
        }
    }

    /// A value with all that it holds, and the blanks behind it.
    fn whole(&mut self) -> Parsed<Json> {
        loop {
            // A value, then as many closing brackets as follow it.
            if let Some(value) = self.value()?
                && let Some(whole) = self.place(value)?
            {
                return Ok(whole);
            }
        }
    }

    /// Reads a scalar or an empty container; opens a container that has content and gives `None`.
    fn value(&mut self) -> Parsed<Option<Json>> {
        self.skip_blanks();
        match self.peek() {
            Some(b'{') => self.open_object(),
            Some(b'[') => self.open_array(),
            Some(b'"') => self.string().map(|text| Some(Json::String(text))),
            Some(b'-' | b'0'..=b'9') => self.number().map(Some),
            Some(_) => self.word().map(Some),
            None => Err(self.end_of_input()),
        }
    }

    fn open_array(&mut self) -> Parsed<Option<Json>> {
        self.check_depth()?;
        self.at += 1;
        self.skip_blanks();
        if self.take(b']') {
            return Ok(Some(Json::Array(Arc::default())));
        }
        self.open.push(Open::Array(Vec::new()));
        Ok(None)
    }

    fn open_object(&mut self) -> Parsed<Option<Json>> {
        self.check_depth()?;
        self.at += 1;
        self.skip_blanks();
        if self.take(b'}') {
            return Ok(Some(Json::empty_object()));
        }
        let key = self.key()?;
        self.open.push(Open::Object { members: Vec::new(), key });
        Ok(None)
    }

    fn check_depth(&self) -> Parsed<()> {
        if self.open.len() < DEPTH_MAX {
            return Ok(());
        }
        Err(self.fault(format!("Document nesting depth exceeds {DEPTH_MAX}")))
    }

    /// Puts a finished value into the innermost open container and closes what ends there. Gives the
    /// whole document when nothing is open any more, `None` when another value must follow.
    fn place(&mut self, mut value: Json) -> Parsed<Option<Json>> {
        loop {
            self.skip_blanks();
            let separator = self.peek();
            let Some(container) = self.open.last_mut() else { return Ok(Some(value)) };
            match (container, separator) {
                (Open::Array(elements), Some(b',')) => {
                    elements.push(value);
                    self.at += 1;
                    return Ok(None);
                }
                (Open::Object { members, key }, Some(b',')) => {
                    members.push((std::mem::take(key), value));
                    self.at += 1;
                    return self.next_member().map(|()| None);
                }
                (Open::Array(elements), Some(b']')) => {
                    elements.push(value);
                    value = Json::Array(Arc::new(std::mem::take(elements)));
                }
                (Open::Object { members, key }, Some(b'}')) => {
                    members.push((std::mem::take(key), value));
                    let members = std::mem::take(members);
                    self.note_repeated(&members);
                    value = Object::from_written(members).into();
                }
                (_, None) => return Err(self.end_of_input()),
                (Open::Array(_), Some(_)) => {
                    return Err(self.unexpected("comma to separate Array entries"));
                }
                (Open::Object { .. }, Some(_)) => {
                    return Err(self.unexpected("comma to separate Object entries"));
                }
            }
            self.open.pop();
            self.at += 1;
        }
    }

    /// Notes the names that stand again among the members of the innermost object.
    fn note_repeated(&mut self, members: &[(Arc<str>, Json)]) {
        let Some(repeated) = &mut self.repeated else { return };
        let mut seen = HashSet::with_capacity(members.len());
        let again = members.iter().filter(|(name, _)| !seen.insert(&**name));
        for (name, _) in again.take(REPEATED_MAX - repeated.len()) {
            let around = self.open[..self.open.len() - 1].iter().map(Open::step);
            repeated.push(around.chain([Step::Member(name.clone())]).collect());
        }
    }

    /// The key of the next member of the object that is open.
    fn next_member(&mut self) -> Parsed<()> {
        self.skip_blanks();
        let next = self.key()?;
        if let Some(Open::Object { key, .. }) = self.open.last_mut() {
            *key = next;
        }
        Ok(())
    }

    /// A member's name and the colon after it.
    fn key(&mut self) -> Parsed<Arc<str>> {
        match self.peek() {
            Some(b'"') => {}
            Some(_) => return Err(self.unexpected("double-quote to start field name")),
            None => return Err(self.end_of_input()),
        }
        let key = self.name()?;
        self.skip_blanks();
        match self.peek() {
            Some(b':') => self.at += 1,
            Some(_) => return Err(self.unexpected("a colon to separate field name and value")),
            None => return Err(self.end_of_input()),
        }
        Ok(key)
    }

    /// A string that was met before is shared.
    fn name(&mut self) -> Parsed<Arc<str>> {
        let start = self.at + 1;
        let Some(name) = self.plain_string() else { return self.escaped_string(start) };
        let ends = usize::from(self.bytes[start]) + usize::from(self.bytes[self.at - 2]);
        let known = &mut self.names[(ends + 5 * name.len()) % NAMES];
        match known {
            Some(known) if **known == *name => Ok(known.clone()),
            _ => Ok(known.insert(name.into()).clone()),
        }
    }

    fn string(&mut self) -> Parsed<Arc<str>> {
        let start = self.at + 1;
        match self.plain_string() {
            Some(text) => Ok(text.into()),
            None => self.escaped_string(start),
        }
    }

    /// A string without escapes; goes to the first character that is not plain when it is none.
    fn plain_string(&mut self) -> Option<&'a str> {
        self.at += 1;
        let start = self.at;
        self.skip_plain();
        if self.peek() != Some(b'"') {
            return None;
        }
        self.at += 1;
        Some(&self.text[start..self.at - 1])
    }

    /// The rest of a string, of which so much is plain.
    fn escaped_string(&mut self, start: usize) -> Parsed<Arc<str>> {
        let mut unescaped = self.text[start..self.at].to_owned();
        loop {
            let from = self.at;
            self.skip_plain();
            unescaped.push_str(&self.text[from..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(unescaped.into());
                }
                Some(b'\\') => unescaped.push(self.escape()?),
                Some(control) => {
                    return Err(self.fault(format!(
                        "Illegal unquoted character ((CTRL-CHAR, code {control})): has to be escaped using backslash to be included in string value"
                    )));
                }
                None => return Err(self.end_of_input()),
            }
        }
    }

    /// Goes to the next quote, backslash or control character.
    fn skip_plain(&mut self) {
        let rest = &self.bytes[self.at..];
        let plain = rest.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20);
        self.at += plain.unwrap_or(rest.len());
    }

    fn escape(&mut self) -> Parsed<char> {
        self.at += 1;
        let Some(byte) = self.peek() else { return Err(self.end_of_input()) };
        let plain = match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 1;
                return self.unicode_escape();
            }
            _ => {
                let found = self.character();
                return Err(self.fault(format!(
                    "Unrecognized character escape '{found}' (code {})",
                    u32::from(found)
                )));
            }
        };
        self.at += 1;
        Ok(plain)
    }

    /// `uXXXX`, or two of them for one character. A surrogate without its other half cannot stand
    /// in Rust's strings, nor in UTF-8: it becomes U+FFFD.
    fn unicode_escape(&mut self) -> Parsed<char> {
        let first = self.four_digits()?;
        if !(0xd800..0xdc00).contains(&first) || !self.bytes[self.at..].starts_with(b"\\u") {
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let before_second = self.at;
        self.at += 2;
        let second = self.four_digits()?;
        if !(0xdc00..0xe000).contains(&second) {
            self.at = before_second;
            return Ok(char::REPLACEMENT_CHARACTER);
        }
        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn four_digits(&mut self) -> Parsed<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(byte) = self.peek() else { return Err(self.end_of_input()) };
            let Some(digit) = char::from(byte).to_digit(16) else {
                return Err(self.unexpected("a hex-digit for character escape sequence"));
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }

    fn number(&mut self) -> Parsed<Json> {
        let start = self.at;
        self.take(b'-');
        if self.take(b'0') {
            if matches!(self.peek(), Some(b'0'..=b'9')) {
                return Err(self.fault("Invalid numeric value: Leading zeroes not allowed".into()));
            }
        } else {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(Json::Number(Number::from_valid_text(&self.text[start..self.at])))
    }

    fn digits(&mut self) -> Parsed<()> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        match (self.at > start, self.peek()) {
            (true, _) => Ok(()),
            (false, Some(_)) => Err(self.unexpected("digit (0-9)")),
            (false, None) => Err(self.end_of_input()),
        }
    }

    fn word(&mut self) -> Parsed<Json> {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$');
        let word = &rest[..end.unwrap_or(rest.len())];
        let value = match word {
            "null" => Json::Null,
            "true" => Json::Bool(true),
            "false" => Json::Bool(false),
            "" => {
                return Err(self.unexpected(
                    "a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
                ));
            }
            _ => {
                // Noticed at its end.
                self.at += word.len();
                return Err(self.fault(format!(
                    "Unrecognized token '{word}': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
                )));
            }
        };
        self.at += word.len();
        Ok(value)
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn character(&self) -> char {
        self.text[self.at..].chars().next().unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    fn unexpected(&self, expected: &str) -> Fault {
        let found = self.character();
        self.fault(format!(
            "Unexpected character ('{found}' (code {})): was expecting {expected}",
            u32::from(found)
        ))
    }

    fn end_of_input(&self) -> Fault {
        let place = match self.open.last() {
            Some(Open::Array(_)) => " within/between Array entries",
            Some(Open::Object { .. }) => " within/between Object entries",
            None if self.at == 0 => {
                return self.fault("No content to map due to end-of-input".into());
            }
            None => "",
        };
        self.fault(format!("Unexpected end-of-input{place}"))
    }

    fn fault(&self, message: String) -> Fault {
        Fault { at: self.at, message }
    }
}

#[cfg(test)]
mod tests {
    use super::{DEPTH_MAX, REPEATED_MAX};
    use crate::{Json, Step};

    #[test]
    fn names_that_repeat_are_shared() {
        let json = Json::parse(r#"[{"ab":1,"":2},{"ab":3,"":4}]"#).unwrap();
        let name = |at: usize| json.index(at).and_then(Json::as_object).unwrap().iter().next();
        let (first, second) = (name(0).unwrap().0, name(1).unwrap().0);
        assert!(std::sync::Arc::ptr_eq(first, second));
        assert_eq!(json.to_string(), r#"[{"ab":1,"":2},{"ab":3,"":4}]"#);
    }

    fn message(text: &str) -> String {
        Json::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn names_that_stand_again_are_told_with_their_place() {
        let text = r#"{"a":[1,{"b":1,"b":2,"b":3}],"c":{"d":{},"e":1,"d":2},"a":{"f":0}}"#;
        let (json, repeated) = Json::parse_noting_repeated(text).unwrap();
        assert_eq!(json.to_string(), r#"{"a":{"f":0},"c":{"d":2,"e":1}}"#);
        let member = |name: &str| Step::Member(name.into());
        let expected = [
            vec![member("a"), Step::Index(1), member("b")],
            vec![member("a"), Step::Index(1), member("b")],
            vec![member("c"), member("d")],
            vec![member("a")],
        ];
        assert_eq!(repeated, expected.map(Vec::into_boxed_slice));
        let many = format!("{{{}}}", [r#""a":0"#; 5_000].join(","));
        assert_eq!(Json::parse_noting_repeated(&many).unwrap().1.len(), REPEATED_MAX);
    }

    #[test]
    fn errors_name_place_and_rule() {
        assert_eq!(
            message("not json"),
            "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false') (line 1, column 4)"
        );
        assert_eq!(
            message("{\"a\":1,\n }"),
            "Unexpected character ('}' (code 125)): was expecting double-quote to start field name (line 2, column 2)"
        );
        assert_eq!(
            message("[1"),
            "Unexpected end-of-input within/between Array entries (line 1, column 3)"
        );
        assert_eq!(message(""), "No content to map due to end-of-input (line 1, column 1)");
    }

    #[test]
    fn depth_is_limited_and_never_meets_the_stack() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(Json::parse(&nested(DEPTH_MAX)).is_ok());
        assert!(message(&nested(DEPTH_MAX + 1)).starts_with("Document nesting depth"));
        assert!(message(&"[{\"a\":".repeat(1_000_000)).starts_with("Document nesting depth"));
    }

    #[test]
    fn escapes_are_read() {
        let json = Json::parse(r#""\u0041\n\ud83d\ude00\"\/""#).unwrap();
        assert_eq!(json.as_str(), Some("A\n😀\"/"));
    }

    #[test]
    fn half_a_surrogate_pair_is_replaced() {
        for text in [r#""\ud800""#, r#""\udc00""#, r#""\ud800\ud800""#, r#""\ud800x""#] {
            let json = Json::parse(text).unwrap();
            assert!(json.as_str().unwrap().contains('\u{fffd}'), "{text}");
        }
    }
}
