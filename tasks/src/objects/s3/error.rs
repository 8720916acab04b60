//! What S3 refuses, in our words.

use std::error::Error;
use std::io;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::aws::Called;
use crate::objects::ObjectError;

/// What a request was about.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) bucket: &'a str,
    /// Empty for a whole bucket.
    pub(super) key: &'a str,
    pub(super) called: &'a Called,
}

impl Asked<'_> {
    /// What a failed call of the SDK tells.
    pub(super) fn failed<E>(
        self,
        what: &str,
    ) -> impl FnOnce(SdkError<E, HttpResponse>) -> ObjectError
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        move |error| match &error {
            SdkError::ServiceError(service) => {
                let status = service.raw().status().as_u16();
                self.refused(status, service.err())
            }
            _ => {
                let told = self.called.unanswered(&self.name(), &error);
                ObjectError::storage(what)(io::Error::other(told))
            }
        }
    }

    /// Bucket and key, and where they were looked for.
    pub(super) fn place(self) -> String {
        self.called.place(&self.name())
    }

    fn name(self) -> String {
        match self.key {
            "" => format!("bucket {}", self.bucket),
            key => format!("{key} in bucket {}", self.bucket),
        }
    }

    fn refused(self, status: u16, error: &(impl Error + ProvideErrorMetadata)) -> ObjectError {
        let bucket = self.bucket.to_owned();
        match (status, error.code()) {
            (_, Some("NoSuchBucket")) => {
                ObjectError::NoSuchBucket { bucket, place: self.called.place("") }
            }
            (_, Some("InvalidBucketName")) => ObjectError::InvalidBucketName { bucket },
            // An answer to HEAD has no body that would tell more.
            (_, Some("NoSuchKey")) | (404, None | Some("NotFound")) if !self.key.is_empty() => {
                ObjectError::NoSuchKey { bucket, key: self.key.to_owned() }
            }
            (_, code) => ObjectError::Refused {
                status,
                place: self.place() + &self.called.advice_for(code.unwrap_or_default()),
                code: code.unwrap_or("null").to_owned(),
                message: error.message().unwrap_or("null").to_owned(),
                request_id: error.meta().request_id().unwrap_or("null").to_owned(),
            },
        }
    }

    /// The same, when a version was asked for.
    pub(super) fn version_failed(self, version: Option<String>, error: ObjectError) -> ObjectError {
        match (error, version) {
            (ObjectError::Refused { code, .. }, Some(version)) if code == "NoSuchVersion" => {
                let (bucket, key) = (self.bucket.to_owned(), self.key.to_owned());
                ObjectError::NoSuchVersion { bucket, key, version }
            }
            (error, _) => error,
        }
    }
}

/// Whether the first byte that was asked for lies behind the last one.
pub(super) fn is_behind_the_end<E>(error: &SdkError<E, HttpResponse>) -> bool {
    error.raw_response().is_some_and(|answer| answer.status().as_u16() == 416)
}
