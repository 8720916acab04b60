//! Checks of request members, in the words of AWS's front end.

use super::ApiError;

/// Longest name of a state machine or execution, in characters.
const NAME_CHARS_MAX: usize = 80;

/// What a name must not hold, besides white space and control characters.
const NAME_FORBIDDEN: &str = "<>{}[]?*\"#%\\^|~`$&,;:/\u{fffe}\u{ffff}\u{10ffff}";

/// Items on a page when the client does not say, and at most.
const PAGE_DEFAULT: u32 = 100;
const PAGE_MAX: u32 = 1_000;

/// A member with its name, for messages.
pub(crate) struct Member<'a>(pub(crate) &'a str, pub(crate) &'a str);

impl Member<'_> {
    /// Refuses a value that is too long.
    pub(crate) fn at_most(&self, chars: usize) -> Result<(), ApiError> {
        let Member(name, value) = self;
        if value.chars().count() <= chars {
            return Ok(());
        }
        Err(constraint(
            &format!("'{value}'"),
            name,
            &format!("length less than or equal to {chars}"),
        ))
    }
}

fn constraint(value: &str, member: &str, rule: &str) -> ApiError {
    ApiError::validation(format!(
        "1 validation error detected: Value {value} at '{member}' failed to satisfy constraint: Member must have {rule}"
    ))
}

/// A member that must be there.
pub(crate) fn required<T>(value: Option<T>, member: &str) -> Result<T, ApiError> {
    value.ok_or_else(|| {
        ApiError::validation(format!(
            "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
        ))
    })
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

/// `maxResults`: absent and zero mean 100.
pub(crate) fn page_size(max_results: Option<u32>) -> Result<usize, ApiError> {
    match max_results.unwrap_or(0) {
        0 => Ok(PAGE_DEFAULT as usize),
        size @ ..=PAGE_MAX => Ok(size as usize),
        size => {
            let rule = format!("value less than or equal to {PAGE_MAX}");
            Err(constraint(&format!("'{size}'"), "maxResults", &rule))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{check_name, page_size};

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
    fn pages_have_a_default_and_a_limit() {
        assert_eq!(page_size(None).unwrap(), 100);
        assert_eq!(page_size(Some(0)).unwrap(), 100);
        assert_eq!(page_size(Some(1_000)).unwrap(), 1_000);
        assert_eq!(
            page_size(Some(1_001)).unwrap_err().message,
            "1 validation error detected: Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000"
        );
    }
}
