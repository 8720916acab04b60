//! Objects in buckets, as S3 has them: bytes under a key, with a content type, an ETag and user
//! metadata. Images travel between tasks as objects, never in payloads.

mod backup;
mod error;
mod fs;
mod key;
mod listing;
mod lock;
mod routed;
#[cfg(feature = "aws")]
mod s3;
mod sidecar;
mod stream;
mod temporary;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;

pub use backup::{Copied, copy_objects};
pub use error::ObjectError;
pub use fs::FsObjectStore;
pub use routed::RoutedObjectStore;
#[cfg(feature = "aws")]
pub use s3::S3ObjectStore;
pub use stream::{ObjectBody, ObjectStream, ObjectUpload, ReadOptions};

/// The bucket that takes uploads, named as in the tutorial.
pub const SOURCE_BUCKET: &str = "image-upload-source";

/// The bucket that holds processed images, named as in the tutorial.
pub const OUTPUT_BUCKET: &str = "image-processed-output";

/// Longest key, in bytes of UTF-8 (Amazon S3 User Guide, "Naming Amazon S3 objects").
pub const KEY_BYTES_MAX: usize = 1024;

/// Most objects in one page of a listing, as `MaxKeys` of S3.
pub const LIST_LIMIT_MAX: usize = 1000;

/// Content type of an object that was stored without one, as in S3.
pub const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";

/// How S3 keeps an object of which nothing else was said.
pub const DEFAULT_STORAGE_CLASS: &str = "STANDARD";

/// Keeps objects. A returned `put`, `delete` or end of an upload is durable; an object is replaced as a whole, so
/// that a reader sees the old one or the new one.
#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// Stores an object; one with the same key is replaced.
    async fn put(
        &self,
        bucket: &str,
        key: &str,
        body: Bytes,
        attributes: ObjectAttributes,
    ) -> Result<ObjectInfo, ObjectError>;

    /// Reads an object with its body.
    async fn get(&self, bucket: &str, key: &str) -> Result<Object, ObjectError>;

    /// Opens an object, to read it piece by piece. What it gives is one version of the object, also when that is
    /// replaced meanwhile.
    async fn read(
        &self,
        bucket: &str,
        key: &str,
        options: ReadOptions,
    ) -> Result<ObjectStream, ObjectError>;

    /// Begins an object that is written piece by piece. It is not there before it is finished.
    async fn create(
        &self,
        bucket: &str,
        key: &str,
        attributes: ObjectAttributes,
    ) -> Result<Box<dyn ObjectUpload>, ObjectError>;

    /// Reads what is known of an object, without its body.
    async fn head(&self, bucket: &str, key: &str) -> Result<ObjectInfo, ObjectError>;

    /// Lists objects in the order of their keys (by bytes of UTF-8).
    async fn list(&self, bucket: &str, query: ListQuery) -> Result<ListPage, ObjectError>;

    /// Deletes an object. Deleting one that is not there succeeds, as in S3.
    async fn delete(&self, bucket: &str, key: &str) -> Result<(), ObjectError>;
}

/// What a client says of an object when it stores it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectAttributes {
    /// MIME type; [`DEFAULT_CONTENT_TYPE`] when absent.
    pub content_type: Option<String>,
    /// `x-amz-meta-*` without the prefix, names in lower case.
    pub user_metadata: BTreeMap<String, String>,
}

/// What is known of an object besides its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// The key.
    pub key: String,
    /// Length of the body in bytes.
    pub size: u64,
    /// Changes with the body, without quotes. That of a local object is the MD5 of its body in hexadecimal digits.
    pub etag: String,
    /// MIME type.
    pub content_type: String,
    /// When the object was stored: milliseconds since the epoch, by the clock of the file system or of S3.
    pub last_modified: i64,
    /// `x-amz-meta-*` without the prefix; a listing of S3 does not tell it.
    pub user_metadata: BTreeMap<String, String>,
    /// How S3 keeps it; `None` for [`DEFAULT_STORAGE_CLASS`].
    pub storage_class: Option<String>,
}

/// An object with its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// What is known of it.
    pub info: ObjectInfo,
    /// The bytes.
    pub body: Bytes,
}

/// Which objects to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    /// Only keys that start with this; empty for all.
    pub prefix: String,
    /// Only keys after this one.
    pub start_after: Option<String>,
    /// Most objects to return; at least 1 and at most [`LIST_LIMIT_MAX`] are.
    pub limit: usize,
}

impl Default for ListQuery {
    fn default() -> Self {
        ListQuery { prefix: String::new(), start_after: None, limit: LIST_LIMIT_MAX }
    }
}

/// One page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    /// The objects, in the order of their keys.
    pub objects: Vec<ObjectInfo>,
    /// Pass this as [`ListQuery::start_after`] for the next page; `None` on the last one.
    pub next: Option<String>,
}
