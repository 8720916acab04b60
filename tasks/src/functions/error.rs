//! Errors of functions, as Lambda reports them.

use stepyard_json::{Json, Object};
use stepyard_store as store;

use crate::image::ImageError;
use crate::objects::ObjectError;

/// Names of errors. State machines match them by `ErrorEquals`, so they never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorType {
    /// The bytes are no image or a broken one.
    InvalidImage,
    /// The image exceeds a limit.
    ImageTooLarge,
    /// An image of a format that is not decoded here.
    UnsupportedFormat,
    /// The object is not there.
    NoSuchKey,
    /// The bucket is not there.
    NoSuchBucket,
    /// The event does not say what to do, or asks for what cannot be done.
    InvalidRequest,
    /// Something that may pass: storage or database failed. Named like the errors that AWS advises
    /// to retry, so that the usual `Retry` blocks of Lambda tasks take it.
    ServiceException,
}

impl ErrorType {
    /// The name as it stands in `ErrorEquals`.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorType::InvalidImage => "InvalidImage",
            ErrorType::ImageTooLarge => "ImageTooLarge",
            ErrorType::UnsupportedFormat => "UnsupportedFormat",
            ErrorType::NoSuchKey => "NoSuchKey",
            ErrorType::NoSuchBucket => "NoSuchBucket",
            ErrorType::InvalidRequest => "InvalidRequest",
            ErrorType::ServiceException => "Lambda.ServiceException",
        }
    }
}

/// Why a function failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", error_type.as_str())]
pub struct FunctionError {
    /// The name.
    pub error_type: ErrorType,
    /// For people.
    pub message: String,
}

impl FunctionError {
    /// An error about the event.
    pub fn invalid_request(message: impl Into<String>) -> FunctionError {
        FunctionError { error_type: ErrorType::InvalidRequest, message: message.into() }
    }

    /// The payload with which Lambda would report it.
    pub fn payload(&self) -> Json {
        let members =
            [("errorMessage", self.message.as_str()), ("errorType", self.error_type.as_str())];
        Json::from(members.into_iter().collect::<Object>())
    }
}

impl From<ObjectError> for FunctionError {
    fn from(error: ObjectError) -> FunctionError {
        let error_type = match error {
            ObjectError::NoSuchBucket { .. } => ErrorType::NoSuchBucket,
            ObjectError::NoSuchKey { .. } | ObjectError::NoSuchVersion { .. } => {
                ErrorType::NoSuchKey
            }
            ObjectError::InvalidBucketName { .. } | ObjectError::InvalidKey { .. } => {
                ErrorType::InvalidRequest
            }
            ObjectError::Refused { .. } | ObjectError::Storage { .. } => {
                ErrorType::ServiceException
            }
        };
        FunctionError { error_type, message: error.to_string() }
    }
}

impl From<ImageError> for FunctionError {
    fn from(error: ImageError) -> FunctionError {
        let error_type = match error {
            ImageError::Invalid(_) => ErrorType::InvalidImage,
            ImageError::TooLarge(_) => ErrorType::ImageTooLarge,
            ImageError::Unsupported(_) => ErrorType::UnsupportedFormat,
            // Happens only when nobody waits for the answer, or while the process stops.
            ImageError::Cancelled => ErrorType::ServiceException,
        };
        FunctionError { error_type, message: error.to_string() }
    }
}

impl From<store::Error> for FunctionError {
    fn from(error: store::Error) -> FunctionError {
        FunctionError { error_type: ErrorType::ServiceException, message: error.to_string() }
    }
}
