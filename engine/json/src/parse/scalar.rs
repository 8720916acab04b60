//! Numbers and words.

use super::parser::{Parsed, Parser};
use crate::number::canonical_integer;
use crate::{Json, Number};

impl Parser<'_> {
    /// A number as it is written.
    pub(super) fn number(&mut self) -> Parsed<()> {
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
        let text = &self.text[start..self.at];
        match canonical_integer(text) {
            Some(number) => self.push_integer(number),
            None => self.values.push(Json::Number(Number::as_written(text))),
        }
        Ok(())
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

    /// `null`, `true` or `false`.
    pub(super) fn word(&mut self) -> Parsed<()> {
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
        self.values.push(value);
        Ok(())
    }
}
