//! Checks of request members, in the words of AWS's front end.

use std::fmt::Display;
use std::ops::RangeInclusive;

use stepyard_machine::Limits;

use super::ApiError;

/// Longest name of a state machine or execution, in characters.
const NAME_CHARS_MAX: usize = 80;

/// What a name must not hold, besides white space and control characters.
const NAME_FORBIDDEN: &str = "<>{}[]?*\"#%\\^|~`$&,;:/\u{fffe}\u{ffff}\u{10ffff}";

/// Items on a page when the client does not say, and at most.
const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: i64 = 1_000;

/// Longest `nextToken`, in characters; that of ListExecutions may be longer.
pub(crate) const TOKEN_CHARS_MAX: usize = 1_024;

/// Longest `traceHeader`, in characters.
const TRACE_HEADER_CHARS_MAX: usize = 256;

/// The constraints of AWS's model that a request breaks: all of them in one error.
#[derive(Default)]
pub(crate) struct Constraints {
    violations: Vec<String>,
}

impl Constraints {
    /// A string of so many characters.
    pub(crate) fn length(
        mut self,
        member: &str,
        value: Option<&str>,
        chars: RangeInclusive<usize>,
    ) -> Constraints {
        if let Some(value) = value {
            self.size(Some(value), member, value.chars().count(), chars);
        }
        self
    }

    /// A string of so many characters that AWS's model calls sensitive: its value is not told.
    pub(crate) fn sensitive_length(
        mut self,
        member: &str,
        value: Option<&str>,
        chars: RangeInclusive<usize>,
    ) -> Constraints {
        if let Some(value) = value {
            self.size(None, member, value.chars().count(), chars);
        }
        self
    }

    /// A list of so many items.
    pub(crate) fn items(
        mut self,
        member: &str,
        shown: &str,
        count: usize,
        range: RangeInclusive<usize>,
    ) -> Constraints {
        self.size(Some(shown), member, count, range);
        self
    }

    /// A string that fits a pattern of AWS's model.
    pub(crate) fn pattern(
        mut self,
        member: &str,
        value: Option<&str>,
        pattern: &str,
        fits: impl Fn(&str) -> bool,
    ) -> Constraints {
        if let Some(value) = value.filter(|value| !fits(value)) {
            let rule = format!("satisfy regular expression pattern: {pattern}");
            self.add(Some(&value), member, &rule);
        }
        self
    }

    /// `traceHeader` of a start.
    pub(crate) fn trace_header(self, value: Option<&str>) -> Constraints {
        self.pattern("traceHeader", value, r"\p{ASCII}*", str::is_ascii).length(
            "traceHeader",
            value,
            0..=TRACE_HEADER_CHARS_MAX,
        )
    }

    /// `maxResults` of a list.
    pub(crate) fn max_results(self, value: Option<i64>) -> Constraints {
        self.range("maxResults", value, 0..=PAGE_MAX)
    }

    /// A number in a range.
    pub(crate) fn range<T: Display + PartialOrd>(
        mut self,
        member: &str,
        value: Option<T>,
        range: RangeInclusive<T>,
    ) -> Constraints {
        let Some(value) = value else { return self };
        if value < *range.start() {
            let rule = format!("have value greater than or equal to {}", range.start());
            self.add(Some(&value), member, &rule);
        } else if value > *range.end() {
            let rule = format!("have value less than or equal to {}", range.end());
            self.add(Some(&value), member, &rule);
        }
        self
    }

    /// One word of a set.
    pub(crate) fn one_of(mut self, member: &str, value: Option<&str>, set: &[&str]) -> Constraints {
        if let Some(value) = value.filter(|value| !set.contains(value)) {
            let rule = format!("satisfy enum value set: [{}]", set.join(", "));
            self.add(Some(&value), member, &rule);
        }
        self
    }

    /// `includedData` of the Describe operations.
    pub(crate) fn included_data(self, value: Option<&str>) -> Constraints {
        self.one_of("includedData", value, &["ALL_DATA", METADATA_ONLY])
    }

    fn size(
        &mut self,
        value: Option<&str>,
        member: &str,
        count: usize,
        range: RangeInclusive<usize>,
    ) {
        let value = value.as_ref().map(|value| value as &dyn Display);
        if count < *range.start() {
            let rule = format!("have length greater than or equal to {}", range.start());
            self.add(value, member, &rule);
        } else if count > *range.end() {
            let rule = format!("have length less than or equal to {}", range.end());
            self.add(value, member, &rule);
        }
    }

    fn add(&mut self, value: Option<&dyn Display>, member: &str, rule: &str) {
        let shown = value.map_or_else(String::new, |value| format!(" '{value}'"));
        self.violations.push(format!(
            "Value{shown} at '{member}' failed to satisfy constraint: Member must {rule}"
        ));
    }

    /// # Errors
    /// `ValidationException` that names each violation.
    pub(crate) fn check(self) -> Result<(), ApiError> {
        let error = |count: usize, plural: &str| {
            let all = self.violations.join("; ");
            ApiError::validation(format!("{count} validation error{plural} detected: {all}"))
        };
        match self.violations.len() {
            0 => Ok(()),
            1 => Err(error(1, "")),
            count => Err(error(count, "s")),
        }
    }
}

/// The word of `includedData` by which a client waives definitions, inputs and outputs.
pub(crate) const METADATA_ONLY: &str = "METADATA_ONLY";

/// A member that must be there.
pub(crate) fn required<T>(value: Option<T>, member: &str) -> Result<T, ApiError> {
    value.ok_or_else(|| {
        ApiError::validation(format!(
            "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
        ))
    })
}

/// Refuses data that is longer than an execution may be given.
pub(crate) fn check_data(text: &str, member: &str, limits: Limits) -> Result<(), ApiError> {
    let mut found = Constraints::default();
    found.size(None, member, text.len(), 0..=limits.data_bytes);
    found.check()
}

/// Checks a name by AWS's rule for state machines and executions.
pub(crate) fn check_name(name: &str) -> Result<(), ApiError> {
    let fits = (1..=NAME_CHARS_MAX).contains(&name.chars().count());
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || NAME_FORBIDDEN.contains(c);
    if fits && !name.contains(forbidden) {
        return Ok(());
    }
    Err(ApiError::new("InvalidName", format!("Invalid Name: '{name}'")))
}

/// How many items a checked `maxResults` asks for: absent and zero mean 100.
pub(crate) fn page_size(max_results: Option<i64>) -> usize {
    match max_results.and_then(|size| usize::try_from(size).ok()).unwrap_or(0) {
        0 => PAGE_DEFAULT,
        size => size,
    }
}

#[cfg(test)]
mod tests {
    use super::{Constraints, TOKEN_CHARS_MAX, check_name, page_size};

    #[test]
    fn names_follow_awss_rule() {
        for name in ["a", "a.b-c_d", "näme", &"x".repeat(80)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "a b", "a/b", "a:b", "a\u{0}", "a\u{85}", &"x".repeat(81)] {
            let error = check_name(name).unwrap_err();
            assert_eq!(
                (error.name, error.message),
                ("InvalidName", format!("Invalid Name: '{name}'"))
            );
        }
    }

    #[test]
    fn pages_have_a_default() {
        assert_eq!(page_size(None), 100);
        assert_eq!(page_size(Some(0)), 100);
        assert_eq!(page_size(Some(1_000)), 1_000);
    }

    #[test]
    fn broken_constraints_are_told_in_awss_words() {
        assert_eq!(Constraints::default().max_results(Some(1_000)).check(), Ok(()));
        let message = |constraints: Constraints| constraints.check().unwrap_err().message;
        assert_eq!(
            message(Constraints::default().max_results(Some(1_001))),
            "1 validation error detected: Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000"
        );
        assert_eq!(
            message(Constraints::default().sensitive_length("cause", Some("ab"), 0..=1)),
            "1 validation error detected: Value at 'cause' failed to satisfy constraint: Member must have length less than or equal to 1"
        );
        let two = Constraints::default()
            .length("nextToken", Some(""), 1..=TOKEN_CHARS_MAX)
            .included_data(Some("SOME"));
        assert_eq!(
            message(two),
            "2 validation errors detected: Value '' at 'nextToken' failed to satisfy constraint: Member must have length greater than or equal to 1; Value 'SOME' at 'includedData' failed to satisfy constraint: Member must satisfy enum value set: [ALL_DATA, METADATA_ONLY]"
        );
    }
}
