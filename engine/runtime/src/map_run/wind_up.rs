//! What is left to be done for a Map Run that has ended badly: its child executions that still run are stopped, and its
//! results are exported.
//!
//! The row of the Map Run says whether that is done, so that whoever takes the shard over does it after a crash. It is
//! made from the journal: the execution may have gone on since, or have ended.

use std::sync::Arc;
use std::time::Duration;

use stepyard_asl::Program;
use stepyard_machine::{
    ChildEnd, EventId, EventKind, Execution, ExecutionKind, ExecutionStatus, MapRun, MapRunId,
    Selection, StartContext, StartedBy, Text,
};
use stepyard_store::{
    Error, ExecutionId, ExecutionQuery, ExecutionRow, MapRunRow, ReadLimit, WoundUp, codec,
    map_run_key,
};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::children::{Children, Stops, end_shown_by};
use super::data::{MapRunData, ResultSink};
use super::driver::CHILDREN_MAX;
use super::ends::Source;
use super::export::{EndResults, ExportError};
use super::planning::{PLANNED_MAX, Plan, PlannedChild, Planner};
use super::{execution_kind, export, writer_config};
use crate::StopError;
use crate::planted::{Planted, makes};

/// Child executions that are read at a time.
const PAGE: usize = 256;

/// The pause before something is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// The pause before child executions that are set aside are to be stopped again: somebody has to see to them meanwhile.
const SET_ASIDE_PAUSE: Duration = Duration::from_secs(60);

/// So many child executions after one another that do not exist, and no later one was started: they are started in
/// order, and no more at a time.
const ABSENT_MAX: u64 = CHILDREN_MAX;

/// Error of a Map Run whose results could not be exported: trying again would not help.
const RESULT_WRITER_FAILED: &str = "States.ResultWriterFailed";

/// Winds up one Map Run.
pub(super) struct WindUp {
    pub(super) children: Arc<Children>,
    pub(super) data: Arc<dyn MapRunData>,
    pub(super) source: Source,
    /// Whether its results are exported, once that is known.
    pub(super) is_exported: Option<bool>,
    /// Set when something else is to be done for the Map Run: that does not wait for what is set aside.
    pub(super) followed: CancellationToken,
}

/// A Map Run as it was before its end.
struct Ended {
    error: Text,
    map_run: MapRun,
    selection: Selection,
    parent: Arc<StartContext>,
}

impl WindUp {
    /// Does it, as soon as it can be done. Between two attempts others have its place.
    pub(super) async fn run(mut self, places: Arc<Semaphore>) {
        let execution = self.source.execution.0;
        let clock = self.source.shared.clock.clone();
        loop {
            match self.try_at(&places).await {
                Ok(0) => return,
                Ok(set_aside) => {
                    tracing::error!(set_aside, %execution, "child executions of a Map Run that has ended are set aside and cannot be stopped; trying again");
                    tokio::select! {
                        biased;
                        () = self.followed.cancelled() => return,
                        () = clock.sleep(SET_ASIDE_PAUSE) => {}
                    }
                }
                Err(error @ Error::Corrupt { .. }) => {
                    return tracing::error!(%error, %execution, "a Map Run cannot be wound up");
                }
                Err(error) => {
                    tracing::warn!(%error, %execution, "a Map Run is not wound up yet; trying again");
                    clock.sleep(PAUSE).await;
                }
            }
        }
    }

    async fn try_at(&mut self, places: &Semaphore) -> Result<usize, Error> {
        let _place = places.acquire().await;
        self.try_run().await
    }

    /// Does what can be done. How many child executions are still to be stopped, because they are set aside: that may be
    /// for a time only.
    async fn try_run(&mut self) -> Result<usize, Error> {
        let Some(row) = self.row().await? else { return Ok(0) };
        let Some(set_aside) = self.stop_children(&row).await? else { return Ok(0) };
        // Who waits for the results does not wait for what may be set aside for ever.
        let is_exported = match self.is_exported {
            Some(is_exported) => is_exported,
            None => self.exports().await? && self.export(&row).await?,
        };
        self.is_exported = Some(is_exported);
        if set_aside == 0 {
            self.source.shared.store.note_wound_up(&row, WoundUp { is_exported }).await?;
        }
        Ok(set_aside)
    }

    /// Its row, if there is something to do for it.
    async fn row(&self) -> Result<Option<MapRunRow>, Error> {
        let Source { shared, shard, execution, run } = &self.source;
        let before = MapRunId(EventId(run.0.0.saturating_sub(1)));
        let rows = shared.store.list_map_runs(*shard, *execution, Some(before), 1).await?;
        let is_due = |row: &MapRunRow| row.record.id == *run && row.is_to_be_wound_up();
        Ok(rows.into_iter().find(is_due))
    }

    /// Whether its results go anywhere: its plan stands in the event by which it is known.
    async fn exports(&self) -> Result<bool, Error> {
        let Source { shared, shard, execution, run } = &self.source;
        let id = run.0.0;
        for chunk in shared
            .store
            .journal_page(*shard, *execution, id, false, ReadLimit::of_chunks(1))
            .await?
        {
            for event in codec::decode(&chunk.body)? {
                if let EventKind::MapRunStarted { plan, .. } = event.kind
                    && event.id == run.0
                {
                    return Ok(plan.export.is_some());
                }
            }
        }
        Ok(false)
    }

    /// Stops the child executions that run, until none does but those that are set aside: so many. `None` when there is
    /// nothing to wind up any more: after a redrive they run for the next attempt.
    async fn stop_children(&self, row: &MapRunRow) -> Result<Option<usize>, Error> {
        let Some(map_run) = map_run_key(&row.record.arn) else { return Ok(Some(0)) };
        if makes(Planted::ChildrenNotStopped) {
            return Ok(Some(0));
        }
        loop {
            match self.stop_running(row, map_run).await? {
                None => return Ok(None),
                Some(Stops { stopped: 0, unknown: 0, set_aside }) => return Ok(Some(set_aside)),
                // Whether these were all is seen when none is found any more.
                Some(Stops { unknown: 0, .. }) => {}
                Some(Stops { unknown, .. }) => {
                    let text = format!("{unknown} child executions cannot be stopped");
                    return Err(Error::Unavailable(text));
                }
            }
        }
    }

    /// Stops those that run now; `None` when there is nothing to wind up any more.
    async fn stop_running(&self, row: &MapRunRow, map_run: Uuid) -> Result<Option<Stops>, Error> {
        let (mut after, mut stops) = (None, Stops::default());
        loop {
            if self.row().await?.as_ref() != Some(row) {
                return Ok(None);
            }
            let running = self.running_children(map_run, after).await?;
            let Some(last) = running.last() else { return Ok(Some(stops)) };
            after = Some(last.id);
            let name = |row: ExecutionRow| (row.state_machine_arn, row.name);
            stops = stops.and(self.children.stop(running.into_iter().map(name)).await);
        }
    }

    /// A page of the child executions that run, newest start first.
    async fn running_children(
        &self,
        map_run: Uuid,
        after: Option<ExecutionId>,
    ) -> Result<Vec<ExecutionRow>, Error> {
        let query = ExecutionQuery {
            map_run: Some(map_run),
            status: Some(ExecutionStatus::Running),
            after,
            limit: PAGE,
            ..ExecutionQuery::default()
        };
        self.source.shared.store.list_executions(&query).await
    }
}

/// How it stood.
impl WindUp {
    async fn ended(&self, row: &MapRunRow) -> Result<Option<Ended>, Error> {
        let Source { shared, shard, execution, run } = &self.source;
        let Some(parent) = shared.store.get_execution(*shard, *execution).await? else {
            return Ok(None);
        };
        let program = shared.programs.get(&*shared.store, parent.revision).await?;
        let Some((end, error)) = self.end_of(row).await? else { return Ok(None) };
        let before = self.fold(end).await?;
        Ok(ended(&program, &before, error, *run))
    }

    /// The position of the event with which it ended, and its error.
    async fn end_of(&self, row: &MapRunRow) -> Result<Option<(u64, Text)>, Error> {
        let (run, mut execution) = (self.source.run, Execution::new());
        loop {
            let chunks = self.source.chunks(execution.event_count()).await?;
            if chunks.is_empty() {
                return Ok(None);
            }
            for chunk in chunks {
                for event in codec::decode(&chunk.body)? {
                    let (position, ran) = (execution.event_count(), runs(&execution, run));
                    execution.apply(&event);
                    let has_ended = ran && !runs(&execution, run);
                    let record = has_ended.then(|| execution.map_run_record(run)).flatten();
                    if record.is_some_and(|record| record.stopped_at == row.record.stopped_at) {
                        return Ok(Some((position, error_of(event.kind))));
                    }
                }
            }
        }
    }

    /// The execution before the event of that position.
    async fn fold(&self, end: u64) -> Result<Execution, Error> {
        let mut execution = Execution::new();
        loop {
            let chunks = self.source.chunks(execution.event_count()).await?;
            if chunks.is_empty() {
                return Ok(execution);
            }
            for chunk in chunks {
                for event in codec::decode(&chunk.body)? {
                    if execution.event_count() == end {
                        return Ok(execution);
                    }
                    execution.apply(&event);
                }
            }
        }
    }
}

fn runs(execution: &Execution, run: MapRunId) -> bool {
    execution.map_run(run).is_some()
}

/// The error of a Map Run that has ended with such an event.
fn error_of(kind: EventKind) -> Text {
    match kind {
        EventKind::MapRunFailed { error, .. } => error,
        _ => None,
    }
}

fn ended(program: &Arc<Program>, before: &Execution, error: Text, run: MapRunId) -> Option<Ended> {
    Some(Ended {
        error,
        map_run: before.map_run(run)?.given_up(),
        selection: Selection::of(program, before, run)?,
        parent: before.context()?.clone(),
    })
}

/// Its results.
impl WindUp {
    /// Exports them, if that can be done. Whether it was.
    async fn export(&self, row: &MapRunRow) -> Result<bool, Error> {
        let Some(ended) = self.ended(row).await? else { return Ok(false) };
        match self.export_of(&ended).await {
            Ok(is_exported) => Ok(is_exported),
            Err(ExportError::Unavailable(error)) => Err(error),
            Err(ExportError::Failed(error)) => {
                let map_run = &row.record.arn;
                tracing::warn!(%error, %map_run, "the results of a failed Map Run are not exported");
                Ok(false)
            }
        }
    }

    async fn export_of(&self, ended: &Ended) -> Result<bool, ExportError> {
        let plan = ended.map_run.plan();
        let config = writer_config(&ended.selection);
        let (Some(kind), Some(config)) = (execution_kind(&ended.selection), config) else {
            return Ok(false);
        };
        if ended.error.as_deref() == Some(RESULT_WRITER_FAILED) {
            return Ok(false);
        }
        let mut sink = self.data.export(export::request(plan, config)).await?;
        let written = self.write(ended, kind, &mut *sink).await;
        export::complete(sink, written).await.map(|_| true)
    }

    async fn write(
        &self,
        ended: &Ended,
        kind: ExecutionKind,
        sink: &mut dyn ResultSink,
    ) -> Result<(), ExportError> {
        let ends = EndResults {
            source: self.source.clone(),
            plan: ended.map_run.plan().clone(),
            is_express: kind.is_express(),
            is_redriven: ended.map_run.redriven().is_some(),
        };
        ends.write(sink).await?;
        self.write_others(ended, kind, sink).await
    }

    /// Those of which the journal does not tell: they were cut off, or never started. What cannot be read of the items
    /// cannot be told.
    async fn write_others(
        &self,
        ended: &Ended,
        kind: ExecutionKind,
        sink: &mut dyn ResultSink,
    ) -> Result<(), ExportError> {
        let (sender, mut plans) = mpsc::channel(PLANNED_MAX);
        let planner = Planner {
            shared: self.source.shared.clone(),
            data: self.data.clone(),
            selection: ended.selection.clone(),
            map_run: ended.map_run.clone(),
            plans: sender,
        };
        let mut planning = JoinSet::new();
        planning.spawn(planner.run());
        let (plan, mut absent) = (ended.map_run.plan(), 0);
        while let Some(planned) = plans.recv().await {
            let child = match planned {
                Plan::Child(child) => child,
                Plan::Known(_) => continue,
                Plan::All(_) | Plan::Failed(..) => break,
            };
            let end = match kind.is_express() || absent >= ABSENT_MAX {
                true => None,
                false => self.end_of_child(ended, kind, &child).await?,
            };
            absent = if end.is_some() { 0 } else { absent + 1 };
            let is_express = kind.is_express();
            sink.write(&plan.result_of(is_express, child.number, child.input, end)).await?;
        }
        Ok(())
    }

    /// How a Standard execution has ended that was cut off; `None` when it was never started. Of one that is set aside that
    /// is not known yet.
    async fn end_of_child(
        &self,
        ended: &Ended,
        kind: ExecutionKind,
        child: &PlannedChild,
    ) -> Result<Option<ChildEnd>, Error> {
        let Some(state) = ended.selection.state() else { return Ok(None) };
        let started_by = StartedBy { state, redrive_count: 0 };
        let place = (child.number, child.items);
        let context = ended.map_run.plan().child_context(&ended.parent, started_by, place, kind);
        let (machine, name) = (&context.state_machine_arn, &context.execution_name);
        match self.source.shared.describe(machine, name, &context.execution_arn).await {
            Ok(Some(view)) if view.row.status.is_end() => Ok(Some(end_shown_by(&view))),
            Ok(Some(_)) => Ok(Some(self.children.lost(StopError::SetAside.to_string()))),
            Ok(None) => Ok(None),
            Err(error @ Error::Corrupt { .. }) => Ok(Some(self.children.lost(error.to_string()))),
            Err(error) => Err(error),
        }
    }
}
