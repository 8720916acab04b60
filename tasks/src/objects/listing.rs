//! Walks a bucket's directories in the order of keys.

use std::io;
use std::path::Path;

use super::key::{Entry, EntryKind};
use super::sidecar::Sidecar;
use super::{LIST_LIMIT_MAX, ListPage, ListQuery, ObjectInfo};

/// Lists one page of a bucket.
pub(super) fn list(bucket: &Path, query: &ListQuery) -> io::Result<ListPage> {
    let mut walk = Walk {
        prefix: query.prefix.as_bytes(),
        after: query.start_after.as_deref().unwrap_or_default().as_bytes(),
        limit: query.limit.clamp(1, LIST_LIMIT_MAX),
        objects: Vec::new(),
        more: false,
    };
    walk.directory(bucket, &mut Vec::new())?;
    let next = walk.objects.last().filter(|_| walk.more).map(|object| object.key.clone());
    Ok(ListPage { objects: walk.objects, next })
}

struct Walk<'a> {
    prefix: &'a [u8],
    after: &'a [u8],
    limit: usize,
    objects: Vec<ObjectInfo>,
    /// Set when an object did not fit on the page: the walk is over.
    more: bool,
}

impl Walk<'_> {
    /// Visits a directory whose keys all start with `text`.
    fn directory(&mut self, path: &Path, text: &mut Vec<u8>) -> io::Result<()> {
        for (entry, name) in entries(path)? {
            let length = text.len();
            text.extend_from_slice(&entry.text);
            match entry.kind {
                EntryKind::Object => self.object(&path.join(name), text)?,
                EntryKind::Folder | EntryKind::Chunk if self.may_hold(text) => {
                    self.directory(&path.join(name), text)?;
                }
                EntryKind::Folder | EntryKind::Chunk => {}
            }
            text.truncate(length);
            if self.more {
                break;
            }
        }
        Ok(())
    }

    fn object(&mut self, sidecar: &Path, key: &[u8]) -> io::Result<()> {
        if !key.starts_with(self.prefix) || key <= self.after {
            return Ok(());
        }
        if self.objects.len() == self.limit {
            self.more = true;
        } else if let Some(sidecar) = Sidecar::read(sidecar)? {
            // Absent when it was deleted after the directory had been read.
            self.objects.push(sidecar.into_info());
        }
        Ok(())
    }

    /// Whether a key that starts with `text` can be on this page.
    fn may_hold(&self, text: &[u8]) -> bool {
        let in_prefix = text.starts_with(self.prefix) || self.prefix.starts_with(text);
        let all_before = text < self.after && !self.after.starts_with(text);
        in_prefix && !all_before
    }
}

/// The entries of a directory in the order of keys, each with its file name.
pub(super) fn entries(path: &Path) -> io::Result<Vec<(Entry, String)>> {
    let mut entries = Vec::new();
    for file in std::fs::read_dir(path)? {
        if let Ok(name) = file?.file_name().into_string()
            && let Some(entry) = Entry::parse(&name)
        {
            entries.push((entry, name));
        }
    }
    entries.sort();
    Ok(entries)
}
