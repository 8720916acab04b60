//! One Express execution, from its start to its end.

use std::sync::Arc;
use std::time::Duration;

use stepyard_asl::{Program, Random, Timestamp};
use stepyard_machine::{
    Command, Decision, EventKind, Execution, ExecutionStatus, Moment, Stimulus, Undecided,
};
use stepyard_store::{ExecutionId, ExecutionRow, ShardId};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::history::History;
use super::places::Place;
use super::{Billing, ExpressEnd, StartExpress, Surroundings};
use crate::dispatch::{Dispatches, Report};
use crate::thinking::{Question, Thought, decide_at_once};
use crate::timers::Timers;
use crate::{Invocation, Logging};

/// Reports of tasks that may wait for their execution; with more, tasks wait to report.
const REPORTS_MAX: usize = 32;

/// What a frame, a dispatch or a payload takes in memory beside its text, in bytes and roughly.
const PLACE_BYTES: usize = 1_024;

/// Timers that an execution may have beside those that count. With more, they are looked through.
const STALE_TIMERS_MAX: usize = 64;

/// The cause of an execution that a shutdown ends.
const STOPPED: &str = "The server was stopped";

/// The cause of a child execution whose Map Run does not count any more.
const NOT_NEEDED: &str = "The Map Run has ended";

/// The error of an execution that this process ends.
const ABORTED: &str = "States.Runtime";

/// The cause of a Map Run of an Express execution (AWS developer guide, "Distributed mode").
const NO_MAP_RUNS: &str = "Distributed Map is not supported in Express workflows";

/// An execution and everything that it owns.
pub(super) struct Running {
    surroundings: Arc<Surroundings>,
    id: ExecutionId,
    revision: Uuid,
    program: Arc<Program>,
    execution: Execution,
    logging: Logging,
    /// What it has done, if that is to be kept.
    history: Option<History>,
    cancellation: CancellationToken,
    random: Random,
    timers: Timers,
    dispatches: Dispatches<Report>,
    /// Keeps the mailbox open for reports that are to come.
    _mailbox: mpsc::Sender<Report>,
    reports: mpsc::Receiver<Report>,
    place: Place,
    /// The last decision was cut because it had become long.
    is_cut: bool,
    /// What is to be decided elsewhere because it takes long, before anything else.
    too_long: Option<(Moment, Undecided)>,
    /// Most bytes of data that it has held.
    bytes_most: usize,
    /// Events after which its data is measured again: as many as places were looked at the last time, so that
    /// measuring costs no more than running.
    unmeasured: usize,
}

impl Running {
    /// Starts it, and runs it as far as it goes at once.
    pub(super) fn begin(
        surroundings: Arc<Surroundings>,
        place: Place,
        start: StartExpress,
    ) -> Running {
        let StartExpress { id, context, revision, program, input, logging, cancellation } = start;
        let (mailbox, reports) = mpsc::channel(REPORTS_MAX);
        let dispatches = Dispatches::new(
            surroundings.runner.clone(),
            surroundings.task_places.clone(),
            mailbox.downgrade(),
            surroundings.metrics.clone(),
        );
        surroundings.metrics.express.started();
        let mut running = Running {
            random: Random::from_entropy(surroundings.entropy.draw()),
            history: surroundings.histories.begin(&context),
            surroundings,
            id,
            revision,
            program,
            execution: Execution::new(),
            logging,
            cancellation,
            timers: Timers::default(),
            dispatches,
            _mailbox: mailbox,
            reports,
            place,
            is_cut: false,
            too_long: None,
            bytes_most: 0,
            unmeasured: 0,
        };
        running.decide(Stimulus::Start { context, input });
        running
    }

    pub(super) fn started_at(&self) -> Timestamp {
        self.execution.started_at().unwrap_or_default()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.execution.is_closed()
    }

    /// Runs it to its end.
    pub(super) async fn run(mut self) -> ExpressEnd {
        while !self.has_ended() {
            self.turn().await;
        }
        self.end()
    }

    async fn turn(&mut self) {
        if let Some((moment, undecided)) = self.too_long.take() {
            return self.think(moment, undecided).await;
        }
        let surroundings = self.surroundings.clone();
        let due = self.timers.next_due();
        let cancellation = self.cancellation.clone();
        tokio::select! {
            biased;
            () = surroundings.cut_off.cancelled() => self.abort(STOPPED),
            () = cancellation.cancelled() => self.abort(NOT_NEEDED),
            () = surroundings.clock.sleep_until(due.unwrap_or_default()), if due.is_some() => self.fire_timers(),
            Some(report) = self.reports.recv() => {
                if let Some(stimulus) = self.dispatches.receive(report) {
                    self.decide(stimulus);
                }
            }
            () = tokio::task::yield_now(), if self.is_cut => {
                self.is_cut = false;
                self.decide(Stimulus::Continue);
            }
        }
    }

    fn fire_timers(&mut self) {
        let now = self.surroundings.clock.now();
        while self.too_long.is_none()
            && let Some((_, _, timer)) = self.timers.pop_due(now)
        {
            self.decide(Stimulus::TimerDue { timer });
        }
    }

    fn abort(&mut self, cause: &str) {
        self.decide(Stimulus::Stop { error: Some(ABORTED.into()), cause: Some(cause.into()) });
    }

    /// Lets the machine decide and carries out what follows at once: there is no commit to wait for.
    fn decide(&mut self, stimulus: Stimulus) {
        let mut decision = Decision::default();
        let moment = self.moment();
        let (program, execution) = (&self.program, &mut self.execution);
        if let Err(undecided) = decide_at_once(program, execution, moment, stimulus, &mut decision)
        {
            self.too_long = Some((moment, undecided));
            return;
        }
        self.follow(decision);
    }

    /// The same, elsewhere. Its tasks and timers wait meanwhile.
    async fn think(&mut self, moment: Moment, undecided: Undecided) {
        let surroundings = self.surroundings.clone();
        surroundings.metrics.thought();
        let question = Question::of(&self.program, &self.execution, moment, undecided);
        tokio::select! {
            biased;
            () = surroundings.cut_off.cancelled() => self.abort(STOPPED),
            thought = surroundings.thinkers.clone().think(question) => match thought {
                Ok(Thought { execution, decision }) => {
                    self.execution = execution;
                    self.follow(decision);
                }
                Err(failed) => match failed.try_into_panic() {
                    Ok(panicked) => std::panic::resume_unwind(panicked),
                    Err(_) => self.abort(STOPPED),
                },
            },
        }
    }

    fn follow(&mut self, decision: Decision) {
        self.tell(&decision);
        let Decision { events, commands, .. } = decision;
        let count = events.len();
        if let Some(history) = &mut self.history {
            history.add(events);
        }
        for command in commands {
            self.carry_out(command);
        }
        self.measure(count);
    }

    fn moment(&mut self) -> Moment {
        let mut entropy = [0; 16];
        entropy[..8].copy_from_slice(&self.random.next_u64().to_le_bytes());
        entropy[8..].copy_from_slice(&self.random.next_u64().to_le_bytes());
        Moment { now: self.surroundings.clock.now(), entropy }
    }

    fn tell(&self, decision: &Decision) {
        let is_entry = |kind: &EventKind| matches!(kind, EventKind::StateEntered { .. });
        let entered = decision.events.iter().filter(|event| is_entry(&event.kind)).count();
        self.surroundings.metrics.entered(entered as u64);
        if let Some(context) = self.execution.context() {
            self.logging.write(&self.program, &context.execution_arn, 0, &decision.events);
        }
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::InvokeTask(invoke) => {
                let key = format!("{}:{}", self.id.0, invoke.task.0.0);
                let made = Invocation::of(&self.program, &self.execution, &invoke, key);
                if let Some(invocation) = made {
                    self.dispatches.dispatch(self.id, invoke.task, invocation);
                }
            }
            Command::CancelTask { task } => self.dispatches.cancel(self.id, task),
            Command::StartTimer { timer, due } => self.timers.arm(due, self.id, timer),
            Command::Continue => self.is_cut = true,
            Command::RunChildren { run } => self.decide(Stimulus::MapRunFailed {
                run,
                error: Some(ABORTED.into()),
                cause: Some(NO_MAP_RUNS.into()),
            }),
            // Without child executions there is nothing to do; only Standard workflows have `.sync`.
            Command::AwaitExecution { .. }
            | Command::LimitChildren { .. }
            | Command::ExportResults { .. }
            | Command::CancelMapRun { .. } => {}
        }
    }

    /// Looks how much data it holds; there must be room for it.
    fn measure(&mut self, events: usize) {
        self.unmeasured = self.unmeasured.saturating_sub(events);
        if self.unmeasured > 0 && !self.has_ended() {
            return;
        }
        let footprint = self.execution.footprint();
        self.unmeasured = footprint.places;
        self.bytes_most = self.bytes_most.max(footprint.bytes);
        if self.timers.len() > 2 * footprint.places + STALE_TIMERS_MAX {
            self.drop_stale_timers();
        }
        let held = footprint.bytes + footprint.places * PLACE_BYTES;
        if !self.place.hold(held) && !self.has_ended() {
            self.abort("The Express executions of this server hold too much data");
        }
    }

    /// A loop of tasks with time limits leaves a timer behind each time.
    fn drop_stale_timers(&mut self) {
        self.timers = Timers::default();
        for command in self.execution.pending() {
            if let Command::StartTimer { timer, due } = command {
                self.timers.arm(due, self.id, timer);
            }
        }
    }

    /// Its row, as one that has ended.
    fn row(
        &self,
        status: ExecutionStatus,
        started_at: Timestamp,
        stopped_at: Timestamp,
    ) -> Option<ExecutionRow> {
        let context = self.execution.context()?;
        Some(ExecutionRow {
            shard: ShardId::of(&context.state_machine_arn, &context.execution_name),
            id: self.id,
            state_machine_arn: context.state_machine_arn.clone(),
            name: context.execution_name.clone(),
            qualifier: context.qualifier.clone(),
            child: None,
            revision: self.revision,
            status,
            started_at,
            stopped_at: Some(stopped_at),
            redriven: None,
            resume_at: None,
        })
    }

    /// How it has ended.
    pub(super) fn end(mut self) -> ExpressEnd {
        let history = self.history.take();
        let execution = &self.execution;
        let status = execution.status().unwrap_or(ExecutionStatus::Running);
        let started_at = self.started_at();
        let stopped_at = execution.stopped_at().unwrap_or(started_at);
        let took = stopped_at.millis_since(started_at);
        let took = Duration::from_millis(u64::try_from(took).unwrap_or(0));
        let billing = Billing::new(took, self.bytes_most);
        let metrics = &self.surroundings.metrics.express;
        metrics.closed(status, took, billing);
        if let Some((history, row)) = history.zip(self.row(status, started_at, stopped_at))
            && !history.end(row)
        {
            metrics.histories_lost(1);
        }
        ExpressEnd {
            status,
            output: execution.output().cloned(),
            error: execution.error().cloned(),
            cause: execution.cause().cloned(),
            started_at,
            stopped_at,
            billing,
        }
    }
}
