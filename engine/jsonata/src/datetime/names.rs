//! English names of months and days.

use super::component::Component;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The names of the component, the first for 1; `None` for one that has no names.
pub(super) fn of(component: Component) -> Option<&'static [&'static str]> {
    match component {
        Component::Month | Component::WeekMonth => Some(&MONTHS),
        Component::Weekday => Some(&DAYS),
        _ => None,
    }
}

/// The name cut to so many letters.
pub(super) fn cut(name: &str, letters: Option<usize>) -> &str {
    letters.and_then(|letters| name.get(..letters)).unwrap_or(name)
}
