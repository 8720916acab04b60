//! The mock: what the work of a state gives, instead of being done.

use serde::Deserialize;
use serde_json::Value;
use stepyard_json::Payload;
use stepyard_machine::{Limits, Mock};

use super::shape::{self, Validation};
use super::subject::Subject;
use crate::actions::stop_execution::{CAUSE_CHARS_MAX, ERROR_CHARS_MAX};
use crate::wire::{ApiError, Constraints};

/// A mock as it is sent.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MockInput {
    /// JSON text.
    result: Option<String>,
    error_output: Option<ErrorOutput>,
    field_validation_mode: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct ErrorOutput {
    error: Option<String>,
    cause: Option<String>,
}

impl MockInput {
    /// Adds what AWS's front end looks at.
    pub(super) fn constrain(&self, constraints: Constraints, limits: Limits) -> Constraints {
        let output = self.error_output.as_ref();
        let error = output.and_then(|output| output.error.as_deref());
        let cause = output.and_then(|output| output.cause.as_deref());
        let mode = self.field_validation_mode.as_deref();
        constraints
            .sensitive_length("mock.result", self.result.as_deref(), 0..=limits.data_bytes)
            .sensitive_length("mock.errorOutput.error", error, 0..=ERROR_CHARS_MAX)
            .sensitive_length("mock.errorOutput.cause", cause, 0..=CAUSE_CHARS_MAX)
            .one_of("mock.fieldValidationMode", mode, &["STRICT", "PRESENT", "NONE"])
    }

    /// Refuses one that no state, or not this one, can have.
    pub(super) fn check(&self, subject: &Subject) -> Result<(), ApiError> {
        match (&self.result, &self.error_output) {
            (Some(_), Some(_)) | (None, None) => {
                return Err(ApiError::validation(
                    "A test mock should have only one of the following fields: [result, errorOutput].",
                ));
            }
            _ => {}
        }
        match subject.state_type() {
            "Task" | "Map" | "Parallel" => Ok(()),
            other => Err(ApiError::validation(format!(
                "State type '{other}' is not supported when a mock is specified"
            ))),
        }
    }

    /// `None` when results are not compared with anything.
    fn validation(&self) -> Option<Validation> {
        match self.field_validation_mode.as_deref() {
            Some("NONE") => None,
            Some("PRESENT") => Some(Validation::Present),
            _ => Some(Validation::Strict),
        }
    }

    /// What the state is to make of it.
    pub(super) fn read(&self, subject: &Subject) -> Result<Mock, ApiError> {
        let Some(text) = &self.result else {
            let ErrorOutput { error, cause } = self.error_output.as_ref().unwrap_or(&NO_ERROR);
            let text = |text: &Option<String>| text.as_deref().map(Into::into);
            return Ok(Mock::Error { error: text(error), cause: text(cause) });
        };
        let result = Payload::from_text(text.to_owned())
            .map_err(|_| ApiError::validation("Mocked result must be valid JSON"))?;
        let read = Value::from(result.tree());
        check_shape(&read, subject)?;
        if let (Some(resource), Some(validation)) =
            (subject.state["Resource"].as_str(), self.validation())
        {
            shape::check(resource, &read, validation)?;
        }
        Ok(Mock::Result(result))
    }
}

const NO_ERROR: ErrorOutput = ErrorOutput { error: None, cause: None };

/// Map and Parallel states give arrays; a Map that writes its results somewhere gives an object.
fn check_shape(result: &Value, subject: &Subject) -> Result<(), ApiError> {
    let writes = subject.state.get("ResultWriter").is_some();
    match (subject.state_type(), result.as_array()) {
        ("Map", _) if writes && !result.is_object() => {
            Err(ApiError::validation("Mocked result must be a JSON object."))
        }
        ("Map", _) if writes => Ok(()),
        ("Map" | "Parallel", None) => Err(ApiError::validation("Mocked result must be an array.")),
        ("Parallel", Some(results)) => {
            let branches = subject.state["Branches"].as_array().map_or(0, Vec::len);
            if results.len() == branches {
                return Ok(());
            }
            Err(ApiError::validation(
                "Mocked result must contain the same number of items as number of Parallel branches.",
            ))
        }
        _ => Ok(()),
    }
}
