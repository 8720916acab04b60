//! What is to be read, with all that the state had to compute.

use std::sync::Arc;

use stepyard_asl::{ReaderConfig, ReaderSource};
use stepyard_json::Json;

use super::ItemReaderError;
use super::bytes::Location;
use crate::arguments::{required_text, text};

/// What an `ItemReader` reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadRequest {
    pub(super) source: ReaderSource,
    pub(super) bucket: String,
    /// `Key`, or `Prefix` of a listing.
    pub(super) key: String,
    version_id: Option<String>,
    expected_bucket_owner: Option<String>,
    pub(super) config: Arc<ReaderConfig>,
    /// Most items; all when absent.
    pub(super) max_items: Option<u64>,
}

impl ReadRequest {
    /// From what `Parameters` or `Arguments` and `MaxItems` have become.
    ///
    /// # Errors
    /// When a value that is needed is absent or cannot be used; a negative number of items is told in AWS's words
    /// (recorded).
    pub fn new(
        source: ReaderSource,
        config: Arc<ReaderConfig>,
        arguments: &Json,
        max_items: i64,
    ) -> Result<ReadRequest, ItemReaderError> {
        let max_items = u64::try_from(max_items)
            .map_err(|_| ItemReaderError::new("field MaxItems must be positive"))?;
        let required = |name| required_text(arguments, name).map_err(ItemReaderError::new);
        let optional = |name| match text(arguments, name) {
            Ok(text) => Ok(text.map(str::to_owned)),
            Err(cause) => Err(ItemReaderError::new(cause)),
        };
        let key = match source {
            ReaderSource::Object => required("Key")?.to_owned(),
            ReaderSource::Listing => optional("Prefix")?.unwrap_or_default(),
        };
        Ok(ReadRequest {
            source,
            bucket: required("Bucket")?.to_owned(),
            key,
            version_id: optional("VersionId")?,
            expected_bucket_owner: optional("ExpectedBucketOwner")?,
            config,
            max_items: (max_items > 0).then_some(max_items),
        })
    }

    /// The object that was asked for.
    pub(super) fn location(&self) -> Location {
        let version_id = self.version_id.clone();
        Location { version_id, ..self.other(&self.bucket, &self.key) }
    }

    /// An object that another one names.
    pub(super) fn other(&self, bucket: &str, key: &str) -> Location {
        Location {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            version_id: None,
            expected_bucket_owner: self.expected_bucket_owner.clone(),
        }
    }
}
