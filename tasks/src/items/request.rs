//! What is to be read, with all that the state had to compute.

use std::sync::Arc;

use stepyard_asl::{ReaderConfig, ReaderSource};
use stepyard_json::Json;

use super::ItemReaderError;
use super::bytes::Location;

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
        let key = match source {
            ReaderSource::Object => required(arguments, "Key")?,
            ReaderSource::Listing => text(arguments, "Prefix")?.unwrap_or_default(),
        };
        Ok(ReadRequest {
            source,
            bucket: required(arguments, "Bucket")?,
            key,
            version_id: text(arguments, "VersionId")?,
            expected_bucket_owner: text(arguments, "ExpectedBucketOwner")?,
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

fn required(arguments: &Json, name: &str) -> Result<String, ItemReaderError> {
    text(arguments, name)?.ok_or_else(|| {
        ItemReaderError::new(format!("The field '{name}' is required but was missing"))
    })
}

fn text(arguments: &Json, name: &str) -> Result<Option<String>, ItemReaderError> {
    match arguments.get(name) {
        None => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.to_string())),
        Some(other) => {
            let cause = format!("The field '{name}' must be a string but was: {other}");
            Err(ItemReaderError::new(cause))
        }
    }
}
