//! Counters of Express executions.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use stepyard_machine::ExecutionStatus;

use super::Billing;
use crate::histogram::{Histogram, HistogramSnapshot};

/// Counters since the start of the process.
#[derive(Debug, Default)]
pub(crate) struct ExpressMetrics {
    started: AtomicU64,
    throttled: AtomicU64,
    closed: [AtomicU64; ExecutionStatus::ALL.len()],
    duration: Histogram,
    billed_millis: AtomicU64,
    histories_kept: AtomicU64,
    histories_lost: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Debug, Default)]
pub struct ExpressSnapshot {
    /// Executions started.
    pub started: u64,
    /// Starts refused because too many run, or hold too much data.
    pub throttled: u64,
    /// Executions ended, by status.
    pub closed: Vec<(ExecutionStatus, u64)>,
    /// How long they took.
    pub duration: HistogramSnapshot,
    /// Milliseconds that AWS would have charged for.
    pub billed_millis: u64,
    /// Histories written.
    pub histories_kept: u64,
    /// Histories that should have been written and were not.
    pub histories_lost: u64,
    /// Executions that run.
    pub running: usize,
    /// Bytes of data that they hold.
    pub data_bytes: usize,
}

impl ExpressMetrics {
    pub(super) fn started(&self) {
        add(&self.started, 1);
    }

    pub(super) fn throttled(&self) {
        add(&self.throttled, 1);
    }

    pub(super) fn closed(&self, status: ExecutionStatus, took: Duration, billing: Billing) {
        let counters = ExecutionStatus::ALL.iter().zip(&self.closed);
        for (_, counter) in counters.filter(|(counted, _)| **counted == status) {
            add(counter, 1);
        }
        self.duration.record(took);
        add(&self.billed_millis, billing.duration_millis);
    }

    pub(super) fn histories_kept(&self, count: usize) {
        add(&self.histories_kept, count as u64);
    }

    pub(super) fn histories_lost(&self, count: usize) {
        add(&self.histories_lost, count as u64);
    }

    /// The counters now; what runs is not counted here.
    pub(crate) fn snapshot(&self) -> ExpressSnapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ExpressSnapshot {
            started: read(&self.started),
            throttled: read(&self.throttled),
            closed: ExecutionStatus::ALL.into_iter().zip(self.closed.iter().map(read)).collect(),
            duration: self.duration.snapshot(),
            billed_millis: read(&self.billed_millis),
            histories_kept: read(&self.histories_kept),
            histories_lost: read(&self.histories_lost),
            running: 0,
            data_bytes: 0,
        }
    }
}

fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
