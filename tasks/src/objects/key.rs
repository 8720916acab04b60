//! From keys to file names and back.
//!
//! A key is cut into entries, one path component each: `Folder` is a piece that ends in `/`, `Chunk`
//! is a piece of [`PIECE_BYTES`] bytes without `/` that is followed by more, `File` is the rest. No
//! entry of a directory is a prefix of another (but a chunk of the file with the same text, which
//! comes first), so that walking directories in the order of their entries' text yields the keys in
//! their order.
//!
//! A component is the percent-encoded text plus a mark that starts with `+`, which no encoded text
//! contains. Encoded text never starts with a dot: `.` and `..` cannot occur, and names with a dot
//! are free for the store's own use. File systems that fold case are not supported.

use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use super::{KEY_BYTES_MAX, ObjectError};

/// Longest piece in bytes: three times as long when every byte is encoded, plus a mark, it still
/// fits into the 255 bytes of a file name.
const PIECE_BYTES: usize = 80;

/// What stands in a file name as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

const FOLDER_MARK: &str = "+";
const CHUNK_MARK: &str = "++";
const SIDECAR_MARK: &str = "+meta";
const SECOND_SLOT_MARK: &str = "+b";

/// Longest and shortest name of a bucket (Amazon S3 User Guide, "Bucket naming rules").
const BUCKET_BYTES: std::ops::RangeInclusive<usize> = 3..=63;

/// What a path component of the store stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum EntryKind {
    /// The sidecar of an object: the object exists.
    Object,
    /// Directory of the keys that continue after a `/`.
    Folder,
    /// Directory of the keys that continue a long piece.
    Chunk,
}

/// An entry of a directory. Sorts in the order of keys: an object comes before longer keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    /// What the entry adds to the key, the `/` of a folder included.
    pub(super) text: Vec<u8>,
    /// What it is.
    pub(super) kind: EntryKind,
}

impl Entry {
    /// Reads a file name; `None` for data files, temporary files and what others put there.
    pub(super) fn parse(name: &str) -> Option<Entry> {
        let (encoded, mark) = name.split_at(name.find('+')?);
        let kind = match mark {
            SIDECAR_MARK => EntryKind::Object,
            FOLDER_MARK => EntryKind::Folder,
            CHUNK_MARK => EntryKind::Chunk,
            _ => return None,
        };
        let mut text: Vec<u8> = percent_decode_str(encoded).collect();
        if encode(&text) != encoded {
            return None;
        }
        if kind == EntryKind::Folder {
            text.push(b'/');
        }
        Some(Entry { text, kind })
    }
}

/// Where the parts of one object lie.
#[derive(Debug)]
pub(super) struct ObjectPaths {
    /// Directories below the bucket's, outermost first.
    pub(super) folders: Vec<String>,
    /// The encoded rest of the key.
    file: String,
}

impl ObjectPaths {
    /// Finds the place of a key.
    pub(super) fn of(key: &str) -> Result<ObjectPaths, ObjectError> {
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Err(ObjectError::InvalidKey { bytes: key.len() });
        }
        let mut rest = key.as_bytes();
        let mut folders = Vec::new();
        loop {
            let window = &rest[..rest.len().min(PIECE_BYTES)];
            if let Some(slash) = window.iter().position(|&byte| byte == b'/') {
                folders.push(encode(&rest[..slash]) + FOLDER_MARK);
                rest = &rest[slash + 1..];
            } else if rest.len() > PIECE_BYTES {
                folders.push(encode(window) + CHUNK_MARK);
                rest = &rest[PIECE_BYTES..];
            } else {
                return Ok(ObjectPaths { folders, file: encode(rest) });
            }
        }
    }

    /// The directory of the object.
    pub(super) fn directory(&self, bucket: &Path) -> PathBuf {
        self.folders.iter().fold(bucket.to_owned(), |path, folder| path.join(folder))
    }

    /// The file that says what the object is.
    pub(super) fn sidecar(&self, bucket: &Path) -> PathBuf {
        self.directory(bucket).join(format!("{}{SIDECAR_MARK}", self.file))
    }

    /// One of the two files that may hold the body.
    pub(super) fn data(&self, bucket: &Path, slot: Slot) -> PathBuf {
        let mark = match slot {
            // A key that ends in `/` has an empty rest, which is no file name.
            Slot::First if self.file.is_empty() => "+a",
            Slot::First => "",
            Slot::Second => SECOND_SLOT_MARK,
        };
        self.directory(bucket).join(format!("{}{mark}", self.file))
    }
}

/// Which of its two files holds an object's body. Replacing an object writes the other one, so that
/// the rename of the sidecar is the one moment at which the object changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Slot {
    /// Named like the key.
    First,
    /// Named like the key with a mark.
    Second,
}

impl Slot {
    /// The other one.
    pub(super) fn other(self) -> Slot {
        match self {
            Slot::First => Slot::Second,
            Slot::Second => Slot::First,
        }
    }
}

/// Whether S3 would take this as the name of a bucket.
pub(super) fn is_bucket_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let outer_ok = name.bytes().next().is_some_and(inner) && name.bytes().last().is_some_and(inner);
    BUCKET_BYTES.contains(&name.len())
        && outer_ok
        && name.bytes().all(|byte| inner(byte) || byte == b'-' || byte == b'.')
        && !name.contains("..")
}

fn encode(text: &[u8]) -> String {
    let encoded = percent_encode(text, PLAIN).to_string();
    match encoded.strip_prefix('.') {
        Some(rest) => format!("%2E{rest}"),
        None => encoded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(key: &str) -> String {
        let paths = ObjectPaths::of(key).unwrap();
        paths.data(Path::new("b"), Slot::First).display().to_string()
    }

    #[test]
    fn usual_keys_stay_readable() {
        assert_eq!(path("user123/photo-1.jpg"), "b/user123+/photo-1.jpg");
        assert_eq!(path("my photo.jpg"), "b/my%20photo.jpg");
    }

    #[test]
    fn no_key_leaves_its_bucket() {
        assert_eq!(path("../../etc/passwd"), "b/%2E.+/%2E.+/etc+/passwd");
        assert_eq!(path("/etc/passwd"), "b/+/etc+/passwd");
        assert_eq!(path("a\0b\\c"), "b/a%00b%5Cc");
        assert_eq!(path("."), "b/%2E");
        assert_eq!(path("dir/"), "b/dir+/+a");
    }

    #[test]
    fn long_keys_become_short_names() {
        let paths = ObjectPaths::of(&"é".repeat(512)).unwrap();
        assert_eq!(paths.folders.len(), 12);
        assert!(paths.folders.iter().all(|name| name.len() <= 255));
        assert!(ObjectPaths::of(&"k".repeat(1025)).is_err());
        assert!(ObjectPaths::of("").is_err());
    }

    #[test]
    fn bucket_names_follow_the_rules_of_s3() {
        assert!(is_bucket_name("image-upload-source"));
        for name in ["", "ab", "Upper", "-a-", "..", "a..b", "a/b", "a_b", &"a".repeat(64)] {
            assert!(!is_bucket_name(name), "{name}");
        }
    }
}
