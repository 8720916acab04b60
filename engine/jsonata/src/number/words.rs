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

/// The words that multiply what stands before them; their ordinals end in `th`. A number beyond the greatest repeats it.
const MAGNITUDES: [(&str, f64); 5] =
    [("Trillion", 1e12), ("Billion", 1e9), ("Million", 1e6), ("Thousand", 1e3), ("Hundred", 1e2)];

/// The words of a whole number from 0 up, in title case. As in the reference, those of a number beyond 2^53 are computed
/// with the accuracy that numbers have.
pub(super) fn write(value: f64, ordinal: bool) -> String {
    let mut text = String::new();
    write_part(&mut text, value, ordinal);
    text
}

fn write_part(text: &mut String, value: f64, ordinal: bool) {
    let Some((word, worth)) = MAGNITUDES.into_iter().find(|(_, worth)| *worth <= value) else {
        return write_below_hundred(text, value as usize, ordinal);
    };
    let count = (value / worth).floor();
    write_part(text, count, false);
    text.push(' ');
    text.push_str(word);
    let rest = value - count * worth;
    if rest > 0.0 {
        text.push_str(if rest < 100.0 { " and " } else { ", " });
        write_part(text, rest, ordinal);
    } else if ordinal {
        text.push_str("th");
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
        let value = value(word)?;
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

fn value(word: &str) -> Option<f64> {
    let position = |words: &[&str]| words.iter().position(|known| known.eq_ignore_ascii_case(word));
    if let Some(value) = position(&CARDINALS).or_else(|| position(&ORDINALS)) {
        return Some(value as f64);
    }
    let tens = TENS.iter().position(|(ten, tenth)| {
        ten.eq_ignore_ascii_case(word) || tenth.eq_ignore_ascii_case(word)
    });
    if let Some(tens) = tens {
        return Some((tens as f64 + 2.0) * 10.0);
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
            ("4000000000000000160", "Four Million Trillion"),
            ("5000000000000000000000000", "Five Trillion Trillion"),
        ] {
            let value: f64 = digits.parse().unwrap();
            assert_eq!(write(value, false), words);
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
            let value: f64 = digits.parse().unwrap();
            assert_eq!(write(value, true), words);
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
