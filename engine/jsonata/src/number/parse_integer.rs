//! `$parseInteger`, the way back from `$formatInteger`.

use super::integer_picture::{Case, Decimal, IntegerPicture, Presentation};
use super::{letters, roman, words};
use crate::fault::Fault;

/// Reads the number that the picture would write so. What is nothing of the kind is not a number.
///
/// D3130 and D3131 tell of the picture. Of digits, all up to the first other character count.
pub(crate) fn parse_integer(text: &str, picture: &str) -> Result<f64, Fault> {
    Ok(IntegerPicture::read(picture)?.parse(text).unwrap_or(f64::NAN))
}

impl IntegerPicture {
    /// Reads what [`IntegerPicture::write`] writes.
    pub(crate) fn parse(&self, text: &str) -> Option<f64> {
        match &self.presentation {
            Presentation::Decimal(decimal) => decimal.parse(text, self.ordinal),
            Presentation::Letters(Case::Upper) => Some(letters::read(text, b'A')),
            Presentation::Letters(_) => Some(letters::read(text, b'a')),
            Presentation::Roman(Case::Upper) => roman::read(text),
            Presentation::Roman(_) => roman::read(&text.to_uppercase()),
            Presentation::Words(_) => words::read(&text.to_lowercase()),
        }
    }
}

impl Decimal {
    fn parse(&self, text: &str, ordinal: bool) -> Option<f64> {
        let end = if ordinal {
            text.char_indices().rev().nth(1).map_or(0, |(at, _)| at)
        } else {
            text.len()
        };
        let text = text[..end].trim_start();
        let (sign, text) = match text.strip_prefix('-') {
            Some(rest) => ("-", rest),
            None => ("", text.strip_prefix('+').unwrap_or(text)),
        };
        let digits = text
            .chars()
            .filter(|character| !self.grouping.separates(*character))
            .map_while(|character| self.family.value(character))
            .filter_map(|value| char::from_digit(value, 10));
        sign.chars().chain(digits).collect::<String>().parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::parse_integer;

    fn read(text: &str, picture: &str) -> Option<f64> {
        parse_integer(text, picture).ok().filter(|number| !number.is_nan())
    }

    #[test]
    fn digits_are_read_without_their_separators() {
        assert_eq!(read("0042", "0"), Some(42.0));
        assert_eq!(read("-12 apples", "0"), Some(-12.0));
        assert_eq!(read("12,345", "#,##0"), Some(12345.0));
        assert_eq!(read("12.345", "#.##0"), Some(12.0));
        assert_eq!(read("1:234,567", "#:###,##0"), Some(1_234_567.0));
        assert_eq!(read("۲۰۲۶", "۰"), Some(2026.0));
        assert_eq!(read("22nd", "0;o"), Some(22.0));
    }

    #[test]
    fn letters_words_and_numerals_are_read() {
        assert_eq!(read("AZ", "A"), Some(52.0));
        assert_eq!(read("XLIX", "I"), Some(49.0));
        assert_eq!(read("Xlix", "i"), Some(49.0));
        assert_eq!(read("Ninety-Ninth", "w"), Some(99.0));
    }

    #[test]
    fn what_is_no_number_reads_as_nothing() {
        for (text, picture) in [
            ("", "0"),
            ("x", "0"),
            ("-", "0"),
            ("1", "٠"),
            ("d", "0;o"),
            ("iv", "I"),
            ("six pence", "w"),
        ] {
            assert_eq!(read(text, picture), None, "{text}");
        }
        assert_eq!(parse_integer("5", "#").unwrap_err().code, "D3130");
    }
}
