//! `$formatBase`.

use super::round::round;
use crate::fault::Fault;
use crate::value::shortest;

/// Above this, a number stands for many integers: a digit before one that is above it says nothing, and is written as 0.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Writes the number, rounded half to even, in a base from 2 to 36, also rounded; D3100 for others. In base 10, numbers
/// from 1e21 on have an exponent; a number that is not finite is written as a word. The digits are those of JavaScript.
pub(crate) fn format_base(value: f64, radix: f64) -> Result<String, Fault> {
    let value = round(value, 0.0);
    let radix = round(radix, 0.0);
    if !(2.0..=36.0).contains(&radix) {
        return Err(Fault::of("D3100", radix.to_string()));
    }
    let digits = match radix {
        _ if !value.is_finite() => shortest(value.abs()),
        10.0 => shortest(value.abs()),
        _ => digits(value.abs(), radix),
    };
    Ok(if value < 0.0 { format!("-{digits}") } else { digits })
}

fn digits(mut value: f64, radix: f64) -> String {
    let mut digits = Vec::new();
    while value / radix >= EXACT_MAX {
        value /= radix;
        digits.push('0');
    }
    loop {
        let digit = value % radix;
        digits.extend(char::from_digit(digit as u32, radix as u32));
        value = (value - digit) / radix;
        if value == 0.0 {
            return digits.iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::format_base;

    #[test]
    fn numbers_are_written_in_the_base() {
        for (value, radix, text) in [
            (0.0, 2.0, "0"),
            (255.0, 16.0, "ff"),
            (-35.5, 36.0, "-10"),
            (2.5, 2.0, "10"),
            (7.0, 2.5, "111"),
            (
                9_007_199_254_740_992.0,
                2.0,
                "100000000000000000000000000000000000000000000000000000",
            ),
            (144_115_188_075_855_872.0, 7.0, "154333423511640066540"),
            (1_180_591_620_717_412_352_000.0, 6.0, "1053053253455150523102000000"),
            (1e21, 10.0, "1e+21"),
            (-0.25, 10.0, "0"),
            (f64::NAN, 2.0, "NaN"),
            (f64::NEG_INFINITY, 10.0, "-Infinity"),
        ] {
            assert_eq!(format_base(value, radix).unwrap(), text);
        }
    }

    #[test]
    fn other_bases_are_refused() {
        for radix in [1.0, 1.5e9, 36.6, 0.0, -2.0, f64::NAN] {
            assert_eq!(format_base(1.0, radix).unwrap_err().code, "D3100");
        }
    }
}
