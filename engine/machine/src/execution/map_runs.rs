//! The Map Runs of an execution.

use std::mem;

use stepyard_asl::Timestamp;

use super::Execution;
use crate::frame::Phase;
use crate::{
    Event, EventKind, ExecutionStatus, FrameId, MapRun, MapRunId, MapRunRecord, Redriven, Text,
};

/// Asking.
impl Execution {
    /// The Map Run of that id, as long as it counts.
    pub fn map_run(&self, id: MapRunId) -> Option<&MapRun> {
        self.frame(self.frame_of_map_run(id)?)?.map_run()
    }

    /// The Map Runs that count, in the order of their start.
    pub fn map_runs(&self) -> impl Iterator<Item = &MapRun> {
        self.map_runs.keys().filter_map(|id| self.map_run(*id))
    }

    /// The frame that waits for this Map Run, and nothing else.
    pub(crate) fn frame_of_map_run(&self, id: MapRunId) -> Option<FrameId> {
        self.map_runs.get(&id).copied()
    }

    /// All that it has ever started, also those that have ended.
    pub fn map_run_records(&self) -> impl Iterator<Item = MapRunRecord> {
        self.ended_map_runs.values().cloned().chain(self.map_runs().map(MapRun::record))
    }

    /// The Map Run of that id, also when it has ended.
    pub fn map_run_record(&self, id: MapRunId) -> Option<MapRunRecord> {
        self.map_run(id).map(MapRun::record).or_else(|| self.ended_map_runs.get(&id).cloned())
    }
}

/// The fold.
impl Execution {
    pub(super) fn apply_map_run(&mut self, event: &Event) {
        match &event.kind {
            EventKind::MapRunStarted { plan, .. } => {
                let map_run = MapRun::new(MapRunId(event.id), event.at, plan);
                self.map_runs.insert(map_run.id(), event.frame);
                self.advance(event, Phase::MapRun(Box::new(map_run)));
            }
            EventKind::MapRunRedriven { redrive_count, .. } => {
                self.redrive_map_run(event, *redrive_count);
            }
            EventKind::MapRunChildEnded(end) => {
                self.child_ends += 1;
                let most = self.limits().data_bytes;
                self.change_map_run(event.frame, |map_run| map_run.end_child(end, most));
            }
            EventKind::MapRunTotalsKnown(totals) => {
                self.change_map_run(event.frame, |map_run| map_run.know_totals(*totals));
            }
            EventKind::MapRunUpdated(limits) => {
                self.change_map_run(event.frame, |map_run| map_run.set_limits(*limits));
            }
            EventKind::MapRunSucceeded { .. } => {
                self.end_map_run(event.frame, ExecutionStatus::Succeeded, &None, event.at);
                self.follow(event);
            }
            EventKind::MapRunFailed { error, .. } => {
                self.end_map_run(event.frame, ExecutionStatus::Failed, error, event.at);
                self.follow(event);
            }
            _ => self.end_map_run(event.frame, ExecutionStatus::Aborted, &None, event.at),
        }
    }

    fn change_map_run(&mut self, id: FrameId, change: impl FnOnce(&mut MapRun)) {
        if let Some(Phase::MapRun(map_run)) = self.frames.get_mut(&id).map(|frame| &mut frame.phase)
        {
            change(map_run);
        }
    }

    /// The Map Run that a frame was left with goes on.
    fn redrive_map_run(&mut self, event: &Event, count: u32) {
        let Some(frame) = self.frames.get_mut(&event.frame) else { return };
        let Phase::MapRunEnded(map_run) = &mut frame.phase else { return };
        map_run.redrive(Redriven { count, at: event.at });
        let id = map_run.id();
        if let Phase::MapRunEnded(map_run) = mem::replace(&mut frame.phase, Phase::Entered) {
            self.ended_map_runs.remove(&id);
            self.map_runs.insert(id, event.frame);
            self.advance(event, Phase::MapRun(map_run));
        }
    }

    /// The Map Run of a frame, if that waits for one, does not count any more.
    pub(super) fn end_map_run(
        &mut self,
        id: FrameId,
        status: ExecutionStatus,
        error: &Text,
        at: Timestamp,
    ) {
        let phase = self.frames.get_mut(&id).map(|frame| &mut frame.phase);
        let Some(Phase::MapRun(map_run)) = phase else { return };
        if self.map_runs.remove(&map_run.id()).is_some() {
            map_run.end(status, error.clone());
            self.ended_map_runs.insert(map_run.id(), map_run.record().ended(status, at));
        }
    }

    /// The execution ends, and with it the Map Runs that still count.
    pub(super) fn abort_map_runs(&mut self, at: Timestamp) {
        for frame in self.map_runs.values().copied().collect::<Vec<_>>() {
            self.end_map_run(frame, ExecutionStatus::Aborted, &None, at);
        }
    }
}
