//! The small file beside an object's body that says what the object is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ObjectInfo;
use super::key::Slot;

/// Longest sidecar that is read: S3 allows 2 KiB of user metadata, this leaves room for more.
const SIDECAR_BYTES_MAX: u64 = 256 * 1024;

/// Content of a sidecar file, as JSON.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Sidecar {
    pub(super) key: String,
    pub(super) slot: Slot,
    size: u64,
    etag: String,
    content_type: String,
    last_modified: i64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    user_metadata: BTreeMap<String, String>,
}

impl Sidecar {
    pub(super) fn new(info: ObjectInfo, slot: Slot) -> Sidecar {
        Sidecar {
            key: info.key,
            slot,
            size: info.size,
            etag: info.etag,
            content_type: info.content_type,
            last_modified: info.last_modified,
            user_metadata: info.user_metadata,
        }
    }

    pub(super) fn into_info(self) -> ObjectInfo {
        ObjectInfo {
            key: self.key,
            size: self.size,
            etag: self.etag,
            content_type: self.content_type,
            last_modified: self.last_modified,
            user_metadata: self.user_metadata,
            storage_class: None,
        }
    }

    /// Reads a sidecar; `None` when there is none.
    pub(super) fn read(path: &std::path::Path) -> std::io::Result<Option<Sidecar>> {
        use std::io::Read;
        let file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut text = Vec::new();
        file.take(SIDECAR_BYTES_MAX).read_to_end(&mut text)?;
        Ok(Some(serde_json::from_slice(&text)?))
    }

    pub(super) fn to_bytes(&self) -> std::io::Result<Vec<u8>> {
        Ok(serde_json::to_vec(self)?)
    }
}
