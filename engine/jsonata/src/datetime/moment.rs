//! A point in time, taken apart.

use super::civil;
use super::component::Component;

pub(super) const DAY_MILLIS: i64 = 86_400_000;

/// The farthest that times go from 1970, in milliseconds: a hundred million days.
pub(super) const MILLIS_MAX: f64 = 8.64e15;

/// Date and time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    year: i64,
    month: i64,
    day: i64,
    /// Days since 1970-01-01.
    days: i64,
    millis_of_day: i64,
}

impl Moment {
    /// The point so many milliseconds after 1970, without fractions; `None` beyond [`MILLIS_MAX`].
    pub(super) fn at(millis: f64) -> Option<Moment> {
        if millis.is_nan() || millis.abs() > MILLIS_MAX {
            return None;
        }
        let millis = millis as i64;
        let days = millis.div_euclid(DAY_MILLIS);
        let (year, month, day) = civil::date(days);
        Some(Moment { year, month, day, days, millis_of_day: millis.rem_euclid(DAY_MILLIS) })
    }

    /// The value of a component; half days count from 0, and what is no number of the moment is 0.
    pub(super) fn component(&self, component: Component) -> i64 {
        match component {
            Component::Year => self.year,
            Component::Month => self.month,
            Component::Day => self.day,
            Component::DayOfYear => self.days - civil::days(self.year, 1, 1) + 1,
            Component::Weekday => civil::weekday(self.days),
            Component::Week => self.week(),
            Component::WeekOfMonth => self.week_of_month(),
            Component::WeekYear => self.week_year(),
            Component::WeekMonth => self.week_month().1,
            Component::Hour => self.hour(),
            Component::HalfDayHour => (self.hour() + 11) % 12 + 1,
            Component::HalfDay => self.hour() / 12,
            Component::Minute => self.millis_of_day / 60_000 % 60,
            Component::Second => self.millis_of_day / 1_000 % 60,
            Component::Fraction => self.millis_of_day % 1_000,
            Component::Offset
            | Component::GmtOffset
            | Component::Calendar
            | Component::Era
            | Component::Unknown => 0,
        }
    }

    fn hour(&self) -> i64 {
        self.millis_of_day / 3_600_000
    }

    /// The year with most days of the week.
    fn week_year(&self) -> i64 {
        if self.days < civil::first_monday(self.year, 1) {
            self.year - 1
        } else if self.days >= civil::first_monday(self.year + 1, 1) {
            self.year + 1
        } else {
            self.year
        }
    }

    fn week(&self) -> i64 {
        (self.days - civil::first_monday(self.week_year(), 1)) / 7 + 1
    }

    /// Year and month with most days of the week.
    fn week_month(&self) -> (i64, i64) {
        let next = civil::month_after(self.year, self.month);
        if self.days < civil::first_monday(self.year, self.month) {
            civil::month_before(self.year, self.month)
        } else if self.days >= civil::first_monday(next.0, next.1) {
            next
        } else {
            (self.year, self.month)
        }
    }

    fn week_of_month(&self) -> i64 {
        let (year, month) = self.week_month();
        (self.days - civil::first_monday(year, month)) / 7 + 1
    }
}

#[cfg(test)]
mod tests {
    use super::{Component, DAY_MILLIS, MILLIS_MAX, Moment};
    use crate::datetime::civil;

    fn week(year: i64, month: i64, day: i64) -> (i64, i64, i64, i64) {
        let moment = Moment::at((civil::days(year, month, day) * DAY_MILLIS) as f64).unwrap();
        let value = |component| moment.component(component);
        (
            value(Component::WeekYear),
            value(Component::Week),
            value(Component::WeekMonth),
            value(Component::WeekOfMonth),
        )
    }

    #[test]
    fn weeks_belong_where_their_thursday_is() {
        assert_eq!(week(2020, 12, 31), (2020, 53, 12, 5));
        assert_eq!(week(2021, 1, 3), (2020, 53, 12, 5));
        assert_eq!(week(2021, 1, 4), (2021, 1, 1, 1));
        assert_eq!(week(2025, 12, 29), (2026, 1, 1, 1));
        assert_eq!(week(2026, 4, 30), (2026, 18, 4, 5));
    }

    #[test]
    fn half_days_start_at_twelve() {
        for (hour, half, shown) in [(0.0, 0, 12), (1.0, 0, 1), (12.0, 1, 12), (23.0, 1, 11)] {
            let moment = Moment::at(hour * 3_600_000.0).unwrap();
            assert_eq!(moment.component(Component::HalfDay), half);
            assert_eq!(moment.component(Component::HalfDayHour), shown);
        }
    }

    #[test]
    fn times_end_somewhere() {
        assert!(Moment::at(MILLIS_MAX).is_some());
        assert!(Moment::at(-MILLIS_MAX - 1.0).is_none());
    }
}
