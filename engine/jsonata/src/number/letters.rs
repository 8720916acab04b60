//! Integers as letters: `a` is 1, `z` is 26, `aa` is 27 (F&O 4.6.1, format tokens `A` and `a`).

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

/// The number that the letters stand for; `None` when one is not of the alphabet that starts there.
pub(super) fn read(text: &str, first: u8) -> Option<f64> {
    text.bytes().try_fold(0.0, |value, letter| {
        let place = letter.checked_sub(first).filter(|place| *place < 26)?;
        Some(value * 26.0 + f64::from(place) + 1.0)
    })
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
            assert_eq!(read(letters, b'a'), Some(f64::from(value)));
        }
    }

    #[test]
    fn other_characters_are_no_letters() {
        for text in ["B", "5", "a1", "ä"] {
            assert_eq!(read(text, b'a'), None, "{text}");
        }
    }

    #[test]
    fn the_largest_number_has_an_end() {
        assert!(write(f64::MAX, b'A').len() < 250);
    }
}
