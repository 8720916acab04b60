//! Points in time.

use std::fmt;

/// Milliseconds since the Unix epoch, the precision of AWS's history.
///
/// Displayed as AWS writes times in the context object: `2026-11-23T12:00:00.000Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// Ends of the range that RFC 3339 can write (years 0000 to 9999).
const EARLIEST: i64 = -62_167_219_200_000;
const LATEST: i64 = 253_402_207_199_999;

impl Timestamp {
    /// Reads an RFC 3339 time with an upper-case `T` and an offset, as the States Language asks.
    /// Fractions beyond milliseconds are cut off. `None` when the text is anything else.
    pub fn parse(text: &str) -> Option<Timestamp> {
        let extended = text.as_bytes().get(10) == Some(&b'T') && has_offset(text);
        if !extended || text.contains('[') {
            return None;
        }
        text.parse::<jiff::Timestamp>().ok().map(|time| Timestamp(time.as_millisecond()))
    }

    /// So many seconds later.
    pub fn plus_seconds(self, seconds: u64) -> Timestamp {
        let millis = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000);
        self.plus_millis(millis)
    }

    /// So many milliseconds later.
    pub fn plus_millis(self, millis: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(millis))
    }

    /// Milliseconds from the other time to this one; negative when this one is earlier.
    pub fn millis_since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// `Z`, or `+hh:mm`: the extended format has the colon.
fn has_offset(text: &str) -> bool {
    text.ends_with('Z')
        || matches!(text.as_bytes(), [.., b'+' | b'-', _, _, b':', _, _] if text.len() > 19)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let in_range = self.0.clamp(EARLIEST, LATEST);
        let time = jiff::Timestamp::from_millisecond(in_range).unwrap_or_default();
        write!(f, "{time:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn extended_times_with_offset_are_read() {
        for (text, written) in [
            ("2016-12-05T21:29:29Z", "2016-12-05T21:29:29.000Z"),
            ("2016-12-05T21:29:29.1239Z", "2016-12-05T21:29:29.123Z"),
            ("2016-12-05T23:29:29+02:00", "2016-12-05T21:29:29.000Z"),
            ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp::parse(text).unwrap().to_string(), written);
        }
    }

    #[test]
    fn others_are_not() {
        for text in [
            "",
            "2016-12-05",
            "2016-12-05 21:29:29Z",
            "2016-12-05t21:29:29Z",
            "2016-12-05T21:29:29",
            "2016-12-05T21:29:29+0200",
            "2016-13-05T21:29:29Z",
            "2016-12-05T25:29:29Z",
            "05-12-2016T21:29:29Z",
            "2016-12-05T21:29:29Z[UTC]",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn no_number_of_milliseconds_is_too_large_to_show() {
        for millis in [i64::MIN, i64::MAX] {
            assert!(Timestamp(millis).to_string().ends_with('Z'));
        }
    }
}
