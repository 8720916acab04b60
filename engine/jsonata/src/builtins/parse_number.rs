//! Text to number: `$number`.

/// The number that a text is: decimal as in JSON but with leading zeros, or hexadecimal, octal,
/// binary with their prefixes.
pub(super) fn parse(text: &str) -> Option<f64> {
    match text.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => digits(&text[2..], 16),
        Some("0o") => digits(&text[2..], 8),
        Some("0b") => digits(&text[2..], 2),
        _ => decimal(text),
    }
}

fn digits(text: &str, radix: u32) -> Option<f64> {
    let plain = !text.is_empty() && text.chars().all(|digit| digit.is_digit(radix));
    let add = |value, digit: char| {
        value * f64::from(radix) + f64::from(digit.to_digit(radix).unwrap_or(0))
    };
    plain.then(|| text.chars().fold(0.0, add))
}

fn decimal(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let exponent = exponent.map(|part| part.strip_prefix(['+', '-']).unwrap_or(part));
    let well_formed =
        is_digits(whole) && fraction.is_none_or(is_digits) && exponent.is_none_or(is_digits);
    let number: f64 = if well_formed { text.parse().ok()? } else { return None };
    number.is_finite().then_some(number)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn numbers_of_all_spellings_are_read() {
        for (text, number) in [
            ("12", Some(12.0)),
            ("-0012.50", Some(-12.5)),
            ("1E-2", Some(0.01)),
            ("0x1F", Some(31.0)),
            ("0b101", Some(5.0)),
            ("0O17", Some(15.0)),
            ("1e400", None),
            ("+1", None),
            ("1.", None),
            (" 1", None),
            ("", None),
            ("0x", None),
        ] {
            assert_eq!(parse(text), number, "{text}");
        }
    }
}
