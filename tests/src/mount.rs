//! A file system of its own, that can be filled.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// A small file system in memory. Dropping it takes it away.
pub struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// One of so many MiB; `None`, said aloud, where this process may not mount one.
    ///
    /// # Panics
    /// When there is no folder for it.
    pub fn mount(mebibytes: u32) -> Option<SmallDisk> {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs"])
            .arg(folder.path())
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(SmallDisk { folder });
        }
        eprintln!("SKIPPED: mounting a small disk needs root");
        None
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Leaves no byte free.
    ///
    /// # Panics
    /// When it fails for another reason than want of space.
    pub fn fill(&self) {
        let mut filler = File::create(self.filler()).unwrap_or_else(|error| panic!("{error}"));
        for size in [1 << 20, 4 << 10, 1] {
            let piece = vec![0; size];
            let error = loop {
                if let Err(error) = filler.write_all(&piece) {
                    break error;
                }
            };
            assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
        }
    }

    /// There is space again.
    ///
    /// # Panics
    /// When it was not filled.
    pub fn empty(&self) {
        fs::remove_file(self.filler()).unwrap_or_else(|error| panic!("{error}"));
    }

    fn filler(&self) -> std::path::PathBuf {
        self.path().join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Whoever still uses it keeps it until then.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}
