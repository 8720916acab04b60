//! What this process has seen of its database, for the next start: a small file beside the data.
//!
//! It is written once in a while and not synced, because it only bounds the commits from below: one that is
//! stale or missing makes nothing wrong, it only notices less.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use stepyard_runtime::Runtime;
use uuid::Uuid;

/// How often it is written while commits come in.
const PAUSE: Duration = Duration::from_secs(1);

/// What a file is called until it is whole.
const UNFINISHED: &str = "new";

/// The commits that one database has acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    database: Uuid,
    /// By shard.
    commits: Vec<u64>,
}

/// The file, of one database.
pub(crate) struct WitnessFile {
    place: PathBuf,
    database: Uuid,
    /// As it was written last.
    written: Mutex<Option<Note>>,
}

impl WitnessFile {
    pub(crate) fn new(place: PathBuf, database: Uuid) -> WitnessFile {
        WitnessFile { place, database, written: Mutex::default() }
    }

    /// The commits that the database has acknowledged before, by shard: none when another database was
    /// used here last.
    pub(crate) fn read(&self) -> anyhow::Result<Vec<u64>> {
        let place = self.place.display();
        let text = match fs::read(&self.place) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {place}")),
        };
        match serde_json::from_slice::<Note>(&text) {
            Ok(note) if note.database == self.database => Ok(note.commits),
            Ok(_) => {
                tracing::info!(%place, "another database was used here before");
                Ok(Vec::new())
            }
            Err(error) => {
                // A power cut may leave it torn.
                tracing::warn!(%place, %error, "cannot tell whether the database has gone back in time");
                Ok(Vec::new())
            }
        }
    }

    /// Writes it now and again. Never returns.
    pub(crate) async fn keep(&self, runtime: &Runtime) -> ! {
        loop {
            self.write(runtime);
            runtime.clock().sleep(PAUSE).await;
        }
    }

    /// Writes what has been acknowledged by now.
    pub(crate) fn write(&self, runtime: &Runtime) {
        let note = Note { database: self.database, commits: runtime.commit_numbers() };
        if let Err(error) = tokio::task::block_in_place(|| self.replace(note)) {
            tracing::warn!(%error, "cannot note what the database has acknowledged");
        }
    }

    fn replace(&self, note: Note) -> anyhow::Result<()> {
        let mut written = self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if written.as_ref() == Some(&note) {
            return Ok(());
        }
        write_whole(&self.place, &serde_json::to_vec(&note)?)
            .with_context(|| format!("{}", self.place.display()))?;
        *written = Some(note);
        Ok(())
    }
}

/// Whoever reads it finds the old content or the new one.
fn write_whole(place: &Path, content: &[u8]) -> std::io::Result<()> {
    let unfinished = place.with_added_extension(UNFINISHED);
    fs::write(&unfinished, content)?;
    fs::rename(&unfinished, place)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{Note, WitnessFile};

    #[test]
    fn it_tells_of_its_own_database_only() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("a.witness");
        let [one, two] = [1, 2].map(Uuid::from_u128);
        let file = WitnessFile::new(place.clone(), one);
        assert_eq!(file.read().unwrap(), [] as [u64; 0], "there is none at first");
        for commits in [vec![3, 4], vec![5, 4]] {
            file.replace(Note { database: one, commits: commits.clone() }).unwrap();
            assert_eq!(WitnessFile::new(place.clone(), one).read().unwrap(), commits);
        }
        assert_eq!(WitnessFile::new(place.clone(), two).read().unwrap(), [] as [u64; 0]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
        std::fs::write(&place, "{\"data").unwrap();
        assert_eq!(file.read().unwrap(), [] as [u64; 0], "torn");
    }
}
