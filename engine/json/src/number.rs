//! Numbers that keep their written form.

use std::fmt;
use std::sync::Arc;

/// A JSON number as it was written. Equality is by value, so `1`, `1.0` and `1e0` are equal.
#[derive(Clone)]
pub struct Number(Repr);

#[derive(Clone)]
enum Repr {
    /// A number whose text is the canonical text of this integer: by far the most frequent case.
    Int(i64),
    /// Any other number, as text that the JSON grammar accepts.
    Text(Arc<str>),
}

impl Number {
    /// From text that is known to follow the JSON grammar of numbers.
    pub(crate) fn from_valid_text(text: &str) -> Number {
        match canonical_integer(text) {
            Some(value) => Number(Repr::Int(value)),
            None => Number::as_written(text),
        }
    }

    /// The same for a text that is no [`canonical_integer`].
    pub(crate) fn as_written(text: &str) -> Number {
        Number(Repr::Text(text.into()))
    }

    /// From a finite float, with the shortest text that reads back as the same value; `None` for
    /// infinities and NaN, which JSON cannot write.
    pub fn from_f64(value: f64) -> Option<Number> {
        // `serde_json` writes floats as JavaScript and Java do (`1e+40`, `0.1`), std does not.
        let number = serde_json::Number::from_f64(value)?;
        Some(Number(Repr::Text(number.to_string().into())))
    }

    /// The value when it is an integer that fits, however it is written (`3`, `3.0`, `3e0`).
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Repr::Int(value) => Some(*value),
            Repr::Text(text) => text.parse().ok().or_else(|| integral(text.parse().ok()?)),
        }
    }

    /// Writes it as it was written.
    pub(crate) fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        match &self.0 {
            Repr::Int(value) => out.write_str(itoa::Buffer::new().format(*value)),
            Repr::Text(text) => out.write_str(text),
        }
    }

    /// The nearest float; infinite when the number is beyond the range of floats.
    pub fn as_f64(&self) -> f64 {
        match &self.0 {
            Repr::Int(value) => *value as f64,
            // The grammar of JSON numbers is a subset of what `f64` parses.
            Repr::Text(text) => text.parse().unwrap_or(f64::NAN),
        }
    }
}

/// The integer whose canonical text this is: "-0" and what may be too long for an `i64` are none.
pub(crate) fn canonical_integer(text: &str) -> Option<i64> {
    (text.len() <= 18 && text != "-0").then(|| text.parse().ok()).flatten()
}

/// The integer that a float is, when it is one of those that floats hold exactly.
fn integral(value: f64) -> Option<i64> {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    (value.fract() == 0.0 && value.abs() <= EXACT_MAX).then_some(value as i64)
}

impl From<i64> for Number {
    fn from(value: i64) -> Number {
        Number(Repr::Int(value))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        match (&self.0, &other.0) {
            (Repr::Int(a), Repr::Int(b)) => a == b,
            (Repr::Text(a), Repr::Text(b)) if a == b => true,
            _ => self.as_f64() == other.as_f64(),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use crate::Json;

    #[test]
    fn written_form_is_kept() {
        for text in ["0", "-0", "0.0", "1e3", "1E+3", "-12", "12345678901234567890123", "0.10"] {
            assert_eq!(Json::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn equality_is_by_value() {
        assert_eq!(Json::parse("1").unwrap(), Json::parse("1.0").unwrap());
        assert_eq!(Json::parse("1e2").unwrap(), Json::parse("100").unwrap());
        assert_ne!(Json::parse("1").unwrap(), Json::parse("1.5").unwrap());
    }

    #[test]
    fn integers_are_recognised_in_any_spelling() {
        for (text, value) in [("3", Some(3)), ("3.0", Some(3)), ("3e0", Some(3)), ("3.5", None)] {
            assert_eq!(Json::parse(text).unwrap().as_i64(), value, "{text}");
        }
        assert_eq!(Json::parse("1e300").unwrap().as_i64(), None);
    }
}
