//! Express executions: run in memory from start to end. What is written of them is written after their end.
//!
//! Each one is a task of its own that owns its execution, so that nothing is locked and nobody waits for a
//! commit. What they share are counters: how many they are, and how much data they hold. They use the same
//! machine and the same task runner as the shards; a crash ends them, as AWS may.

mod billing;
mod execution;
mod history;
mod metrics;
mod places;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use billing::Billing;
use execution::Running;
pub use history::ExpressHistory;
pub(crate) use history::{Histories, histories};
pub(crate) use metrics::ExpressMetrics;
pub use metrics::ExpressSnapshot;
use places::Places;
use stepyard_asl::{Program, Timestamp};
use stepyard_json::Payload;
use stepyard_machine::{ExecutionStatus, StartContext, Text};
use stepyard_store::ExecutionId;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::thinking::Thinkers;
use crate::{Clock, Entropy, Logging, Metrics, StartError, TaskRunner};

/// How long executions that are cut off may take to say so.
const CUT_OFF_GRACE: Duration = Duration::from_secs(1);

/// A start of an Express execution.
pub struct StartExpress {
    /// Key of the execution, part of its ARN.
    pub id: ExecutionId,
    /// ARNs and names, and whether somebody waits for the end.
    pub context: Arc<StartContext>,
    /// The revision that it runs.
    pub revision: Uuid,
    /// The program of that revision.
    pub program: Arc<Program>,
    /// Input.
    pub input: Payload,
    /// What its state machine wants to be logged.
    pub logging: Logging,
    /// Set when nobody needs it any more: it is aborted then.
    pub cancellation: CancellationToken,
}

/// How an Express execution has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpressEnd {
    /// Its status; ABORTED when this process has ended it.
    pub status: ExecutionStatus,
    /// Its output, when it has succeeded.
    pub output: Option<Payload>,
    /// The error it ended with.
    pub error: Text,
    /// The cause of that error.
    pub cause: Text,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub stopped_at: Timestamp,
    /// What AWS would charge for.
    pub billing: Billing,
}

/// The Express executions of this process.
pub(crate) struct Express {
    surroundings: Arc<Surroundings>,
    /// Those that have not ended with their first decision.
    running: TaskTracker,
    /// Set when no more are taken.
    is_ending: AtomicBool,
}

/// What Express executions share.
struct Surroundings {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    runner: Arc<dyn TaskRunner>,
    /// Bounds the tasks that run at the same time in this process, those of the shards included.
    task_places: Arc<Semaphore>,
    metrics: Arc<Metrics>,
    thinkers: Thinkers,
    places: Places,
    histories: Arc<Histories>,
    /// Set when those that run are not waited for any more.
    cut_off: CancellationToken,
}

impl Express {
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        runner: Arc<dyn TaskRunner>,
        task_places: Arc<Semaphore>,
        metrics: Arc<Metrics>,
        thinkers: Thinkers,
        histories: Arc<Histories>,
    ) -> Express {
        let (places, cut_off) = (Places::default(), CancellationToken::new());
        let surroundings = Surroundings {
            clock,
            entropy,
            runner,
            task_places,
            metrics,
            thinkers,
            places,
            histories,
            cut_off,
        };
        Express {
            surroundings: Arc::new(surroundings),
            running: TaskTracker::new(),
            is_ending: AtomicBool::new(false),
        }
    }

    /// Starts an execution and leaves it to itself; returns when it started.
    pub(crate) fn start(&self, start: StartExpress) -> Result<Timestamp, StartError> {
        let running = self.begin(start)?;
        let started_at = running.started_at();
        match running.has_ended() {
            true => drop(running.end()),
            false => drop(self.running.spawn(running.run())),
        }
        Ok(started_at)
    }

    /// Starts an execution and waits for its end. It goes on to its end also when nobody waits any more.
    pub(crate) async fn run(&self, start: StartExpress) -> Result<ExpressEnd, StartError> {
        let running = self.begin(start)?;
        if running.has_ended() {
            return Ok(running.end());
        }
        let ended = self.running.spawn(running.run()).await;
        ended.map_err(|_| StartError::Unavailable("the execution was lost".into()))
    }

    fn begin(&self, start: StartExpress) -> Result<Running, StartError> {
        if self.is_ending() {
            return Err(StartError::Unavailable("the server is shutting down".into()));
        }
        let Some(place) = Places::take(&self.surroundings, start.input.len()) else {
            self.surroundings.metrics.express.throttled();
            return Err(StartError::Throttled);
        };
        Ok(Running::begin(self.surroundings.clone(), place, start))
    }

    /// Takes no new executions, gives those that run that long to end, and cuts them off then.
    pub(crate) async fn end(&self, grace: Duration) {
        self.end_running(grace).await;
        self.surroundings.histories.close();
    }

    async fn end_running(&self, grace: Duration) {
        self.is_ending.store(true, Ordering::Relaxed);
        self.running.close();
        let clock = &self.surroundings.clock;
        tokio::select! {
            biased;
            () = self.running.wait() => return,
            () = clock.sleep(grace) => self.surroundings.cut_off.cancel(),
        }
        tokio::select! {
            biased;
            () = self.running.wait() => {}
            () = clock.sleep(CUT_OFF_GRACE) => tracing::warn!("Express executions were cut off"),
        }
    }

    /// Whether no more are taken.
    pub(crate) fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Relaxed)
    }

    /// How many run.
    pub(crate) fn count(&self) -> usize {
        self.surroundings.places.count()
    }

    /// Bytes of data that they hold.
    pub(crate) fn data_bytes(&self) -> usize {
        self.surroundings.places.bytes()
    }
}

/// Without [`Express::end`] they end wherever they are, as in a crash.
impl Drop for Express {
    fn drop(&mut self) {
        self.surroundings.cut_off.cancel();
    }
}
