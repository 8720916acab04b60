//! Rounding half to even.

use crate::value::shortest;

/// Rounds half to even after so many decimal places of the shortest decimal that stands for the number, as `$round`
/// does; negative places are powers of ten.
///
/// As in the reference, places that are no integer, and ones to which the number has no finite decimal, give what is not
/// a number.
pub(crate) fn round(number: f64, places: f64) -> f64 {
    if places == 0.0 {
        // JSON has no negative zero.
        return number.round_ties_even() + 0.0;
    }
    if places.fract() != 0.0 || !number.is_finite() {
        return f64::NAN;
    }
    let places = places as i32;
    let shifted = shift(number, places);
    if !shifted.is_finite() {
        return f64::NAN;
    }
    shift(shifted.round_ties_even(), places.saturating_neg()) + 0.0
}

/// Times a power of ten, by way of the decimal text: a product would bring in errors.
fn shift(number: f64, places: i32) -> f64 {
    let text = shortest(number);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent = exponent.parse::<i32>().unwrap_or(0).saturating_add(places);
    format!("{mantissa}e{exponent}").parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::round;

    #[test]
    fn halves_go_to_the_even_neighbour() {
        for (value, places, rounded) in [
            (0.5, 0.0, 0.0),
            (1.5, 0.0, 2.0),
            (-2.5, 0.0, -2.0),
            (1.005, 2.0, 1.0),
            (1.015, 2.0, 1.02),
            (2.675, 2.0, 2.68),
            (1_250.0, -2.0, 1_200.0),
            (f64::INFINITY, 0.0, f64::INFINITY),
        ] {
            assert_eq!(round(value, places), rounded, "{value}");
        }
        assert!(round(-0.2, 0.0).is_sign_positive());
    }

    #[test]
    fn what_has_no_decimal_is_not_a_number() {
        for (value, places) in
            [(1e300, 20.0), (1.26, 1_000.0), (2.5, 1.5), (f64::INFINITY, 1.0), (f64::NAN, 0.0)]
        {
            assert!(round(value, places).is_nan(), "{value}");
        }
    }
}
