//! Integers as letters: `a` is 1, `z` is 26, `aa` is 27 (F&O 4.6.1, format tokens `A` and `a`).

use super::power::power;

/// The letters of a whole number from 0 up; 0 has none.
pub(super) fn write(mut value: f64, first: u8) -> String {
    let mut letters = Vec::new();
    while value >= 1.0 {
        let place = (value - 1.0) % 26.0;
        letters.push(char::from(first + place as u8));
        value = ((value - 1.0) / 26.0).floor();
    }
    letters.iter().rev().collect()
}

/// The number that letters stand for. As in the reference, other characters count by how far they are from the first
/// letter, and the places are summed up from the last.
pub(super) fn read(text: &str, first: u8) -> f64 {
    let letters: Vec<u16> = text.encode_utf16().collect();
    let places = letters.iter().rev().zip(0..).map(|(letter, place)| {
        (f64::from(*letter) - f64::from(first) + 1.0) * power(26.0, f64::from(place))
    });
    places.fold(0.0, |sum, place| sum + place)
}

#[cfg(test)]
mod tests {
    use super::{read, write};

    #[test]
    fn letters_count_like_the_columns_of_a_sheet() {
        for (value, letters) in
            [(0, ""), (1, "a"), (26, "z"), (27, "aa"), (702, "zz"), (703, "aaa")]
        {
            assert_eq!(write(f64::from(value), b'a'), letters);
            assert_eq!(read(letters, b'a'), f64::from(value));
        }
    }

    #[test]
    fn other_characters_count_by_their_distance() {
        assert_eq!(read("007", b'a'), -33_737.0);
        assert_eq!(read("b!", b'a'), 52.0 - 63.0);
        assert_eq!(read("twenty-first", b'A'), 198_833_036_320_095_780.0);
    }

    #[test]
    fn the_largest_number_has_an_end() {
        assert!(write(f64::MAX, b'A').len() < 250);
    }
}
