//! Copying the objects of a root while a server works on it.
//!
//! An object is replaced by writing the other one of its two body files and then its sidecar. So a copy is
//! whole when the sidecar is the same before and after its body was copied.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::ObjectError;
use super::fs::{make_folders, sync_directory};
use super::key::{EntryKind, ObjectPaths, is_bucket_name};
use super::listing::entries;
use super::sidecar::Sidecar;

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Objects.
    pub objects: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
}

/// Copies every object below a root to a new root, durably, each as it was at one moment. Objects that come
/// or go meanwhile may or may not be in the copy. Blocks.
///
/// # Errors
/// [`ObjectError::Storage`] when a file cannot be read or written.
pub fn copy_objects(from: &Path, to: &Path) -> Result<Copied, ObjectError> {
    let mut copied = Copied::default();
    copy_buckets(from, to, &mut copied).map_err(ObjectError::storage("copying objects"))?;
    Ok(copied)
}

fn copy_buckets(from: &Path, to: &Path, copied: &mut Copied) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for file in fs::read_dir(from)? {
        let file = file?;
        let Ok(name) = file.file_name().into_string() else { continue };
        if is_bucket_name(&name) && file.file_type()?.is_dir() {
            let buckets = Buckets { from: &file.path(), to: &to.join(name) };
            fs::create_dir_all(buckets.to)?;
            buckets.copy_directory(buckets.from, copied)?;
        }
    }
    sync_directory(to)
}

/// A bucket and its copy.
struct Buckets<'a> {
    from: &'a Path,
    to: &'a Path,
}

impl Buckets<'_> {
    fn copy_directory(&self, directory: &Path, copied: &mut Copied) -> io::Result<()> {
        for (entry, name) in entries(directory)? {
            let path = directory.join(name);
            match entry.kind {
                EntryKind::Object => self.copy_object(&path, copied)?,
                EntryKind::Folder | EntryKind::Chunk => self.copy_directory(&path, copied)?,
            }
        }
        Ok(())
    }

    fn copy_object(&self, sidecar_path: &Path, copied: &mut Copied) -> io::Result<()> {
        loop {
            // One that was deleted meanwhile is no part of the copy.
            let Some(sidecar) = Sidecar::read(sidecar_path)? else { return Ok(()) };
            let paths = ObjectPaths::of(&sidecar.key).map_err(io::Error::other)?;
            make_folders(self.to, &paths.folders)?;
            let body = paths.data(self.to, sidecar.slot);
            let bytes = match fs::copy(paths.data(self.from, sidecar.slot), &body) {
                // It has been replaced, and this body is gone.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                bytes => bytes?,
            };
            File::open(&body)?.sync_all()?;
            let written = sidecar.to_bytes()?;
            if Sidecar::read(sidecar_path)?.map(|now| now.to_bytes()).transpose()?.as_ref()
                != Some(&written)
            {
                fs::remove_file(&body)?;
                continue;
            }
            let mut file = File::create(paths.sidecar(self.to))?;
            file.write_all(&written)?;
            file.sync_all()?;
            sync_directory(&paths.directory(self.to))?;
            copied.objects += 1;
            copied.bytes += bytes;
            return Ok(());
        }
    }
}
