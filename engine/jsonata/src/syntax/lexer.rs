//! Text to tokens, one at a time: whether `/` divides or opens a regular expression depends on what
//! the parser expects.

use std::str::Chars;
use std::sync::Arc;

use super::regex_literal;
use crate::error::{Error, Outcome};

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// An operator or a punctuation mark.
    Operator(&'static str),
    /// A field name.
    Name(Arc<str>),
    /// `$name`, without the dollar sign.
    Variable(Arc<str>),
    /// A string literal.
    String(Arc<str>),
    /// A number literal.
    Number(f64),
    /// `true`, `false` or `null`.
    Null,
    /// See [`Kind::Null`].
    Bool(bool),
    /// `/pattern/flags`.
    Regex { pattern: Arc<str>, flags: Arc<str> },
    /// The end of the text.
    End,
}

/// A token and its position: that of its end, as in the reference, in UTF-16 units as JavaScript counts.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) position: usize,
}

/// Longer operators stand before their beginnings.
const OPERATORS: [&str; 35] = [
    "..", ":=", "!=", ">=", "<=", "**", "~>", "?:", "??", ".", "[", "]", "{", "}", "(", ")", ",",
    "@", "#", ";", ":", "?", "+", "-", "*", "/", "%", "|", "=", "<", ">", "^", "&", "!", "~",
];

pub(crate) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// A byte offset whose position is known, and that position.
    known: (usize, usize),
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Lexer<'a> {
        Lexer { text, at: 0, known: (0, 0) }
    }

    /// The next token; `infix` when an operator may stand here.
    pub(crate) fn next(&mut self, infix: bool) -> Outcome<Token> {
        self.skip_blanks_and_comments()?;
        let kind = self.kind(infix)?;
        let position = self.position(self.at);
        Ok(Token { kind, position })
    }

    fn kind(&mut self, infix: bool) -> Outcome<Kind> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(Kind::End) };
        if first == '/' && !infix {
            let (literal, end) = regex_literal::scan(rest)
                .map_err(|(code, at)| self.error_at(code, self.at + at))?;
            self.at += end;
            return Ok(literal);
        }
        if let Some(operator) = OPERATORS.iter().find(|operator| rest.starts_with(**operator)) {
            self.at += operator.len();
            return Ok(Kind::Operator(operator));
        }
        match first {
            '"' | '\'' => self.string(first),
            '0'..='9' => self.number(),
            '`' => self.quoted_name(),
            _ => Ok(self.word()),
        }
    }

    fn skip_blanks_and_comments(&mut self) -> Outcome<()> {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start_matches(is_blank).len();
            if !self.rest().starts_with("/*") {
                return Ok(());
            }
            let start = self.at;
            let Some(end) = self.text[start + 2..].find("*/") else {
                return Err(self.error_at("S0106", start));
            };
            self.at = start + 2 + end + 2;
        }
    }

    fn string(&mut self, quote: char) -> Outcome<Kind> {
        let start = self.at + 1;
        let mut units = Vec::new();
        let mut text = String::new();
        let mut chars = self.text[start..].chars();
        while let Some(character) = chars.next() {
            if character == quote {
                flush(&mut units, &mut text);
                self.at = self.text.len() - chars.as_str().len();
                return Ok(Kind::String(text.into()));
            }
            if character != '\\' {
                flush(&mut units, &mut text);
                text.push(character);
                continue;
            }
            match self.escape(&mut chars)? {
                Escape::Character(character) => {
                    flush(&mut units, &mut text);
                    text.push(character);
                }
                Escape::Unit(unit) => units.push(unit),
            }
        }
        Err(self.error_at("S0101", self.text.len()))
    }

    fn escape(&self, chars: &mut Chars<'_>) -> Outcome<Escape> {
        let at = self.text.len() - chars.as_str().len();
        let character = match chars.next() {
            Some(literal @ ('"' | '\\' | '/')) => literal,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let digits: String = chars.as_str().chars().take(4).collect();
                let unit = u16::from_str_radix(&digits, 16);
                let plain = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit());
                let (true, Ok(unit)) = (plain, unit) else {
                    return Err(self.error_at("S0104", at));
                };
                *chars = chars.as_str()[4..].chars();
                return Ok(Escape::Unit(unit));
            }
            other => {
                let token = other.map(String::from).unwrap_or_default();
                return Err(self.error_at("S0103", at).with_token(token));
            }
        };
        Ok(Escape::Character(character))
    }

    fn number(&mut self) -> Outcome<Kind> {
        let length = number_length(self.rest().as_bytes());
        let text = &self.rest()[..length];
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => {
                self.at += length;
                Ok(Kind::Number(value))
            }
            _ => Err(self.error_at("S0102", self.at).with_token(text)),
        }
    }

    fn quoted_name(&mut self) -> Outcome<Kind> {
        let start = self.at + 1;
        let Some(length) = self.text[start..].find('`') else {
            return Err(self.error_at("S0105", self.text.len()));
        };
        self.at = start + length + 1;
        Ok(Kind::Name(self.text[start..start + length].into()))
    }

    /// A name, a variable or a keyword: everything up to a blank or an operator.
    fn word(&mut self) -> Kind {
        let rest = self.rest();
        let is_stop = |c: char| is_blank(c) || (c.is_ascii() && is_operator(c));
        let word = &rest[..rest.find(is_stop).unwrap_or(rest.len())];
        self.at += word.len();
        if let Some(name) = word.strip_prefix('$') {
            return Kind::Variable(name.into());
        }
        match word {
            "and" => Kind::Operator("and"),
            "or" => Kind::Operator("or"),
            "in" => Kind::Operator("in"),
            "true" => Kind::Bool(true),
            "false" => Kind::Bool(false),
            "null" => Kind::Null,
            _ => Kind::Name(word.into()),
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Position of a byte offset; cheap when offsets are asked for in order.
    fn position(&mut self, offset: usize) -> usize {
        let (from, base) = if offset >= self.known.0 { self.known } else { (0, 0) };
        let position = base + utf16_length(&self.text[from..offset]);
        self.known = (offset, position);
        position
    }

    fn error_at(&self, code: &'static str, offset: usize) -> Box<Error> {
        Error::new(code).at(utf16_length(&self.text[..offset]))
    }
}

enum Escape {
    Character(char),
    /// Half of a pair, perhaps.
    Unit(u16),
}

/// Half a pair without the other cannot stand in Rust's strings: it becomes U+FFFD.
fn flush(units: &mut Vec<u16>, text: &mut String) {
    if !units.is_empty() {
        text.push_str(&String::from_utf16_lossy(units));
        units.clear();
    }
}

fn utf16_length(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r' | '\u{b}')
}

fn is_operator(character: char) -> bool {
    ".[]{}(),@#;:?+-*/%|=<>^&!~".contains(character)
}

/// Length of the number that the text starts with: `0` or digits, a fraction, an exponent.
fn number_length(bytes: &[u8]) -> usize {
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut end = if bytes.first() == Some(&b'0') { 1 } else { digits(0) };
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let length = bytes.get(end + 1 + sign..).map_or(0, |_| digits(end + 1 + sign));
        if length > 0 {
            end += 1 + sign + length;
        }
    }
    end
}
