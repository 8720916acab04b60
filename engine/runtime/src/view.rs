//! An execution as it is committed: its row, with what only the journal knows.

use std::sync::Arc;

use stepyard_json::Payload;
use stepyard_machine::{Event, EventKind, StartContext, Text};
use stepyard_store::{Error, ExecutionRow, Store, codec};

/// What DescribeExecution shows.
#[derive(Clone, Debug)]
pub struct ExecutionView {
    /// Its row.
    pub row: ExecutionRow,
    /// ARNs and names.
    pub context: Arc<StartContext>,
    /// Its input.
    pub input: Payload,
    /// Its output, when it has succeeded.
    pub output: Option<Payload>,
    /// The error it ended with.
    pub error: Text,
    /// The cause of that error.
    pub cause: Text,
}

impl ExecutionView {
    /// Reads the first chunk of the journal, and the last one when the execution has ended.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn load(store: &dyn Store, row: ExecutionRow) -> Result<ExecutionView, Error> {
        let first = edge(store, &row, 1, false).await?;
        let Some(EventKind::ExecutionStarted { context, input, .. }) =
            first.first().map(|event| event.kind.clone())
        else {
            return Err(Error::Corrupt {
                what: format!("journal of execution {}", row.id.0),
                reason: "it does not begin with ExecutionStarted".into(),
            });
        };
        let mut view = ExecutionView::started(row, context, input);
        if view.row.stopped_at.is_none() {
            return Ok(view);
        }
        let in_one_chunk = first.into_iter().next_back().filter(|last| last.kind.is_terminal());
        let last = match in_one_chunk {
            Some(last) => Some(last),
            None => edge(store, &view.row, u64::MAX, true).await?.pop(),
        };
        if let Some(last) = last {
            view.end(&last);
        }
        Ok(view)
    }

    /// One that has started.
    pub(crate) fn started(
        row: ExecutionRow,
        context: Arc<StartContext>,
        input: Payload,
    ) -> ExecutionView {
        ExecutionView { row, context, input, output: None, error: None, cause: None }
    }

    /// Adds what its last event tells.
    pub(crate) fn end(&mut self, last: &Event) {
        match &last.kind {
            EventKind::ExecutionSucceeded { output } => self.output = Some(output.clone()),
            EventKind::ExecutionFailed { error, cause }
            | EventKind::ExecutionTimedOut { error, cause }
            | EventKind::ExecutionAborted { error, cause } => {
                (self.error, self.cause) = (error.clone(), cause.clone());
            }
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
