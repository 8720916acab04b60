//! Map Runs under way in this process: the child executions of Map states in DISTRIBUTED mode.
//!
//! The machine asks for all child executions of a Map Run at once ([`stepyard_machine::Command::RunChildren`]). A driver
//! reads the items ahead (`planning.rs`), runs as many child executions as may run (`children.rs`), and reports each end
//! to the shard, in whose journal it is written. After a crash another driver goes on with those that have not ended.

mod children;
mod data;
mod driver;
mod ends;
mod export;
mod planning;
mod request;
mod wind_up;

use std::collections::BTreeMap;
use std::sync::Arc;

use stepyard_asl::{StateKind, Transformation, WorkflowType, WriterConfig};
use stepyard_json::Payload;
use stepyard_machine::{
    EndedChild, ExecutionKind, MapRunId, MapRunTotals, Selection, StartedBy, Stimulus, Text,
};
use stepyard_store::{ExecutionId, ShardId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

pub(crate) use children::Children;
pub use data::{
    ExportResults, ItemStream, MapRunData, MapRunError, NoMapRunData, ReadItems, ResultSink,
};
use driver::{Driver, Family};
use ends::Source;
use export::{EndResults, Exporter};
use planning::Planner;
pub use request::{MapRunProgress, MapRunRequest, MapRunRequestError, RunningChildren};

use wind_up::WindUp;

use crate::active::Active;
use crate::shard::Message;

/// Places for ends of child executions that are not durable yet, for all Map Runs of a shard.
const PLACES_MAX: usize = 8_192;

/// Map Runs of a shard that are wound up at the same time.
const WIND_UPS_MAX: usize = 4;

/// Bytes of data for which an end takes a further place.
const PLACE_BYTES: usize = 1 << 10;

/// What Map Runs need of their surroundings.
#[derive(Clone)]
pub(crate) struct MapRunHost {
    pub(crate) children: Arc<Children>,
    pub(crate) data: Arc<dyn MapRunData>,
}

/// The Map Runs of one shard. What is done for one carries a number of its own, which fences the reports of what was
/// done before.
pub(crate) struct MapRuns {
    host: MapRunHost,
    shard: ShardId,
    mailbox: mpsc::WeakSender<Message>,
    leaving: CancellationToken,
    /// Places for ends of child executions that are not durable yet.
    places: Arc<Semaphore>,
    /// Those of ends that have been taken in, until their commit.
    taken_in: Vec<OwnedSemaphorePermit>,
    under_way: BTreeMap<(ExecutionId, MapRunId), UnderWay>,
    /// What was cancelled and comes to its end: the next one for that Map Run begins after it.
    ending: BTreeMap<(ExecutionId, MapRunId), Ending>,
    /// Places for those that are wound up.
    wind_ups: Arc<Semaphore>,
    numbered: u64,
}

struct UnderWay {
    number: u64,
    task: JoinHandle<()>,
    limit: watch::Sender<u64>,
    running: watch::Receiver<RunningChildren>,
    cancelled: CancellationToken,
}

/// What comes to its end.
struct Ending {
    task: JoinHandle<()>,
    /// Set when the next one for that Map Run is there.
    followed: CancellationToken,
}

/// What ties the work for a Map Run to its shard.
struct Ties {
    reporter: Reporter,
    /// How many child executions may run at once.
    limit: watch::Receiver<u64>,
    /// How many do.
    running: watch::Sender<RunningChildren>,
    /// Set when the Map Run does not count any more.
    cancelled: CancellationToken,
}

/// What is reported of a Map Run.
#[derive(Debug)]
pub(crate) struct MapRunReport {
    pub(crate) execution: ExecutionId,
    run: MapRunId,
    number: u64,
    news: News,
    /// The place of what it tells among what is not durable yet.
    place: Option<OwnedSemaphorePermit>,
}

#[derive(Debug)]
enum News {
    Ended(Arc<EndedChild>),
    Totals(MapRunTotals),
    Exported(Payload),
    Failed {
        error: Text,
        cause: Text,
    },
    /// Nothing runs any more.
    Over,
}

/// The way back to the shard.
struct Reporter {
    mailbox: mpsc::WeakSender<Message>,
    /// Places for ends that are not durable yet.
    places: Arc<Semaphore>,
    execution: ExecutionId,
    run: MapRunId,
    number: u64,
}

impl Reporter {
    async fn report(&self, news: News) {
        let Reporter { execution, run, number, .. } = *self;
        let place = self.place(&news).await;
        if let Some(mailbox) = self.mailbox.upgrade() {
            let report = MapRunReport { execution, run, number, news, place };
            // A shard that has stopped does it again when the execution is taken up.
            let _ = mailbox.send(Message::MapRun(report)).await;
        }
    }

    /// A place for an end: a store that is slow makes child executions wait, not memory grow.
    async fn place(&self, news: &News) -> Option<OwnedSemaphorePermit> {
        let News::Ended(child) = news else { return None };
        let data = [&child.input, &child.end.output].into_iter().flatten().map(Payload::len);
        let places = 1 + data.sum::<usize>() / PLACE_BYTES;
        let places = u32::try_from(places.min(PLACES_MAX)).unwrap_or(u32::MAX);
        self.places.clone().acquire_many_owned(places).await.ok()
    }

    async fn fail(&self, cause: &str) {
        let error: Text = Some("States.Runtime".into());
        self.report(News::Failed { error, cause: Some(cause.into()) }).await;
    }
}

impl MapRuns {
    pub(crate) fn new(
        host: MapRunHost,
        shard: ShardId,
        mailbox: mpsc::WeakSender<Message>,
        leaving: CancellationToken,
    ) -> MapRuns {
        MapRuns {
            host,
            shard,
            mailbox,
            leaving,
            places: Arc::new(Semaphore::new(PLACES_MAX)),
            taken_in: Vec::new(),
            under_way: BTreeMap::new(),
            ending: BTreeMap::new(),
            wind_ups: Arc::new(Semaphore::new(WIND_UPS_MAX)),
            numbered: 0,
        }
    }

    /// Runs the child executions that have not ended.
    pub(crate) fn run_children(&mut self, active: &Active, run: MapRunId) {
        let Some(map_run) = active.execution().map_run(run).cloned() else { return };
        let Some(selection) = Selection::of(&active.program, active.execution(), run) else {
            return;
        };
        let family = family(active, &selection, map_run.redrive_count());
        let (Some(family), Some(config)) = (family, writer_config(&selection)) else { return };
        let shows_inputs =
            map_run.plan().export.is_some() || config.transformation == Transformation::None;
        let limit = map_run.limits().max_concurrency;
        let (host, leaving) = (self.host.clone(), self.leaving.clone());
        let shared = host.children.shared.clone();
        self.begin(active.id, run, limit, move |Ties { reporter, limit, running, cancelled }| {
            let children = host.children.clone();
            let family = Family { shows_inputs, ..family };
            let express_cancellation = CancellationToken::new();
            let driver = Driver {
                children,
                family,
                limit,
                running,
                reporter,
                leaving,
                cancelled,
                express_cancellation,
            };
            driver.run(move |plans| Planner { shared, data: host.data, selection, map_run, plans })
        });
    }

    /// Exports the results of one whose child executions have ended.
    pub(crate) fn export_results(&mut self, active: &Active, run: MapRunId) {
        let Some(map_run) = active.execution().map_run(run) else { return };
        let Some(selection) = Selection::of(&active.program, active.execution(), run) else {
            return;
        };
        let (Some(kind), Some(config)) = (execution_kind(&selection), writer_config(&selection))
        else {
            return;
        };
        let plan = map_run.plan().clone();
        let ends = EndResults {
            source: self.source(active.id, run),
            plan: plan.clone(),
            is_express: kind.is_express(),
            is_redriven: map_run.redriven().is_some(),
        };
        let data = self.host.data.clone();
        self.begin(active.id, run, 0, move |Ties { reporter, cancelled, .. }| {
            Exporter { ends, data, plan, config, reporter, cancelled }.run()
        });
    }

    /// The journal that tells of a Map Run.
    fn source(&self, execution: ExecutionId, run: MapRunId) -> Source {
        let shared = self.host.children.shared.clone();
        Source { shared, shard: self.shard, execution, run }
    }

    fn begin<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        execution: ExecutionId,
        run: MapRunId,
        limit: u64,
        work: impl FnOnce(Ties) -> F,
    ) {
        self.numbered += 1;
        let number = self.numbered;
        let reporter = Reporter {
            mailbox: self.mailbox.clone(),
            places: self.places.clone(),
            execution,
            run,
            number,
        };
        let (set_limit, limit) = watch::channel(limit);
        let (tell_running, running) = watch::channel(RunningChildren::default());
        let cancelled = CancellationToken::new();
        let ties = Ties { reporter, limit, running: tell_running, cancelled: cancelled.clone() };
        let task = self.after_earlier(execution, run, work(ties));
        let under_way = UnderWay { number, task, limit: set_limit, running, cancelled };
        if let Some(earlier) = self.under_way.insert((execution, run), under_way) {
            earlier.task.abort();
        }
    }

    /// Lets so many child executions run at once.
    pub(crate) fn limit(&mut self, execution: ExecutionId, run: MapRunId, limit: u64) {
        if let Some(under_way) = self.under_way.get(&(execution, run)) {
            // Without a driver nothing is limited.
            let _ = under_way.limit.send(limit);
        }
    }

    /// How many of its child executions run.
    pub(crate) fn running(&self, execution: ExecutionId, run: MapRunId) -> RunningChildren {
        let under_way = self.under_way.get(&(execution, run));
        under_way.map(|under_way| *under_way.running.borrow()).unwrap_or_default()
    }

    /// Stops what is done for one that does not count any more, and winds it up.
    pub(crate) fn cancel(&mut self, execution: ExecutionId, run: MapRunId) {
        if let Some(under_way) = self.under_way.remove(&(execution, run)) {
            let UnderWay { task, cancelled: followed, .. } = under_way;
            followed.cancel();
            self.ending.insert((execution, run), Ending { task, followed });
        }
        self.wind_up(execution, run);
    }

    /// Winds up one that has ended badly, after all that is done for it.
    pub(crate) fn wind_up(&mut self, execution: ExecutionId, run: MapRunId) {
        self.ending.retain(|_, ending| !ending.task.is_finished());
        let MapRunHost { children, data } = self.host.clone();
        let followed = CancellationToken::new();
        let work = WindUp {
            children,
            data,
            source: self.source(execution, run),
            is_exported: None,
            followed: followed.clone(),
        };
        let task = self.after_earlier(execution, run, work.run(self.wind_ups.clone()));
        self.ending.insert((execution, run), Ending { task, followed });
    }

    /// Does something for a Map Run when nothing of before is done for it any more.
    fn after_earlier(
        &mut self,
        execution: ExecutionId,
        run: MapRunId,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> JoinHandle<()> {
        // Whoever aborts the later one aborts the earlier one, too.
        let earlier = self.ending.remove(&(execution, run)).map(|Ending { task, followed }| {
            followed.cancel();
            AbortOnDropHandle::new(task)
        });
        tokio::spawn(async move {
            if let Some(earlier) = earlier {
                // However it has ended, it does nothing any more.
                let _ = earlier.await;
            }
            work.await;
        })
    }

    /// What a report means to the execution; `None` when it means nothing.
    pub(crate) fn receive(&mut self, report: MapRunReport) -> Option<Stimulus> {
        let MapRunReport { execution, run, number, news, place } = report;
        let key = (execution, run);
        if self.under_way.get(&key)?.number != number {
            return None;
        }
        self.taken_in.extend(place);
        Some(match news {
            News::Ended(child) => Stimulus::MapRunChildEnded { run, child },
            News::Totals(totals) => Stimulus::MapRunTotalsKnown { run, totals },
            News::Exported(output) => {
                self.under_way.remove(&key);
                Stimulus::MapRunExported { run, output }
            }
            News::Failed { error, cause } => Stimulus::MapRunFailed { run, error, cause },
            News::Over => {
                self.under_way.remove(&key);
                return None;
            }
        })
    }

    /// The places of what was taken in since the last commit; to be given back with the next one.
    pub(crate) fn take_places(&mut self) -> Vec<OwnedSemaphorePermit> {
        std::mem::take(&mut self.taken_in)
    }

    /// Whether nothing is under way.
    pub(crate) fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Drops everything.
    pub(crate) fn stop_all(&mut self) {
        while let Some((_, under_way)) = self.under_way.pop_first() {
            under_way.task.abort();
        }
        while let Some((_, ending)) = self.ending.pop_first() {
            ending.task.abort();
        }
    }
}

impl Drop for MapRuns {
    fn drop(&mut self) {
        self.stop_all();
    }
}

/// What the child executions have in common of a Map Run that was redriven so often.
fn family(active: &Active, selection: &Selection, redrive_count: u32) -> Option<Family> {
    Some(Family {
        plan: selection.plan().clone(),
        parent: active.context()?.clone(),
        started_by: StartedBy { state: selection.state()?, redrive_count },
        program: active.program.clone(),
        revision: active.revision,
        kind: execution_kind(selection)?,
        shows_inputs: false,
    })
}

/// Of what kind the child executions are.
fn execution_kind(selection: &Selection) -> Option<ExecutionKind> {
    let Some(StateKind::Map(map)) = selection.state_kind() else { return None };
    Some(match map.distributed.as_ref()?.execution_type {
        WorkflowType::Standard => ExecutionKind::Standard,
        WorkflowType::Express => ExecutionKind::Express,
    })
}

fn writer_config(selection: &Selection) -> Option<WriterConfig> {
    let Some(StateKind::Map(map)) = selection.state_kind() else { return None };
    let writer = map.distributed.as_ref()?.result_writer.as_ref();
    Some(writer.map(|writer| writer.config).unwrap_or_default())
}
