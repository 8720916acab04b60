//! The components of a point in time (F&O 9.8.4.1).

/// What a marker of a picture stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Component {
    Year,
    Month,
    Day,
    DayOfYear,
    Weekday,
    /// Week of the year (ISO 8601).
    Week,
    WeekOfMonth,
    /// The year that [`Component::Week`] belongs to; an extension of JSONata.
    WeekYear,
    /// The month that [`Component::WeekOfMonth`] belongs to; an extension of JSONata.
    WeekMonth,
    Hour,
    /// Hour of a half of the day, from 1 to 12.
    HalfDayHour,
    /// `am` or `pm`.
    HalfDay,
    Minute,
    Second,
    /// Milliseconds.
    Fraction,
    /// Offset from UTC.
    Offset,
    /// The same with `GMT` before it.
    GmtOffset,
    Calendar,
    Era,
    /// A letter that stands for nothing.
    Unknown,
}

/// Number of components.
pub(super) const COMPONENTS: usize = 20;

impl Component {
    /// The component of the letter.
    pub(super) fn of(letter: char) -> Component {
        match letter {
            'Y' => Component::Year,
            'M' => Component::Month,
            'D' => Component::Day,
            'd' => Component::DayOfYear,
            'F' => Component::Weekday,
            'W' => Component::Week,
            'w' => Component::WeekOfMonth,
            'X' => Component::WeekYear,
            'x' => Component::WeekMonth,
            'H' => Component::Hour,
            'h' => Component::HalfDayHour,
            'P' => Component::HalfDay,
            'm' => Component::Minute,
            's' => Component::Second,
            'f' => Component::Fraction,
            'Z' => Component::Offset,
            'z' => Component::GmtOffset,
            'C' => Component::Calendar,
            'E' => Component::Era,
            _ => Component::Unknown,
        }
    }

    /// Presentation of a marker that gives none.
    pub(super) fn default_presentation(self) -> Option<&'static str> {
        match self {
            Component::Weekday | Component::HalfDay | Component::Calendar | Component::Era => {
                Some("n")
            }
            Component::Minute | Component::Second => Some("01"),
            Component::Offset | Component::GmtOffset => Some("01:01"),
            Component::Unknown => None,
            _ => Some("1"),
        }
    }

    /// Whether the component is a number that any integer picture can present.
    pub(super) fn is_integer(self) -> bool {
        use Component::{Calendar, Era, HalfDay, Unknown};
        !self.is_offset() && !matches!(self, HalfDay | Calendar | Era | Unknown)
    }

    pub(super) fn is_offset(self) -> bool {
        matches!(self, Component::Offset | Component::GmtOffset)
    }
}
