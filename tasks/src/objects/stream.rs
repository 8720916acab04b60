//! Objects that are read and written piece by piece, for those that do not fit into memory.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;

use super::{ObjectError, ObjectInfo};

/// What is read of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// First byte; there is nothing behind the end.
    pub offset: u64,
    /// `VersionId`; the current version when absent.
    pub version_id: Option<String>,
    /// `ExpectedBucketOwner`: S3 refuses when the bucket is another account's. Local buckets have no owner.
    pub expected_bucket_owner: Option<String>,
}

/// An object that is being read.
pub struct ObjectStream {
    /// What is known of the whole object.
    pub info: ObjectInfo,
    /// Its bytes, from the first one that was asked for.
    pub body: Box<dyn ObjectBody>,
}

impl fmt::Debug for ObjectStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectStream").field("info", &self.info).finish_non_exhaustive()
    }
}

/// The bytes of an object, in pieces.
#[async_trait]
pub trait ObjectBody: Send {
    /// The next piece, which is not empty; `None` at the end.
    ///
    /// # Errors
    /// [`ObjectError::Storage`]; after that nothing more comes.
    async fn chunk(&mut self) -> Result<Option<Bytes>, ObjectError>;
}

/// An object that is being written. One that is neither finished nor aborted leaves parts in S3 that a rule of the
/// bucket has to clean up.
#[async_trait]
pub trait ObjectUpload: Send {
    /// Adds a piece.
    async fn write(&mut self, bytes: Bytes) -> Result<(), ObjectError>;

    /// Puts the object in its place.
    async fn finish(self: Box<Self>) -> Result<ObjectInfo, ObjectError>;

    /// Drops what was written, as far as that is possible.
    async fn abort(self: Box<Self>);
}

/// A body without a byte.
#[cfg(feature = "aws")]
pub(super) struct EmptyBody;

#[cfg(feature = "aws")]
#[async_trait]
impl ObjectBody for EmptyBody {
    async fn chunk(&mut self) -> Result<Option<Bytes>, ObjectError> {
        Ok(None)
    }
}
