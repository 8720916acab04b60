//! What an operator may count on: plain counters, read by the server.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use stepyard_machine::{Event, EventKind, ExecutionStatus};

use crate::express::{ExpressMetrics, ExpressSnapshot};
use crate::histogram::{Histogram, HistogramSnapshot};
use crate::notices::TargetSnapshot;

/// Counters since the start of the process.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    started: AtomicU64,
    redriven: AtomicU64,
    closed: [AtomicU64; ExecutionStatus::ALL.len()],
    transitions: AtomicU64,
    events: AtomicU64,
    dispatches: AtomicU64,
    commits: AtomicU64,
    commit_rows: AtomicU64,
    commit_duration: Histogram,
    timer_lateness: Histogram,
    commit_retries: AtomicU64,
    long_decisions: AtomicU64,
    quarantined: AtomicU64,
    removed: AtomicU64,
    in_memory: AtomicI64,
    forwarded: AtomicU64,
    tasks_waiting: AtomicI64,
    tasks_running: AtomicI64,
    pub(crate) express: ExpressMetrics,
}

/// The counters at one moment.
#[derive(Clone, Debug, Default)]
pub struct MetricsSnapshot {
    /// Executions started.
    pub started: u64,
    /// Executions redriven.
    pub redriven: u64,
    /// Executions ended, by status; one that is redriven ends again.
    pub closed: Vec<(ExecutionStatus, u64)>,
    /// States entered.
    pub transitions: u64,
    /// Events committed.
    pub events: u64,
    /// Tasks handed out.
    pub dispatches: u64,
    /// Transactions.
    pub commits: u64,
    /// Rows written by them.
    pub commit_rows: u64,
    /// How long they take.
    pub commit_duration: HistogramSnapshot,
    /// How much later than they were due timers have rung.
    pub timer_lateness: HistogramSnapshot,
    /// Transactions whose outcome was unknown at first.
    pub commit_retries: u64,
    /// Decisions that were made elsewhere because their JSONata takes long.
    pub long_decisions: u64,
    /// Executions set aside because their journal cannot be read.
    pub quarantined: u64,
    /// Executions removed because they ended longer ago than they are kept.
    pub removed: u64,
    /// Executions in memory: those in progress that do not sleep.
    pub in_memory: i64,
    /// Messages waiting for their shard.
    pub mailbox: usize,
    /// Batches waiting for the transaction before them.
    pub batches: usize,
    /// Tasks that wait for a place among those that run.
    pub tasks_waiting: i64,
    /// Tasks that run.
    pub tasks_running: i64,
    /// Shards that this node owns.
    pub shards: usize,
    /// Nodes that are alive, this one included.
    pub nodes: usize,
    /// Requests that were sent to other nodes.
    pub forwarded: u64,
    /// Those who are told of status changes.
    pub targets: Vec<TargetSnapshot>,
    /// Express executions, which the other numbers of executions leave out.
    pub express: ExpressSnapshot,
}

impl Metrics {
    pub(crate) fn committed(&self, events: &[Event]) {
        add(&self.events, events.len() as u64);
        for event in events {
            match &event.kind {
                EventKind::ExecutionStarted { .. } => add(&self.started, 1),
                EventKind::StateEntered { .. } => add(&self.transitions, 1),
                EventKind::ExecutionRedriven { .. } => add(&self.redriven, 1),
                other => other.end_status().into_iter().for_each(|status| self.closed(status)),
            }
        }
    }

    /// States entered by an Express execution.
    pub(crate) fn entered(&self, states: u64) {
        add(&self.transitions, states);
    }

    fn closed(&self, status: ExecutionStatus) {
        for (counted, counter) in ExecutionStatus::ALL.iter().zip(&self.closed) {
            add(counter, u64::from(*counted == status));
        }
    }

    pub(crate) fn commit(&self, rows: usize, took: Duration) {
        add(&self.commits, 1);
        add(&self.commit_rows, rows as u64);
        self.commit_duration.record(took);
    }

    pub(crate) fn timer_rang(&self, late: Duration) {
        self.timer_lateness.record(late);
    }

    pub(crate) fn task_waits(&self) -> Counted<'_> {
        Counted::new(&self.tasks_waiting)
    }

    pub(crate) fn task_runs(&self) -> Counted<'_> {
        Counted::new(&self.tasks_running)
    }

    pub(crate) fn commit_retried(&self) {
        add(&self.commit_retries, 1);
    }

    pub(crate) fn dispatched(&self) {
        add(&self.dispatches, 1);
    }

    pub(crate) fn thought(&self) {
        add(&self.long_decisions, 1);
    }

    pub(crate) fn quarantined(&self) {
        add(&self.quarantined, 1);
    }

    pub(crate) fn removed(&self, executions: usize) {
        add(&self.removed, executions as u64);
    }

    pub(crate) fn forwarded(&self) {
        add(&self.forwarded, 1);
    }

    pub(crate) fn in_memory_changed(&self, by: i64) {
        self.in_memory.fetch_add(by, Ordering::Relaxed);
    }

    /// The counters now; queues are not counted here.
    pub(crate) fn snapshot(&self) -> MetricsSnapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        MetricsSnapshot {
            started: read(&self.started),
            redriven: read(&self.redriven),
            closed: ExecutionStatus::ALL.into_iter().zip(self.closed.iter().map(read)).collect(),
            transitions: read(&self.transitions),
            events: read(&self.events),
            dispatches: read(&self.dispatches),
            commits: read(&self.commits),
            commit_rows: read(&self.commit_rows),
            commit_duration: self.commit_duration.snapshot(),
            timer_lateness: self.timer_lateness.snapshot(),
            commit_retries: read(&self.commit_retries),
            long_decisions: read(&self.long_decisions),
            quarantined: read(&self.quarantined),
            removed: read(&self.removed),
            in_memory: self.in_memory.load(Ordering::Relaxed),
            mailbox: 0,
            batches: 0,
            tasks_waiting: self.tasks_waiting.load(Ordering::Relaxed),
            tasks_running: self.tasks_running.load(Ordering::Relaxed),
            shards: 0,
            nodes: 0,
            forwarded: read(&self.forwarded),
            targets: Vec::new(),
            express: self.express.snapshot(),
        }
    }
}

fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

/// One of those that a gauge counts, until it is dropped, be that because its future is.
pub(crate) struct Counted<'a>(&'a AtomicI64);

impl Counted<'_> {
    fn new(gauge: &AtomicI64) -> Counted<'_> {
        gauge.fetch_add(1, Ordering::Relaxed);
        Counted(gauge)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
