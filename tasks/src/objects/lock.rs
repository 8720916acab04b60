//! Keeps other processes out of a root.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use super::ObjectError;

/// The file that is locked; no bucket's name starts with a dot.
const FILE: &str = ".lock";

/// Makes a root if it is absent and holds it until the file is dropped, also when the process is
/// killed.
pub(super) fn lock(root: &Path) -> Result<File, ObjectError> {
    let cannot = || ObjectError::storage("locking the root of the buckets");
    fs::create_dir_all(root).map_err(cannot())?;
    let path = root.join(FILE);
    let file = File::options().create(true).truncate(false).write(true).open(path);
    let file = file.map_err(cannot())?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ObjectError::InUse { root: root.to_owned() }),
        Err(TryLockError::Error(error)) => Err(cannot()(error)),
    }
}
