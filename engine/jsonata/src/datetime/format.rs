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

/// Most digits that a year is cut to; none has more.
const YEAR_DIGITS_MAX: usize = 9;

/// Writes the point in time as the picture says, ISO 8601 without one, at an offset from UTC such as
/// `-0500`.
///
/// D3130 to D3132 and D3135 tell of the picture as a whole; D3133 is a name for what has none, and
/// D3134 an offset that is not presented in one to four digits. D1001 is a time or an offset that
/// no calendar reaches.
pub(crate) fn from_millis(
    millis: f64,
    picture: Option<&str>,
    timezone: Option<&str>,
) -> Result<String, Fault> {
    let parts = read(picture.unwrap_or(DEFAULT_PICTURE))?;
    let offset = timezone.map_or(Ok(Offset::default()), Offset::read)?;
    // A number too large for an integer is far beyond all times.
    let local = (millis as i64).saturating_add(offset.millis());
    let moment = if millis.is_nan() { None } else { Moment::at(local) };
    let moment = moment.ok_or_else(|| Fault::of("D1001", millis.to_string()))?;
    let mut out = String::new();
    for part in &parts {
        match part {
            Part::Literal(text) => out.push_str(text),
            Part::Marker(marker) => out.push_str(&marker.write(&moment, offset)?),
        }
    }
    Ok(out)
}

/// A distance from UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Offset {
    hours: i64,
    minutes: i64,
}

impl Offset {
    /// Reads `+hhmm`: the whole number that the text starts with counts hours in hundreds.
    ///
    /// As in the reference, the hours of a negative offset are rounded down while its minutes stay
    /// negative: `-0330` is four and a half hours.
    fn read(text: &str) -> Result<Offset, Fault> {
        let refused = || Fault::of("D3134", text);
        let trimmed = text.trim_start();
        let unsigned = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
        let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
        let number: i64 = unsigned[..digits].parse().map_err(|_| refused())?;
        let number = if trimmed.starts_with('-') { -number } else { number };
        Ok(Offset { hours: number.div_euclid(100), minutes: number % 100 })
    }

    fn millis(self) -> i64 {
        self.hours.saturating_mul(3_600_000).saturating_add(self.minutes * 60_000)
    }

    /// Hours in hundreds, and minutes.
    fn number(self) -> i64 {
        self.hours.saturating_mul(100).saturating_add(self.minutes)
    }
}

impl Marker {
    fn write(&self, moment: &Moment, offset: Offset) -> Result<String, Fault> {
        let value = moment.component(self.component);
        match (self.component, &self.style) {
            (Component::Calendar | Component::Era, _) => Ok("ISO".to_owned()),
            (Component::HalfDay, style) => Ok(half_day(value, style)),
            (Component::Offset | Component::GmtOffset, style) => self.write_offset(style, offset),
            (Component::Year, Style::Integer(picture)) => Ok(self.write_year(value, picture)),
            (_, Style::Integer(picture)) => Ok(picture.write(value as f64)),
            (_, Style::Name(case)) => self.write_name(value, *case),
            (_, Style::Fixed) => Ok(value.to_string()),
        }
    }

    /// The last digits of the year, as many as the greatest width, or as the picture has when it has
    /// several (F&O 9.8.4.4).
    fn write_year(&self, year: i64, picture: &IntegerPicture) -> String {
        let digits = self.width_max.or_else(|| {
            let decimal = picture.decimal()?;
            Some(decimal.mandatory + decimal.optional).filter(|digits| *digits >= 2)
        });
        let year = match digits {
            Some(digits) => year % 10_i64.pow(digits.min(YEAR_DIGITS_MAX) as u32),
            None => year,
        };
        picture.write(year as f64)
    }

    fn write_name(&self, value: i64, case: Case) -> Result<String, Fault> {
        let names = names::of(self.component).ok_or_else(|| Fault::of("D3133", self.letter))?;
        let name = usize::try_from(value - 1).ok().and_then(|index| names.get(index));
        let name = names::cut(name.copied().unwrap_or_default(), self.width_max);
        Ok(case.of_title(name.to_owned()))
    }

    /// Offsets (F&O 9.8.4.6): a picture with a separator, or with three or four digits, shows hours
    /// and minutes; one or two digits show the hours, and the minutes when there are any.
    fn write_offset(&self, style: &Style, offset: Offset) -> Result<String, Fault> {
        if offset.number() == 0 && self.zulu {
            return Ok("Z".to_owned());
        }
        let Style::Integer(picture) = style else {
            return Err(Fault::of("D3134", self.letter));
        };
        let Presentation::Decimal(decimal) = &picture.presentation else {
            return Err(Fault::of("D3134", self.letter));
        };
        let number = if decimal.grouping.regular_separator().is_some() {
            picture.write(offset.number() as f64)
        } else {
            match decimal.mandatory {
                0..=2 => picture.write(offset.hours as f64) + &minutes(offset.minutes),
                3..=OFFSET_DIGITS_MAX => picture.write(offset.number() as f64),
                digits => return Err(Fault::of("D3134", digits.to_string())),
            }
        };
        let gmt = if self.component == Component::GmtOffset { "GMT" } else { "" };
        let plus = if offset.number() >= 0 { "+" } else { "" };
        Ok(format!("{gmt}{plus}{number}"))
    }
}

/// Minutes of an offset after its hours, when there are any.
fn minutes(minutes: i64) -> String {
    match minutes {
        0 => String::new(),
        minutes => format!(":{:02}", minutes.abs()),
    }
}

fn half_day(value: i64, style: &Style) -> String {
    let text = if value == 0 { "am" } else { "pm" };
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
        assert_eq!(from_millis(TIME, None, Some("CET")).unwrap_err().code, "D3134");
    }

    #[test]
    fn times_beyond_all_calendars_are_refused() {
        for millis in [f64::MAX, f64::NAN, f64::NEG_INFINITY, 8.7e15] {
            assert_eq!(from_millis(millis, None, None).unwrap_err().code, "D1001");
        }
        let far = from_millis(TIME, None, Some("999999999999999999"));
        assert_eq!(far.unwrap_err().code, "D1001");
    }
}
