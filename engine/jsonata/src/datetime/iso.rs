//! ISO 8601 times, in the forms that `$toMillis` takes without a picture.

use super::civil;
use super::moment::DAY_MILLIS;

/// Reads year, year and month, or a date; then a time of day with or without fraction of a second;
/// then `Z` or, after a time of day, an offset. Without one, times are in UTC.
///
/// `None` for all else. Days up to 31 go on into the next month where theirs is shorter.
pub(super) fn read(text: &str) -> Option<i64> {
    let mut text = Text(text.as_bytes());
    let year = text.number(4)?;
    let month = if text.skip(b'-') { text.number(2)? } else { 1 };
    let day = if text.skip(b'-') { text.number(2)? } else { 1 };
    let timed = text.skip(b'T');
    let time = if timed { text.time()? } else { 0 };
    let offset = if text.skip(b'Z') || text.0.is_empty() { 0 } else { text.offset(timed)? };
    let valid = (1..=12).contains(&month) && (1..=31).contains(&day) && text.0.is_empty();
    valid.then(|| civil::days(year, month, day) * DAY_MILLIS + time - offset)
}

/// Whether it has such a form, though its numbers may be none of the calendar and the clock.
pub(super) fn has_form(text: &str) -> bool {
    let mut text = Text(text.as_bytes());
    if !text.fits("9999") {
        return false;
    }
    for part in ["-19", "-39", "T29:59:59"] {
        text.fits(part);
    }
    if text.fits(".9") {
        while text.fits("9") {}
    }
    let _ = ["Z", "+29:59", "+2959", "-29:59", "-2959"].iter().any(|zone| text.fits(zone));
    text.0.is_empty()
}

/// What is left to read.
struct Text<'t>(&'t [u8]);

impl Text<'_> {
    /// Takes the byte, when it comes next.
    fn skip(&mut self, byte: u8) -> bool {
        let rest = self.0.strip_prefix(&[byte]);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// Takes what fits the form: digits up to the one that it has there, anything else as it is.
    fn fits(&mut self, form: &str) -> bool {
        let Some((part, rest)) = self.0.split_at_checked(form.len()) else { return false };
        let fits = part.iter().zip(form.bytes()).all(|(byte, wanted)| {
            *byte == wanted || (wanted.is_ascii_digit() && (b'0'..=wanted).contains(byte))
        });
        if fits {
            self.0 = rest;
        }
        fits
    }

    /// Takes a number of so many digits.
    fn number(&mut self, digits: usize) -> Option<i64> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        number.iter().try_fold(0, |value, digit| {
            digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0'))
        })
    }

    /// Takes `hh:mm:ss` and a fraction; the day may end at `24:00:00`.
    fn time(&mut self) -> Option<i64> {
        let hour = self.number(2)?;
        let minute = self.skip(b':').then(|| self.number(2))??;
        let second = self.skip(b':').then(|| self.number(2))??;
        let fraction = if self.skip(b'.') { self.fraction()? } else { 0 };
        let millis = ((hour * 60 + minute) * 60 + second) * 1_000 + fraction;
        (minute < 60 && second < 60 && millis <= DAY_MILLIS).then_some(millis)
    }

    /// Takes digits, of which the first three are milliseconds.
    fn fraction(&mut self) -> Option<i64> {
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (fraction, rest) = self.0.split_at(digits);
        self.0 = rest;
        let millis = fraction.iter().chain(b"00").take(3);
        (digits > 0).then(|| millis.fold(0, |value, digit| value * 10 + i64::from(digit - b'0')))
    }

    /// Takes `+hh:mm` or `+hhmm`, in milliseconds; only times of day have one.
    fn offset(&mut self, timed: bool) -> Option<i64> {
        let west = self.skip(b'-');
        if !timed || !(west || self.skip(b'+')) {
            return None;
        }
        let hours = self.number(2)?;
        self.skip(b':');
        let minutes = self.number(2)?;
        let millis = (hours * 60 + minutes) * 60_000;
        (hours < 24 && minutes < 60).then_some(if west { -millis } else { millis })
    }
}

#[cfg(test)]
mod tests {
    use super::{has_form, read};

    #[test]
    fn dates_may_end_early() {
        assert_eq!(read("1970"), Some(0));
        assert_eq!(read("1970-02"), Some(31 * 86_400_000));
        assert_eq!(read("1970-02-03Z"), Some(33 * 86_400_000));
        assert_eq!(read("1970T00:00:01"), Some(1_000));
        assert_eq!(read("2026-02-30"), read("2026-03-02"));
    }

    #[test]
    fn times_have_fractions_and_offsets() {
        assert_eq!(read("1970-01-01T00:00:00.5"), Some(500));
        assert_eq!(read("1970-01-01T00:00:00.0019Z"), Some(1));
        assert_eq!(read("1970-01-01T02:00:00+01:30"), Some(1_800_000));
        assert_eq!(read("1970-01-01T00:00:00-0330"), Some(12_600_000));
        assert_eq!(read("1970-01-01T24:00:00"), Some(86_400_000));
    }

    #[test]
    fn a_form_is_told_from_other_text() {
        for text in ["2020", "2020-13-39", "2020-01-01T29:00:00.5+2959", "2020-00Z", "2020-31"] {
            assert!(has_form(text), "{text}");
        }
        for text in ["", "202", "2020-1", "2020-20", "2020-01-41", "2020-01-01T10:00", "2020ZZ"] {
            assert_eq!(has_form(text), text == "2020-20", "{text}");
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "70",
            "1970-13",
            "1970-00-01",
            "1970-01-32",
            "1970-1-1",
            "1970-01-01 00:00:00",
            "1970-01-01T00:00",
            "1970-01-01T24:00:01",
            "1970-01-01T00:60:00",
            "1970-01-01T00:00:00.",
            "1970-01-01T00:00:00+24:00",
            "1970-01-01T00:00:00+01",
            "1970-01-01+01:00",
            "1970.5",
            "1970-01-01ZZ",
            "１９７０",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
