//! `$formatNumber` (F&O 4.7, `fn:format-number`).

use super::decimal_format::DecimalFormat;
use super::grouping::{Grouping, Separator};
use super::power::power;
use super::round::round;
use super::sub_picture::{Scale, SubPicture};
use crate::fault::Fault;
use crate::value::shortest;

/// The decimal places that the smallest number has; further ones are zeros.
const PLACES_MAX: usize = 1_074;

/// The most decimal places that numbers are rounded to; to further ones they are written as they are.
const ROUNDED_PLACES_MAX: usize = 100;

/// From here on, numbers are written with an exponent.
const DECIMAL_MAX: f64 = 1e21;

/// The powers of ten that numbers can hold.
const POWER_MAX: usize = 308;

/// Writes the number as the picture says, with the decimal format that the options change.
///
/// A second sub-picture, after `;`, is for negative numbers. D3080 to D3093 tell of the picture.
pub(crate) fn format_number(
    value: f64,
    picture: &str,
    options: &[(String, String)],
) -> Result<String, Fault> {
    let format = DecimalFormat::with(options);
    let mut pictures = picture.split(format.pattern).map(|half| SubPicture::read(half, &format));
    let (first, second) = (pictures.next(), pictures.next());
    if pictures.next().is_some() {
        return Err(Fault::of("D3080", picture));
    }
    let positive = first.unwrap_or_else(|| Err(Fault::of("D3085", picture)))?;
    let negative = second.transpose()?;
    let (sign, chosen) = match negative {
        _ if value >= 0.0 => ("", positive),
        None => (format.minus.as_str(), positive),
        Some(negative) => ("", negative),
    };
    let number = Layout::read(&chosen, &format).write(value.abs());
    Ok(format!("{sign}{}{number}{}", chosen.prefix, chosen.suffix))
}

/// What a sub-picture asks of a number (F&O 4.7.4).
struct Layout<'f> {
    format: &'f DecimalFormat,
    scale: Scale,
    grouping: Grouping,
    has_decimal: bool,
    /// Numbers of digits after which a separator stands in the fraction.
    fraction_groups: Vec<usize>,
    integer_min: usize,
    fraction_min: usize,
    fraction_max: usize,
    exponent: Option<Exponent>,
}

/// How an exponent is written.
struct Exponent {
    /// Number of digits of the mantissa left of the decimal separator.
    scaling: usize,
    digits_min: usize,
}

impl<'f> Layout<'f> {
    fn read(parts: &SubPicture, format: &'f DecimalFormat) -> Layout<'f> {
        let mandatory =
            |text: &str| text.chars().filter(|digit| format.digits.contains(*digit)).count();
        let scaling = mandatory(parts.integer);
        let mut layout = Layout {
            format,
            scale: parts.scale(format),
            grouping: Grouping::read(integer_groups(parts.integer, format)),
            has_decimal: parts.text.contains(format.decimal),
            fraction_groups: fraction_groups(parts.fraction, format),
            integer_min: scaling,
            fraction_min: mandatory(parts.fraction),
            fraction_max: count_digits(parts.fraction, format),
            exponent: parts
                .exponent
                .map(|digits| Exponent { scaling, digits_min: mandatory(digits) }),
        };
        layout.show_a_digit(parts.integer.contains(format.digit));
        layout
    }

    /// Raises the minima so that at least one digit is always written.
    fn show_a_digit(&mut self, integer_has_optional: bool) {
        let exponent = self.exponent.is_some();
        if self.integer_min == 0 && self.fraction_max == 0 {
            if exponent {
                self.fraction_min = 1;
                self.fraction_max = 1;
            } else {
                self.integer_min = 1;
            }
        }
        if exponent && self.integer_min == 0 && integer_has_optional {
            self.integer_min = 1;
        }
        if self.integer_min == 0 && self.fraction_min == 0 {
            self.fraction_min = 1;
        }
    }

    /// Writes a number that is not negative (F&O 4.7.5).
    fn write(&self, value: f64) -> String {
        let scaled = match self.scale {
            Scale::One => value,
            Scale::Percent => value * 100.0,
            Scale::PerMille => value * 1000.0,
        };
        match &self.exponent {
            None => self.write_mantissa(scaled),
            Some(exponent) => {
                let (mantissa, power) = exponent.split(scaled);
                let mantissa = self.write_mantissa(mantissa);
                format!("{mantissa}{}", exponent.write(power, self.format))
            }
        }
    }

    fn write_mantissa(&self, mantissa: f64) -> String {
        let digits = self.rounded(mantissa);
        let (integer, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
        let integer = integer.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        let zeros = |count: usize| "0".repeat(count);
        let integer = zeros(self.integer_min.saturating_sub(integer.len())) + integer;
        let fraction =
            fraction.to_owned() + &zeros(self.fraction_min.saturating_sub(fraction.len()));
        let digits = self.format.digits;
        let mut out = self.grouping.write(&digits.write(&integer));
        if !fraction.is_empty() {
            out.push(self.format.decimal);
            self.write_fraction(&mut out, &digits.write(&fraction));
            if !self.has_decimal {
                // Only an exponent brings a fraction here; its end is lost in the reference.
                out.pop();
            }
        }
        out
    }

    /// The number in ASCII digits. The reference has no text of its own for what is no finite number, or for an exponent:
    /// their letters take the places of digits.
    fn rounded(&self, mantissa: f64) -> String {
        let places = self.fraction_max.min(PLACES_MAX);
        let rounded = match places {
            ..=ROUNDED_PLACES_MAX => round(mantissa, places as f64),
            _ => mantissa,
        };
        match rounded {
            rounded if rounded < DECIMAL_MAX => format!("{rounded:.places$}"),
            rounded => shortest(rounded),
        }
    }

    /// Writes the digits with their separators, of which none ends the fraction.
    fn write_fraction(&self, out: &mut String, digits: &str) {
        let mut groups = self.fraction_groups.iter().peekable();
        for (index, digit) in digits.chars().enumerate() {
            if groups.next_if(|group| **group == index).is_some() {
                out.push(self.format.grouping);
            }
            out.push(digit);
        }
    }
}

impl Exponent {
    /// Mantissa and power of ten: the mantissa has as many digits left of the separator as the
    /// picture has mandatory ones.
    fn split(&self, value: f64) -> (f64, i32) {
        let scaling = self.scaling.min(POWER_MAX) as f64;
        let (least, most) = (power(10.0, scaling - 1.0), power(10.0, scaling));
        let (mut mantissa, mut power) = (value, 0);
        if mantissa == 0.0 || !mantissa.is_finite() {
            return (mantissa, power);
        }
        while mantissa < least {
            mantissa *= 10.0;
            power -= 1;
        }
        while mantissa > most {
            mantissa /= 10.0;
            power += 1;
        }
        (mantissa, power)
    }

    fn write(&self, power: i32, format: &DecimalFormat) -> String {
        let digits = power.unsigned_abs().to_string();
        let padding = "0".repeat(self.digits_min.saturating_sub(digits.len()));
        let minus = if power < 0 { format.minus.as_str() } else { "" };
        let digits = format.digits.write(&(padding + &digits));
        format!("{}{minus}{digits}", format.exponent)
    }
}

fn count_digits(text: &str, format: &DecimalFormat) -> usize {
    text.chars().filter(|character| format.is_digit(*character)).count()
}

/// The separators of the integer part, from the left.
fn integer_groups(integer: &str, format: &DecimalFormat) -> Vec<Separator> {
    let mut position = 0;
    let mut separators = Vec::new();
    for character in integer.chars().rev() {
        if character == format.grouping {
            separators.push(Separator { position, character });
        } else if format.is_digit(character) {
            position += 1;
        }
    }
    separators.reverse();
    separators
}

/// Numbers of digits left of each separator in the fraction.
fn fraction_groups(fraction: &str, format: &DecimalFormat) -> Vec<usize> {
    let mut digits = 0;
    let mut groups = Vec::new();
    for character in fraction.chars() {
        if character == format.grouping {
            groups.push(digits);
        } else if format.is_digit(character) {
            digits += 1;
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::format_number;

    fn written(value: f64, picture: &str) -> String {
        format_number(value, picture, &[]).unwrap()
    }

    #[test]
    fn integers_and_fractions_are_padded_rounded_and_grouped() {
        for (value, picture, text) in [
            (0.0, "#", "0"),
            (0.0, "#.#", ".0"),
            (0.5, "#.#", ".5"),
            (3.0, "0.0#", "3.0"),
            (2.5, "0", "2"),
            (3.5, "0", "4"),
            (987654.321, "#,##0.0", "987,654.3"),
            (12.0, "0,00,0", "0,01,2"),
            (5.0, "#,##,#", "5"),
            (0.123456789, "0.000,000,000", "0.123,456,789"),
            (0.25, "0.0##,#", "0.25"),
            (-3.0, "0;(0)", "(3)"),
            (-3.0, "$0", "-$3"),
            (0.075, "0.0%", "7.5%"),
            (0.075, "0‰", "75‰"),
            (1e20, "#,0", "1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0"),
            (1e21, "0.0", "1e+21.0"),
            (1.25e22, "0.0", "1.25e+22"),
            (1.25e22, "0", "1.25e+2"),
        ] {
            assert_eq!(written(value, picture), text, "{value} as {picture}");
        }
    }

    #[test]
    fn exponents_follow_the_mandatory_digits() {
        for (value, picture, text) in [
            (0.0, "0.0e0", "0.0e0"),
            (98765.0, "0.00e0", "9.88e4"),
            (-0.00012, "0.0e00", "-1.2e-04"),
            (98765.0, "000e0", "988e2"),
            (98765.0, "about 0.0e0", "about 9.9e4"),
            (5e-324, "0e0", "5e-324"),
        ] {
            assert_eq!(written(value, picture), text, "{value} as {picture}");
        }
    }

    #[test]
    fn other_characters_can_be_chosen() {
        let options =
            [("decimal-separator", ","), ("grouping-separator", "."), ("zero-digit", "٠")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(format_number(1234.5, "#.##٠,٠٠", &options).unwrap(), "١.٢٣٤,٥٠");
    }

    #[test]
    fn pictures_have_at_most_two_halves() {
        assert_eq!(format_number(1.0, "0;0;0", &[]).unwrap_err().code, "D3080");
        assert_eq!(format_number(1.0, "0;", &[]).unwrap_err().code, "D3085");
    }

    #[test]
    fn no_number_and_no_picture_is_too_large() {
        assert_eq!(written(f64::INFINITY, "$0"), "$Infinity");
        assert_eq!(written(f64::MAX, "0%"), "Infinity%");
        assert_eq!(written(f64::INFINITY, "0.0"), "NaN.0");
        assert_eq!(written(f64::INFINITY, "0.0e0"), "NaN.0e0");
        assert_eq!(written(f64::NEG_INFINITY, "#,#"), "-I,n,f,i,n,i,t,y");
        assert_eq!(written(f64::NAN, "$0.00"), "-$NaN.00");
        assert_eq!(written(f64::NAN, "000,000"), "-000,NaN");
        let digits = 100_000;
        assert_eq!(written(0.5, &format!("0.{}", "0".repeat(digits))).len(), digits + 2);
        assert!(written(5e-324, &format!("{}e0", "0".repeat(digits))).len() < 2 * digits);
    }
}
