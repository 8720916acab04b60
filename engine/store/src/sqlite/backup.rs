//! A copy of a file while a server works on it.

use std::fs::File;
use std::path::Path;

use super::inspect::SqliteInspector;
use crate::Error;
use crate::sql::database_error;

const COPY: &str = "VACUUM INTO ?";

impl SqliteInspector {
    /// Writes the database, as it is at one moment, to a new file, durably and without its free pages.
    /// Commits go on meanwhile; the write-ahead log grows until it has ended.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the file is there already or cannot be written.
    pub async fn back_up(&self, target: &Path) -> Result<(), Error> {
        let Some(place) = target.to_str() else {
            let text = format!("{} is not a name that SQLite takes", target.display());
            return Err(Error::Unusable(text));
        };
        sqlx::query(COPY).bind(place).execute(self.pool()).await.map_err(database_error)?;
        let synced = File::open(target).and_then(|file| file.sync_all());
        synced.map_err(|error| Error::Unavailable(format!("{place}: {error}")))
    }
}
