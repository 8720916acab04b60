//! What is kept of Express executions: each row against the journal that it holds.

use std::sync::Arc;

use stepyard_asl::Program;
use stepyard_machine::{Execution, audit};

use super::{Check, Counts, Doctor, Examined, Finding, PAGE, caught, revision, row, unreadable};
use crate::{ClosedExpress, Error, ExecutionId, ShardId, codec};

impl Doctor<'_> {
    pub(super) async fn examine_express(
        &mut self,
        shard: ShardId,
        seen: &mut impl FnMut(Examined),
    ) -> Result<Counts, Error> {
        let (mut counts, mut after) = (Counts::default(), None);
        loop {
            let page = match self.database.express(shard, after, PAGE).await {
                Err(Error::Corrupt { what, reason }) => {
                    seen(unreadable(shard, &what, &reason));
                    return Ok(counts);
                }
                page => page?,
            };
            let Some((last, _)) = page.last() else { return Ok(counts) };
            after = Some(*last);
            for (id, stored) in page {
                counts.executions += 1;
                match self.look_at_express(stored).await? {
                    Ok(events) => counts.events += events,
                    Err(detail) => seen(damaged(shard, id, detail)),
                }
            }
        }
    }

    /// How many events it has, or what is wrong with it.
    async fn look_at_express(
        &mut self,
        stored: Result<ClosedExpress, Error>,
    ) -> Result<Result<u64, String>, Error> {
        let closed = match stored {
            Ok(closed) => closed,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let program = self.program(closed.row.revision).await?;
        Ok(caught(|| look(&closed, &program)).and_then(|looked| looked))
    }
}

fn look(closed: &ClosedExpress, program: &Result<Arc<Program>, String>) -> Result<u64, String> {
    let events = codec::decode(&closed.journal).map_err(|error| error.to_string())?;
    let program = revision::program_of(&events, program)?;
    audit(program, &events).map_err(|fault| fault.to_string())?;
    let state = Execution::replay(&events);
    if !state.is_closed() {
        return Err("its journal has no end".into());
    }
    row::says_what_the_journal_says(&closed.row, &state)?;
    row::lies_in_its_shard(&closed.row)?;
    Ok(events.len() as u64)
}

fn damaged(shard: ShardId, id: ExecutionId, detail: String) -> Examined {
    let finding =
        Finding { execution: Some(id), ..Finding::of_shard(Check::Express, shard, detail) };
    Examined { row: None, events: Vec::new(), findings: vec![finding] }
}
