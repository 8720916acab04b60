//! From values to text: `$string` and concatenation.

use std::fmt::Write;
use std::sync::Arc;

use stepyard_json::Json;

use super::{Items, Members, Value, View};
use crate::error::{Error, Outcome};
use crate::eval::Fuel;
use crate::limits::{BYTES_PER_FUEL, STRING_MAX};

/// The text of a value: a string as it is, a function as nothing, anything else as JSON.
pub(crate) fn to_text(value: &Value, pretty: bool, fuel: &mut Fuel) -> Outcome<Arc<str>> {
    if let Some(text) = value.as_text() {
        return Ok(text.clone());
    }
    to_bounded_text(value, pretty, fuel, STRING_MAX).map(Into::into)
}

/// The same, with a limit of its own.
pub(super) fn to_bounded_text(
    value: &Value,
    pretty: bool,
    fuel: &mut Fuel,
    limit: usize,
) -> Outcome<String> {
    match value.view() {
        View::Undefined | View::Function(_) => Ok(String::new()),
        View::Text(text) => Ok(text.to_string()),
        View::Number(number) if !number.is_finite() => {
            Err(Error::new("D3001").with_json("value", "null"))
        }
        _ => {
            let mut writer = Writer { text: String::new(), pretty, fuel, limit };
            writer.value(&value.unwrapped(), 0)?;
            Ok(writer.text)
        }
    }
}

struct Writer<'a> {
    text: String,
    pretty: bool,
    fuel: &'a mut Fuel,
    limit: usize,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value, level: usize) -> Outcome<()> {
        self.fuel.pay(1)?;
        match value.view() {
            View::Undefined | View::Null => self.push("null"),
            View::Bool(true) => self.push("true"),
            View::Bool(false) => self.push("false"),
            View::Number(number) if number.is_infinite() => Err(super::convert::out_of_range()),
            View::Number(number) if number.is_nan() => self.push("null"),
            View::Number(number) => self.push(&number_text(number)),
            View::Text(text) => self.string(text),
            View::Function(_) => self.push("\"\""),
            View::Array(items) => {
                self.fuel.enter(1)?;
                self.array(items, level)?;
                self.fuel.leave(1);
                Ok(())
            }
            View::Object(members) => {
                self.fuel.enter(1)?;
                self.object(members, level)?;
                self.fuel.leave(1);
                Ok(())
            }
        }
    }

    fn array(&mut self, items: Items<'_>, level: usize) -> Outcome<()> {
        self.push("[")?;
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.push(",")?;
            }
            self.line(level + 1)?;
            self.value(&item, level + 1)?;
        }
        if items.len() > 0 {
            self.line(level)?;
        }
        self.push("]")
    }

    fn object(&mut self, members: Members<'_>, level: usize) -> Outcome<()> {
        self.push("{")?;
        let mut any = false;
        for (name, member) in members.to_vec() {
            if member.is_undefined() {
                continue;
            }
            if any {
                self.push(",")?;
            }
            any = true;
            self.line(level + 1)?;
            self.string(&name)?;
            self.push(if self.pretty { ": " } else { ":" })?;
            self.value(&member, level + 1)?;
        }
        if any {
            self.line(level)?;
        }
        self.push("}")
    }

    fn line(&mut self, level: usize) -> Outcome<()> {
        if self.pretty {
            self.push("\n")?;
            for _ in 0..level {
                self.push("  ")?;
            }
        }
        Ok(())
    }

    fn string(&mut self, text: &Arc<str>) -> Outcome<()> {
        let quoted = Json::String(text.clone()).to_text();
        self.push(&quoted)
    }

    fn push(&mut self, piece: &str) -> Outcome<()> {
        self.fuel.pay((piece.len() / BYTES_PER_FUEL) as u64)?;
        if self.text.len() + piece.len() > self.limit {
            return Err(Error::limit("D1016", self.limit));
        }
        self.text.push_str(piece);
        Ok(())
    }
}

/// So many digits of a fraction count.
const DIGITS_MAX: usize = 15;

/// A finite number as JavaScript prints it, rounded to 15 digits unless it is an integer.
pub(crate) fn number_text(number: f64) -> String {
    if number.fract() == 0.0 {
        return shortest(number);
    }
    let scientific = Scientific::of(number);
    if scientific.digits.len() <= DIGITS_MAX {
        // Rounding would not change it.
        return scientific.text();
    }
    let rounded = format!("{number:.*e}", DIGITS_MAX - 1);
    shortest(rounded.parse().unwrap_or(number))
}

/// The shortest text that reads back as the same number, in JavaScript's notation: an exponent from
/// 1e21 on and below 1e-6, words for what is not finite.
pub(crate) fn shortest(number: f64) -> String {
    if !number.is_finite() {
        return number.to_string().replace("inf", "Infinity");
    }
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return (number as i64).to_string();
    }
    Scientific::of(number).text()
}

/// The fewest digits that read back as the same number; the point stands behind the first one.
struct Scientific {
    is_negative: bool,
    digits: String,
    exponent: i32,
}

impl Scientific {
    fn of(number: f64) -> Scientific {
        let mut digits = format!("{:e}", number.abs());
        let e = digits.rfind('e').unwrap_or(digits.len());
        let exponent = digits.get(e + 1..).and_then(|text| text.parse().ok()).unwrap_or(0);
        digits.truncate(e);
        digits.retain(|digit| digit != '.');
        Scientific { is_negative: number < 0.0, digits, exponent }
    }

    fn text(&self) -> String {
        let Scientific { is_negative, digits, exponent } = self;
        let mut text = if *is_negative { "-".to_owned() } else { String::new() };
        let point = exponent + 1;
        let length = digits.len() as i32;
        // Writing to a string cannot fail.
        let _ = match point {
            _ if length <= point && point <= 21 => {
                write!(text, "{digits}{}", "0".repeat((point - length) as usize))
            }
            1..=21 => write!(text, "{}.{}", &digits[..point as usize], &digits[point as usize..]),
            -5..=0 => write!(text, "0.{}{digits}", "0".repeat(-point as usize)),
            _ => {
                let sign = if *exponent < 0 { '-' } else { '+' };
                let fraction =
                    if length > 1 { format!(".{}", &digits[1..]) } else { String::new() };
                write!(text, "{}{fraction}e{sign}{}", &digits[..1], exponent.abs())
            }
        };
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{number_text, shortest};

    #[test]
    fn numbers_are_printed_as_javascript_does() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-12.5, "-12.5"),
            (1e21, "1e+21"),
            (1e20, "100000000000000000000"),
            (1.5e300, "1.5e+300"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (1.25e-9, "1.25e-9"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
            (123_456.789, "123456.789"),
        ] {
            assert_eq!(shortest(number), text);
        }
        assert_eq!(number_text(0.1 + 0.2), "0.3");
        assert_eq!(number_text(1.0 / 3.0), "0.333333333333333");
        assert_eq!(number_text(9_007_199_254_740_993.0), "9007199254740992");
    }
}
