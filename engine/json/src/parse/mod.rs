//! Text to tree, without recursion: the depth of a text never meets the native stack.

mod names;
mod parser;
mod scalar;
mod string;

use std::fmt;
use std::sync::Arc;

use parser::{Fault, Parser};

use crate::{Json, Place};

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
    Parser::new(text).document().map_err(|fault| locate(text, *fault))
}

/// Most repeated names that are told of one text.
const REPEATED_MAX: usize = 100;

/// The same; and where a name stands again in its object, at most [`REPEATED_MAX`] places. Of members with one name the
/// last counts.
pub(crate) fn parse_noting_repeated(text: &str) -> Result<(Json, Vec<Place>), ParseError> {
    let mut parser = Parser::new(text);
    parser.repeated = Some(Vec::new());
    let json = parser.document().map_err(|fault| locate(text, *fault))?;
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

fn locate(text: &str, Fault { at: offset, message }: Fault) -> ParseError {
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
        let json = Json::parse(r#"[{"ab":1},{"":0,"\u0061b":3}]"#).unwrap();
        let name = |at: usize| json.index(at).and_then(Json::as_object).unwrap().iter().last();
        assert!(std::sync::Arc::ptr_eq(name(0).unwrap().0, name(1).unwrap().0));
    }

    #[test]
    fn names_are_shared_with_texts_before_unless_they_are_long() {
        for (length, is_shared) in [(64, true), (65, false)] {
            let text = format!("{{\"{}\":0}}", "n".repeat(length));
            let (first, second) = (Json::parse(&text).unwrap(), Json::parse(&text).unwrap());
            let name = |json: &Json| json.as_object().unwrap().iter().next().unwrap().0.clone();
            assert_eq!(std::sync::Arc::ptr_eq(&name(&first), &name(&second)), is_shared);
            assert_eq!(first, second);
        }
    }

    #[test]
    fn objects_with_many_names_share_them_too() {
        let row: Vec<String> = (0..40).map(|at| format!("\"column_{at:02}\":{at}")).collect();
        let json = Json::parse(&format!("[{{{0}}},{{{0}}}]", row.join(","))).unwrap();
        let row = |at: usize| json.index(at).and_then(Json::as_object).unwrap();
        assert!(row(0).iter().zip(row(1).iter()).all(|(a, b)| std::sync::Arc::ptr_eq(a.0, b.0)));
        assert_eq!(row(1).get("column_39"), Some(&Json::from(39)));
    }

    #[test]
    fn objects_that_share_their_names_change_alone() {
        let mut json = Json::parse(r#"[{"a":1,"b":2},{"a":3,"b":4}]"#).unwrap();
        let Json::Array(elements) = &mut json else { unreachable!() };
        let Json::Object(object) = &mut std::sync::Arc::make_mut(elements)[0] else {
            unreachable!()
        };
        let object = std::sync::Arc::make_mut(object);
        object.insert("c", 5);
        assert_eq!(object.remove("a"), Some(Json::from(1)));
        assert_eq!(json.to_string(), r#"[{"b":2,"c":5},{"a":3,"b":4}]"#);
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

    #[test]
    fn containers_take_no_more_room_than_they_need() {
        let Json::Array(outer) = Json::parse("[[1,2,3],[[4]],5]").unwrap() else { unreachable!() };
        let Some(Json::Array(inner)) = outer.first() else { unreachable!() };
        assert_eq!((outer.capacity(), inner.capacity()), (3, 3));
    }

    #[test]
    fn what_ends_plain_text_is_found_at_every_place() {
        for at in 0..40 {
            let (before, after) = ("é".repeat(at / 2) + &"a".repeat(at % 2), "!~\u{7f}€".repeat(5));
            let parsed = |middle: &str| Json::parse(&format!("\"{before}{middle}{after}\""));
            for (escaped, meant) in
                [("", ""), ("\\\"", "\""), ("\\\\", "\\"), ("\\n\\u001f", "\n\u{1f}")]
            {
                assert_eq!(parsed(escaped).unwrap(), Json::from(format!("{before}{meant}{after}")));
            }
            for control in ["\n", "\0", "\u{1f}"] {
                assert_eq!(parsed(control).unwrap_err().offset, 1 + before.len());
            }
            assert_eq!(parsed("\"").unwrap_err().offset, 2 + before.len());
        }
    }

    #[test]
    fn names_that_stand_again_are_noticed_in_small_and_large_objects() {
        for count in [1, 2, 15, 16, 17, 18, 40, 100] {
            let members: Vec<String> = (0..count).map(|at| format!("\"k{at}\":{at}")).collect();
            for again in [0, count / 2, count - 1] {
                let text = format!("{{{},\"k{again}\":true}}", members.join(","));
                let (json, repeated) = Json::parse_noting_repeated(&text).unwrap();
                let name = format!("k{again}");
                assert_eq!(json.get(&name), Some(&Json::Bool(true)));
                assert_eq!(json.as_object().unwrap().len(), count);
                assert_eq!(repeated, [vec![Step::Member(name.into())].into_boxed_slice()]);
            }
        }
    }
}
