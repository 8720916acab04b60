//! Pictures of integers (F&O 4.6.1).

use super::digits::Family;
use super::grouping::{Grouping, Separator};
use crate::fault::Fault;

/// How an integer is written and read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IntegerPicture {
    pub(crate) presentation: Presentation,
    /// `1st` for 1, `first` for one.
    pub(crate) ordinal: bool,
}

/// The primary format token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Presentation {
    Decimal(Decimal),
    Letters(Case),
    Roman(Case),
    Words(Case),
}

/// Case of letters and words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Upper,
    Lower,
    Title,
}

/// A decimal digit pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    pub(crate) family: Family,
    /// Number of digits; a shorter integer is padded with zeros.
    pub(crate) mandatory: usize,
    /// Number of `#`.
    pub(crate) optional: usize,
    pub(crate) grouping: Grouping,
}

impl IntegerPicture {
    /// Reads `token` or `token;modifier`, of which only `o` for ordinal makes a difference.
    ///
    /// D3130 is a token that is no pattern of digits and none of those known; D3131 one that mixes
    /// digits of different families.
    pub(crate) fn read(picture: &str) -> Result<IntegerPicture, Fault> {
        let (token, modifier) = picture.rsplit_once(';').unwrap_or((picture, ""));
        IntegerPicture::with_token(token, modifier.starts_with('o'))
    }

    /// The picture of this primary format token.
    pub(crate) fn with_token(token: &str, ordinal: bool) -> Result<IntegerPicture, Fault> {
        let presentation = match token {
            "A" => Presentation::Letters(Case::Upper),
            "a" => Presentation::Letters(Case::Lower),
            "I" => Presentation::Roman(Case::Upper),
            "i" => Presentation::Roman(Case::Lower),
            "W" => Presentation::Words(Case::Upper),
            "w" => Presentation::Words(Case::Lower),
            "Ww" => Presentation::Words(Case::Title),
            _ => Presentation::Decimal(Decimal::read(token)?),
        };
        Ok(IntegerPicture { presentation, ordinal })
    }

    /// The pattern of digits, when it is one.
    pub(crate) fn decimal(&self) -> Option<&Decimal> {
        match &self.presentation {
            Presentation::Decimal(decimal) => Some(decimal),
            _ => None,
        }
    }

    /// Asks for at least so many digits, when digits are written at all.
    pub(crate) fn at_least(&mut self, digits: usize) {
        if let Presentation::Decimal(decimal) = &mut self.presentation {
            decimal.mandatory = decimal.mandatory.max(digits);
        }
    }

    /// Asks for exactly so many digits, when digits are written at all.
    pub(crate) fn exactly(&mut self, digits: usize) {
        if let Presentation::Decimal(decimal) = &mut self.presentation {
            decimal.mandatory = digits;
        }
    }
}

impl Decimal {
    fn read(token: &str) -> Result<Decimal, Fault> {
        let mut family = None;
        let (mut mandatory, mut optional) = (0, 0);
        let mut separators = Vec::new();
        for character in token.chars().rev() {
            match Family::of(character) {
                Some(found) if *family.get_or_insert(found) != found => {
                    return Err(Fault::new("D3131"));
                }
                Some(_) => mandatory += 1,
                None if character == '#' => optional += 1,
                None => separators.push(Separator { position: mandatory + optional, character }),
            }
        }
        let Some(family) = family else { return Err(Fault::of("D3130", token)) };
        separators.reverse();
        Ok(Decimal { family, mandatory, optional, grouping: Grouping::read(separators) })
    }
}

#[cfg(test)]
mod tests {
    use super::{Case, IntegerPicture, Presentation};

    #[test]
    fn tokens_are_told_apart() {
        let presentation = |picture| IntegerPicture::read(picture).unwrap().presentation;
        assert_eq!(presentation("Ww"), Presentation::Words(Case::Title));
        assert_eq!(presentation("i;c"), Presentation::Roman(Case::Lower));
        assert!(IntegerPicture::read("a;o").unwrap().ordinal);
        let picture = IntegerPicture::read("#;##0;x").unwrap();
        let decimal = picture.decimal().unwrap();
        assert_eq!((decimal.mandatory, decimal.optional), (1, 3));
        assert_eq!(decimal.grouping.regular_separator(), Some(';'));
    }

    #[test]
    fn patterns_have_digits_of_one_family() {
        assert_eq!(IntegerPicture::read("0٠").unwrap_err().code, "D3131");
        for token in ["", "#", "①", "AA", "WW"] {
            let fault = IntegerPicture::read(token).unwrap_err();
            assert_eq!((fault.code, fault.value.as_deref()), ("D3130", Some(token)));
        }
    }
}
