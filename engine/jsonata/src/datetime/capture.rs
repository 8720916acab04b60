//! From the text of a marker to the value of its component.

use super::component::Component;
use super::names;
use super::pattern::offset_separator;
use super::picture::{Marker, Style};

impl Marker {
    /// Reads text that the marker's pattern matches. Offsets are in minutes, fractions in
    /// milliseconds, half days 0 and 1; what cannot be read is not a number.
    ///
    /// `None` is a name that is not one of the component's; it counts as not given.
    pub(super) fn parse(&self, text: &str) -> Option<f64> {
        match (self.component, &self.style) {
            (Component::Offset | Component::GmtOffset, style) => {
                Some(offset(text, style).unwrap_or(f64::NAN))
            }
            (Component::Fraction, _) => Some(milliseconds(text)),
            (_, Style::Integer(picture)) => Some(picture.parse(text).unwrap_or(f64::NAN)),
            (Component::HalfDay, _) => half_day(text),
            _ => self.name(text),
        }
    }

    /// The number of the name; of names that are alike when cut, of the last.
    fn name(&self, text: &str) -> Option<f64> {
        let width = self.width_max.filter(|width| *width > 0);
        let names = names::of(self.component).unwrap_or_default();
        let found = names.iter().rposition(|name| names::cut(name, width) == text);
        found.map(|index| (index + 1) as f64)
    }
}

/// Minutes of `+h`, `+hh`, `+hhmm` or, with the separator of the picture, `+hh:mm`; `GMT` may stand
/// before. As in the reference, the minutes of a negative offset are added to its hours.
fn offset(text: &str, style: &Style) -> Option<f64> {
    let text = text.trim_start_matches(|character: char| character.is_ascii_alphabetic());
    let (hours, minutes) = match offset_separator(style) {
        Some(separator) => text.split_once(separator)?,
        None if text.len() <= 3 => (text, "0"),
        None => text.split_at(3),
    };
    Some(hours.parse::<f64>().ok()? * 60.0 + minutes.parse::<f64>().ok()?)
}

/// The first three digits of a fraction of a second.
fn milliseconds(digits: &str) -> f64 {
    let padded = digits.chars().chain("00".chars()).take(3);
    padded
        .filter_map(|digit| digit.to_digit(10))
        .fold(0.0, |value, digit| value * 10.0 + f64::from(digit))
}

fn half_day(text: &str) -> Option<f64> {
    match text {
        "am" | "AM" => Some(0.0),
        "pm" | "PM" => Some(1.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::datetime::picture::{self, Part};

    fn parse(picture: &str, text: &str) -> Option<f64> {
        match picture::read(picture).unwrap().as_slice() {
            [Part::Marker(marker)] => marker.parse(text),
            parts => panic!("{parts:?}"),
        }
    }

    #[test]
    fn offsets_are_in_minutes() {
        for (picture, text, minutes) in [
            ("[Z]", "+05:45", 345.0),
            ("[Z]", "-08:00", -480.0),
            ("[z]", "GMT+01:00", 60.0),
            ("[z0]", "gmt-5", -300.0),
            ("[Z0000]", "+1030", 630.0),
        ] {
            assert_eq!(parse(picture, text), Some(minutes));
        }
    }

    #[test]
    fn fractions_are_in_milliseconds() {
        for (text, millis) in [("5", 500.0), ("05", 50.0), ("0429", 42.0)] {
            assert_eq!(parse("[f]", text), Some(millis));
        }
    }

    #[test]
    fn names_are_those_that_are_written() {
        assert_eq!(parse("[MNn]", "May"), Some(5.0));
        assert_eq!(parse("[MNn,3-3]", "Sep"), Some(9.0));
        assert_eq!(parse("[MNn,1-1]", "J"), Some(7.0));
        assert_eq!(parse("[FNn]", "Sunday"), Some(7.0));
        assert_eq!(parse("[P]", "PM"), Some(1.0));
        for (picture, text) in [("[MNn]", "may"), ("[FNn]", "Sun"), ("[P]", "Pm")] {
            assert_eq!(parse(picture, text), None);
        }
        assert_eq!(parse("[MA]", "C"), Some(3.0));
    }
}
