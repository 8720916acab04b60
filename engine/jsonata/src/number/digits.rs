//! Decimal digits of all scripts.

/// Ten digits that follow each other in Unicode, known by their zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Family(char);

/// The zero of each family, in order: Unicode's characters of category Nd with value 0.
const ZEROS: [u32; 66] = [
    0x0030, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6,
    0x0D66, 0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80,
    0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0,
    0xFF10, 0x104A0, 0x10D30, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0,
    0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x16A60, 0x16AC0,
    0x16B50, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E950, 0x1FBF0,
];

impl Family {
    /// `0` to `9`.
    pub(crate) const ASCII: Family = Family('0');

    /// The family that starts with this character, digit or not: `$formatNumber` lets its caller
    /// choose any.
    pub(crate) fn starting_with(zero: char) -> Family {
        Family(zero)
    }

    /// The family that the character is a digit of.
    pub(crate) fn of(character: char) -> Option<Family> {
        let code = u32::from(character);
        let after = ZEROS.partition_point(|zero| *zero <= code);
        let zero = ZEROS[..after].last()?;
        char::from_u32(*zero).map(Family).filter(|family| family.contains(character))
    }

    /// Whether the character is one of the ten.
    pub(crate) fn contains(self, character: char) -> bool {
        self.value(character).is_some()
    }

    /// What the digit counts.
    pub(crate) fn value(self, digit: char) -> Option<u32> {
        u32::from(digit).checked_sub(u32::from(self.0)).filter(|value| *value < 10)
    }

    /// The text with its ASCII digits replaced by those of the family.
    pub(crate) fn write(self, text: &str) -> String {
        text.chars().map(|character| self.digit(character)).collect()
    }

    /// The text with each character as far from where it stands as the family's zero is from the ASCII one: digits are
    /// those of the family, other characters whatever stands there.
    pub(crate) fn shift(self, text: &str) -> String {
        let distance = u32::from(self.0) - u32::from('0');
        let shifted = |character| char::from_u32(u32::from(character) + distance);
        text.chars().map(|character| shifted(character).unwrap_or(character)).collect()
    }

    fn digit(self, ascii: char) -> char {
        let digit = ascii.to_digit(10).and_then(|value| char::from_u32(u32::from(self.0) + value));
        digit.unwrap_or(ascii)
    }
}

#[cfg(test)]
mod tests {
    use super::{Family, ZEROS};

    #[test]
    fn digits_are_known_by_their_family() {
        assert_eq!(Family::of('7'), Some(Family::ASCII));
        assert_eq!(Family::of('٣'), Some(Family('٠')));
        assert_eq!(Family::of('𝟗'), Some(Family('𝟎')));
        for other in ['/', ':', 'a', '①', '\u{0}', char::MAX] {
            assert_eq!(Family::of(other), None, "{other}");
        }
    }

    #[test]
    fn text_is_written_in_the_family() {
        assert_eq!(Family::starting_with('٠').write("-12.5"), "-١٢.٥");
    }

    #[test]
    fn all_characters_are_moved_with_the_digits() {
        assert_eq!(Family::ASCII.shift("1e+21"), "1e+21");
        assert_eq!(Family::starting_with('０').shift("1N"), "１Ｎ");
    }

    #[test]
    fn the_families_are_in_order_and_apart() {
        assert!(ZEROS.windows(2).all(|pair| pair[0] + 10 <= pair[1]));
    }
}
