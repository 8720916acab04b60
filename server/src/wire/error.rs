//! Errors of the API: AWS's names and texts.

use axum::http::StatusCode;

/// The name of the error that a state machine is not there.
const NO_STATE_MACHINE: &str = "StateMachineDoesNotExist";

/// An error answer: the shape's name and a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    /// Name of the error shape, such as `StateMachineDoesNotExist`.
    pub(crate) name: &'static str,
    /// AWS's text where AWS has one.
    pub(crate) message: String,
    /// `reason` of a `ValidationException`, where AWS names one.
    pub(crate) reason: Option<&'static str>,
}

impl ApiError {
    pub(crate) fn new(name: &'static str, message: impl Into<String>) -> ApiError {
        ApiError { name, message: message.into(), reason: None }
    }

    pub(crate) fn validation(message: impl Into<String>) -> ApiError {
        ApiError::new("ValidationException", message)
    }

    /// A `ValidationException` with its `reason`, a word of AWS's model.
    pub(crate) fn validation_because(reason: &'static str, message: impl Into<String>) -> ApiError {
        ApiError { reason: Some(reason), ..ApiError::validation(message) }
    }

    pub(crate) fn state_machine_does_not_exist(arn: &str) -> ApiError {
        ApiError::new(NO_STATE_MACHINE, format!("State Machine Does Not Exist: '{arn}'"))
    }

    /// Whether it says that a state machine is not there.
    pub(crate) fn is_state_machine_missing(&self) -> bool {
        self.name == NO_STATE_MACHINE
    }

    /// Its deletion has begun.
    pub(crate) fn state_machine_deleting(arn: &str) -> ApiError {
        ApiError::new("StateMachineDeleting", format!("State Machine is being deleted: '{arn}'"))
    }

    /// An alias, a Map Run, or a version where one is listed for, that is not there.
    pub(crate) fn resource_not_found() -> ApiError {
        ApiError::new("ResourceNotFound", "Request references a resource that does not exist.")
    }

    pub(crate) fn execution_does_not_exist(arn: &str) -> ApiError {
        ApiError::new("ExecutionDoesNotExist", format!("Execution Does Not Exist: '{arn}'"))
    }

    pub(crate) fn activity_does_not_exist(arn: &str) -> ApiError {
        ApiError::new("ActivityDoesNotExist", format!("Activity Does Not Exist: '{arn}'"))
    }

    /// Something here is broken: the details go to the log, not to the client.
    pub(crate) fn internal(error: &dyn std::fmt::Display) -> ApiError {
        tracing::error!(%error, "a request failed");
        ApiError::new(
            "InternalFailure",
            "The request failed because of an error in the server; see its log",
        )
    }

    /// Over the AWS protocol: 400 but for faults of the server (SDKs go by the name).
    pub(crate) fn aws_status(&self) -> StatusCode {
        match self.name {
            "InternalFailure" => StatusCode::INTERNAL_SERVER_ERROR,
            "ServiceUnavailable" => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// Over REST: the status that HTTP has for it.
    pub(crate) fn rest_status(&self) -> StatusCode {
        match self.name {
            NO_STATE_MACHINE | "ExecutionDoesNotExist" | "ResourceNotFound" => {
                StatusCode::NOT_FOUND
            }
            "ExecutionAlreadyExists"
            | "ExecutionNotRedrivable"
            | "StateMachineAlreadyExists"
            | "StateMachineDeleting"
            | "ConflictException" => StatusCode::CONFLICT,
            "ThrottlingException" => StatusCode::TOO_MANY_REQUESTS,
            _ => self.aws_status(),
        }
    }
}

impl From<stepyard_store::Error> for ApiError {
    fn from(error: stepyard_store::Error) -> ApiError {
        match error {
            stepyard_store::Error::Unavailable(_) => {
                tracing::warn!(%error, "the store does not answer");
                ApiError::new("ServiceUnavailable", "The store does not answer; try again")
            }
            _ => ApiError::internal(&error),
        }
    }
}

impl From<stepyard_runtime::CallbackError> for ApiError {
    fn from(error: stepyard_runtime::CallbackError) -> ApiError {
        let name = match &error {
            stepyard_runtime::CallbackError::InvalidToken => "InvalidToken",
            stepyard_runtime::CallbackError::TimedOut => "TaskTimedOut",
            stepyard_runtime::CallbackError::DoesNotExist => "TaskDoesNotExist",
            stepyard_runtime::CallbackError::Throttled => "ThrottlingException",
            stepyard_runtime::CallbackError::Unavailable(_) => "ServiceUnavailable",
        };
        ApiError::new(name, error.to_string())
    }
}

impl From<stepyard_runtime::StartError> for ApiError {
    fn from(error: stepyard_runtime::StartError) -> ApiError {
        let name = match &error {
            stepyard_runtime::StartError::AlreadyExists { .. } => "ExecutionAlreadyExists",
            stepyard_runtime::StartError::Throttled => "ThrottlingException",
            stepyard_runtime::StartError::Unavailable(_) => "ServiceUnavailable",
        };
        ApiError::new(name, error.to_string())
    }
}
