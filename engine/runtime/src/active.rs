//! An execution in memory.

use std::mem;
use std::sync::Arc;

use stepyard_asl::{Program, Timestamp};
use stepyard_machine::{
    Command, Decision, Event, Execution, ExecutionStatus, Moment, StartContext, Stimulus, Timer,
    decide,
};
use stepyard_store::{Chunk, DuePlace, ExecutionId, ExecutionRow, ExecutionUpdate, ShardId, codec};
use uuid::Uuid;

use crate::ExecutionView;
use crate::planted::{self, Planted};

/// An execution that its shard owns. The machine may be ahead of the disk: what is decided and not yet
/// handed to the committer waits in `events` and `commands`.
pub(crate) struct Active {
    pub(crate) id: ExecutionId,
    pub(crate) program: Arc<Program>,
    pub(crate) revision: Uuid,
    execution: Execution,
    /// Decided, not yet handed over.
    decision: Decision,
    /// Timers that were armed, to be forgotten at the end.
    pub(crate) armed: Vec<(Timestamp, Timer)>,
    /// `resume_at` of its row, as far as it has been handed over.
    stored_resume_at: Option<Timestamp>,
}

/// What is released when a chunk is durable.
pub(crate) struct Released {
    pub(crate) execution: ExecutionId,
    pub(crate) events: Vec<Event>,
    pub(crate) commands: Vec<Command>,
}

impl Active {
    pub(crate) fn new(id: ExecutionId, revision: Uuid, program: Arc<Program>) -> Active {
        Active {
            id,
            program,
            revision,
            execution: Execution::new(),
            decision: Decision::default(),
            armed: Vec::new(),
            stored_resume_at: None,
        }
    }

    /// From its journal.
    pub(crate) fn folded(
        row: &ExecutionRow,
        program: Arc<Program>,
        execution: Execution,
    ) -> Active {
        let stored_resume_at = row.resume_at;
        Active { execution, stored_resume_at, ..Active::new(row.id, row.revision, program) }
    }

    /// Lets the machine decide.
    pub(crate) fn decide(&mut self, moment: Moment, stimulus: Stimulus) {
        decide(&self.program, &mut self.execution, moment, stimulus, &mut self.decision);
    }

    pub(crate) fn execution(&self) -> &Execution {
        &self.execution
    }

    /// What it knows of itself; there since its first event.
    pub(crate) fn context(&self) -> Option<&Arc<StartContext>> {
        self.execution.context()
    }

    /// Whether there is something to hand over.
    pub(crate) fn is_dirty(&self) -> bool {
        !self.decision.events.is_empty() || !self.decision.commands.is_empty()
    }

    /// Takes what has been decided: the row for the journal, and what is released when it is durable.
    pub(crate) fn hand_over(&mut self, shard: ShardId) -> (Option<Chunk>, Released) {
        let Decision { events, commands, .. } = mem::take(&mut self.decision);
        let chunk = self.chunk(shard, &events);
        (chunk, Released { execution: self.id, events, commands })
    }

    fn chunk(&self, shard: ShardId, events: &[Event]) -> Option<Chunk> {
        if events.is_empty() {
            return None;
        }
        let visible = events.iter().filter(|event| event.kind.is_visible()).count() as u64;
        let first_visible_id = self.execution.last_event_id().0 + 1 - visible;
        Some(Chunk {
            shard,
            execution: self.id,
            first_event: self.execution.event_count() - events.len() as u64,
            events: u32::try_from(events.len()).unwrap_or(u32::MAX),
            first_visible_id,
            body: codec::encode(events, first_visible_id),
        })
    }

    /// Its row as it was when it started.
    pub(crate) fn started_row(&self, shard: ShardId, context: &StartContext) -> ExecutionRow {
        ExecutionRow {
            shard,
            id: self.id,
            state_machine_arn: context.state_machine_arn.clone(),
            name: context.execution_name.clone(),
            qualifier: context.qualifier.clone(),
            revision: self.revision,
            status: ExecutionStatus::Running,
            started_at: self.execution.started_at().unwrap_or_default(),
            stopped_at: None,
            resume_at: None,
        }
    }

    /// What DescribeExecution shows of it until it has ended.
    pub(crate) fn view(&self, shard: ShardId) -> Option<ExecutionView> {
        let context = self.execution.context()?;
        let row = self.started_row(shard, context);
        Some(ExecutionView::started(row, context.clone(), self.execution.input()?.clone()))
    }

    /// The change of its row: when it has ended, when it falls asleep, and when it has woken up.
    /// Executions are in memory up to the place `loaded_to`, so only those beyond it sleep.
    pub(crate) fn update(
        &mut self,
        shard: ShardId,
        loaded_to: DuePlace,
    ) -> Option<ExecutionUpdate> {
        let status = self.execution.status()?;
        let stopped_at = self.execution.stopped_at();
        let sleeps_until = self.execution.sleeps_until();
        let resume_at = sleeps_until.filter(|due| self.is_beyond(*due, loaded_to));
        if stopped_at.is_none() && resume_at == self.stored_resume_at {
            return None;
        }
        self.stored_resume_at = resume_at;
        Some(ExecutionUpdate { shard, id: self.id, status, stopped_at, resume_at })
    }

    /// Whether the store knows all of it and when it goes on, so that it need not be in memory.
    pub(crate) fn is_asleep(&self, loaded_to: DuePlace) -> bool {
        !self.is_dirty() && self.stored_resume_at.is_some_and(|due| self.is_beyond(due, loaded_to))
    }

    fn is_beyond(&self, due: Timestamp, loaded_to: DuePlace) -> bool {
        (due.plus_millis(planted::shift(Planted::SleeperLost)), self.id) > loaded_to
    }
}
