//! `$toMillis`.

use super::iso;
use super::moment::Moment;
use super::pattern::Pattern;
use super::picture::{self, Part};
use super::resolve::Components;
use crate::fault::Fault;

/// Reads a timestamp as the picture would write it, ISO 8601 without one, in milliseconds since
/// 1970. What the timestamp leaves out is taken from now. As in the reference, a timestamp that has the form of ISO 8601
/// but no such date, and one that no calendar reaches, give what is not a number.
///
/// `None` when the timestamp does not match the picture, or the picture has no markers. D3110 is a
/// timestamp that is not in ISO 8601; D3130 to D3133 and D3135 tell of the picture; D3136 of
/// components that leave a gap.
pub(crate) fn to_millis(
    timestamp: &str,
    picture: Option<&str>,
    now_millis: i64,
) -> Result<Option<f64>, Fault> {
    let Some(picture) = picture else {
        return match iso::read(timestamp) {
            Some(millis) => Ok(Some(millis as f64)),
            None if iso::has_form(timestamp) => Ok(Some(f64::NAN)),
            None => Err(Fault::of("D3110", timestamp)),
        };
    };
    let parts = picture::read(picture)?;
    let Some(captures) = Pattern::of(&parts)?.captures(timestamp) else { return Ok(None) };
    let now = Moment::at(now_millis as f64);
    let now = now.ok_or_else(|| Fault::of("D1001", now_millis.to_string()))?;
    components(&parts, &captures).map(|components| components.resolve(&now)).transpose()
}

/// What the markers say; `None` when there are none.
fn components(parts: &[Part], captures: &[String]) -> Option<Components> {
    let mut components = None;
    for (part, text) in parts.iter().zip(captures) {
        let Part::Marker(marker) = part else { continue };
        let components = components.get_or_insert_with(Components::default);
        components.set(marker.component, marker.parse(text));
    }
    components
}

#[cfg(test)]
mod tests {
    use super::to_millis;
    use crate::datetime::from_millis;

    /// 2026-11-05T14:07:09.042Z.
    const NOW: i64 = 1_793_887_629_042;

    fn read(timestamp: &str, picture: &str) -> String {
        let millis = to_millis(timestamp, Some(picture), NOW).unwrap();
        millis.map_or_else(String::new, |millis| from_millis(millis, None, None).unwrap())
    }

    #[test]
    fn components_are_read() {
        for (timestamp, picture, time) in [
            ("05.11.2026 14:07", "[D01].[M01].[Y0001] [H01]:[m01]", "2026-11-05T14:07:00.000Z"),
            ("20261105T1407Z", "[Y0001][M01][D01]T[H01][m01]Z", "2026-11-05T14:07:00.000Z"),
            ("5th of May, MMXX", "[D1o] of [MNn], [YI]", "2020-05-05T00:00:00.000Z"),
            ("2024/366", "[Y]/[d]", "2024-12-31T00:00:00.000Z"),
            ("2026/366", "[Y]/[d]", "2026-01-01T00:00:00.000Z"),
            ("7/4/2026 12:30 AM", "[M]/[D]/[Y] [h]:[m] [P]", "2026-07-04T00:30:00.000Z"),
            ("7/4/2026 1:30 pm", "[M]/[D]/[Y] [h]:[m] [P]", "2026-07-04T13:30:00.000Z"),
            (
                "2026-11-05 01:00:00.25 +0230",
                "[Y]-[M]-[D] [H]:[m]:[s].[f] [Z0000]",
                "2026-11-04T22:30:00.250Z",
            ),
            ("99", "[Y]", "1999-01-01T00:00:00.000Z"),
            ("2025-14-32", "[Y]-[M]-[D]", "2026-03-04T00:00:00.000Z"),
        ] {
            assert_eq!(read(timestamp, picture), time, "{timestamp}");
        }
    }

    #[test]
    fn what_is_missing_is_taken_from_now_or_least() {
        for (timestamp, picture, time) in [
            ("6:30", "[H]:[m]", "2026-11-05T06:30:00.000Z"),
            ("6:30", "[h]:[m]", "2026-11-05T06:30:00.000Z"),
            ("21", "[D]", "2026-11-21T00:00:00.000Z"),
            ("45", "[s]", "2026-11-05T14:07:45.000Z"),
            ("pm", "[P]", "2026-11-05T12:00:00.000Z"),
            ("Monday", "[FNn]", "2026-11-05T14:07:09.042Z"),
        ] {
            assert_eq!(read(timestamp, picture), time, "{timestamp}");
        }
    }

    #[test]
    fn gaps_and_weeks_are_refused() {
        for (timestamp, picture) in [
            ("2026 05", "[Y] [D]"),
            ("2026-11 10", "[Y]-[M] [H]"),
            ("2026-309 10", "[Y]-[d] [H]"),
            ("5 november 2026", "[D] [MNn] [Y]"),
            ("2026-W45", "[X]-W[W]"),
            ("2026-11-1", "[X]-[x]-[w]"),
            ("2026-11-05 5", "[Y]-[M]-[D] [h]"),
        ] {
            let fault = to_millis(timestamp, Some(picture), NOW).unwrap_err();
            assert_eq!(fault.code, "D3136", "{timestamp}");
        }
    }

    #[test]
    fn what_does_not_match_is_nothing() {
        for (timestamp, picture) in [("2026", "[Y]-[M]"), ("today", "today")] {
            assert_eq!(read(timestamp, picture), "", "{timestamp}");
        }
    }

    #[test]
    fn what_no_calendar_reaches_is_not_a_number() {
        for (timestamp, picture) in [("99999999999999999999", "[Y]"), ("five  five", "[Dw]")] {
            let millis = to_millis(timestamp, Some(picture), NOW).unwrap();
            assert!(millis.unwrap().is_nan(), "{timestamp}");
        }
    }

    #[test]
    fn without_a_picture_times_are_in_iso_8601() {
        assert_eq!(to_millis("2026-11-05T14:07:09.042Z", None, 0), Ok(Some(NOW as f64)));
        let fault = to_millis("5 November 2026", None, 0).unwrap_err();
        assert_eq!((fault.code, fault.value.as_deref()), ("D3110", Some("5 November 2026")));
    }
}
