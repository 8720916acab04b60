//! Histories of Express executions: gathered while one runs, written after its end.
//!
//! No execution waits for its history. What all of them hold is bounded by bytes, what waits to be written by its
//! number, too; a history that finds no room is lost, which is counted.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use stepyard_json::Payload;
use stepyard_machine::{Event, EventKind, ExecutionStatus, StartContext};
use stepyard_store::{
    COMMIT_BYTES_MAX, COMMIT_ROWS_MAX, ClosedExpress, Error, ExecutionRow, codec,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::shard::Shared;

/// Most events of a history that is kept, as many as a Standard execution may have.
const EVENTS_MAX: usize = 25_000;

/// Most bytes of a history that is kept, roughly.
const BYTES_MAX: usize = 4 << 20;

/// Most bytes of all histories that are gathered or wait to be written, roughly.
const ALL_BYTES_MAX: usize = 128 << 20;

/// What an event takes beside its data, in bytes and roughly.
const EVENT_BYTES: usize = 256;

/// Histories that may wait to be written.
const QUEUE_MAX: usize = 16_384;

/// The pause before a write is tried again that has failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Which Express executions leave a history in the store. Child executions of Map Runs leave none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExpressHistory {
    /// None of them.
    None,
    /// Those that do not succeed.
    #[default]
    Failures,
    /// All of them.
    All,
}

impl ExpressHistory {
    fn keeps(self, status: ExecutionStatus) -> bool {
        match self {
            ExpressHistory::None => false,
            ExpressHistory::Failures => status != ExecutionStatus::Succeeded,
            ExpressHistory::All => true,
        }
    }
}

impl FromStr for ExpressHistory {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<ExpressHistory, &'static str> {
        match text {
            "none" => Ok(ExpressHistory::None),
            "failures" => Ok(ExpressHistory::Failures),
            "all" => Ok(ExpressHistory::All),
            _ => Err("it must be none, failures or all"),
        }
    }
}

/// What the histories of a process share.
pub(crate) struct Histories {
    kept: ExpressHistory,
    bytes: AtomicUsize,
    queue: mpsc::Sender<Ended>,
    /// Set when no more come.
    closing: CancellationToken,
}

/// Histories, and who writes them.
pub(crate) fn histories(shared: Arc<Shared>, kept: ExpressHistory) -> (Arc<Histories>, Recorder) {
    let (sender, queue) = mpsc::channel(QUEUE_MAX);
    let closing = CancellationToken::new();
    let recorder = Recorder { shared, queue, closing: closing.clone() };
    let histories = Histories { kept, bytes: AtomicUsize::new(0), queue: sender, closing };
    (Arc::new(histories), recorder)
}

impl Histories {
    /// Begins that of an execution, unless none is wanted.
    pub(super) fn begin(self: &Arc<Self>, context: &StartContext) -> Option<History> {
        let is_wanted = self.kept != ExpressHistory::None && context.child_of.is_none();
        is_wanted.then(|| History {
            histories: self.clone(),
            events: Vec::new(),
            last_data: None,
            bytes: 0,
            is_lost: false,
        })
    }

    /// Says that no more come: the recorder ends when it has written those that wait.
    pub(super) fn close(&self) {
        self.closing.cancel();
    }
}

/// What one execution has done so far.
pub(super) struct History {
    histories: Arc<Histories>,
    events: Vec<Event>,
    /// The data that the last event with data holds; most events hold what the one before them does.
    last_data: Option<usize>,
    bytes: usize,
    /// There was no room for all of it.
    is_lost: bool,
}

impl History {
    /// Adds what has just happened, as long as there is room.
    pub(super) fn add(&mut self, mut events: Vec<Event>) {
        if self.is_lost {
            return;
        }
        let before = self.bytes;
        for event in &events {
            self.bytes += EVENT_BYTES + words(&event.kind);
            for data in data(&event.kind) {
                if self.last_data.replace(data.address()) != Some(data.address()) {
                    // What has no text of its own is a part of something that has one.
                    self.bytes += data.text_len().unwrap_or(0);
                }
            }
        }
        self.events.append(&mut events);
        let added = self.bytes - before;
        let all = self.histories.bytes.fetch_add(added, Ordering::Relaxed) + added;
        if self.events.len() > EVENTS_MAX || self.bytes > BYTES_MAX || all > ALL_BYTES_MAX {
            self.lose();
        }
    }

    fn lose(&mut self) {
        self.is_lost = true;
        self.events = Vec::new();
        self.histories.bytes.fetch_sub(std::mem::take(&mut self.bytes), Ordering::Relaxed);
    }

    /// Hands it over to be written, if it is one that is kept. False when it is lost.
    pub(super) fn end(self, row: ExecutionRow) -> bool {
        if !self.histories.kept.keeps(row.status) {
            return true;
        }
        let queue = self.histories.queue.clone();
        !self.is_lost && queue.try_send(Ended { row, history: self }).is_ok()
    }
}

/// Gives its room back.
impl Drop for History {
    fn drop(&mut self) {
        self.histories.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The data that an event of an Express execution holds.
fn data(kind: &EventKind) -> impl Iterator<Item = &Payload> {
    let data = match kind {
        EventKind::ExecutionStarted { input, .. }
        | EventKind::StateEntered { input, .. }
        | EventKind::ParallelStateStarted { input, .. }
        | EventKind::MapIterationStarted { input, .. } => [Some(input), None],
        EventKind::ExecutionSucceeded { output } | EventKind::TaskSucceeded { output, .. } => {
            [Some(output), None]
        }
        EventKind::StateExited { output, assigned, .. } => [Some(output), assigned.as_ref()],
        EventKind::TaskScheduled { parameters, .. } => [Some(parameters), None],
        EventKind::MapStateStarted { input, items, .. } => [Some(input), Some(items)],
        _ => [None, None],
    };
    data.into_iter().flatten()
}

/// Bytes of the error and the cause that an event of an Express execution tells.
fn words(kind: &EventKind) -> usize {
    let (EventKind::TaskFailed { error, cause, .. }
    | EventKind::TaskTimedOut { error, cause, .. }
    | EventKind::ExecutionFailed { error, cause }
    | EventKind::ExecutionTimedOut { error, cause }
    | EventKind::ExecutionAborted { error, cause }) = kind
    else {
        return 0;
    };
    [error, cause].into_iter().flatten().map(|text| text.len()).sum()
}

/// An execution that has ended, whose history is to be written.
struct Ended {
    row: ExecutionRow,
    history: History,
}

impl Ended {
    fn closed(&self) -> ClosedExpress {
        ClosedExpress { row: self.row.clone(), journal: codec::encode(&self.history.events, 1) }
    }
}

/// Writes histories, as many at a time as have gathered.
pub(crate) struct Recorder {
    shared: Arc<Shared>,
    queue: mpsc::Receiver<Ended>,
    closing: CancellationToken,
}

impl Recorder {
    /// Runs until no more come and all are written.
    pub(crate) async fn run(mut self) {
        loop {
            let batch = self.next_batch().await;
            if batch.is_empty() {
                return;
            }
            self.write(&batch).await;
        }
    }

    /// Empty when no more come.
    async fn next_batch(&mut self) -> Vec<Ended> {
        let first = tokio::select! {
            biased;
            ended = self.queue.recv() => ended,
            () = self.closing.cancelled() => None,
        };
        let mut batch: Vec<_> = first.into_iter().collect();
        let mut bytes: usize = batch.iter().map(|ended| ended.history.bytes).sum();
        while (1..COMMIT_ROWS_MAX).contains(&batch.len())
            && bytes < COMMIT_BYTES_MAX
            && let Ok(ended) = self.queue.try_recv()
        {
            bytes += ended.history.bytes;
            batch.push(ended);
        }
        batch
    }

    /// Tries until the store takes them, or refuses them, or there is no time left.
    async fn write(&self, batch: &[Ended]) {
        let Shared { store, clock, metrics, stopping, .. } = &*self.shared;
        let closed: Vec<_> = batch.iter().map(Ended::closed).collect();
        loop {
            match store.keep_express(&closed).await {
                Ok(()) => return metrics.express.histories_kept(closed.len()),
                Err(Error::Unavailable(_)) if !stopping.is_cancelled() => tokio::select! {
                    biased;
                    () = stopping.cancelled() => {}
                    () = clock.sleep(PAUSE) => {}
                },
                Err(error) => {
                    tracing::warn!(%error, "histories of Express executions are lost");
                    return metrics.express.histories_lost(closed.len());
                }
            }
        }
    }
}
