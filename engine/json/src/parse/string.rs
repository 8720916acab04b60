//! Strings.

use super::parser::{Parsed, Parser};
use crate::scan::plain_len;

impl<'a> Parser<'a> {
    /// The value of a string.
    #[inline]
    pub(super) fn string(&mut self) -> Parsed<()> {
        let start = self.at + 1;
        let text = match self.plain_string() {
            Some(text) => text.into(),
            None => self.escaped_string(start)?.into(),
        };
        self.push_text(text);
        Ok(())
    }

    /// A string without escapes; goes to the first character that is not plain when it is none.
    #[inline]
    pub(super) fn plain_string(&mut self) -> Option<&'a str> {
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
    pub(super) fn escaped_string(&mut self, start: usize) -> Parsed<String> {
        let mut unescaped = self.text[start..self.at].to_owned();
        loop {
            let from = self.at;
            self.skip_plain();
            unescaped.push_str(&self.text[from..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(unescaped);
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
    #[inline]
    fn skip_plain(&mut self) {
        self.at += plain_len(&self.bytes[self.at..]);
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
}
