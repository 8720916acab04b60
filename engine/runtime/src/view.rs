//! An execution as it is committed: its row, with what only the journal knows.

use std::sync::Arc;

use stepyard_asl::Timestamp;
use stepyard_json::Payload;
use stepyard_machine::{
    Event, EventId, EventKind, NotRedrivable, RedriveSubject, StartContext, Text,
};
use stepyard_store::{ClosedExpress, Error, ExecutionRow, ReadLimit, Store, codec};

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
    /// Id of its last event, when it has ended.
    pub(crate) last_event_id: EventId,
}

impl ExecutionView {
    /// Reads the first chunk of the journal, and the last one when the execution has ended. One that is redriven meanwhile is
    /// shown as it is then; `None`: it was removed meanwhile.
    ///
    /// # Errors
    /// Those of the store; [`Error::Corrupt`] also when the journal contradicts the row.
    pub async fn load(
        store: &dyn Store,
        mut row: ExecutionRow,
    ) -> Result<Option<ExecutionView>, Error> {
        loop {
            let contradiction = match ExecutionView::read(store, row.clone()).await {
                Err(error @ Error::Corrupt { .. }) => error,
                read => return read.map(Some),
            };
            match store.get_execution(row.shard, row.id).await? {
                None => return Ok(None),
                Some(now) if now == row => return Err(contradiction),
                Some(now) => row = now,
            }
        }
    }

    /// The same, when row and journal are of one moment.
    async fn read(store: &dyn Store, row: ExecutionRow) -> Result<ExecutionView, Error> {
        let first = edge(store, &row, 1, false).await?;
        let mut view = ExecutionView::begun(row, &first)?;
        if view.row.stopped_at.is_none() {
            return Ok(view);
        }
        // One that was redriven has ended more than once.
        let last = match view.row.redriven.is_none() && view.has_ended_with(&first) {
            true => first,
            false => edge(store, &view.row, u64::MAX, true).await?,
        };
        if !view.has_ended_with(&last) {
            return Err(contradiction(&view.row, "it does not end as its row tells"));
        }
        view.end(last);
        Ok(view)
    }

    /// Whether the last of these events is the end that its row tells of.
    fn has_ended_with(&self, events: &[Event]) -> bool {
        let end = events.last().filter(|last| last.kind.is_terminal());
        end.is_some_and(|end| Some(end.at) == self.row.stopped_at)
    }

    /// An Express execution of which a history is kept.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when its journal cannot be read.
    pub fn of_express(closed: ClosedExpress) -> Result<ExecutionView, Error> {
        let events = codec::decode(&closed.journal)?;
        let mut view = ExecutionView::begun(closed.row, &events)?;
        view.end(events);
        Ok(view)
    }

    /// What its first event tells.
    fn begun(row: ExecutionRow, events: &[Event]) -> Result<ExecutionView, Error> {
        match events.first().map(|event| &event.kind) {
            Some(EventKind::ExecutionStarted { context, input, .. }) => {
                Ok(ExecutionView::started(row, context.clone(), input.clone()))
            }
            _ => Err(contradiction(&row, "it does not begin with ExecutionStarted")),
        }
    }

    /// Whether it can be redriven at that time.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn check_redrive(&self, now: Timestamp) -> Result<(), NotRedrivable> {
        let subject = RedriveSubject {
            status: self.row.status,
            started_at: self.row.started_at,
            stopped_at: self.row.stopped_at,
            last_event_id: self.last_event_id,
            limits: self.context.limits,
        };
        subject.check(now)
    }

    /// One that has started.
    pub(crate) fn started(
        row: ExecutionRow,
        context: Arc<StartContext>,
        input: Payload,
    ) -> ExecutionView {
        let (output, error, cause) = (None, None, None);
        let last_event_id = EventId::NONE;
        ExecutionView { row, context, input, output, error, cause, last_event_id }
    }

    /// Adds what its last event tells.
    fn end(&mut self, mut events: Vec<Event>) {
        let Some(last) = events.pop() else { return };
        self.last_event_id = last.id;
        match last.kind {
            EventKind::ExecutionSucceeded { output } => self.output = Some(output),
            EventKind::ExecutionFailed { error, cause }
            | EventKind::ExecutionTimedOut { error, cause }
            | EventKind::ExecutionAborted { error, cause } => {
                (self.error, self.cause) = (error, cause);
            }
            _ => {}
        }
    }
}

/// What a journal tells that cannot be true.
fn contradiction(row: &ExecutionRow, reason: &str) -> Error {
    Error::Corrupt { what: format!("journal of execution {}", row.id.0), reason: reason.into() }
}

/// The events of the chunk at one edge of a journal.
async fn edge(
    store: &dyn Store,
    row: &ExecutionRow,
    from: u64,
    descending: bool,
) -> Result<Vec<Event>, Error> {
    let chunks =
        store.journal_page(row.shard, row.id, from, descending, ReadLimit::of_chunks(1)).await?;
    chunks.first().map_or(Ok(Vec::new()), |chunk| codec::decode(&chunk.body))
}
