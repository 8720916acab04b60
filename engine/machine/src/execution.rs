//! The state of an execution: a fold over its events.

mod map_runs;
mod redrive;

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use redrive::Redrives;
pub use redrive::{NotRedrivable, REDRIVE_TOKENS_MAX, RedriveSubject, Redriven};
use stepyard_asl::{StateId, Timestamp};
use stepyard_json::{Json, Payload};

use crate::frame::{Alarm, Attempt, Children, Frame, Iterations, Phase, Remains};
use crate::tokens::Tokens;
use crate::variables::Variables;
use crate::{
    Event, EventId, EventKind, ExecutionStatus, FrameId, InvokeTask, Limits, MapRunId,
    MapRunRecord, StartContext, TaskId, TaskTokens, Text,
};

/// The state of an execution. It changes only by [`Execution::apply`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Execution {
    status: Option<ExecutionStatus>,
    context: Option<Arc<StartContext>>,
    input: Option<Payload>,
    output: Option<Payload>,
    error: Text,
    cause: Text,
    started_at: Option<Timestamp>,
    stopped_at: Option<Timestamp>,
    timeout_seconds: Option<u64>,
    /// When it was opened: by its start or by its last redrive.
    opened_at: Option<Timestamp>,
    /// Position of the event that says so.
    opened_by: u64,
    /// Events since then that tell how child executions have ended.
    child_ends: u64,
    redrives: Redrives,
    /// Time of the last event.
    clock: Timestamp,
    /// Number of events, internal ones too.
    events: u64,
    last_event_id: EventId,
    next_frame: u32,
    frames: BTreeMap<FrameId, Frame>,
    /// The frames at its bad end: what a redrive goes on with.
    left_behind: BTreeMap<FrameId, Frame>,
    /// Frames that can go on at once.
    runnable: BTreeSet<FrameId>,
    /// Which frame waits for a task.
    tasks: BTreeMap<TaskId, FrameId>,
    /// Which frame waits for a Map Run.
    map_runs: BTreeMap<MapRunId, FrameId>,
    /// Those that have ended.
    ended_map_runs: BTreeMap<MapRunId, MapRunRecord>,
    /// The frame of the last event.
    last_frame: FrameId,
    /// Length of the variables of all frames as JSON text.
    variable_bytes: usize,
    /// Not a part of what its events say.
    tokens: Tokens,
}

/// What has become of it.
impl Execution {
    /// An execution that has not started.
    pub fn new() -> Execution {
        Execution::default()
    }

    /// The same, whose tasks have tokens.
    #[must_use]
    pub fn with_tokens(self, tokens: Arc<dyn TaskTokens>) -> Execution {
        Execution { tokens: Tokens::from(tokens), ..self }
    }

    /// The execution that these events, from the first one on, lead to.
    pub fn replay<I>(events: I) -> Execution
    where
        I: IntoIterator,
        I::Item: Borrow<Event>,
    {
        let mut execution = Execution::new();
        for event in events {
            execution.apply(event.borrow());
        }
        execution
    }

    /// Its status; `None` before its first event.
    pub fn status(&self) -> Option<ExecutionStatus> {
        self.status
    }

    /// Whether it has ended.
    pub fn is_closed(&self) -> bool {
        self.stopped_at.is_some()
    }

    /// Its input.
    pub fn input(&self) -> Option<&Payload> {
        self.input.as_ref()
    }

    /// Its output, when it has succeeded.
    pub fn output(&self) -> Option<&Payload> {
        self.output.as_ref()
    }

    /// The error it ended with.
    pub fn error(&self) -> Option<&Arc<str>> {
        self.error.as_ref()
    }

    /// The cause of that error.
    pub fn cause(&self) -> Option<&Arc<str>> {
        self.cause.as_ref()
    }

    /// When it started; a redrive changes nothing of that.
    pub fn started_at(&self) -> Option<Timestamp> {
        self.started_at
    }

    /// When it ended.
    pub fn stopped_at(&self) -> Option<Timestamp> {
        self.stopped_at
    }

    /// When `TimeoutSeconds` of the state machine is over.
    pub fn times_out_at(&self) -> Option<Timestamp> {
        Some(self.opened_at?.plus_seconds(self.timeout_seconds?))
    }

    /// Position of the event from which on that counts.
    pub(crate) fn opened_by(&self) -> u64 {
        self.opened_by
    }

    /// Number of its events, internal ones too; that is the position of the next one.
    pub fn event_count(&self) -> u64 {
        self.events
    }

    /// Id of the last event that AWS's history shows.
    pub fn last_event_id(&self) -> EventId {
        self.last_event_id
    }

    /// What it knows of itself from its start.
    pub fn context(&self) -> Option<&Arc<StartContext>> {
        self.context.as_ref()
    }

    /// How much it may hold.
    pub fn limits(&self) -> Limits {
        self.context.as_ref().map_or(Limits::AWS, |context| context.limits)
    }

    /// Time of its last event.
    pub(crate) fn clock(&self) -> Timestamp {
        self.clock
    }

    pub(crate) fn frame(&self, id: FrameId) -> Option<&Frame> {
        self.frames.get(&id)
    }

    pub(crate) fn frames(&self) -> impl Iterator<Item = (FrameId, &Frame)> {
        self.frames.iter().map(|(id, frame)| (*id, frame))
    }

    /// The variable as a frame sees it: its own, or that of a frame above.
    pub(crate) fn variable(&self, id: FrameId, name: &str) -> Option<&Json> {
        let mut frame = self.frame(id)?;
        loop {
            if let Some(value) = frame.variables.get(name) {
                return Some(value);
            }
            frame = self.frame(frame.parent?)?;
        }
    }

    /// Length of all its variables as JSON text.
    pub(crate) fn variable_bytes(&self) -> usize {
        self.variable_bytes
    }

    /// What it will be once a frame has assigned these.
    pub(crate) fn variable_bytes_after(&self, id: FrameId, assigned: &Payload) -> usize {
        let Some(frame) = self.frame(id) else { return self.variable_bytes };
        let variables = &frame.variables;
        self.variable_bytes - variables.bytes() + variables.bytes_after(assigned)
    }

    /// Whether a frame can go on at once.
    pub(crate) fn is_runnable(&self, id: FrameId) -> bool {
        self.runnable.contains(&id)
    }

    /// The frame that is to go on next.
    pub(crate) fn next_runnable(&self) -> Option<FrameId> {
        self.runnable.first().copied()
    }

    /// The frame that is to go on after a decision was cut: the one after that which had its turn, so that
    /// a branch that never comes to rest does not keep the others waiting.
    pub(crate) fn next_in_turn(&self) -> Option<FrameId> {
        let after = (Bound::Excluded(self.last_frame), Bound::Unbounded);
        self.runnable.range(after).next().copied().or_else(|| self.next_runnable())
    }

    /// The frame that waits for this task, and nothing else.
    pub(crate) fn frame_of(&self, task: TaskId) -> Option<FrameId> {
        self.tasks.get(&task).copied()
    }

    /// The events since it was opened, but for those that tell how child executions have ended.
    pub(crate) fn counted_events(&self) -> u64 {
        self.events - self.opened_by - self.child_ends
    }

    /// Whether it waits for this task.
    pub fn waits_for(&self, task: TaskId) -> bool {
        self.tasks.contains_key(&task)
    }

    /// Whether a task is handed out and nobody has taken it on yet.
    pub fn is_scheduled(&self, task: TaskId) -> bool {
        let frame = self.frame_of(task).and_then(|id| self.frame(id));
        frame.is_some_and(|frame| matches!(frame.phase, Phase::Scheduled(_)))
    }

    /// What a task is, and what it is given.
    pub fn invocation(&self, task: TaskId) -> Option<&InvokeTask> {
        let attempt = self.frame(self.frame_of(task)?)?.attempt()?;
        Some(&attempt.invocation)
    }

    /// The token of a task; `None` when those of this execution have none.
    pub fn token(&self, task: TaskId) -> Option<String> {
        self.tokens.of(task)
    }

    /// The tasks that are handed out.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = TaskId> {
        self.tasks.keys().copied()
    }
}

/// The fold.
impl Execution {
    /// Takes one event in. Events of an execution must come in order and without gaps.
    pub fn apply(&mut self, event: &Event) {
        self.apply_kind(event);
        self.clock = event.at;
        self.last_frame = event.frame;
        self.events += 1;
        if event.kind.is_visible() {
            self.last_event_id = event.id;
        }
    }

    fn apply_kind(&mut self, event: &Event) {
        match &event.kind {
            EventKind::ExecutionStarted { .. }
            | EventKind::ExecutionSucceeded { .. }
            | EventKind::ExecutionFailed { .. }
            | EventKind::ExecutionTimedOut { .. }
            | EventKind::ExecutionAborted { .. }
            | EventKind::ExecutionRedriven { .. } => self.apply_to_whole(event),
            EventKind::StateEntered { state, input } => self.enter(event, *state, input),
            EventKind::StateExited { output, assigned, .. } => {
                self.exit(event, output, assigned.as_ref());
            }
            EventKind::TaskScheduled { .. }
            | EventKind::TaskStarted { .. }
            | EventKind::TaskSubmitted { .. }
            | EventKind::ActivityStarted { .. }
            | EventKind::TaskSucceeded { .. }
            | EventKind::TaskFailed { .. }
            | EventKind::TaskTimedOut { .. }
            | EventKind::ExecutionAwaited { .. } => self.apply_task(event),
            EventKind::WaitStarted { until } => {
                self.set_phase(event.frame, Phase::Waiting(self.alarm(*until)));
            }
            EventKind::RetryScheduled { retrier, due } => self.retry(event, *retrier, *due),
            EventKind::ParallelStateStarted { input, branches, .. } => {
                self.open_branches(event, input, *branches);
            }
            EventKind::BranchSucceeded => self.close_child(event.frame, event.previous),
            EventKind::MapStateStarted { input, items, length, concurrency, .. } => {
                let iterations = Iterations {
                    input: input.clone(),
                    items: items.clone(),
                    concurrency: *concurrency as usize,
                    next: 0,
                    made_room: event.id,
                };
                self.open_children(event, *length, Some(iterations));
            }
            EventKind::MapIterationStarted { index, input, .. } => {
                self.open_iteration(event, *index, input);
            }
            EventKind::MapIterationSucceeded { .. } => self.close_iteration(event),
            EventKind::MapRunStarted { .. }
            | EventKind::MapRunRedriven { .. }
            | EventKind::MapRunChildEnded(_)
            | EventKind::MapRunTotalsKnown(_)
            | EventKind::MapRunUpdated(_)
            | EventKind::MapRunSucceeded { .. }
            | EventKind::MapRunFailed { .. }
            | EventKind::MapRunAborted { .. } => self.apply_map_run(event),
            EventKind::ParallelStateFailed { .. } | EventKind::MapStateFailed { .. } => {
                let done = self.done_with_children(event.frame);
                self.advance(event, done);
            }
            EventKind::EvaluationFailed { .. } => self.follow(event),
            // What is abandoned goes with the event that closes the frame above it.
            EventKind::StateAborted { .. }
            | EventKind::MapIterationAborted { .. }
            | EventKind::MapIterationFailed { .. } => {}
            // The state's exit follows the last child, not this event.
            EventKind::ParallelStateSucceeded { .. } | EventKind::MapStateSucceeded { .. } => {
                let done = self.done_with_children(event.frame);
                self.set_phase(event.frame, done);
            }
        }
    }

    fn apply_to_whole(&mut self, event: &Event) {
        match &event.kind {
            EventKind::ExecutionStarted { context, input, timeout_seconds } => {
                self.context = Some(context.clone());
                self.timeout_seconds = *timeout_seconds;
                self.start(event.at, input);
            }
            EventKind::ExecutionSucceeded { output } => {
                self.output = Some(output.clone());
                self.close(event.at, ExecutionStatus::Succeeded, &None, &None);
            }
            EventKind::ExecutionFailed { error, cause } => {
                self.close(event.at, ExecutionStatus::Failed, error, cause);
            }
            EventKind::ExecutionTimedOut { error, cause } => {
                self.close(event.at, ExecutionStatus::TimedOut, error, cause);
            }
            EventKind::ExecutionAborted { error, cause } => {
                self.close(event.at, ExecutionStatus::Aborted, error, cause);
            }
            EventKind::ExecutionRedriven { redrive_count, client_token } => {
                self.reopen(event.at, *redrive_count, client_token);
            }
            _ => {}
        }
    }

    fn apply_task(&mut self, event: &Event) {
        match &event.kind {
            EventKind::TaskScheduled {
                state,
                parameters,
                timeout_seconds,
                heartbeat_seconds,
                role_arn,
            } => {
                let task = TaskId(event.id);
                let invocation = InvokeTask {
                    task,
                    state: *state,
                    parameters: parameters.clone(),
                    role_arn: role_arn.clone(),
                };
                self.tasks.insert(task, event.frame);
                let (timeout_seconds, heartbeat_seconds) = (*timeout_seconds, *heartbeat_seconds);
                let attempt = Attempt { invocation, timeout_seconds, heartbeat_seconds };
                self.advance(event, Phase::Scheduled(attempt));
                if let Some(frame) = self.frames.get_mut(&event.frame) {
                    frame.task = Some(task);
                }
            }
            EventKind::TaskStarted { .. } => {
                let attempt = self.frame(event.frame).and_then(Frame::attempt).cloned();
                if let Some(attempt) = attempt {
                    let armed_by = self.events;
                    self.advance(event, Phase::Started { attempt, at: event.at, armed_by });
                }
            }
            EventKind::ExecutionAwaited { execution_arn } => {
                let phase = self.frames.get_mut(&event.frame).map(|frame| &mut frame.phase);
                if let Some(Phase::Awaiting { execution, .. }) = phase {
                    *execution = Some(execution_arn.clone());
                }
            }
            EventKind::TaskSubmitted { .. } | EventKind::ActivityStarted { .. } => {
                let phase = self.frame(event.frame).and_then(|frame| self.awaiting(frame, event));
                if let Some(phase) = phase {
                    self.advance(event, phase);
                }
            }
            _ => {
                self.forget_task(event.frame);
                self.advance(event, Phase::Done(None));
            }
        }
    }

    /// What a frame does whose task somebody outside has from this event on.
    fn awaiting(&self, frame: &Frame, event: &Event) -> Option<Phase> {
        let attempt = frame.attempt()?.clone();
        let (at, armed_by) = match frame.phase {
            Phase::Started { at, armed_by, .. } => (at, armed_by),
            _ => (event.at, self.events),
        };
        Some(Phase::Awaiting { attempt, at, since: event.at, execution: None, armed_by })
    }

    fn start(&mut self, at: Timestamp, input: &Payload) {
        self.status = Some(ExecutionStatus::Running);
        self.started_at = Some(at);
        self.opened(at);
        self.input = Some(input.clone());
        // The first state's event has no predecessor: AWS does not count ExecutionStarted.
        self.open(None, 0, EventId::NONE, input);
    }

    fn opened(&mut self, at: Timestamp) {
        self.opened_at = Some(at);
        self.opened_by = self.events;
        self.child_ends = 0;
    }

    fn close(&mut self, at: Timestamp, status: ExecutionStatus, error: &Text, cause: &Text) {
        self.status = Some(status);
        self.stopped_at = Some(at);
        self.error.clone_from(error);
        self.cause.clone_from(cause);
        self.abort_map_runs(at);
        let frames = std::mem::take(&mut self.frames);
        let is_express = self.context.as_ref().is_some_and(|context| context.kind.is_express());
        if status != ExecutionStatus::Succeeded && !is_express {
            self.left_behind = frames;
        }
        self.variable_bytes = 0;
        self.runnable.clear();
        self.tasks.clear();
    }

    fn enter(&mut self, event: &Event, state: StateId, input: &Payload) {
        self.advance(event, Phase::Entered);
        if let Some(frame) = self.frames.get_mut(&event.frame) {
            frame.state = Some(state);
            frame.data = input.clone();
            frame.entered = event.id;
            frame.entered_after = event.previous;
            frame.entered_at = event.at;
            frame.task = None;
            frame.retries.clear();
        }
    }

    fn exit(&mut self, event: &Event, output: &Payload, assigned: Option<&Payload>) {
        self.forget_task(event.frame);
        self.close_children(event.frame);
        self.advance(event, Phase::Done(None));
        if let Some(frame) = self.frames.get_mut(&event.frame) {
            frame.data = output.clone();
            if let Some(assigned) = assigned {
                self.variable_bytes -= frame.variables.bytes();
                frame.variables.assign(assigned);
                self.variable_bytes += frame.variables.bytes();
            }
        }
    }

    fn retry(&mut self, event: &Event, retrier: u32, due: Timestamp) {
        self.close_children(event.frame);
        self.set_phase(event.frame, Phase::RetryDue(self.alarm(due)));
        if let Some(frame) = self.frames.get_mut(&event.frame) {
            frame.previous = event.previous;
            let retrier = retrier as usize;
            if frame.retries.len() <= retrier {
                frame.retries.resize(retrier + 1, 0);
            }
            frame.retries[retrier] += 1;
        }
    }

    fn alarm(&self, due: Timestamp) -> Alarm {
        Alarm { due, armed_by: self.events }
    }

    /// The event is the last one of its frame, and this is what the frame does now.
    fn advance(&mut self, event: &Event, phase: Phase) {
        self.set_phase(event.frame, phase);
        self.follow(event);
    }

    /// The event is the last one of its frame.
    fn follow(&mut self, event: &Event) {
        if let Some(frame) = self.frames.get_mut(&event.frame) {
            frame.previous = event.id;
        }
    }

    fn set_phase(&mut self, id: FrameId, phase: Phase) {
        if let Some(frame) = self.frames.get_mut(&id) {
            frame.phase = phase;
            if frame.is_runnable() {
                self.runnable.insert(id);
            } else {
                self.runnable.remove(&id);
            }
        }
    }

    fn forget_task(&mut self, id: FrameId) {
        if let Some(attempt) = self.frames.get(&id).and_then(Frame::attempt) {
            self.tasks.remove(&attempt.task());
        }
    }
}

/// Frames within frames.
impl Execution {
    fn open(&mut self, parent: Option<FrameId>, index: u32, previous: EventId, data: &Payload) {
        let id = FrameId(self.next_frame);
        self.next_frame += 1;
        let frame = Frame {
            parent,
            index,
            previous,
            data: data.clone(),
            variables: Variables::default(),
            state: None,
            entered: EventId::NONE,
            entered_after: EventId::NONE,
            entered_at: Timestamp::default(),
            task: None,
            retries: Vec::new(),
            phase: Phase::Opened,
        };
        self.frames.insert(id, frame);
        self.runnable.insert(id);
        let siblings = parent.and_then(|parent| self.children_mut(parent));
        if let Some(siblings) = siblings {
            siblings.open.insert(id);
        }
    }

    fn open_children(&mut self, event: &Event, count: u32, map: Option<Iterations>) {
        let children = Children {
            open: BTreeSet::new(),
            results: vec![None; count as usize],
            succeeded: 0,
            map,
            is_resumed: false,
        };
        self.advance(event, Phase::Children(children));
    }

    fn open_branches(&mut self, event: &Event, input: &Payload, count: u32) {
        self.open_children(event, count, None);
        for index in 0..count {
            self.open(Some(event.frame), index, event.id, input);
        }
    }

    fn open_iteration(&mut self, event: &Event, index: u32, input: &Payload) {
        if let Some(children) = self.children_mut(event.frame) {
            children.is_resumed = false;
            if let Some(map) = &mut children.map {
                map.next = index + 1;
            }
        }
        self.runnable.remove(&event.frame);
        self.open(Some(event.frame), index, event.id, input);
    }

    fn close_iteration(&mut self, event: &Event) {
        let parent = self.frames.get(&event.frame).and_then(|frame| frame.parent);
        self.close_child(event.frame, event.id);
        let children = parent.and_then(|parent| self.children_mut(parent));
        if let Some(map) = children.and_then(|children| children.map.as_mut()) {
            map.made_room = event.previous;
        }
    }

    /// A branch or iteration has ended well: what its last state left is its result.
    fn close_child(&mut self, id: FrameId, previous: EventId) {
        self.runnable.remove(&id);
        let Some(child) = self.frames.remove(&id) else { return };
        self.variable_bytes -= child.variables.bytes();
        let Some(parent) = child.parent.and_then(|parent| self.frames.get_mut(&parent)) else {
            return;
        };
        parent.previous = previous;
        if let Phase::Children(children) = &mut parent.phase {
            children.open.remove(&id);
            children.succeeded += 1;
            if let Some(result) = children.results.get_mut(child.index as usize) {
                *result = Some(child.data);
            }
        }
    }

    /// The phase of a state whose work is done: its children wait for its exit or for a redrive.
    fn done_with_children(&mut self, id: FrameId) -> Phase {
        let frames = self.close_children(id);
        let Some(frame) = self.frames.get_mut(&id) else { return Phase::Done(None) };
        match std::mem::replace(&mut frame.phase, Phase::Done(None)) {
            Phase::Children(children) => {
                Phase::Done(Some(Box::new(Remains::Children { children, frames })))
            }
            Phase::MapRun(map_run) => Phase::Done(Some(Box::new(Remains::MapRun(map_run)))),
            // They have ended well, and the state fails with what they gave.
            Phase::Done(remains) => Phase::Done(remains),
            _ => Phase::Done(None),
        }
    }

    /// Takes everything out that is below a frame.
    fn close_children(&mut self, id: FrameId) -> BTreeMap<FrameId, Frame> {
        let mut closed = BTreeMap::new();
        self.close_children_into(id, &mut closed);
        closed
    }

    fn close_children_into(&mut self, id: FrameId, closed: &mut BTreeMap<FrameId, Frame>) {
        let open = self.children_mut(id).map(|children| children.open.clone()).unwrap_or_default();
        for id in open {
            self.close_children_into(id, closed);
            self.forget_task(id);
            self.end_map_run(id, ExecutionStatus::Aborted, &None, self.clock);
            self.runnable.remove(&id);
            if let Some(child) = self.frames.remove(&id) {
                self.variable_bytes -= child.variables.bytes();
                closed.insert(id, child);
            }
        }
    }

    fn children_mut(&mut self, id: FrameId) -> Option<&mut Children> {
        match &mut self.frames.get_mut(&id)?.phase {
            Phase::Children(children) => Some(children),
            _ => None,
        }
    }
}
