//! Roman numerals (F&O 4.6.1, format tokens `I` and `i`).

/// The largest number written in Roman numerals: it is a thousand letters long.
pub(super) const ROMAN_MAX: f64 = 1_000_000.0;

const NUMERALS: [(u32, &str); 13] = [
    (1000, "m"),
    (900, "cm"),
    (500, "d"),
    (400, "cd"),
    (100, "c"),
    (90, "xc"),
    (50, "l"),
    (40, "xl"),
    (10, "x"),
    (9, "ix"),
    (5, "v"),
    (4, "iv"),
    (1, "i"),
];

/// The numerals of a number from 0 to [`ROMAN_MAX`], in lower case; 0 has none.
pub(super) fn write(mut value: u32) -> String {
    let mut text = String::new();
    for (worth, numeral) in NUMERALS {
        let times = value / worth;
        text.extend(std::iter::repeat_n(numeral, times as usize));
        value %= worth;
    }
    text
}

/// The number that upper-case numerals stand for: one before a greater one is taken away.
/// `None` when a character is no numeral.
pub(super) fn read(text: &str) -> Option<f64> {
    let mut greatest = 1.0;
    text.chars().rev().try_fold(0.0, |total, numeral| {
        let worth = worth(numeral)?;
        if worth < greatest {
            return Some(total - worth);
        }
        greatest = worth;
        Some(total + worth)
    })
}

fn worth(numeral: char) -> Option<f64> {
    Some(match numeral {
        'M' => 1000.0,
        'D' => 500.0,
        'C' => 100.0,
        'L' => 50.0,
        'X' => 10.0,
        'V' => 5.0,
        'I' => 1.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{read, write};

    #[test]
    fn what_is_written_reads_back() {
        for value in 0..4_000 {
            assert_eq!(read(&write(value).to_uppercase()), Some(f64::from(value)));
        }
    }

    #[test]
    fn subtraction_is_used_once() {
        assert_eq!(write(1994), "mcmxciv");
        assert_eq!(write(3888), "mmmdccclxxxviii");
        assert_eq!(read("IIX"), Some(8.0));
        assert_eq!(read("MA"), None);
    }
}
