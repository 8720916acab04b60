//! Compiled definitions by revision.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stepyard_asl::{Program, compile_accepted};
use stepyard_store::{Error, Store};
use uuid::Uuid;

use crate::{Logging, MadeOnce};

/// Programs kept at the same time; the least recently used one makes place.
const PROGRAMS_MAX: usize = 1_000;

/// A cache of programs. A revision never changes, so an entry is never stale.
#[derive(Default)]
pub(crate) struct Programs {
    cache: Mutex<Cache>,
}

type Place = Arc<MadeOnce<Compiled>>;

/// What is known of a revision.
#[derive(Clone)]
struct Compiled {
    program: Arc<Program>,
    logging: Logging,
}

#[derive(Default)]
struct Cache {
    /// Each with the number of its latest use.
    programs: BTreeMap<Uuid, (Place, u64)>,
    uses: u64,
}

impl Programs {
    /// The program of a revision, compiled when it is not there yet: once, however many ask for it.
    ///
    /// # Errors
    /// Those of the store; [`Error::Corrupt`] when there is no such revision or it does not compile.
    pub(crate) async fn get(
        &self,
        store: &dyn Store,
        revision: Uuid,
    ) -> Result<Arc<Program>, Error> {
        let place = self.place(revision);
        let compiled = place.get(|_| true, async || load(store, revision).await).await?;
        Ok(compiled.program)
    }

    /// What a revision wants to be logged; nothing, unless its program is here.
    pub(crate) fn logging(&self, revision: Uuid) -> Logging {
        let compiled = self.cache().programs.get(&revision).and_then(|(place, _)| place.get_made());
        compiled.map(|compiled| compiled.logging).unwrap_or_default()
    }

    fn place(&self, revision: Uuid) -> Place {
        let mut cache = self.cache();
        cache.uses += 1;
        let now = cache.uses;
        let (place, used) = cache.programs.entry(revision).or_default();
        *used = now;
        let place = place.clone();
        if cache.programs.len() > PROGRAMS_MAX {
            let oldest = cache.programs.iter().min_by_key(|(_, (_, used))| *used);
            if let Some(oldest) = oldest.map(|(revision, _)| *revision) {
                cache.programs.remove(&oldest);
            }
        }
        place
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn load(store: &dyn Store, revision: Uuid) -> Result<Compiled, Error> {
    let corrupt = |reason: String| Error::Corrupt { what: format!("revision {revision}"), reason };
    let row = store.get_revision(revision).await?;
    let row = row.ok_or_else(|| corrupt("it does not exist".into()))?;
    let program = compile_accepted(&row.definition);
    let program = program.ok_or_else(|| corrupt("its definition cannot be run".into()))?;
    Ok(Compiled { program, logging: Logging::of(&row.configuration) })
}
