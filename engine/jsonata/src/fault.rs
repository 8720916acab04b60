//! What goes wrong while an expression runs.

use std::fmt;

/// An error by its number in JSONata's list, with what its message speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Number of the error, such as `D3130`.
    pub(crate) code: &'static str,
    /// The part of the expression that the error is about.
    pub(crate) token: Option<String>,
    /// The value that was refused.
    pub(crate) value: Option<String>,
}

impl Fault {
    /// The error alone.
    pub(crate) fn new(code: &'static str) -> Fault {
        Fault { code, token: None, value: None }
    }

    /// The error, about this value.
    pub(crate) fn of(code: &'static str, value: impl Into<String>) -> Fault {
        Fault { value: Some(value.into()), ..Fault::new(code) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)?;
        for part in [&self.token, &self.value].into_iter().flatten() {
            write!(f, ": {part}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::Fault;

    #[test]
    fn a_fault_shows_what_it_is_about() {
        assert_eq!(Fault::new("D3131").to_string(), "D3131");
        assert_eq!(Fault::of("D3100", "37").to_string(), "D3100: 37");
    }
}
