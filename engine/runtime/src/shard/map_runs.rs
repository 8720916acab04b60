//! What is asked of Map Runs, and changed in them.

use stepyard_machine::{MapRun, Stimulus};
use stepyard_store::Error;

use super::message::{Answer, AskMapRun, Message};
use super::{Shard, callbacks};
use crate::{MapRunProgress, MapRunRequest, MapRunRequestError};

/// Map Runs that are looked up at a time.
const PAGE: usize = 256;

impl Shard {
    /// Winds up the Map Runs that have ended badly, and that no owner before has seen to.
    pub(super) async fn wind_up_map_runs(&mut self) -> Result<(), Error> {
        let mut after = None;
        loop {
            let rows = self.shared.store.map_runs_to_wind_up(self.id(), after, PAGE).await?;
            for row in &rows {
                self.map_runs.wind_up(row.execution, row.record.id);
            }
            after = rows.last().map(|row| (row.execution, row.record.id));
            if rows.len() < PAGE {
                return Ok(());
            }
        }
    }

    /// Tells how a Map Run stands, after a change of its limits if there is one. The reply waits until what it tells is
    /// durable.
    pub(super) fn ask_map_run(&mut self, ask: Box<AskMapRun>) {
        if !self.shared.lease.is_valid(self.shared.clock.monotonic()) {
            // There may be another owner, who knows more: who gets no answer asks him.
            return;
        }
        let MapRunRequest { execution, run, change, .. } = ask.request;
        let Some(active) = self.executions.get(&execution) else {
            let is_set_aside = self.set_aside.contains(&execution);
            // A client that has gone away does not want its answer.
            return drop(ask.reply.send(Err(absent(is_set_aside))));
        };
        if active.thought().is_some() {
            return self.postponed.push((execution, Message::AskMapRun(ask)));
        }
        let before = active.execution().map_run(run).map(MapRun::limits);
        if let Some(limits) = before
            && !change.is_empty()
        {
            let limits = change.of(limits);
            self.decide(execution, Stimulus::UpdateMapRun { run, limits });
        }
        let result = match before {
            Some(_) => {
                self.progress(&ask.request).map(Box::new).ok_or(MapRunRequestError::NotRunning)
            }
            None => Err(MapRunRequestError::NotRunning),
        };
        self.reply(execution, Answer::MapRun { reply: ask.reply, result });
    }

    fn progress(&self, request: &MapRunRequest) -> Option<MapRunProgress> {
        let active = self.executions.get(&request.execution)?;
        let record = active.execution().map_run_record(request.run)?;
        let running = match record.stopped_at {
            None => self.map_runs.running(request.execution, request.run),
            Some(_) => Default::default(),
        };
        Some(MapRunProgress { record, running })
    }
}

/// Of an execution that is not in memory.
fn absent(is_set_aside: bool) -> MapRunRequestError {
    match is_set_aside {
        true => MapRunRequestError::Unavailable(callbacks::SET_ASIDE.into()),
        false => MapRunRequestError::NotRunning,
    }
}
