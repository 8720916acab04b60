//! Orders readers and writers of one key, also those of other processes on the same root.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use md5::{Digest, Md5};

/// The folder of the locked files; no bucket's name starts with a dot.
const FOLDER: &str = ".locks";

/// Number of locks. Keys share them by hash: the same in each version, for versions may work together.
const LOCKS: u8 = 64;

/// The locks of a root.
#[derive(Debug)]
pub(super) struct Locks {
    folder: PathBuf,
}

impl Locks {
    pub(super) fn open(root: &Path) -> io::Result<Locks> {
        let folder = root.join(FOLDER);
        fs::create_dir_all(&folder)?;
        Ok(Locks { folder })
    }

    /// Waits until nobody writes the object. The lock is held until the file is dropped, also by the end of
    /// the process.
    pub(super) fn read(&self, bucket: &str, key: &str) -> io::Result<File> {
        let file = self.file(bucket, key)?;
        file.lock_shared()?;
        Ok(file)
    }

    /// Waits until nobody else reads or writes the object.
    pub(super) fn write(&self, bucket: &str, key: &str) -> io::Result<File> {
        let file = self.file(bucket, key)?;
        file.lock()?;
        Ok(file)
    }

    /// A lock belongs to an open file: each reader and writer opens its own.
    fn file(&self, bucket: &str, key: &str) -> io::Result<File> {
        let hash = Md5::new().chain_update(bucket).chain_update([0]).chain_update(key).finalize();
        let path = self.folder.join((hash[0] % LOCKS).to_string());
        File::options().create(true).truncate(false).write(true).open(path)
    }
}
