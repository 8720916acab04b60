//! Why items cannot be read.

use super::ITEM_BYTES_MAX;
use crate::objects::ObjectError;

/// Error and cause of a Map Run whose items cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct ItemReaderError {
    /// In AWS's words where they are known.
    pub cause: String,
}

impl ItemReaderError {
    /// The name of the error.
    pub const NAME: &'static str = "States.ItemReaderFailed";

    /// Any cause.
    pub(super) fn new(cause: impl Into<String>) -> ItemReaderError {
        ItemReaderError { cause: cause.into() }
    }

    /// What should be items is one value (recorded from AWS).
    pub(super) fn not_iterable() -> ItemReaderError {
        ItemReaderError::new("Attempting to map over non-iterable node.")
    }

    /// There is nothing where the `ItemsPointer` points (measured at AWS: floci, pull request 1588).
    pub(super) fn no_match() -> ItemReaderError {
        ItemReaderError::new(
            "The provided ReaderConfig.ItemsPointer does not match any valid path in the JSON structure.",
        )
    }

    /// The text is not what `InputType` says, at that byte of the decompressed file.
    pub(super) fn syntax(format: &str, offset: u64, what: &str) -> ItemReaderError {
        ItemReaderError::new(format!("The file is not valid {format}: {what} at byte {offset}"))
    }

    /// An item is too large to be held.
    pub(super) fn too_large(offset: u64) -> ItemReaderError {
        ItemReaderError::new(format!(
            "The item at byte {offset} is larger than {ITEM_BYTES_MAX} bytes"
        ))
    }
}

impl From<ObjectError> for ItemReaderError {
    fn from(error: ObjectError) -> ItemReaderError {
        ItemReaderError::new(error.to_string())
    }
}
