//! Days and dates: arithmetic of the proleptic Gregorian calendar.

/// Days in 400 years, after which the calendar repeats.
const CYCLE_DAYS: i64 = 146_097;

/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_DAYS: i64 = 719_468;

/// Days from 1970-01-01 to the date. Days beyond the month go on into the next ones.
pub(super) fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years that start in March have their leap day last.
    let year = if month > 2 { year } else { year - 1 };
    let (cycle, year) = (year.div_euclid(400), year.rem_euclid(400));
    let months = (month + 9) % 12;
    let day_of_year = (153 * months + 2) / 5 + day - 1;
    cycle * CYCLE_DAYS + year * 365 + year / 4 - year / 100 + day_of_year - EPOCH_DAYS
}

/// Year, month and day, so many days after 1970-01-01.
pub(super) fn date(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH_DAYS;
    let (cycle, day) = (days.div_euclid(CYCLE_DAYS), days.rem_euclid(CYCLE_DAYS));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let months = (5 * day + 2) / 153;
    let month = if months < 10 { months + 3 } else { months - 9 };
    let year = cycle * 400 + year + i64::from(month <= 2);
    (year, month, day - (153 * months + 2) / 5 + 1)
}

/// Day of the week, from Monday as 1 to Sunday as 7.
pub(super) fn weekday(days: i64) -> i64 {
    (days + 3).rem_euclid(7) + 1
}

/// The Monday on which week 1 of the month starts: the week with its first Thursday. Of January, it
/// is week 1 of the year (ISO 8601).
pub(super) fn first_monday(year: i64, month: i64) -> i64 {
    let first = days(year, month, 1);
    match weekday(first) {
        weekday @ ..=4 => first - (weekday - 1),
        weekday => first + (8 - weekday),
    }
}

/// The month before.
pub(super) fn month_before(year: i64, month: i64) -> (i64, i64) {
    if month == 1 { (year - 1, 12) } else { (year, month - 1) }
}

/// The month after.
pub(super) fn month_after(year: i64, month: i64) -> (i64, i64) {
    if month == 12 { (year + 1, 1) } else { (year, month + 1) }
}

#[cfg(test)]
mod tests {
    use super::{date, days, first_monday, weekday};

    #[test]
    fn every_day_of_a_cycle_has_its_date() {
        let mut before = (1599, 12, 31);
        let start = days(1600, 1, 1);
        for day in start..start + 146_097 {
            let (year, month, day_of_month) = date(day);
            assert_eq!(days(year, month, day_of_month), day);
            assert!((year, month, day_of_month) > before);
            before = (year, month, day_of_month);
        }
        assert_eq!(before, (1999, 12, 31));
    }

    #[test]
    fn known_days() {
        assert_eq!(days(1970, 1, 1), 0);
        assert_eq!(days(2000, 2, 30), days(2000, 3, 1));
        assert_eq!(date(-719_528), (0, 1, 1));
        assert_eq!(weekday(days(2026, 11, 25)), 3);
        assert_eq!(first_monday(2026, 1), days(2025, 12, 29));
        assert_eq!(first_monday(2027, 1), days(2027, 1, 4));
    }
}
