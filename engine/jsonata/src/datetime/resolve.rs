//! From components, some of them missing, to a point in time.

use super::civil;
use super::component::{COMPONENTS, Component};
use super::moment::{DAY_MILLIS, MILLIS_MAX, Moment};
use crate::fault::Fault;

/// A year beyond this, or so many months, is beyond all times.
const YEAR_MAX: f64 = 300_000.0;

/// Two-digit years are of this century.
const CENTURY: f64 = 1_900.0;

/// Which components a timestamp gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Components([Option<f64>; COMPONENTS]);

impl Components {
    pub(super) fn set(&mut self, component: Component, value: Option<f64>) {
        self.0[component as usize] = value;
    }

    fn get(&self, component: Component) -> Option<f64> {
        self.0[component as usize]
    }

    /// The value, once it is resolved.
    fn value(&self, component: Component) -> f64 {
        self.get(component).unwrap_or_default()
    }

    /// Whether the components of the set that are given, as a number other than 0, are all of this
    /// kind, and there is one.
    fn are(&self, set: &[Component], kind: &[Component]) -> bool {
        let given = |component: &&Component| self.value(**component).abs() > 0.0;
        let mut given = set.iter().filter(given).peekable();
        given.peek().is_some() && given.all(|component| kind.contains(component))
    }

    /// The point in time, in milliseconds; not a number when it is beyond all times.
    ///
    /// The components that say when, from the year to the millisecond, have to follow each other:
    /// those before the first are taken from now, those after the last are the least possible.
    /// D3136 is a gap between them, or a date in weeks, of which JSONata makes nothing.
    pub(super) fn resolve(mut self, now: &Moment) -> Result<f64, Fault> {
        use Component::{Day, DayOfYear, Fraction, HalfDay, HalfDayHour, Hour, Minute, Month};
        use Component::{Second, Week, WeekMonth, WeekOfMonth, WeekYear, Year};
        const DATE: [Component; 8] =
            [Year, WeekYear, Month, WeekMonth, Week, WeekOfMonth, DayOfYear, Day];
        const TIME: [Component; 6] = [HalfDay, Hour, HalfDayHour, Minute, Second, Fraction];
        let by_month = self.are(&DATE, &[Year, Month, Day]);
        let by_day = !by_month && self.are(&DATE, &[Year, DayOfYear]);
        let by_week = self.are(&DATE, &[WeekYear, WeekMonth, WeekOfMonth])
            || self.are(&DATE, &[WeekYear, Week]);
        if by_week {
            return Err(Fault::new("D3136"));
        }
        let halved = !self.are(&TIME, &[Hour, Minute, Second, Fraction])
            && self.are(&TIME, &[HalfDay, HalfDayHour, Minute, Second, Fraction]);
        // A day of the year is asked for where the day of the month stands: the reference knows no
        // time of day after it.
        let date: &[Component] = if by_day { &[Year, Day] } else { &[Year, Month, Day] };
        let time: &[Component] = if halved {
            &[HalfDay, HalfDayHour, Minute, Second, Fraction]
        } else {
            &[Hour, Minute, Second, Fraction]
        };
        self.fill(date.iter().chain(time), now)?;
        let day = if by_day {
            day_of_year(self.value(Year), self.value(DayOfYear))
        } else {
            first_day(self.value(Year), self.value(Month)) + self.value(Day).trunc() - 1.0
        };
        let hour = if halved { self.hour_of_halves() } else { self.value(Hour) };
        let millis = self.local_millis(day, hour);
        let local = if millis.abs() > MILLIS_MAX { f64::NAN } else { millis };
        Ok(local - self.offset_minutes() * 60_000.0)
    }

    /// Gives the missing components their values.
    fn fill<'c>(
        &mut self,
        components: impl Iterator<Item = &'c Component>,
        now: &Moment,
    ) -> Result<(), Fault> {
        let (mut started, mut ended) = (false, false);
        for component in components {
            match self.get(*component) {
                Some(_) if ended => return Err(Fault::new("D3136")),
                Some(_) => started = true,
                None if started => {
                    ended = true;
                    let least = matches!(component, Component::Month | Component::Day);
                    self.set(*component, Some(f64::from(u8::from(least))));
                }
                // The half of the day is not taken from now: as in the reference, it is morning.
                None if *component == Component::HalfDay => {}
                None => self.set(*component, Some(now.component(*component) as f64)),
            }
        }
        Ok(())
    }

    fn hour_of_halves(&self) -> f64 {
        let hour = self.value(Component::HalfDayHour);
        let noon = if self.value(Component::HalfDay) == 1.0 { 12.0 } else { 0.0 };
        if hour == 12.0 { noon } else { hour + noon }
    }

    fn local_millis(&self, day: f64, hour: f64) -> f64 {
        let value = |component| self.value(component).trunc();
        let minutes = hour * 60.0 + value(Component::Minute);
        let seconds = minutes * 60.0 + value(Component::Second);
        day * DAY_MILLIS as f64 + seconds * 1_000.0 + value(Component::Fraction)
    }

    /// The first offset that is given, as a number other than 0.
    fn offset_minutes(&self) -> f64 {
        let offsets = [Component::Offset, Component::GmtOffset].map(|offset| self.value(offset));
        offsets.into_iter().find(|offset| offset.abs() > 0.0).unwrap_or_default()
    }
}

/// Days from 1970 to the day of the year. One beyond the year is month and day of a later year, as in the reference, and
/// so is in this one nevertheless.
fn day_of_year(year: f64, day: f64) -> f64 {
    let counted = first_day(year, 1.0) + day - 1.0;
    if counted.is_nan() || counted.abs() > MILLIS_MAX / DAY_MILLIS as f64 {
        return f64::NAN;
    }
    let (_, month, day) = civil::date(counted as i64);
    first_day(year, month as f64) + day as f64 - 1.0
}

/// Days from 1970 to the first of the month; months beyond the year go on into the next ones, and
/// one before the first is the first. Not a number when it is beyond all times.
fn first_day(year: f64, month: f64) -> f64 {
    let year = if (0.0..100.0).contains(&year) { year + CENTURY } else { year };
    let months = if month > 0.0 { month - 1.0 } else { 0.0 };
    if year.is_nan() || year.abs() > YEAR_MAX || months > YEAR_MAX {
        return f64::NAN;
    }
    let (year, months) = (year as i64, months as i64);
    civil::days(year + months / 12, months % 12 + 1, 1) as f64
}
