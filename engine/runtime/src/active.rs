//! An execution in memory.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use stepyard_asl::{Program, Timestamp};
use stepyard_machine::{
    Command, Decision, Event, EventKind, Execution, ExecutionStatus, MapRunId, MapRunRecord,
    Moment, Redriven, StartContext, Stimulus, TaskTokens, Timer,
};
use stepyard_store::{
    ChildRow, Chunk, DuePlace, ExecutionId, ExecutionRow, ExecutionUpdate, MapRunRow, ShardId,
    codec,
};
use uuid::Uuid;

use crate::planted::{self, Planted};
use crate::thinking::{Question, Thought, decide_at_once};
use crate::{ExecutionView, Logging};

/// An execution that its shard owns. The machine may be ahead of the disk: what is decided and not yet
/// handed to the committer waits in `events` and `commands`.
pub(crate) struct Active {
    pub(crate) id: ExecutionId,
    pub(crate) program: Arc<Program>,
    pub(crate) revision: Uuid,
    /// What is logged of it.
    pub(crate) logging: Logging,
    execution: Execution,
    /// Decided, not yet handed over.
    decision: Decision,
    /// Timers that were armed, to be forgotten at the end.
    pub(crate) armed: Vec<(Timestamp, Timer)>,
    /// `resume_at` of its row, as far as it has been handed over.
    stored_resume_at: Option<Timestamp>,
    /// The same of `redriven`.
    stored_redriven: Option<Redriven>,
    /// Its Map Runs, as far as their rows have been handed over.
    stored_map_runs: BTreeMap<MapRunId, MapRunRecord>,
    /// A decision that is being made elsewhere: until then it is as it was before.
    thinking: Option<Thinking>,
    /// Decisions that have been made elsewhere, the last one included.
    thoughts: u64,
}

/// What an execution waits for while a decision is being made elsewhere.
struct Thinking {
    /// The number of the decision.
    number: u64,
    /// What has reached it meanwhile.
    waiting: Vec<Stimulus>,
}

/// What is released when a chunk is durable.
pub(crate) struct Released {
    pub(crate) execution: ExecutionId,
    pub(crate) events: Vec<Event>,
    /// How often it had been redriven before them.
    pub(crate) redrives: u32,
    pub(crate) commands: Vec<Command>,
    /// What DescribeExecution shows then, if that has changed.
    pub(crate) view: Option<Box<ExecutionView>>,
}

impl Active {
    pub(crate) fn new(
        id: ExecutionId,
        revision: Uuid,
        program: Arc<Program>,
        tokens: Arc<dyn TaskTokens>,
    ) -> Active {
        Active::of(id, revision, program, Execution::new().with_tokens(tokens))
    }

    fn of(id: ExecutionId, revision: Uuid, program: Arc<Program>, execution: Execution) -> Active {
        Active {
            id,
            program,
            revision,
            logging: Logging::default(),
            execution,
            decision: Decision::default(),
            armed: Vec::new(),
            stored_resume_at: None,
            stored_redriven: None,
            stored_map_runs: BTreeMap::new(),
            thinking: None,
            thoughts: 0,
        }
    }

    /// From its journal.
    pub(crate) fn folded(
        row: &ExecutionRow,
        program: Arc<Program>,
        execution: Execution,
    ) -> Active {
        let stored_resume_at = row.resume_at;
        let records = execution.map_run_records();
        let stored_map_runs = records.map(|record| (record.id, record)).collect();
        Active {
            stored_resume_at,
            stored_map_runs,
            ..Active::of(row.id, row.revision, program, execution)
        }
    }

    /// Lets the machine decide. What takes too long is to be decided elsewhere, and has a number for
    /// [`Active::take_in`].
    pub(crate) fn decide(&mut self, moment: Moment, stimulus: Stimulus) -> Option<(u64, Question)> {
        match &mut self.thinking {
            // Whatever was being decided does not matter any more.
            Some(_) if matches!(stimulus, Stimulus::Stop { .. }) => self.thinking = None,
            Some(thinking) => {
                thinking.waiting.push(stimulus);
                return None;
            }
            None => {}
        }
        let (program, execution) = (&self.program, &mut self.execution);
        let decided = decide_at_once(program, execution, moment, stimulus, &mut self.decision);
        let undecided = decided.err()?;
        self.thoughts += 1;
        self.thinking = Some(Thinking { number: self.thoughts, waiting: Vec::new() });
        let question = Question::of(&self.program, &self.execution, moment, undecided);
        Some((self.thoughts, question))
    }

    /// The number of the decision that is being made elsewhere.
    pub(crate) fn thought(&self) -> Option<u64> {
        self.thinking.as_ref().map(|thinking| thinking.number)
    }

    /// Whether it is waiting for the decision of that number.
    pub(crate) fn waits_for(&self, number: u64) -> bool {
        self.thinking.as_ref().is_some_and(|thinking| thinking.number == number)
    }

    /// Takes in what was decided elsewhere, unless it does not count any more, and returns what has reached the execution
    /// meanwhile.
    pub(crate) fn take_in(&mut self, number: u64, thought: Thought) -> Vec<Stimulus> {
        let Some(thinking) = self.thinking.take_if(|thinking| thinking.number == number) else {
            return Vec::new();
        };
        self.execution = thought.execution;
        self.decision.events.extend(thought.decision.events);
        self.decision.commands.extend(thought.decision.commands);
        thinking.waiting
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
        let is_news = |event: &Event| event.kind.new_status().is_some();
        let view = if events.iter().any(is_news) { self.view(shard) } else { None };
        let (execution, redrives) = (self.id, self.redrives_before(&events));
        (chunk, Released { execution, events, redrives, commands, view: view.map(Box::new) })
    }

    /// How often it had been redriven before its last events.
    fn redrives_before(&self, events: &[Event]) -> u32 {
        let is_redrive = |event: &&Event| matches!(event.kind, EventKind::ExecutionRedriven { .. });
        let among_them =
            u32::try_from(events.iter().filter(is_redrive).count()).unwrap_or(u32::MAX);
        self.execution.redriven().map_or(0, |redriven| redriven.count).saturating_sub(among_them)
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

    /// The rows of its Map Runs that are new or have changed.
    pub(crate) fn changed_map_runs(&mut self, shard: ShardId) -> Vec<MapRunRow> {
        let is_stored =
            |record: &MapRunRecord| self.stored_map_runs.get(&record.id) == Some(record);
        let records = self.execution.map_run_records();
        let changed: Vec<_> = records.filter(|record| !is_stored(record)).collect();
        self.stored_map_runs.extend(changed.iter().map(|record| (record.id, record.clone())));
        let execution = self.id;
        changed.into_iter().map(|record| MapRunRow::new(shard, execution, record)).collect()
    }

    /// Its row as it was when it started.
    pub(crate) fn started_row(&self, shard: ShardId, context: &StartContext) -> ExecutionRow {
        ExecutionRow {
            shard,
            id: self.id,
            state_machine_arn: context.state_machine_arn.clone(),
            name: context.execution_name.clone(),
            qualifier: context.qualifier.clone(),
            child: context.child_of.as_ref().and_then(ChildRow::of),
            revision: self.revision,
            status: ExecutionStatus::Running,
            started_at: self.execution.started_at().unwrap_or_default(),
            stopped_at: None,
            redriven: None,
            resume_at: None,
        }
    }

    /// What DescribeExecution shows of it once all that is decided is durable.
    fn view(&self, shard: ShardId) -> Option<ExecutionView> {
        let execution = &self.execution;
        let context = execution.context()?;
        let row = ExecutionRow {
            status: execution.status()?,
            stopped_at: execution.stopped_at(),
            redriven: execution.redriven(),
            ..self.started_row(shard, context)
        };
        let view = ExecutionView::started(row, context.clone(), execution.input()?.clone());
        Some(ExecutionView {
            output: execution.output().cloned(),
            error: execution.error().cloned(),
            cause: execution.cause().cloned(),
            last_event_id: execution.last_event_id(),
            ..view
        })
    }

    /// The change of its row: when it has ended or was redriven, when it falls asleep, and when it has woken up.
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
        let redriven = self.execution.redriven();
        let is_stored = (redriven, resume_at) == (self.stored_redriven, self.stored_resume_at);
        if stopped_at.is_none() && is_stored {
            return None;
        }
        (self.stored_redriven, self.stored_resume_at) = (redriven, resume_at);
        Some(ExecutionUpdate { shard, id: self.id, status, stopped_at, redriven, resume_at })
    }

    /// Whether the store knows all of it and when it goes on, so that it need not be in memory.
    pub(crate) fn is_asleep(&self, loaded_to: DuePlace) -> bool {
        !self.is_dirty()
            && self.thinking.is_none()
            && self.stored_resume_at.is_some_and(|due| self.is_beyond(due, loaded_to))
    }

    fn is_beyond(&self, due: Timestamp, loaded_to: DuePlace) -> bool {
        (due.plus_millis(planted::shift(Planted::SleeperLost)), self.id) > loaded_to
    }
}

#[cfg(test)]
mod tests {
    use stepyard_asl::{Timestamp, compile};
    use stepyard_json::Payload;
    use stepyard_machine::{
        Command, Decision, Execution, ExecutionStatus, Moment, Stimulus, TaskId, Timer, TimerKind,
    };
    use stepyard_store::ExecutionId;
    use uuid::Uuid;

    use super::{Active, Question, Thought};
    use crate::samples::start_context;

    const ENDLESS: &str = r#"{"QueryLanguage":"JSONata","StartAt":"Loop","TimeoutSeconds":9,"States":{"Loop":{"Type":"Pass",
        "Output":"{% ($f := function($x){ $f($x + 1) }; $f(1)) %}","End":true}}}"#;

    const MOMENT: Moment = Moment { now: Timestamp(1_000), entropy: [1; 16] };

    /// An execution that waits for its first decision, with the number of that.
    fn thinking() -> (Active, u64, Question) {
        let program = compile(ENDLESS).program.unwrap();
        let mut active =
            Active::of(ExecutionId(Uuid::nil()), Uuid::nil(), program, Execution::new());
        let context = start_context().into();
        let start = Stimulus::Start { context, input: Payload::empty_object() };
        assert!(active.decide(MOMENT, start).is_none(), "the start itself takes no time");
        assert!(active.decision.commands.contains(&Command::Continue));
        let (number, question) = active.decide(MOMENT, Stimulus::Continue).unwrap();
        (active, number, question)
    }

    fn think(question: Question) -> Thought {
        let Question { program, mut execution, moment, stimulus, mut decision, .. } = question;
        stepyard_machine::decide(&program, &mut execution, moment, stimulus, &mut decision);
        Thought { execution, decision }
    }

    #[test]
    fn what_arrives_while_it_thinks_waits() {
        let (mut active, number, question) = thinking();
        let timer = Timer {
            frame: stepyard_machine::FrameId::ROOT,
            kind: TimerKind::ExecutionTimeout,
            armed_by: 0,
        };
        assert!(active.decide(MOMENT, Stimulus::TimerDue { timer }).is_none());
        assert_eq!(active.execution().status(), Some(ExecutionStatus::Running));
        let waiting = active.take_in(number, think(question));
        assert!(matches!(waiting[..], [Stimulus::TimerDue { .. }]));
        assert_eq!(active.execution().status(), Some(ExecutionStatus::Failed));
    }

    #[test]
    fn a_stop_does_not_wait_and_what_was_thought_counts_no_more() {
        let (mut active, number, question) = thinking();
        let stop = Stimulus::Stop { error: None, cause: None };
        assert!(active.decide(MOMENT, stop).is_none());
        assert_eq!(active.execution().status(), Some(ExecutionStatus::Aborted));
        let events = active.decision.events.len();
        assert!(active.take_in(number, think(question)).is_empty());
        assert_eq!(active.execution().status(), Some(ExecutionStatus::Aborted));
        assert_eq!(active.decision.events.len(), events);
    }

    #[test]
    fn only_the_last_thought_counts() {
        let (mut active, number, question) = thinking();
        let thought = think(question);
        let unknown =
            Thought { execution: thought.execution.clone(), decision: Decision::default() };
        active.take_in(number + 1, unknown);
        assert_eq!(active.execution().status(), Some(ExecutionStatus::Running));
        active.take_in(number, thought);
        assert_eq!(active.execution().status(), Some(ExecutionStatus::Failed));
        let late = Stimulus::TaskStarted { task: TaskId(stepyard_machine::EventId(2)) };
        assert!(active.decide(MOMENT, late).is_none());
    }
}
