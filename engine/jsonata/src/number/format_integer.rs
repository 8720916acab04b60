//! `$formatInteger` (F&O 4.6.1, `fn:format-integer`).

use super::integer_picture::{Case, Decimal, IntegerPicture, Presentation};
use super::{letters, roman, words};
use crate::fault::Fault;
use crate::value::shortest;

/// Writes the number, rounded down, as the picture says.
///
/// D3130 and D3131 tell of the picture, D1001 of what it cannot write. Roman numerals end at a million; what they cannot
/// write is written in digits, as F&O asks.
pub(crate) fn format_integer(value: f64, picture: &str) -> Result<String, Fault> {
    let picture = IntegerPicture::read(picture)?;
    picture.write(value.floor())
}

impl IntegerPicture {
    /// Writes a whole number. As in the reference, the exponent of numbers from 1e21 on and the words `NaN` and `Infinity`
    /// take the place of digits, and there are no letters for `NaN`; D1001 for what has no words or letters.
    pub(crate) fn write(&self, value: f64) -> Result<String, Fault> {
        match self.presentation {
            Presentation::Letters(_) | Presentation::Roman(_) if value.is_nan() => {
                Ok(String::new())
            }
            Presentation::Decimal(_) => Ok(self.write_any(value)),
            _ if value.is_finite() => Ok(self.write_any(value)),
            _ => Err(Fault::of("D1001", shortest(value))),
        }
    }

    fn write_any(&self, value: f64) -> String {
        let magnitude = value.abs();
        let text = match &self.presentation {
            Presentation::Decimal(decimal) => decimal.write(magnitude, self.ordinal),
            Presentation::Letters(Case::Upper) => letters::write(magnitude, b'A'),
            Presentation::Letters(_) => letters::write(magnitude, b'a'),
            Presentation::Roman(_) if magnitude > roman::ROMAN_MAX => magnitude.to_string(),
            Presentation::Roman(case) => case.of_lower(roman::write(magnitude as u32)),
            Presentation::Words(case) => case.of_title(words::write(magnitude, self.ordinal)),
        };
        if value < 0.0 { format!("-{text}") } else { text }
    }
}

impl Decimal {
    fn write(&self, magnitude: f64, ordinal: bool) -> String {
        let digits = shortest(magnitude);
        let padding = self.mandatory.saturating_sub(digits.len());
        let padded: String = std::iter::repeat_n('0', padding).chain(digits.chars()).collect();
        let mut text: String = self.grouping.before(padded.chars().count()).collect();
        text.push_str(&self.grouping.write(&self.family.shift(&padded)));
        if ordinal {
            text.push_str(ordinal_suffix(&text));
        }
        text
    }
}

/// What English writes after the digits of an ordinal. As in the reference, the last two characters tell: a separator
/// between them hides a `1`, and digits of other scripts are none that it knows.
fn ordinal_suffix(digits: &str) -> &'static str {
    let mut last = digits.chars().rev();
    match (last.next(), last.next()) {
        (_, Some('1')) => "th",
        (Some('1'), _) => "st",
        (Some('2'), _) => "nd",
        (Some('3'), _) => "rd",
        _ => "th",
    }
}

impl Case {
    fn of_lower(self, text: String) -> String {
        if self == Case::Upper { text.to_uppercase() } else { text }
    }

    /// The text, which is in title case, in this case.
    pub(crate) fn of_title(self, text: String) -> String {
        match self {
            Case::Upper => text.to_uppercase(),
            Case::Lower => text.to_lowercase(),
            Case::Title => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::format_integer;

    fn written(value: f64, picture: &str) -> String {
        format_integer(value, picture).unwrap()
    }

    #[test]
    fn digits_are_padded_and_grouped() {
        assert_eq!(written(7.9, "000"), "007");
        assert_eq!(written(-7.1, "000"), "-008");
        assert_eq!(written(54321.0, "#.##0"), "54.321");
        assert_eq!(written(7.0, "0,000"), "0,007");
        assert_eq!(written(1e20, "#,##0"), "100,000,000,000,000,000,000");
        assert_eq!(written(1e22, "#,##0"), "1e,+22");
        assert_eq!(written(2026.0, "۰"), "۲۰۲۶");
        assert_eq!(written(12.0, "o-17") + &written(123.0, "o-17"), "o-121o-23");
    }

    #[test]
    fn ordinals_have_their_suffix() {
        for (value, text) in
            [(0.0, "0th"), (1.0, "1st"), (11.0, "11th"), (102.0, "102nd"), (1013.0, "1013th")]
        {
            assert_eq!(written(value, "0;o"), text);
        }
        assert_eq!(written(11.0, "0,0;o") + &written(1.0, "٠;o"), "1,1st١th");
    }

    #[test]
    fn other_tokens_write_letters() {
        assert_eq!(written(49.0, "I"), "XLIX");
        assert_eq!(written(-4.0, "i"), "-iv");
        assert_eq!(written(2_000_000.0, "I"), "2000000");
        assert_eq!(written(52.0, "A"), "AZ");
        assert_eq!(written(121.0, "W"), "ONE HUNDRED AND TWENTY-ONE");
        assert_eq!(written(121.0, "w;o"), "one hundred and twenty-first");
    }

    #[test]
    fn any_magnitude_is_written() {
        for picture in ["0", "A", "I", "w", "#,##0;o"] {
            assert!(written(f64::MAX, picture).len() < 1_000, "{picture}");
        }
    }

    #[test]
    fn words_stand_for_digits_of_what_is_not_finite() {
        assert_eq!(written(f64::NAN, "0"), "NaN");
        assert_eq!(written(f64::NAN, "00:00"), "0N:aN");
        assert_eq!(written(f64::NAN, "0;o"), "NaNth");
        assert_eq!(written(f64::NEG_INFINITY, "#,##0"), "-In,fin,ity");
        assert_eq!(written(f64::NAN, "０"), "ＮａＮ");
        assert_eq!(written(f64::NAN, "I") + &written(f64::NAN, "a"), "");
        for (value, picture) in
            [(f64::INFINITY, "I"), (f64::INFINITY, "a"), (f64::INFINITY, "w"), (f64::NAN, "Ww")]
        {
            assert_eq!(format_integer(value, picture).unwrap_err().code, "D1001", "{picture}");
        }
    }
}
