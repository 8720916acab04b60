//! The characters of `$formatNumber`'s pictures (F&O 4.7.1, decimal formats).

use super::digits::Family;

/// Which characters a picture is made of, and what is written for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DecimalFormat {
    pub(super) decimal: char,
    pub(super) grouping: char,
    pub(super) exponent: char,
    pub(super) digit: char,
    pub(super) pattern: char,
    pub(super) digits: Family,
    pub(super) percent: String,
    pub(super) per_mille: String,
    pub(super) minus: String,
}

impl DecimalFormat {
    /// The default format with these options. An option that stands for one character is known by
    /// its first; an empty one, like an unknown one, changes nothing, nor do those for `NaN` and infinity, as in the reference.
    pub(super) fn with(options: &[(String, String)]) -> DecimalFormat {
        let mut format = DecimalFormat::default();
        for (name, value) in options {
            format.set(name, value);
        }
        format
    }

    fn set(&mut self, name: &str, value: &str) {
        let Some(first) = value.chars().next() else { return };
        match name {
            "decimal-separator" => self.decimal = first,
            "grouping-separator" => self.grouping = first,
            "exponent-separator" => self.exponent = first,
            "digit" => self.digit = first,
            "pattern-separator" => self.pattern = first,
            "zero-digit" => self.digits = Family::starting_with(first),
            "percent" => value.clone_into(&mut self.percent),
            "per-mille" => value.clone_into(&mut self.per_mille),
            "minus-sign" => value.clone_into(&mut self.minus),
            _ => {}
        }
    }

    /// Whether the character forms the number, rather than standing for itself.
    pub(super) fn is_active(&self, character: char) -> bool {
        let others = [self.decimal, self.grouping, self.exponent, self.digit, self.pattern];
        self.digits.contains(character) || others.contains(&character)
    }

    /// Whether the character is a mandatory or an optional digit.
    pub(super) fn is_digit(&self, character: char) -> bool {
        self.digits.contains(character) || character == self.digit
    }
}

impl Default for DecimalFormat {
    fn default() -> DecimalFormat {
        DecimalFormat {
            decimal: '.',
            grouping: ',',
            exponent: 'e',
            digit: '#',
            pattern: ';',
            digits: Family::ASCII,
            percent: "%".to_owned(),
            per_mille: "‰".to_owned(),
            minus: "-".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DecimalFormat;

    #[test]
    fn options_change_the_default() {
        let option = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let options =
            [option("decimal-separator", ","), option("percent", "pct"), option("digit", "")];
        let format = DecimalFormat::with(&options);
        assert_eq!((format.decimal, format.digit, format.percent.as_str()), (',', '#', "pct"));
        assert_eq!(DecimalFormat::with(&[option("colour", "red")]), DecimalFormat::default());
    }
}
