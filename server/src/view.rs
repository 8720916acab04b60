//! An execution as it is committed: its row, with what only the journal knows.

use std::sync::Arc;

use stepyard_json::Payload;
use stepyard_machine::{Event, EventKind, StartContext, Text};
use stepyard_store::{Error, ExecutionRow, Store, codec};

/// What DescribeExecution shows.
pub(crate) struct ExecutionView {
    pub(crate) row: ExecutionRow,
    pub(crate) context: Arc<StartContext>,
    pub(crate) input: Payload,
    pub(crate) output: Option<Payload>,
    pub(crate) error: Text,
    pub(crate) cause: Text,
}

impl ExecutionView {
    /// Reads the first chunk of the journal, and the last one when the execution has ended.
    pub(crate) async fn load(store: &dyn Store, row: ExecutionRow) -> Result<ExecutionView, Error> {
        let started = edge(store, &row, 1, false).await?.into_iter().next();
        let Some(EventKind::ExecutionStarted { context, input, .. }) =
            started.map(|event| event.kind)
        else {
            return Err(Error::Corrupt {
                what: format!("journal of execution {}", row.id.0),
                reason: "it does not begin with ExecutionStarted".into(),
            });
        };
        let mut view =
            ExecutionView { context, input, output: None, error: None, cause: None, row };
        if view.row.stopped_at.is_some() {
            let last = edge(store, &view.row, u64::MAX, true).await?.pop();
            view.end(last.map(|event| event.kind));
        }
        Ok(view)
    }

    fn end(&mut self, last: Option<EventKind>) {
        match last {
            Some(EventKind::ExecutionSucceeded { output }) => self.output = Some(output),
            Some(
                EventKind::ExecutionFailed { error, cause }
                | EventKind::ExecutionTimedOut { error, cause }
                | EventKind::ExecutionAborted { error, cause },
            ) => (self.error, self.cause) = (error, cause),
            _ => {}
        }
    }
}

/// The events of the chunk at one edge of a journal.
async fn edge(
    store: &dyn Store,
    row: &ExecutionRow,
    from: u64,
    descending: bool,
) -> Result<Vec<Event>, Error> {
    let chunks = store.journal_page(row.shard, row.id, from, descending, 1).await?;
    chunks.first().map_or(Ok(Vec::new()), |chunk| codec::decode(&chunk.body))
}
