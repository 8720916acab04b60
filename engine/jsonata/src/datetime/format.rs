//! `$fromMillis` (F&O 9.8, `fn:format-dateTime`).

use super::component::Component;
use super::moment::Moment;
use super::names;
use super::picture::{Marker, Part, Style, read};
use crate::fault::Fault;
use crate::number::{Case, IntegerPicture, Presentation};

/// ISO 8601, to the millisecond.
const DEFAULT_PICTURE: &str = "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]";

/// Most digits of an offset.
const OFFSET_DIGITS_MAX: usize = 4;

/// What the reference writes where there is nothing to be written.
const NOTHING: &str = "undefined";

/// Most digits that a year is cut to; none has more.
const YEAR_DIGITS_MAX: usize = 9;

/// Writes the point in time as the picture says, ISO 8601 without one, at an offset from UTC such as
/// `-0500`.
///
/// D3130 to D3132 and D3135 tell of the picture as a whole; D3133 is a name for what has none, D3134 an offset that is
/// not presented in one to four digits. As in the reference, the components of a time or an offset that no calendar
/// reaches are not numbers, and are written so; D1001 where that has no name or words.
pub(crate) fn from_millis(
    millis: f64,
    picture: Option<&str>,
    timezone: Option<&str>,
) -> Result<String, Fault> {
    let parts = read(picture.unwrap_or(DEFAULT_PICTURE))?;
    let offset = timezone.map_or_else(Offset::default, Offset::read);
    let moment = Moment::at(millis + offset.millis());
    let mut out = String::new();
    for part in &parts {
        match part {
            Part::Literal(text) => out.push_str(text),
            Part::Marker(marker) => out.push_str(&marker.write(moment.as_ref(), offset)?),
        }
    }
    Ok(out)
}

/// A distance from UTC, in whole hours and minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Offset {
    hours: f64,
    minutes: f64,
}

impl Offset {
    /// Reads `+hhmm`: the whole number that the text starts with counts hours in hundreds. Not a number when it starts
    /// with none.
    ///
    /// As in the reference, the hours of a negative offset are rounded down while its minutes stay
    /// negative: `-0330` is four and a half hours.
    fn read(text: &str) -> Offset {
        let trimmed = text.trim_start();
        let unsigned = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
        let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
        let number: f64 = unsigned[..digits].parse().unwrap_or(f64::NAN);
        let number = if trimmed.starts_with('-') { -number } else { number };
        Offset { hours: (number / 100.0).floor(), minutes: number % 100.0 }
    }

    fn millis(self) -> f64 {
        (self.hours * 60.0 + self.minutes) * 60_000.0
    }

    /// Hours in hundreds, and minutes.
    fn number(self) -> f64 {
        self.hours * 100.0 + self.minutes
    }
}

impl Marker {
    /// Writes the component of the moment, or of one that no calendar reaches.
    fn write(&self, moment: Option<&Moment>, offset: Offset) -> Result<String, Fault> {
        let value = moment.map_or(f64::NAN, |moment| moment.component(self.component) as f64);
        match (self.component, &self.style) {
            (Component::Calendar | Component::Era, _) => Ok("ISO".to_owned()),
            (Component::Unknown, _) => Ok(NOTHING.to_owned()),
            (Component::HalfDay, style) => Ok(half_day(value, style)),
            (Component::Offset | Component::GmtOffset, style) => self.write_offset(style, offset),
            (Component::Year, Style::Integer(picture)) => self.write_year(value, picture),
            (_, Style::Integer(picture)) => picture.write(value),
            (_, Style::Name(case)) => self.write_name(value, *case),
            (_, Style::Fixed) => Ok(value.to_string()),
        }
    }

    /// The last digits of the year, as many as the greatest width, or as the picture has when it has
    /// several (F&O 9.8.4.4).
    fn write_year(&self, year: f64, picture: &IntegerPicture) -> Result<String, Fault> {
        let digits = self.width_max.or_else(|| {
            let decimal = picture.decimal()?;
            Some(decimal.mandatory + decimal.optional).filter(|digits| *digits >= 2)
        });
        let year = match digits {
            Some(digits) => year % 10_f64.powi(digits.min(YEAR_DIGITS_MAX) as i32),
            None => year,
        };
        picture.write(year)
    }

    fn write_name(&self, value: f64, case: Case) -> Result<String, Fault> {
        let names = names::of(self.component).ok_or_else(|| Fault::of("D3133", self.letter))?;
        if value.is_nan() {
            return match (case, self.width_max) {
                (Case::Title, None) => Ok(NOTHING.to_owned()),
                _ => Err(Fault::of("D1001", value.to_string())),
            };
        }
        // A number from 1 up to that of the names.
        let name = names.get(value as usize - 1).copied().unwrap_or_default();
        Ok(case.of_title(names::cut(name, self.width_max).to_owned()))
    }

    /// Offsets (F&O 9.8.4.6): a picture with a separator, or with three or four digits, shows hours
    /// and minutes; one or two digits show the hours, and the minutes when there are any.
    fn write_offset(&self, style: &Style, offset: Offset) -> Result<String, Fault> {
        if offset.number() == 0.0 && self.zulu {
            return Ok("Z".to_owned());
        }
        let Style::Integer(picture) = style else {
            return Err(Fault::of("D3134", self.letter));
        };
        let Presentation::Decimal(decimal) = &picture.presentation else {
            return Err(Fault::of("D3134", self.letter));
        };
        let number = if decimal.grouping.regular_separator().is_some() {
            picture.write(offset.number())?
        } else {
            match decimal.mandatory {
                0..=2 => picture.write(offset.hours)? + &minutes(offset.minutes),
                3..=OFFSET_DIGITS_MAX => picture.write(offset.number())?,
                digits => return Err(Fault::of("D3134", digits.to_string())),
            }
        };
        let gmt = if self.component == Component::GmtOffset { "GMT" } else { "" };
        let plus = if offset.number() >= 0.0 { "+" } else { "" };
        Ok(format!("{gmt}{plus}{number}"))
    }
}

/// Minutes of an offset after its hours, when there are any; as in the reference with a sign of their own.
fn minutes(minutes: f64) -> String {
    let sign = if minutes < 0.0 { "-" } else { "" };
    if minutes == 0.0 { String::new() } else { format!(":{sign}{:02}", minutes.abs()) }
}

fn half_day(value: f64, style: &Style) -> String {
    let text = if value == 1.0 { "pm" } else { "am" };
    match style {
        Style::Name(Case::Upper) => text.to_uppercase(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::from_millis;

    /// 2026-11-05T14:07:09.042Z, a Thursday.
    const TIME: f64 = 1_793_887_629_042.0;

    fn written(picture: &str) -> String {
        from_millis(TIME, Some(picture), None).unwrap()
    }

    #[test]
    fn without_a_picture_times_are_in_iso_8601() {
        assert_eq!(from_millis(TIME, None, None).unwrap(), "2026-11-05T14:07:09.042Z");
        let eastwards = from_millis(TIME, None, Some("+1030")).unwrap();
        assert_eq!(eastwards, "2026-11-06T00:37:09.042+10:30");
        assert_eq!(from_millis(-1.5, None, None).unwrap(), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn every_component_is_written() {
        for (picture, text) in [
            ("[Y] [Y,2-2] [YI] [Y##01]", "2026 26 MMXXVI 2026"),
            ("[M] [MNn] [MN,3-3] [Mn] [Mi]", "11 November NOV november xi"),
            ("[D] [D01] [D1o] [Dwo]", "5 05 5th fifth"),
            ("[d] [d0001]", "309 0309"),
            ("[F] [FNn,3-3] [F1]", "thursday Thu 4"),
            ("[X] [W] [xNn] [w]", "2026 45 November 1"),
            ("[H] [h] [P] [PN] [m] [s] [f] [f001]", "14 2 pm PM 07 09 42 042"),
            ("[C] [E] [CN]", "ISO ISO ISO"),
            ("[Z] [z] [Z0] [Z0000] [Z00:00t]", "+00:00 GMT+00:00 +0 +0000 Z"),
        ] {
            assert_eq!(written(picture), text);
        }
    }

    #[test]
    fn offsets_are_written_as_their_picture_asks() {
        for (timezone, text) in [
            ("0530", "+05:30 +5:30 +05:30 +530 +0530"),
            ("-0800", "-08:00 -8 -08 -800 -0800"),
            ("+00", "+00:00 +0 +00 +000 +0000"),
            ("-0130", "-02:30 -2:-30 -02:-30 -230 -0230"),
        ] {
            let picture = "[Z] [Z0] [Z00] [Z000] [Z0000]";
            assert_eq!(from_millis(TIME, Some(picture), Some(timezone)).unwrap(), text);
        }
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        for (picture, code) in [
            ("[HN]", "D3133"),
            ("[fn]", "D3133"),
            ("[Z00000]", "D3134"),
            ("[ZI]", "D3134"),
            ("[ZN]", "D3134"),
        ] {
            assert_eq!(from_millis(TIME, Some(picture), None).unwrap_err().code, code);
        }
    }

    #[test]
    fn times_beyond_all_calendars_are_not_numbers() {
        for millis in [f64::MAX, f64::NAN, f64::NEG_INFINITY, 8.7e15] {
            let written = from_millis(millis, None, None).unwrap();
            assert_eq!(written, "0NaN-NaN-NaNTNaN:NaN:NaN.NaNZ");
        }
        for (picture, text) in
            [("[Yi][Da] [MNn] [P] [C]", " undefined am ISO"), ("[Z][Z0]", "0N:aNNaN:NaN")]
        {
            assert_eq!(from_millis(TIME, Some(picture), Some("CET")).unwrap(), text);
        }
        for picture in ["[F]", "[MNn,3-3]", "[Dw]"] {
            assert_eq!(from_millis(f64::NAN, Some(picture), None).unwrap_err().code, "D1001");
        }
        let far = from_millis(TIME, Some("[Y][Z0]"), Some("999999999999999999"));
        assert_eq!(far.unwrap(), "NaN+10000000000000000");
    }

    #[test]
    fn letters_that_stand_for_nothing_are_written_so() {
        assert_eq!(written("[q1] [QNn]"), "undefined undefined");
    }
}
