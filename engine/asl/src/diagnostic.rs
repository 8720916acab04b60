//! What is wrong with a definition.

use std::fmt;

/// One fault of a definition, as `ValidateStateMachineDefinition` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Which rule is broken.
    pub code: Code,
    /// What is wrong, in AWS's words where they are known.
    pub message: String,
    /// JSON pointer to the place, such as `/States/A/Next`; `None` for the text as a whole.
    pub location: Option<String>,
}

/// How bad a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The definition cannot be used.
    Error,
    /// The definition can be used, but is hardly what was meant.
    Warning,
}

/// Which rule is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The text is not JSON.
    InvalidJsonDescription,
    /// A field is missing, of the wrong type or out of range.
    SchemaValidationFailed,
    /// A transition names a state that is not in the same `States`, or no transition names a state.
    MissingTransitionTarget,
    /// No state ends the execution.
    MissingEndState,
    /// Two states have the same name.
    DuplicateStateName,
    /// `Label` of a Map state, whose faults AWS tells in words of their own.
    InvalidLabel,
    /// A scope assigns a variable that a scope around it assigns.
    DuplicateVariableName,
    /// A state reads a variable that neither its scope nor one around it assigns.
    PossiblyUndefinedVariable,
    /// A JSONata expression that cannot be parsed.
    InvalidJsonataExpression,
    /// A JSONata expression that reads what is not there.
    UnsupportedJsonataExpression,
}

impl Code {
    /// All codes.
    pub const ALL: [Code; 10] = [
        Code::InvalidJsonDescription,
        Code::SchemaValidationFailed,
        Code::MissingTransitionTarget,
        Code::MissingEndState,
        Code::DuplicateStateName,
        Code::InvalidLabel,
        Code::DuplicateVariableName,
        Code::PossiblyUndefinedVariable,
        Code::InvalidJsonataExpression,
        Code::UnsupportedJsonataExpression,
    ];

    /// The code in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::InvalidJsonDescription => "INVALID_JSON_DESCRIPTION",
            Code::SchemaValidationFailed | Code::InvalidLabel => "SCHEMA_VALIDATION_FAILED",
            Code::MissingTransitionTarget => "MISSING_TRANSITION_TARGET",
            Code::MissingEndState => "MISSING_END_STATE",
            Code::DuplicateStateName => "DUPLICATE_STATE_NAME",
            Code::DuplicateVariableName => "DUPLICATE_VARIABLE_NAME",
            Code::PossiblyUndefinedVariable => "POSSIBLY_UNDEFINED_VARIABLE",
            Code::InvalidJsonataExpression => "INVALID_JSONATA_EXPRESSION",
            Code::UnsupportedJsonataExpression => "UNSUPPORTED_JSONATA_EXPRESSION",
        }
    }
}

impl Severity {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "ERROR",
            Severity::Warning => "WARNING",
        }
    }
}

/// `<code>: <message> at <location>`, as `InvalidDefinition` quotes it.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)?;
        match &self.location {
            Some(location) => write!(f, " at {location}"),
            // Recorded from AWS.
            None if self.code == Code::MissingEndState => f.write_str(" at null"),
            None => Ok(()),
        }
    }
}
