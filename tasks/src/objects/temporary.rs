//! Files that are being written.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tempfile::{Builder, NamedTempFile};

use super::fs::{remove_if_present, sync_directory};

/// Their folder in a bucket; cannot be an encoded key, for these never start with a dot.
const FOLDER: &str = ".tmp";

/// As other files are made: what the umask of the process leaves.
const MODE: u32 = 0o666;

/// How old a file is before it is taken for a leftover: its writer locks it right after it has made it.
const LEFTOVER_AGE_MIN: Duration = Duration::from_secs(60);

/// A file on its way to its place. It is removed unless it gets there: a full disk must not stay full of
/// halves. Its writer holds a lock on it, so that others see whether it is alive.
#[derive(Debug)]
pub(super) struct Temporary {
    file: NamedTempFile,
    /// When it was sealed, in milliseconds since the epoch.
    pub(super) modified: i64,
}

impl Temporary {
    /// Writes and syncs a new file.
    pub(super) fn write(bucket: &Path, content: &[u8]) -> io::Result<Temporary> {
        let mut file = Temporary::create(bucket)?;
        file.append(content)?;
        file.seal()?;
        Ok(file)
    }

    /// A new file, empty. A bucket that somebody has made by hand has no folder for it yet.
    pub(super) fn create(bucket: &Path) -> io::Result<Temporary> {
        let folder = bucket.join(FOLDER);
        let file = match create(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && bucket.is_dir() => {
                fs::create_dir_all(&folder)?;
                create(&folder)?
            }
            made => made?,
        };
        file.as_file().lock()?;
        Ok(Temporary { file, modified: 0 })
    }

    pub(super) fn append(&mut self, content: &[u8]) -> io::Result<()> {
        self.file.write_all(content)
    }

    /// Syncs it. Nothing is written after that.
    pub(super) fn seal(&mut self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        let modified = modified(self.file.as_file())?.duration_since(UNIX_EPOCH);
        let milliseconds = modified.map_or(0, |since| since.as_millis());
        self.modified = i64::try_from(milliseconds).unwrap_or(i64::MAX);
        Ok(())
    }

    /// Moves it to its place, atomically.
    pub(super) fn publish(self, place: &Path) -> io::Result<()> {
        self.file.persist(place)?;
        Ok(())
    }
}

/// Makes a bucket with its folder of temporary files, and removes those whose writer has died.
pub(super) fn prepare_bucket(bucket: &Path) -> io::Result<()> {
    let folder = bucket.join(FOLDER);
    fs::create_dir_all(&folder)?;
    remove_leftovers(&folder)?;
    folder.ancestors().skip(1).take(2).try_for_each(sync_directory)
}

fn remove_leftovers(folder: &Path) -> io::Result<()> {
    // What time it is, the file system says, for its times are compared.
    let now = modified(create(folder)?.as_file())?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let file = match File::open(&path) {
            // Its writer has just ended with it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            file => file?,
        };
        let age = now.duration_since(modified(&file)?).unwrap_or_default();
        if age >= LEFTOVER_AGE_MIN && file.try_lock().is_ok() {
            remove_if_present(&path)?;
        }
    }
    Ok(())
}

fn create(folder: &Path) -> io::Result<NamedTempFile> {
    Builder::new().prefix("").permissions(Permissions::from_mode(MODE)).tempfile_in(folder)
}

fn modified(file: &File) -> io::Result<SystemTime> {
    file.metadata()?.modified()
}
