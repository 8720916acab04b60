//! The numbers that stand for the ARNs of state machines.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::pool::Pool;
use crate::Error;

/// Two that take the same number at the same time: one fails and takes the next.
const REGISTER: &str = "INSERT INTO machine (machine_id, arn) \
    SELECT coalesce(max(machine_id), 0) + 1, $1 FROM machine ON CONFLICT (arn) DO NOTHING";

/// ARNs that are known to have a number, which they keep for ever.
#[derive(Default)]
pub(super) struct Machines {
    known: Mutex<BTreeSet<Arc<str>>>,
}

impl Machines {
    /// Gives a number to each ARN that has none.
    pub(super) async fn register<'a>(
        &self,
        pool: &Pool,
        arns: impl Iterator<Item = &'a Arc<str>>,
    ) -> Result<(), Error> {
        let unknown: BTreeSet<Arc<str>> = {
            let known = self.known();
            arns.filter(|arn| !known.contains(*arn)).cloned().collect()
        };
        for arn in unknown {
            register_one(pool, &arn).await?;
            self.known().insert(arn);
        }
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, BTreeSet<Arc<str>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn register_one(pool: &Pool, arn: &str) -> Result<(), Error> {
    loop {
        match pool.execute(sqlx::query(REGISTER).bind(arn)).await {
            Ok(_) => return Ok(()),
            Err(Error::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
    }
}
