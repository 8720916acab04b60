//! Taking up executions from their journals.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use stepyard_machine::Execution;
use stepyard_store::{Error, ExecutionRow, ShardId, codec};

use crate::active::Active;
use crate::shard::Shared;

/// Executions read at a time.
const PAGE: usize = 256;

/// All open executions of a shard, folded. One whose journal cannot be read is set aside: it is
/// logged and counted, and the others go on.
pub(crate) async fn open_executions(shared: &Shared, shard: ShardId) -> Result<Vec<Active>, Error> {
    let mut folded = Vec::new();
    let mut after = None;
    loop {
        let rows = shared.store.open_executions(shard, after, PAGE).await?;
        for row in &rows {
            // A panic is a fault of this program: it costs this execution only.
            let fold = AssertUnwindSafe(fold(shared, row)).catch_unwind();
            match fold.await.unwrap_or_else(|_| Err(panicked(row))) {
                Ok(active) => folded.push(active),
                Err(Error::Corrupt { what, reason }) => {
                    shared.metrics.quarantined();
                    tracing::error!(
                        state_machine = %row.state_machine_arn,
                        execution = %row.name,
                        what,
                        reason,
                        "an execution cannot be taken up and is left as it is"
                    );
                }
                Err(error) => return Err(error),
            }
        }
        if rows.len() < PAGE {
            return Ok(folded);
        }
        after = rows.last().map(|row| row.id);
        tracing::info!(shard = shard.0, executions = folded.len(), "taking up executions");
    }
}

fn panicked(row: &ExecutionRow) -> Error {
    let what = format!("journal of execution {}", row.id.0);
    Error::Corrupt { what, reason: "reading it makes this program panic".into() }
}

async fn fold(shared: &Shared, row: &ExecutionRow) -> Result<Active, Error> {
    let program = shared.programs.get(&*shared.store, row.revision).await?;
    let mut execution = Execution::new();
    for chunk in shared.store.load_journal(row.shard, row.id).await? {
        if chunk.first_event != execution.event_count() {
            let what = format!("journal of execution {}", row.id.0);
            let expected = execution.event_count();
            let reason = format!("event {expected} expected, {} found", chunk.first_event);
            return Err(Error::Corrupt { what, reason });
        }
        for event in codec::decode(&chunk.body)? {
            execution.apply(&event);
        }
    }
    Ok(Active::folded(row.id, row.revision, program, execution))
}
