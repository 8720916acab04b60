//! Taking up executions from their journals.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use stepyard_asl::Timestamp;
use stepyard_machine::Execution;
use stepyard_store::{Chunk, DuePlace, Error, ExecutionRow, ReadLimit, ShardId, codec};

use crate::active::Active;
use crate::shard::Shared;

/// Executions read at a time.
const PAGE: usize = 256;

/// Some open executions of a shard, folded.
pub(crate) struct DuePage {
    pub(crate) executions: Vec<Active>,
    /// The place of the last one, if there are more.
    pub(crate) more_after: Option<DuePlace>,
}

/// Open executions that do not sleep beyond `until`, after a place. One whose journal cannot be read
/// is set aside, and the others go on.
pub(crate) async fn due_executions(
    shared: &Shared,
    shard: ShardId,
    after: Option<DuePlace>,
    until: Timestamp,
) -> Result<DuePage, Error> {
    let rows = shared.store.due_executions(shard, after, until, PAGE).await?;
    let mut executions = Vec::new();
    for row in &rows {
        executions.extend(take_up(shared, row).await?);
    }
    let more_after = rows.last().filter(|_| rows.len() == PAGE).map(ExecutionRow::due_place);
    Ok(DuePage { executions, more_after })
}

/// An execution from its journal; `None`, logged and counted, when that cannot be read.
pub(crate) async fn take_up(shared: &Shared, row: &ExecutionRow) -> Result<Option<Active>, Error> {
    // A panic is a fault of this program: it costs this execution only.
    let fold = AssertUnwindSafe(fold(shared, row)).catch_unwind();
    match fold.await.unwrap_or_else(|_| Err(panicked(row))) {
        Ok(active) => Ok(Some(active)),
        Err(Error::Corrupt { what, reason }) => {
            shared.metrics.quarantined();
            tracing::error!(
                state_machine = %row.state_machine_arn,
                execution = %row.name,
                what,
                reason,
                "an execution cannot be taken up and is left as it is"
            );
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn panicked(row: &ExecutionRow) -> Error {
    let what = format!("journal of execution {}", row.id.0);
    Error::Corrupt { what, reason: "reading it makes this program panic".into() }
}

async fn fold(shared: &Shared, row: &ExecutionRow) -> Result<Active, Error> {
    let program = shared.programs.get(&*shared.store, row.revision).await?;
    let mut execution = Execution::new().with_tokens(shared.tokens(row.shard, row.id));
    loop {
        let from = execution.event_count();
        let chunks = shared.store.journal_from(row.shard, row.id, from, ReadLimit::PIECE).await?;
        for chunk in &chunks {
            take_in(row, &mut execution, chunk)?;
        }
        if !ReadLimit::PIECE.is_reached(&chunks) {
            break;
        }
    }
    Ok(Active::folded(row, program, execution))
}

fn take_in(row: &ExecutionRow, execution: &mut Execution, chunk: &Chunk) -> Result<(), Error> {
    let expected = execution.event_count();
    if chunk.first_event != expected {
        let what = format!("journal of execution {}", row.id.0);
        let reason = format!("event {expected} expected, {} found", chunk.first_event);
        return Err(Error::Corrupt { what, reason });
    }
    for event in codec::decode(&chunk.body)? {
        execution.apply(&event);
    }
    Ok(())
}
