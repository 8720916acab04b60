//! Where the reading of items has come to.

use serde::{Deserialize, Serialize};

/// A place between two items, from which the items after it can be read again at any time, as long as the objects are
/// what they were. The default is the place before the first item.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cursor {
    /// Items before it.
    pub items: u64,
    /// In a listing: key of the object that gave the item before it.
    pub object: Option<String>,
    /// In a manifest: number of the file that gave the item before it, from 0.
    pub file: u64,
    /// In a file: its first byte, after decompression; in a Parquet file, the rows before it.
    pub offset: u64,
    /// In a file: the ETag that the file has as long as the offset holds.
    pub etag: String,
    /// In a JSON file: whether it lies in an object, not in an array.
    pub is_object: bool,
}
