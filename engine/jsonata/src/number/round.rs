//! Rounding half to even.

/// Rounds half to even after so many decimal places, as `$round` does: the shortest decimal that
/// stands for the number counts, not its exact binary value.
pub(super) fn round_half_even(value: f64, places: usize) -> f64 {
    if places == 0 {
        return value.round_ties_even();
    }
    let shifted = shift(value, places as i32);
    if !shifted.is_finite() {
        // So large a number has no decimal places.
        return value;
    }
    shift(shifted.round_ties_even(), -(places as i32))
}

/// Moves the decimal point to the right; exact in the decimal notation.
fn shift(value: f64, places: i32) -> f64 {
    let text = format!("{value:e}");
    let Some((mantissa, exponent)) = text.split_once('e') else { return value };
    let exponent = exponent.parse::<i32>().unwrap_or_default() + places;
    format!("{mantissa}e{exponent}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::round_half_even;

    #[test]
    fn halves_go_to_the_even_neighbour() {
        for (value, places, rounded) in [
            (0.5, 0, 0.0),
            (1.5, 0, 2.0),
            (-2.5, 0, -2.0),
            (1.005, 2, 1.0),
            (1.015, 2, 1.02),
            (2.675, 2, 2.68),
            (1e300, 20, 1e300),
        ] {
            assert_eq!(round_half_even(value, places), rounded, "{value}");
        }
    }
}
