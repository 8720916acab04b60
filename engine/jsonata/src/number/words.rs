//! Integers in English words (F&O 4.6.1, format tokens `W`, `w` and `Ww`).

const CARDINALS: [&str; 20] = [
    "Zero",
    "One",
    "Two",
    "Three",
    "Four",
    "Five",
    "Six",
    "Seven",
    "Eight",
    "Nine",
    "Ten",
    "Eleven",
    "Twelve",
    "Thirteen",
    "Fourteen",
    "Fifteen",
    "Sixteen",
    "Seventeen",
    "Eighteen",
    "Nineteen",
];

const ORDINALS: [&str; 20] = [
    "Zeroth",
    "First",
    "Second",
    "Third",
    "Fourth",
    "Fifth",
    "Sixth",
    "Seventh",
    "Eighth",
    "Ninth",
    "Tenth",
    "Eleventh",
    "Twelfth",
    "Thirteenth",
    "Fourteenth",
    "Fifteenth",
    "Sixteenth",
    "Seventeenth",
    "Eighteenth",
    "Nineteenth",
];

/// The tens from twenty on, cardinal and ordinal.
const TENS: [(&str, &str); 8] = [
    ("Twenty", "Twentieth"),
    ("Thirty", "Thirtieth"),
    ("Forty", "Fortieth"),
    ("Fifty", "Fiftieth"),
    ("Sixty", "Sixtieth"),
    ("Seventy", "Seventieth"),
    ("Eighty", "Eightieth"),
    ("Ninety", "Ninetieth"),
];

/// The words that multiply what stands before them; their ordinals end in `th`.
const MAGNITUDES: [(&str, u64); 5] = [
    ("Trillion", TRILLION),
    ("Billion", 1_000_000_000),
    ("Million", 1_000_000),
    ("Thousand", 1_000),
    ("Hundred", 100),
];

const TRILLION: u64 = 1_000_000_000_000;

/// Number of zeros of the greatest word; a greater number repeats it.
const TRILLION_ZEROS: usize = 12;

/// The words of a whole number from 0 up, given by its decimal digits, in title case.
pub(super) fn write(digits: &str, ordinal: bool) -> String {
    let head = match digits.len() % TRILLION_ZEROS {
        0 => TRILLION_ZEROS.min(digits.len()),
        head => head,
    };
    let (first, rest) = digits.split_at(head);
    let mut text = String::new();
    let value = first.parse().unwrap_or_default();
    write_below_trillions(&mut text, value, false, ordinal && rest.is_empty());
    for (index, start) in (0..rest.len()).step_by(TRILLION_ZEROS).enumerate() {
        text.push_str(" Trillion");
        let value = rest[start..start + TRILLION_ZEROS].parse().unwrap_or_default();
        let last = (index + 1) * TRILLION_ZEROS == rest.len();
        match value {
            0 if last && ordinal => text.push_str("th"),
            0 => {}
            _ => write_below_trillions(&mut text, value, true, ordinal && last),
        }
    }
    text
}

/// The words of a number below a trillion; joined to what stands before, less than a hundred with
/// `and`, more with a comma.
fn write_below_trillions(text: &mut String, value: u64, joined: bool, ordinal: bool) {
    if joined {
        text.push_str(if value < 100 { " and " } else { ", " });
    }
    if value < 100 {
        return write_below_hundred(text, value as usize, ordinal);
    }
    let greatest = MAGNITUDES.iter().find(|(_, worth)| *worth <= value);
    let (word, worth) = greatest.copied().unwrap_or(("Hundred", 100));
    write_below_trillions(text, value / worth, false, false);
    text.push(' ');
    text.push_str(word);
    match value % worth {
        0 if ordinal => text.push_str("th"),
        0 => {}
        rest => write_below_trillions(text, rest, true, ordinal),
    }
}

fn write_below_hundred(text: &mut String, value: usize, ordinal: bool) {
    let ones = if ordinal { &ORDINALS } else { &CARDINALS };
    if value < 20 {
        return text.push_str(ones[value]);
    }
    let (tens, tenth) = TENS[value / 10 - 2];
    match value % 10 {
        0 if ordinal => text.push_str(tenth),
        0 => text.push_str(tens),
        one => {
            text.push_str(tens);
            text.push('-');
            text.push_str(ones[one]);
        }
    }
}

/// The number that lower-case words stand for; `None` when one is no word of a number.
///
/// A word below a hundred is added; a hundred or a greater word multiplies what was added since the
/// last thousand.
pub(super) fn read(text: &str) -> Option<f64> {
    let mut total = 0.0;
    let mut part = 0.0;
    for word in split(text) {
        let value = value(word)? as f64;
        if value >= 100.0 {
            part *= value;
        } else if part >= 1000.0 {
            total += part;
            part = value;
        } else {
            part += value;
        }
    }
    Some(total + part)
}

/// The words between commas, `and`, hyphens and blanks.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let cut = text.char_indices().find_map(|(at, _)| Some((at, separator(&text[at..])?)));
        let (word, after) = match cut {
            Some((at, length)) => (&text[..at], Some(&text[at + length..])),
            None => (text, None),
        };
        rest = after;
        Some(word)
    })
}

/// Length of the separator that the text starts with.
fn separator(text: &str) -> Option<usize> {
    let mut characters = text.chars();
    let first = characters.next()?;
    let blank = |character: char| character.is_whitespace();
    let after = characters.as_str();
    if first == ',' {
        return after.chars().next().filter(|next| blank(*next)).map(|next| 1 + next.len_utf8());
    }
    if !blank(first) {
        return matches!(first, '-' | '\\').then_some(1);
    }
    let closing = after.strip_prefix("and").and_then(|rest| rest.chars().next());
    let joined = closing.filter(|next| blank(*next)).map_or(0, |next| 3 + next.len_utf8());
    Some(first.len_utf8() + joined)
}

fn value(word: &str) -> Option<u64> {
    let position = |words: &[&str]| words.iter().position(|known| known.eq_ignore_ascii_case(word));
    if let Some(value) = position(&CARDINALS).or_else(|| position(&ORDINALS)) {
        return Some(value as u64);
    }
    let tens = TENS.iter().position(|(ten, tenth)| {
        ten.eq_ignore_ascii_case(word) || tenth.eq_ignore_ascii_case(word)
    });
    if let Some(tens) = tens {
        return Some((tens as u64 + 2) * 10);
    }
    let cardinal = word.strip_suffix("th").unwrap_or(word);
    let magnitude = MAGNITUDES.iter().find(|(name, _)| name.eq_ignore_ascii_case(cardinal));
    magnitude.map(|(_, worth)| *worth)
}

/// Lengths of the words of numbers, of `and` and of what stands between words, with which the
/// characters start, without regard to case: bit n stands for length n.
pub(crate) fn lengths(characters: &[char]) -> u32 {
    let Some(first) = characters.first() else { return 0 };
    if matches!(first, '-' | ',' | ' ') {
        return 1 << 1;
    }
    let tens = TENS.iter().flat_map(|(ten, tenth)| [ten, tenth]);
    let mut lengths = 0;
    for word in CARDINALS.iter().chain(&ORDINALS).chain(tens).chain([&"and"]) {
        if starts_with(characters, word) {
            lengths |= 1 << word.len();
        }
    }
    for (word, _) in MAGNITUDES {
        if starts_with(characters, word) {
            lengths |= 1 << word.len();
            let ordinal = starts_with(&characters[word.len()..], "th");
            lengths |= u32::from(ordinal) << (word.len() + 2);
        }
    }
    lengths
}

fn starts_with(characters: &[char], word: &str) -> bool {
    characters.len() >= word.len()
        && characters.iter().zip(word.chars()).all(|(one, other)| one.eq_ignore_ascii_case(&other))
}

#[cfg(test)]
mod tests {
    use super::{lengths, read, write};

    #[test]
    fn hundreds_are_joined_with_and_thousands_with_a_comma() {
        for (digits, words) in [
            ("0", "Zero"),
            ("41", "Forty-One"),
            ("605", "Six Hundred and Five"),
            ("7200", "Seven Thousand, Two Hundred"),
            ("2000019", "Two Million and Nineteen"),
            ("3000000000070", "Three Trillion and Seventy"),
            ("5000000000000000000000000", "Five Trillion Trillion"),
        ] {
            assert_eq!(write(digits, false), words);
            let value: f64 = digits.parse().unwrap();
            assert_eq!(read(&words.to_lowercase()), Some(value), "{words}");
        }
    }

    #[test]
    fn only_the_last_word_is_ordinal() {
        for (digits, words) in [
            ("0", "Zeroth"),
            ("80", "Eightieth"),
            ("92", "Ninety-Second"),
            ("400", "Four Hundredth"),
            ("6000003", "Six Million and Third"),
            ("1000000000000", "One Trillionth"),
        ] {
            assert_eq!(write(digits, true), words);
            let value: f64 = digits.parse().unwrap();
            assert_eq!(read(&words.to_lowercase()), Some(value), "{words}");
        }
    }

    #[test]
    fn others_are_no_words_of_numbers() {
        for text in ["", "and", "five  six", "five,six", "dozen", "oneth"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read("eighteen hundred and twelve"), Some(1812.0));
    }

    #[test]
    fn words_are_found_at_the_start() {
        let lengths = |text: &str| lengths(&text.chars().collect::<Vec<_>>());
        assert_eq!(lengths("Seventeenth"), 1 << 5 | 1 << 9 | 1 << 11);
        assert_eq!(lengths("thousandths"), 1 << 8 | 1 << 10);
        assert_eq!(lengths(" x"), 1 << 1);
        assert_eq!(lengths("of"), 0);
        assert_eq!(lengths(""), 0);
    }
}
