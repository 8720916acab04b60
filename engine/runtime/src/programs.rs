//! Compiled definitions by revision.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use stepyard_asl::{Program, compile};
use stepyard_store::{Error, Store};
use uuid::Uuid;

/// Programs kept at the same time; the least recently used one makes place.
const PROGRAMS_MAX: usize = 1_000;

/// A cache of programs. A revision never changes, so an entry is never stale.
#[derive(Default)]
pub(crate) struct Programs {
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    programs: BTreeMap<Uuid, (Arc<Program>, u64)>,
    uses: u64,
}

impl Programs {
    /// The program of a revision, compiled when it is not there yet.
    ///
    /// # Errors
    /// Those of the store; [`Error::Corrupt`] when there is no such revision or it does not compile.
    pub(crate) async fn get(
        &self,
        store: &dyn Store,
        revision: Uuid,
    ) -> Result<Arc<Program>, Error> {
        if let Some(program) = self.cached(revision) {
            return Ok(program);
        }
        let what = || format!("revision {revision}");
        let row = store
            .get_revision(revision)
            .await?
            .ok_or_else(|| Error::Corrupt { what: what(), reason: "it does not exist".into() })?;
        let compilation = compile(&row.definition);
        let Some(program) = compilation.program else {
            let faults = compilation.diagnostics.iter().map(ToString::to_string);
            let reason = faults.collect::<Vec<_>>().join("; ");
            return Err(Error::Corrupt { what: what(), reason });
        };
        self.insert(revision, program.clone());
        Ok(program)
    }

    /// Keeps a program that was compiled elsewhere.
    fn insert(&self, revision: Uuid, program: Arc<Program>) {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.uses += 1;
        let used = cache.uses;
        cache.programs.insert(revision, (program, used));
        if cache.programs.len() > PROGRAMS_MAX {
            let oldest = cache.programs.iter().min_by_key(|(_, (_, used))| *used);
            if let Some(oldest) = oldest.map(|(revision, _)| *revision) {
                cache.programs.remove(&oldest);
            }
        }
    }

    fn cached(&self, revision: Uuid) -> Option<Arc<Program>> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.uses += 1;
        let now = cache.uses;
        let (program, used) = cache.programs.get_mut(&revision)?;
        *used = now;
        Some(program.clone())
    }
}
