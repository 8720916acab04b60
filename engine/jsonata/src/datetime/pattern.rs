//! What text a picture matches, and which part of the text belongs to which part of the picture.

use super::component::Component;
use super::names;
use super::picture::{Marker, Part, Style};
use crate::fault::Fault;
use crate::number::{Family, IntegerPicture, Presentation, word_lengths};

/// Longest timestamp, in characters, that can match: the search takes time in proportion to the
/// length of the timestamp times that of the picture.
const TIMESTAMP_MAX: usize = 1_024;

/// What the parts of a picture match, one after the other.
pub(super) struct Pattern {
    atoms: Vec<Atom>,
    /// Where the atoms of each part end.
    ends: Vec<usize>,
}

/// A piece of text of at least one character.
#[derive(Clone, Copy)]
enum Atom {
    One(Class),
    Many(Class),
    /// `st`, `nd`, `rd` or `th`.
    OrdinalSuffix,
    /// Words of numbers, with what stands between them.
    Words,
}

/// A set of characters; the case of letters makes no difference.
#[derive(Clone, Copy)]
enum Class {
    Only(char),
    Digit(Family),
    Letter,
    Roman,
    Sign,
}

impl Pattern {
    /// The pattern of a picture; D3133 when it asks for the name of a component that has none.
    pub(super) fn of(parts: &[Part]) -> Result<Pattern, Fault> {
        let mut pattern = Pattern { atoms: Vec::new(), ends: Vec::new() };
        for (index, part) in parts.iter().enumerate() {
            match part {
                Part::Literal(text) => pattern.push_literal(text),
                Part::Marker(marker) => pattern.push_marker(marker, parts.get(index + 1))?,
            }
            pattern.ends.push(pattern.atoms.len());
        }
        Ok(pattern)
    }

    fn push_literal(&mut self, text: &str) {
        self.atoms.extend(text.chars().map(|character| Atom::One(Class::Only(character))));
    }

    fn push_marker(&mut self, marker: &Marker, next: Option<&Part>) -> Result<(), Fault> {
        match (marker.component, &marker.style) {
            (Component::Offset | Component::GmtOffset, style) => self.push_offset(marker, style),
            (Component::Fraction, _) => self.atoms.push(Atom::Many(Class::Digit(Family::ASCII))),
            (_, Style::Integer(picture)) => self.push_integer(picture, next),
            (Component::HalfDay, _) => self.atoms.push(Atom::Many(Class::Letter)),
            (component, _) if names::of(component).is_some() => {
                self.atoms.push(Atom::Many(Class::Letter));
            }
            _ => return Err(Fault::of("D3133", marker.letter)),
        }
        Ok(())
    }

    fn push_offset(&mut self, marker: &Marker, style: &Style) {
        if marker.component == Component::GmtOffset {
            self.push_literal("GMT");
        }
        let digits = Atom::Many(Class::Digit(Family::ASCII));
        self.atoms.extend([Atom::One(Class::Sign), digits]);
        if let Some(separator) = offset_separator(style) {
            self.atoms.extend([Atom::One(Class::Only(separator)), digits]);
        }
    }

    /// Digits that run into those of the next marker have to be as many as the picture has.
    fn push_integer(&mut self, picture: &IntegerPicture, next: Option<&Part>) {
        let decimal = match &picture.presentation {
            Presentation::Letters(_) => return self.atoms.push(Atom::Many(Class::Letter)),
            Presentation::Roman(_) => return self.atoms.push(Atom::Many(Class::Roman)),
            Presentation::Words(_) => return self.atoms.push(Atom::Words),
            Presentation::Decimal(decimal) => decimal,
        };
        let digit = Class::Digit(decimal.family);
        if next.is_some_and(is_integer) && decimal.mandatory > 0 {
            self.atoms.extend(std::iter::repeat_n(Atom::One(digit), decimal.mandatory));
        } else {
            self.atoms.push(Atom::Many(digit));
        }
        if picture.ordinal {
            self.atoms.push(Atom::OrdinalSuffix);
        }
    }

    /// What each part matches when the whole text is matched: of several ways the one in which the
    /// first parts are longest.
    pub(super) fn captures(&self, text: &str) -> Option<Vec<String>> {
        let text = Text::read(text, self)?;
        let reach = self.reach(&text);
        if !*reach.last()?.first()? {
            return None;
        }
        let mut captures = Vec::with_capacity(self.ends.len());
        let (mut atom, mut at) = (0, 0);
        for end in &self.ends {
            let start = at;
            for index in atom..*end {
                // `reach` is in reverse order: this is the row of the next atom.
                let next = &reach[self.atoms.len() - index - 1];
                at = self.atoms[index].longest(&text, at, next)?;
            }
            atom = *end;
            captures.push(text.characters[start..at].iter().collect());
        }
        Some(captures)
    }

    /// For each atom, from the end of the pattern: where it can start so that it and all after it
    /// match the rest of the text. The row before the first is that of the end.
    fn reach(&self, text: &Text) -> Vec<Vec<bool>> {
        let length = text.characters.len();
        let mut row = vec![false; length + 1];
        row[length] = true;
        let mut rows = vec![row];
        for atom in self.atoms.iter().rev() {
            let next = &rows[rows.len() - 1];
            let mut row = vec![false; length + 1];
            for at in (0..length).rev() {
                row[at] = atom.steps(text, at).any(|end| next[end] || atom.repeats() && row[end]);
            }
            rows.push(row);
        }
        rows
    }
}

/// A timestamp, character by character.
struct Text {
    characters: Vec<char>,
    /// Lengths of the words of numbers that start at each character, one bit per length.
    words: Vec<u32>,
}

impl Text {
    /// `None` when the text is too long, or too short for the pattern.
    fn read(text: &str, pattern: &Pattern) -> Option<Text> {
        let characters: Vec<char> = text.chars().take(TIMESTAMP_MAX + 1).collect();
        if characters.len() > TIMESTAMP_MAX || characters.len() < pattern.atoms.len() {
            return None;
        }
        let spelled = pattern.atoms.iter().any(|atom| matches!(atom, Atom::Words));
        let starts = if spelled { 0..characters.len() } else { 0..0 };
        let words = starts.map(|start| word_lengths(&characters[start..])).collect();
        Some(Text { characters, words })
    }
}

impl Atom {
    /// Where the atom, once, can end when it starts there.
    fn steps(self, text: &Text, start: usize) -> impl Iterator<Item = usize> {
        let characters = &text.characters[start..];
        let lengths = match self {
            Atom::One(class) | Atom::Many(class) => u32::from(class.contains(characters[0])) << 1,
            Atom::OrdinalSuffix => u32::from(is_ordinal_suffix(characters)) << 2,
            Atom::Words => text.words[start],
        };
        (0..u32::BITS as usize)
            .filter(move |bit| lengths >> bit & 1 == 1)
            .map(move |bit| start + bit)
    }

    fn repeats(self) -> bool {
        matches!(self, Atom::Many(_) | Atom::Words)
    }

    /// The last place where the atom can end so that the rest, which can start at these places,
    /// follows.
    fn longest(self, text: &Text, start: usize, rest: &[bool]) -> Option<usize> {
        let length = text.characters.len();
        let mut reached = vec![false; length + 1 - start];
        reached[0] = true;
        let mut longest = None;
        for at in start..=length {
            if !reached[at - start] {
                continue;
            }
            if at > start && rest[at] {
                longest = Some(at);
            }
            if at < length && (at == start || self.repeats()) {
                for end in self.steps(text, at) {
                    reached[end - start] = true;
                }
            }
        }
        longest
    }
}

impl Class {
    fn contains(self, character: char) -> bool {
        match self {
            Class::Only(only) => {
                only == character || only.to_lowercase().eq(character.to_lowercase())
            }
            Class::Digit(family) => family.contains(character),
            Class::Letter => character.is_ascii_alphabetic(),
            Class::Roman => "MDCLXVI".contains(character.to_ascii_uppercase()),
            Class::Sign => matches!(character, '+' | '-'),
        }
    }
}

/// What stands between hours and minutes of an offset.
pub(super) fn offset_separator(style: &Style) -> Option<char> {
    let Style::Integer(picture) = style else { return None };
    picture.decimal()?.grouping.regular_separator()
}

fn is_integer(part: &Part) -> bool {
    matches!(part, Part::Marker(Marker { component, style: Style::Integer(_), .. }) if !component.is_offset())
}

fn is_ordinal_suffix(characters: &[char]) -> bool {
    let suffix: String = characters.iter().take(2).map(char::to_ascii_lowercase).collect();
    matches!(suffix.as_str(), "st" | "nd" | "rd" | "th")
}

#[cfg(test)]
mod tests {
    use super::{Pattern, TIMESTAMP_MAX};
    use crate::datetime::picture;

    fn captures(text: &str, picture: &str) -> Option<Vec<String>> {
        Pattern::of(&picture::read(picture).unwrap()).unwrap().captures(text)
    }

    #[test]
    fn parts_are_as_long_as_what_follows_allows() {
        assert_eq!(captures("20261105", "[Y0001][M01][D01]").unwrap(), ["2026", "11", "05"]);
        assert_eq!(captures("12", "[Z]"), None);
        assert_eq!(captures("1205", "[H][m]").unwrap(), ["1", "205"]);
        assert_eq!(captures("7thx", "[D1o]x").unwrap(), ["7th", "x"]);
        assert_eq!(captures("gmt-05:30", "[z]").unwrap(), ["gmt-05:30"]);
    }

    #[test]
    fn words_end_where_the_literal_begins() {
        let parts = captures("one hundred and two of June", "[dw] of [MNn]").unwrap();
        assert_eq!(parts, ["one hundred and two", " of ", "June"]);
        let parts = captures("Sixty-Sixth ", "[dWwo] ").unwrap();
        assert_eq!(parts, ["Sixty-Sixth", " "]);
    }

    #[test]
    fn the_whole_text_has_to_match() {
        for (text, picture) in [("2026 ", "[Y]"), ("x2026", "[Y]"), ("", "[Y]"), ("20", "[Y]-[M]")]
        {
            assert_eq!(captures(text, picture), None, "{text}");
        }
        assert_eq!(captures("AT 7", "at [H]").unwrap(), ["AT ", "7"]);
        assert_eq!(captures("", "").unwrap(), [""; 0]);
    }

    #[test]
    fn long_timestamps_match_nothing() {
        assert!(captures(&"1".repeat(TIMESTAMP_MAX), "[Y]").is_some());
        assert!(captures(&"1".repeat(TIMESTAMP_MAX + 1), "[Y]").is_none());
    }

    #[test]
    fn many_parts_are_matched_in_time() {
        let picture = "[f]".repeat(TIMESTAMP_MAX);
        assert!(captures(&"1".repeat(TIMESTAMP_MAX), &picture).is_some());
        assert!(captures(&format!("{}x", "1".repeat(TIMESTAMP_MAX - 1)), &picture).is_none());
        assert!(captures("1", &"[dw]".repeat(100_000)).is_none());
    }

    #[test]
    fn only_months_days_and_halves_have_names() {
        for picture in ["[YN]", "[C]", "[E1]", "[Hn]"] {
            let fault = Pattern::of(&picture::read(picture).unwrap()).err().unwrap();
            assert_eq!(fault.code, "D3133");
        }
    }
}
