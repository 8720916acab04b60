//! Tree to compact text.

use std::fmt::{self, Write};

use crate::Json;
use crate::scan::plain_len;

/// Writes compact JSON: no blanks, only what must be escaped is escaped.
pub(crate) fn write(json: &Json, out: &mut impl Write) -> fmt::Result {
    match json {
        Json::Null => out.write_str("null"),
        Json::Bool(true) => out.write_str("true"),
        Json::Bool(false) => out.write_str("false"),
        Json::Number(number) => number.write(out),
        Json::String(text) => write_string(text, out),
        Json::Array(elements) => {
            out.write_char('[')?;
            for (at, element) in elements.iter().enumerate() {
                if at > 0 {
                    out.write_char(',')?;
                }
                write(element, out)?;
            }
            out.write_char(']')
        }
        Json::Object(object) => {
            out.write_char('{')?;
            for (at, (key, member)) in object.iter().enumerate() {
                if at > 0 {
                    out.write_char(',')?;
                }
                write_string(key, out)?;
                out.write_char(':')?;
                write(member, out)?;
            }
            out.write_char('}')
        }
    }
}

/// The text.
pub(crate) fn text(json: &Json) -> String {
    let mut text = String::new();
    // Strings take everything.
    let _ = write(json, &mut text);
    text
}

/// The text, unless it is longer than so many bytes.
pub(crate) fn text_within(json: &Json, bytes: usize) -> Option<String> {
    let mut out = Bounded { text: String::new(), bytes };
    write(json, &mut out).is_ok().then_some(out.text)
}

/// How many bytes the text has.
pub(crate) fn text_len(json: &Json) -> usize {
    let mut counted = Counted(0);
    // Counting cannot fail.
    let _ = write(json, &mut counted);
    counted.0
}

/// Counts the bytes that it is given.
struct Counted(usize);

impl Write for Counted {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.0 += piece.len();
        Ok(())
    }
}

/// Takes so many bytes and no more.
struct Bounded {
    text: String,
    bytes: usize,
}

impl Write for Bounded {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        if self.text.len() + piece.len() > self.bytes {
            return Err(fmt::Error);
        }
        self.text.push_str(piece);
        Ok(())
    }
}

fn write_string(text: &str, out: &mut impl Write) -> fmt::Result {
    out.write_char('"')?;
    let mut rest = text;
    loop {
        let (plain, special) = rest.split_at(plain_len(rest.as_bytes()));
        out.write_str(plain)?;
        let Some(&byte) = special.as_bytes().first() else { return out.write_char('"') };
        write_escape(byte, out)?;
        rest = &special[1..];
    }
}

fn write_escape(byte: u8, out: &mut impl Write) -> fmt::Result {
    match byte {
        b'"' => out.write_str("\\\""),
        b'\\' => out.write_str("\\\\"),
        b'\n' => out.write_str("\\n"),
        b'\r' => out.write_str("\\r"),
        b'\t' => out.write_str("\\t"),
        0x08 => out.write_str("\\b"),
        0x0c => out.write_str("\\f"),
        other => write!(out, "\\u{other:04x}"),
    }
}
