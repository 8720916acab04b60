//! A half of a `$formatNumber` picture, cut into its parts (F&O 4.7.3 and 4.7.4).

use super::decimal_format::DecimalFormat;
use crate::fault::Fault;

/// The parts of a sub-picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SubPicture<'p> {
    /// The whole.
    pub(super) text: &'p str,
    /// What stands before the first active character.
    pub(super) prefix: &'p str,
    /// What stands between prefix and suffix.
    active: &'p str,
    /// The active part without its exponent.
    mantissa: &'p str,
    /// The mantissa left of the decimal separator.
    pub(super) integer: &'p str,
    /// The mantissa right of it.
    pub(super) fraction: &'p str,
    /// What stands right of the exponent separator, when there is one.
    pub(super) exponent: Option<&'p str>,
    /// What stands after the last active character.
    pub(super) suffix: &'p str,
}

/// What a number is multiplied with before it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    One,
    Percent,
    PerMille,
}

impl<'p> SubPicture<'p> {
    /// Cuts the sub-picture and checks it.
    pub(super) fn read(text: &'p str, format: &DecimalFormat) -> Result<SubPicture<'p>, Fault> {
        let parts = SubPicture::cut(text, format);
        match parts.error(format) {
            Some(code) => Err(Fault::of(code, text)),
            None => Ok(parts),
        }
    }

    fn cut(text: &'p str, format: &DecimalFormat) -> SubPicture<'p> {
        // An exponent separator counts only between digits: `e` may stand in words around them.
        let anchors = |character: char| format.is_active(character) && character != format.exponent;
        let start = text.find(anchors).unwrap_or(0);
        let end = text.char_indices().rfind(|(_, character)| anchors(*character));
        let end = end.map_or(text.len(), |(at, character)| at + character.len_utf8());
        let (active, suffix) = (&text[start..end], &text[end..]);
        let (mantissa, exponent) = match active.split_once(format.exponent) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (active, suffix.starts_with(format.exponent).then_some("")),
        };
        let (integer, fraction) = mantissa.split_once(format.decimal).unwrap_or((mantissa, ""));
        let prefix = &text[..start];
        SubPicture { text, prefix, active, mantissa, integer, fraction, exponent, suffix }
    }

    /// The rule that is broken; of several, the one that comes last in F&O 4.7.3.
    fn error(&self, format: &DecimalFormat) -> Option<&'static str> {
        let broken = [
            ("D3093", self.exponent.is_some_and(|exponent| !is_exponent(exponent, format))),
            ("D3092", self.exponent.is_some_and(|e| !e.is_empty()) && self.is_scaled(format)),
            ("D3091", optional_before_mandatory(self.fraction, format)),
            ("D3090", optional_before_mandatory(reversed(self.integer).as_str(), format)),
            ("D3089", self.text.contains(&[format.grouping; 2].iter().collect::<String>())),
            ("D3088", self.ends_in_separator(format)),
            ("D3087", self.separators_touch(format)),
            ("D3086", !self.active.chars().all(|character| format.is_active(character))),
            ("D3085", !self.mantissa.contains(|character| format.is_digit(character))),
            ("D3084", self.has(&format.percent) && self.has(&format.per_mille)),
            ("D3083", self.repeats(&format.per_mille)),
            ("D3082", self.repeats(&format.percent)),
            ("D3081", self.text.find(format.decimal) != self.text.rfind(format.decimal)),
        ];
        broken.into_iter().find(|(_, broken)| *broken).map(|(code, _)| code)
    }

    /// What the signs in the sub-picture multiply the number with.
    pub(super) fn scale(&self, format: &DecimalFormat) -> Scale {
        if self.has(&format.percent) {
            Scale::Percent
        } else if self.has(&format.per_mille) {
            Scale::PerMille
        } else {
            Scale::One
        }
    }

    fn is_scaled(&self, format: &DecimalFormat) -> bool {
        self.scale(format) != Scale::One
    }

    fn has(&self, sign: &str) -> bool {
        self.text.contains(sign)
    }

    fn repeats(&self, sign: &str) -> bool {
        self.text.find(sign) != self.text.rfind(sign)
    }

    fn ends_in_separator(&self, format: &DecimalFormat) -> bool {
        !self.text.contains(format.decimal) && self.integer.ends_with(format.grouping)
    }

    fn separators_touch(&self, format: &DecimalFormat) -> bool {
        self.text.split_once(format.decimal).is_some_and(|(before, after)| {
            before.ends_with(format.grouping) || after.starts_with(format.grouping)
        })
    }
}

/// An exponent has digits and nothing else.
fn is_exponent(text: &str, format: &DecimalFormat) -> bool {
    !text.is_empty() && text.chars().all(|character| format.digits.contains(character))
}

/// Whether a mandatory digit follows an optional one.
fn optional_before_mandatory(text: &str, format: &DecimalFormat) -> bool {
    let after = text.split_once(format.digit).map(|(_, after)| after);
    after.is_some_and(|after| after.contains(|character| format.digits.contains(character)))
}

fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::{DecimalFormat, SubPicture};

    #[test]
    fn parts_are_cut_at_the_active_characters() {
        let format = DecimalFormat::default();
        let parts = SubPicture::read("near #,##0.0#e0 euro", &format).unwrap();
        assert_eq!((parts.prefix, parts.suffix), ("near ", " euro"));
        assert_eq!((parts.integer, parts.fraction, parts.exponent), ("#,##0", "0#", Some("0")));
    }

    #[test]
    fn each_rule_has_its_number() {
        for (picture, code) in [
            ("0.0.0", "D3081"),
            ("%0%", "D3082"),
            ("‰0‰", "D3083"),
            ("%0‰", "D3084"),
            (".", "D3085"),
            ("", "D3085"),
            ("0 0", "D3086"),
            ("0,.0", "D3087"),
            ("0.,0", "D3087"),
            ("#0,", "D3088"),
            ("0,,000", "D3089"),
            ("0#", "D3090"),
            ("0.#0", "D3091"),
            ("0e0%", "D3092"),
            ("0e#", "D3093"),
            ("0e", "D3093"),
        ] {
            let fault = SubPicture::read(picture, &DecimalFormat::default()).unwrap_err();
            assert_eq!(fault.code, code, "{picture}");
        }
    }
}
