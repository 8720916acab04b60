//! What can go wrong with objects.

use super::KEY_BYTES_MAX;

/// An error of an object store. Names and texts are those of S3 where it has them.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// There is no such bucket.
    #[error("The specified bucket does not exist: {bucket}{place}")]
    NoSuchBucket {
        /// The name asked for.
        bucket: String,
        /// Where it was looked for, when that is not only here, or where else it could be.
        place: String,
    },
    /// There is no object with that key.
    #[error("The specified key does not exist: {key} in bucket {bucket}")]
    NoSuchKey {
        /// The bucket, which exists.
        bucket: String,
        /// The key asked for.
        key: String,
    },
    /// The object has no such version.
    #[error("The specified version does not exist: {version} of {key} in bucket {bucket}")]
    NoSuchVersion {
        /// The bucket, which exists.
        bucket: String,
        /// The key asked for.
        key: String,
        /// The version asked for.
        version: String,
    },
    /// The name cannot be a bucket's.
    #[error("The specified bucket is not valid: {bucket:?}")]
    InvalidBucketName {
        /// The name as given.
        bucket: String,
    },
    /// The key is empty or longer than [`KEY_BYTES_MAX`].
    #[error("A key has 1 to {KEY_BYTES_MAX} bytes; this one has {bytes}")]
    InvalidKey {
        /// Its length.
        bytes: usize,
    },
    /// S3 refused, for any other reason.
    #[error(
        "{message} (Service: Amazon S3; Status Code: {status}; Error Code: {code}; Request ID: {request_id}; Proxy: null) ({place})"
    )]
    Refused {
        /// HTTP status.
        status: u16,
        /// Such as `AccessDenied`.
        code: String,
        /// In the words of S3.
        message: String,
        /// By which the operators of S3 find the request.
        request_id: String,
        /// Bucket, key and endpoint, and what to do when S3 does not know who asks.
        place: String,
    },
    /// The storage failed.
    #[error("the object storage failed: {what}: {source}")]
    Storage {
        /// What was being done.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl ObjectError {
    /// Whether the same may go well a moment later.
    pub fn is_transient(&self) -> bool {
        match self {
            ObjectError::Storage { .. } => true,
            ObjectError::Refused { status, .. } => *status >= 500,
            ObjectError::NoSuchBucket { .. }
            | ObjectError::NoSuchKey { .. }
            | ObjectError::NoSuchVersion { .. }
            | ObjectError::InvalidBucketName { .. }
            | ObjectError::InvalidKey { .. } => false,
        }
    }

    /// Turns an I/O error into an [`ObjectError::Storage`] that says what was being done.
    pub(super) fn storage(what: &str) -> impl FnOnce(std::io::Error) -> ObjectError + use<> {
        let what = what.to_owned();
        move |source| ObjectError::Storage { what, source }
    }
}
