//! The Map Runs of an execution.

use stepyard_asl::Timestamp;

use super::Execution;
use crate::frame::{Frame, Phase};
use crate::{Event, EventKind, ExecutionStatus, FrameId, MapRun, MapRunId, MapRunRecord};

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
                self.end_map_run(event.frame, ExecutionStatus::Succeeded, event.at);
                self.follow(event);
            }
            EventKind::MapRunFailed { .. } => {
                self.end_map_run(event.frame, ExecutionStatus::Failed, event.at);
                self.follow(event);
            }
            _ => self.end_map_run(event.frame, ExecutionStatus::Aborted, event.at),
        }
    }

    fn change_map_run(&mut self, id: FrameId, change: impl FnOnce(&mut MapRun)) {
        if let Some(Phase::MapRun(map_run)) = self.frames.get_mut(&id).map(|frame| &mut frame.phase)
        {
            change(map_run);
        }
    }

    /// The Map Run of a frame, if that waits for one, does not count any more.
    pub(super) fn end_map_run(&mut self, id: FrameId, status: ExecutionStatus, at: Timestamp) {
        let Some(map_run) = self.frames.get(&id).and_then(Frame::map_run) else { return };
        if self.map_runs.remove(&map_run.id()).is_some() {
            self.ended_map_runs.insert(map_run.id(), map_run.record().ended(status, at));
        }
    }

    /// The execution ends, and with it the Map Runs that still count.
    pub(super) fn abort_map_runs(&mut self, at: Timestamp) {
        for frame in self.map_runs.values().copied().collect::<Vec<_>>() {
            self.end_map_run(frame, ExecutionStatus::Aborted, at);
        }
    }
}
