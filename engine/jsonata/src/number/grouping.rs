//! Where separators stand between the digits of an integer.

/// A separator of a picture and the number of digits to its right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Separator {
    pub(crate) position: usize,
    pub(crate) character: char,
}

/// The separators of a picture (F&O 4.6.1 and 4.7.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Grouping {
    /// One separator at every multiple of a position, beyond those of the picture too.
    Regular { every: usize, character: char },
    /// The separators of the picture, from the left, and no others.
    Irregular(Vec<Separator>),
}

impl Grouping {
    /// Reads the separators as they stand in the picture, from the left.
    ///
    /// They are regular when all are the same and their positions are all the multiples of one
    /// number, up to the highest.
    pub(crate) fn read(separators: Vec<Separator>) -> Grouping {
        Grouping::regular(&separators).unwrap_or(Grouping::Irregular(separators))
    }

    fn regular(separators: &[Separator]) -> Option<Grouping> {
        let last = separators.last()?;
        let every = last.position;
        let multiples = (1..=separators.len()).rev().map(|count| count * every);
        let fits = separators.iter().zip(multiples).all(|(separator, multiple)| {
            separator.character == last.character && separator.position == multiple
        });
        (fits && every > 0).then_some(Grouping::Regular { every, character: last.character })
    }

    /// Writes the separators between the digits. One that would stand left of all digits is left out, as F&O has it; one
    /// right of all digits stands.
    pub(crate) fn write(&self, digits: &str) -> String {
        let count = digits.chars().count();
        let mut out = String::with_capacity(digits.len());
        for (index, digit) in digits.chars().enumerate() {
            out.push(digit);
            out.extend(self.at(count - index - 1, count));
        }
        out
    }

    /// What the reference writes before so many digits of an integer: the separators with just those to their right.
    pub(crate) fn before(&self, count: usize) -> impl Iterator<Item = char> {
        self.at(count, count)
    }

    /// The separators with so many of the digits to their right.
    fn at(&self, position: usize, count: usize) -> impl Iterator<Item = char> {
        let (irregular, regular): (&[Separator], _) = match self {
            Grouping::Regular { every, character } => {
                let stands = position > 0 && position < count && position.is_multiple_of(*every);
                (&[], stands.then_some(*character))
            }
            Grouping::Irregular(separators) => {
                // Their positions fall from the left.
                let start = separators.partition_point(|separator| separator.position > position);
                let end = separators.partition_point(|separator| separator.position >= position);
                (&separators[start..end], None)
            }
        };
        irregular.iter().map(|separator| separator.character).chain(regular)
    }

    /// The separator, when it is regular.
    pub(crate) fn regular_separator(&self) -> Option<char> {
        match self {
            Grouping::Regular { character, .. } => Some(*character),
            Grouping::Irregular(_) => None,
        }
    }

    /// Whether the character counts as nothing between digits that are read. As in the reference, of
    /// regular separators that is the comma, whichever the picture has.
    pub(crate) fn separates(&self, character: char) -> bool {
        match self {
            Grouping::Regular { .. } => character == ',',
            Grouping::Irregular(separators) => {
                separators.iter().any(|separator| separator.character == character)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Grouping, Separator};

    fn grouping(separators: &[(usize, char)]) -> Grouping {
        let read = |(position, character): &(usize, char)| Separator {
            position: *position,
            character: *character,
        };
        Grouping::read(separators.iter().map(read).collect())
    }

    #[test]
    fn regular_separators_go_on_to_the_left() {
        for separators in [&[(3, ',')][..], &[(6, ','), (3, ',')]] {
            assert_eq!(grouping(separators).write("1234567890"), "1,234,567,890");
        }
        assert_eq!(grouping(&[(3, ',')]).write("123"), "123");
    }

    #[test]
    fn irregular_ones_stand_where_the_picture_has_them() {
        assert_eq!(grouping(&[(5, ','), (3, ',')]).write("12345678"), "123,45,678");
        assert_eq!(grouping(&[(6, ':'), (3, ',')]).write("1234567"), "1:234,567");
        assert_eq!(grouping(&[(9, ','), (3, ',')]).write("1234567"), "1234,567");
    }

    #[test]
    fn a_long_picture_takes_its_length() {
        let separators = (0..200_000).rev().map(|at| (2 * at + 1, ','));
        let written = grouping(&separators.collect::<Vec<_>>()).write(&"7".repeat(400_000));
        assert_eq!(written.len(), 600_000);
    }

    #[test]
    fn nothing_stands_left_of_the_digits() {
        assert_eq!(grouping(&[(6, ':'), (3, ',')]).write("123456"), "123,456");
        assert_eq!(grouping(&[(6, ':'), (3, ',')]).write("12"), "12");
        assert_eq!(grouping(&[(0, '%')]).write("12"), "12%");
        assert_eq!(grouping(&[]).write(""), "");
    }
}
