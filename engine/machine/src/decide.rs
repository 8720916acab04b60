//! The loop: one stimulus in, then every frame that can go on goes on.

use stepyard_asl::{Env, EvalError, Program, Random, StateId, Timestamp, Transition};
use stepyard_json::Payload;

use crate::budget::Budget;
use crate::context::{Context, Subject};
use crate::execution::Execution;
use crate::failure::{Failure, TIMEOUT};
use crate::frame::{Frame, Phase};
use crate::pending::{await_execution, frame_timers, heartbeat_timer};
use crate::states::{self, distributed};
use crate::{
    Command, Decision, Event, EventId, EventKind, Facts, FrameId, Inspection, Item, Lack, Limits,
    MapLimits, MapRun, MapRunId, Moment, Stage, Stimulus, TaskId, Text, Timer, TimerKind,
    Undecided,
};

/// Steps (a state entered or its work done) after which a decision is cut, so that a long chain does
/// not keep others waiting; the rest follows on [`Stimulus::Continue`].
pub const STEPS_MAX: usize = 256;

/// Bytes of results and inputs after which a decision is cut, too: what is written of it at once stays within what a
/// database takes as one value. It is what [`STEPS_MAX`] steps give at AWS's limit.
const DECISION_BYTES_MAX: usize = STEPS_MAX * Limits::AWS.data_bytes;

/// Decides what follows from a stimulus, and appends it to `out`. The execution has then already
/// changed. A stimulus that is late, repeated or unknown has no effect. Activities are taken for existing.
pub fn decide(
    program: &Program,
    execution: &mut Execution,
    moment: Moment,
    stimulus: Stimulus,
    out: &mut Decision,
) {
    run(program, execution, moment, stimulus, (Budget::full(), &Facts::trusting()), out);
}

/// The same, for somebody who cannot wait long: expressions may take so many steps all together. With none at all only
/// what the stimulus itself says happens; what follows is left to [`Stimulus::Continue`]. With `None` they may take what
/// one decision may.
///
/// # Errors
/// When they need more, or when a fact is missing. Execution and decision are then as they were before.
pub fn decide_within(
    fuel: Option<u64>,
    facts: &Facts,
    program: &Program,
    execution: &mut Execution,
    moment: Moment,
    stimulus: Stimulus,
    out: &mut Decision,
) -> Result<(), Undecided> {
    let is_plain = !program.has_jsonata && !program.has_activities;
    if is_plain || evaluates_nothing(execution, &stimulus) {
        decide(program, execution, moment, stimulus, out);
        return Ok(());
    }
    let before = execution.clone();
    let (events, commands) = (out.events.len(), out.commands.clone());
    let again = stimulus.clone();
    let budget = fuel.map_or_else(Budget::full, Budget::limited);
    let Some(lack) = run(program, execution, moment, stimulus, (budget, facts), out) else {
        return Ok(());
    };
    *execution = before;
    out.events.truncate(events);
    out.commands = commands;
    Err(Undecided { stimulus: again, lack })
}

/// Whether a stimulus only adds to what a Map Run has done: there may be millions of these.
fn evaluates_nothing(execution: &Execution, stimulus: &Stimulus) -> bool {
    let Stimulus::MapRunChildEnded { run, child } = stimulus else { return false };
    execution.map_run(*run).is_none_or(|map_run| map_run.goes_on_after(child))
}

fn run(
    program: &Program,
    execution: &mut Execution,
    moment: Moment,
    stimulus: Stimulus,
    (budget, facts): (Budget, &Facts),
    out: &mut Decision,
) -> Option<Lack> {
    let now = moment.now.max(execution.clock());
    let random = Random::from_entropy(moment.entropy);
    // Whose turn it is depends on the last event, which the stimulus may be followed by.
    let first = execution.next_in_turn();
    let mut run = Run::over(program, execution, now, random, (budget, facts), out);
    if run.receive(stimulus) {
        run.go_on(first);
    }
    run.lack.or(run.budget.is_exceeded().then_some(Lack::Fuel))
}

/// What a state leaves behind.
pub(crate) struct Left {
    pub(crate) output: Payload,
    /// Variables.
    pub(crate) assigned: Option<Payload>,
}

/// One decision in the making.
pub(crate) struct Run<'a> {
    pub(crate) program: &'a Program,
    execution: &'a mut Execution,
    pub(crate) now: Timestamp,
    pub(crate) random: Random,
    budget: Budget,
    facts: &'a Facts,
    /// A fact that is missing: what has been decided does not count.
    lack: Option<Lack>,
    /// Bytes of the results and inputs so far.
    bytes: usize,
    out: &'a mut Decision,
}

impl<'a> Run<'a> {
    /// Outside of any stimulus, to evaluate something.
    pub(crate) fn over(
        program: &'a Program,
        execution: &'a mut Execution,
        now: Timestamp,
        random: Random,
        (budget, facts): (Budget, &'a Facts),
        out: &'a mut Decision,
    ) -> Run<'a> {
        Run { program, execution, now, random, budget, facts, lack: None, bytes: 0, out }
    }

    /// What is evaluated from now on may cost as much as in a decision of its own, with chance of its own.
    pub(crate) fn begin_anew(&mut self, random: Random) {
        self.budget = Budget::full();
        self.random = random;
    }
}

/// Stimuli. Each method says whether it had an effect.
impl Run<'_> {
    fn receive(&mut self, stimulus: Stimulus) -> bool {
        let stimulus = match stimulus {
            Stimulus::Start { context, input } => return self.start(context, input),
            Stimulus::Redrive { client_token } => return self.redrive(client_token),
            other => other,
        };
        if self.execution.status().is_none() || self.execution.is_closed() {
            return false;
        }
        match stimulus {
            Stimulus::Start { .. } | Stimulus::Redrive { .. } => false,
            Stimulus::Continue => true,
            Stimulus::TaskStarted { task } => self.task_started(task),
            Stimulus::TaskSubmitted { task, output } => self.task_submitted(task, &output),
            Stimulus::ActivityStarted { task, worker } => self.activity_started(task, worker),
            Stimulus::TaskSucceeded { task, output } => self.task_succeeded(task, &output),
            Stimulus::TaskFailed { task, error, cause } => {
                self.task_failed(task, Failure::of_task(error, cause))
            }
            Stimulus::TimerDue { timer } => self.timer_due(timer),
            Stimulus::MapRunChildEnded { run, child } => distributed::child_ended(self, run, child),
            Stimulus::MapRunTotalsKnown { run, totals } => {
                distributed::totals_known(self, run, totals)
            }
            Stimulus::MapRunExported { run, output } => distributed::exported(self, run, &output),
            Stimulus::MapRunFailed { run, error, cause } => {
                distributed::failed(self, run, Failure::told(error, cause))
            }
            Stimulus::UpdateMapRun { run, limits } => distributed::updated(self, run, limits),
            Stimulus::Stop { error, cause } => {
                self.end(EventId::NONE, EventKind::ExecutionAborted { error, cause });
                true
            }
        }
    }

    fn start(&mut self, context: std::sync::Arc<crate::StartContext>, input: Payload) -> bool {
        if self.execution.status().is_some() {
            return false;
        }
        let timeout_seconds = context.kind.timeout_seconds(self.program.timeout_seconds);
        let kind = EventKind::ExecutionStarted { context, input, timeout_seconds };
        self.emit_after(FrameId::ROOT, EventId::NONE, kind);
        self.out.commands.extend(self.execution.execution_timer());
        true
    }

    /// The end is taken back. What had not ended then is taken up by [`Run::go_on`].
    fn redrive(&mut self, client_token: Text) -> bool {
        if self.is_express() || self.execution.check_redrive(self.now).is_err() {
            return false;
        }
        let redrive_count = self.execution.redrive_count().saturating_add(1);
        let end = self.execution.last_event_id();
        let kind = EventKind::ExecutionRedriven { redrive_count, client_token };
        self.emit_after(FrameId::ROOT, end, kind);
        self.out.commands.extend(self.execution.execution_timer());
        true
    }

    fn task_started(&mut self, task: TaskId) -> bool {
        let Some((id, frame)) = self.waiting_for(task) else { return false };
        if !matches!(frame.phase, Phase::Scheduled(_)) {
            return false;
        }
        let Some(state) = frame.state else { return false };
        self.emit(id, EventKind::TaskStarted { state });
        self.arm(id);
        true
    }

    /// A task that was submitted has begun: when that was not said, it is made up for.
    fn task_submitted(&mut self, task: TaskId, output: &Payload) -> bool {
        self.task_started(task);
        let Some((id, frame)) = self.waiting_for(task) else { return false };
        let Phase::Started { .. } = frame.phase else { return false };
        let Some(state) = frame.state else { return false };
        states::task::submitted(self, id, state, output);
        true
    }

    fn activity_started(&mut self, task: TaskId, worker: Text) -> bool {
        let Some((id, frame)) = self.waiting_for(task) else { return false };
        let Phase::Scheduled(_) = frame.phase else { return false };
        let Some(state) = frame.state else { return false };
        self.emit(id, EventKind::ActivityStarted { state, worker });
        self.arm(id);
        true
    }

    fn task_succeeded(&mut self, task: TaskId, output: &Payload) -> bool {
        self.task_ended(task, |run, id, state| states::task::succeeded(run, id, state, output))
    }

    fn task_failed(&mut self, task: TaskId, failure: Failure) -> bool {
        self.task_ended(task, |run, id, state| states::task::failed(run, id, state, failure))
    }

    /// A task that ends has begun: when that was not said, it is made up for.
    fn task_ended(&mut self, task: TaskId, then: impl FnOnce(&mut Self, FrameId, StateId)) -> bool {
        let Some((id, frame)) = self.waiting_for(task) else { return false };
        let Some(state) = frame.state else { return false };
        if matches!(frame.phase, Phase::Scheduled(_)) {
            self.emit(id, EventKind::TaskStarted { state });
        }
        then(self, id, state);
        true
    }

    fn waiting_for(&self, task: TaskId) -> Option<(FrameId, &Frame)> {
        let id = self.execution.frame_of(task)?;
        Some((id, self.execution.frame(id)?))
    }

    fn timer_due(&mut self, timer: Timer) -> bool {
        let frame = self.execution.frame(timer.frame);
        let of_frame = frame.into_iter().flat_map(|frame| frame_timers(timer.frame, frame));
        let due =
            of_frame.chain(self.execution.execution_timer()).find_map(|counts| match counts {
                Command::StartTimer { timer: counts, due } if counts == timer => Some(due),
                _ => None,
            });
        let Some(due) = due else { return false };
        // The clock that rang it may be a little ahead of ours. Whoever waits for signs of life keeps that time by
        // himself.
        if timer.kind != TimerKind::Heartbeat {
            self.now = self.now.max(due);
        }
        self.timer_rings(timer)
    }

    fn timer_rings(&mut self, timer: Timer) -> bool {
        let id = timer.frame;
        if timer.kind == TimerKind::ExecutionTimeout {
            let error: Text = Some(TIMEOUT.into());
            let kind = EventKind::ExecutionTimedOut { error, cause: None };
            self.end(EventId::NONE, kind);
            return true;
        }
        let Some(state) = self.execution.frame(id).and_then(|frame| frame.state) else {
            return false;
        };
        match timer.kind {
            TimerKind::Wait => states::wait::elapsed(self, id, state),
            TimerKind::Retry => self.work(id, state),
            TimerKind::TaskTimeout => states::task::timed_out(self, id, state, Failure::timeout()),
            TimerKind::Heartbeat => {
                states::task::timed_out(self, id, state, Failure::missed_heartbeat());
            }
            TimerKind::ExecutionTimeout => {}
        }
        true
    }
}

/// Going on.
impl Run<'_> {
    /// Each frame goes on until it waits for something, `first` before the others.
    fn go_on(&mut self, first: Option<FrameId>) {
        for _ in 0..STEPS_MAX {
            let is_long = self.budget.is_spent() || self.bytes >= DECISION_BYTES_MAX;
            if is_long || self.lack.is_some() {
                break;
            }
            let first = first.filter(|first| self.execution.is_runnable(*first));
            let Some(id) = first.or_else(|| self.execution.next_runnable()) else { return };
            self.step(id);
        }
        if self.execution.next_runnable().is_some() {
            self.out.commands.push(Command::Continue);
        }
    }

    fn step(&mut self, id: FrameId) {
        let Some(frame) = self.execution.frame(id) else { return };
        match frame.state {
            Some(state) if frame.is_resumed() => self.resume(id, state),
            Some(state) => self.work(id, state),
            None => {
                let index = frame.index;
                let parent = match frame.parent {
                    Some(parent) => self.execution.frame(parent).and_then(|frame| frame.state),
                    None => self.execution.context().and_then(|context| context.map_state()),
                };
                if let Some(start) = states::start_of(self.program, parent, index) {
                    self.enter(id, start);
                }
            }
        }
    }

    fn work(&mut self, id: FrameId, state: StateId) {
        if let Err(failure) = states::work(self, id, state) {
            self.fail(id, state, failure);
        }
    }

    fn resume(&mut self, id: FrameId, state: StateId) {
        if let Err(failure) = states::resume(self, id, state) {
            self.fail(id, state, failure);
        }
    }

    /// Enters a state with what the frame holds.
    pub(crate) fn enter(&mut self, id: FrameId, state: StateId) {
        let input = self.data(id);
        self.emit(id, EventKind::StateEntered { state, input });
    }

    /// Leaves a state, and enters the next one or ends the scope.
    pub(crate) fn leave(&mut self, id: FrameId, state: StateId, left: Left, to: Transition) {
        self.leave_after(id, self.previous(id), state, left, to);
    }

    /// The same, when the state's exit follows another event than the frame's last.
    pub(crate) fn leave_after(
        &mut self,
        id: FrameId,
        previous: EventId,
        state: StateId,
        Left { output, assigned }: Left,
        transition: Transition,
    ) {
        self.emit_after(id, previous, EventKind::StateExited { state, output, assigned });
        self.inspect(Inspection::end);
        match transition {
            Transition::Next(next) => self.enter(id, next),
            Transition::End => self.end_scope(id),
        }
    }

    fn end_scope(&mut self, id: FrameId) {
        let Some(frame) = self.execution.frame(id) else { return };
        let (index, previous) = (frame.index, frame.previous);
        match frame.parent {
            None => {
                let output = self.data(id);
                self.end(previous, EventKind::ExecutionSucceeded { output });
            }
            Some(parent) => states::child_succeeded(self, parent, id, index),
        }
    }

    /// Ends the execution.
    pub(crate) fn end(&mut self, previous: EventId, kind: EventKind) {
        let tasks: Vec<TaskId> = self.execution.tasks().collect();
        for task in tasks {
            self.cancel(task);
        }
        let map_runs: Vec<MapRunId> = self.execution.map_runs().map(MapRun::id).collect();
        for map_run in map_runs {
            self.cancel_map_run(map_run);
        }
        self.emit_after(FrameId::ROOT, previous, kind);
    }
}

/// Events and commands.
impl Run<'_> {
    /// Evaluates with what the frame sees.
    pub(crate) fn evaluate<T, E>(
        &mut self,
        id: FrameId,
        subject: Subject<'_>,
        eval: impl FnOnce(&mut Env<'_>) -> Result<T, E>,
    ) -> Result<T, Failure>
    where
        EvalError: From<E>,
    {
        self.evaluate_in(id, subject, None, eval)
    }

    /// The same, with one of a Map state's items in the context object.
    pub(crate) fn evaluate_for_item<T>(
        &mut self,
        id: FrameId,
        subject: Subject<'_>,
        item: &Item,
        eval: impl FnOnce(&mut Env<'_>) -> Result<T, EvalError>,
    ) -> Result<T, Failure> {
        self.evaluate_in(id, subject, Some(item), eval)
    }

    fn evaluate_in<T, E>(
        &mut self,
        id: FrameId,
        subject: Subject<'_>,
        item: Option<&Item>,
        eval: impl FnOnce(&mut Env<'_>) -> Result<T, E>,
    ) -> Result<T, Failure>
    where
        EvalError: From<E>,
    {
        let context = Context::new(self.program, self.execution, id, subject).for_item(item);
        let context = context.or_given(self.out.inspection.as_deref());
        let fuel = self.budget.allowance();
        let (data, random) = (subject.data(), &mut self.random);
        let mut env = Env { data, surroundings: &context, random, now: self.now, fuel };
        let evaluated = eval(&mut env);
        let left = env.fuel;
        self.budget.spend(fuel, left);
        evaluated.map_err(|error| self.locate(id, EvalError::from(error)))
    }

    /// AWS's words in front of an error of an evaluation.
    pub(crate) fn locate(&self, id: FrameId, error: EvalError) -> Failure {
        if self.out.inspection.is_some() {
            return Failure::of_evaluation(error);
        }
        let frame = self.execution.frame(id);
        let state = frame.and_then(|frame| frame.state).map(|state| self.program.state(state));
        let name = state.map(|state| &*state.name).unwrap_or_default();
        let EventId(entered) = frame.map_or(EventId::NONE, |frame| frame.entered);
        let cause = format!(
            "An error occurred while executing the state '{name}' (entered at the event id \
             #{entered}). {}",
            error.cause
        );
        Failure::of_evaluation(EvalError { cause, ..error })
    }

    /// Tells somebody who looks into the state.
    pub(crate) fn inspect(&mut self, tell: impl FnOnce(&mut Inspection)) {
        if let Some(inspection) = &mut self.out.inspection {
            tell(inspection);
        }
    }

    pub(crate) fn note(&mut self, stage: Stage, data: &Payload) {
        self.inspect(|inspection| inspection.note(stage, data));
    }

    /// Whether somebody looks into the state.
    pub(crate) fn is_inspected(&self) -> bool {
        self.out.inspection.is_some()
    }

    /// The items that a Map state is to take, instead of its own.
    pub(crate) fn given_items(&self) -> Option<Payload> {
        self.out.inspection.as_ref()?.map.items.clone()
    }

    /// What the iterations of a Map state are to give instead of being run.
    pub(crate) fn mocked_map(
        &mut self,
        limits: MapLimits,
        items: usize,
    ) -> Option<Result<Payload, Failure>> {
        self.out.inspection.as_mut()?.mocked_map(limits, items)
    }

    /// What the work of the state is to give instead of being done.
    pub(crate) fn mocked(&self) -> Option<Result<Payload, Failure>> {
        self.out.inspection.as_ref().and_then(|inspection| inspection.mocked())
    }

    pub(crate) fn execution(&self) -> &Execution {
        self.execution
    }

    /// Counts data that will be written.
    pub(crate) fn count(&mut self, data: &Payload) {
        self.bytes = self.bytes.saturating_add(data.text_len().unwrap_or(0));
    }

    /// What a frame holds: the raw input of its state.
    pub(crate) fn data(&self, id: FrameId) -> Payload {
        match self.execution.frame(id) {
            Some(frame) => frame.data.clone(),
            None => Payload::empty_object(),
        }
    }

    /// `previousEventId` of the frame's next event.
    pub(crate) fn previous(&self, id: FrameId) -> EventId {
        self.execution.frame(id).map_or(EventId::NONE, |frame| frame.previous)
    }

    /// The next event of a frame happens.
    pub(crate) fn emit(&mut self, id: FrameId, kind: EventKind) {
        self.emit_after(id, self.previous(id), kind);
    }

    /// An event happens, after another one than the frame's last. Once the execution has ended nothing
    /// happens any more, unless it is redriven; the event that would exceed the limit of events ends it.
    pub(crate) fn emit_after(&mut self, id: FrameId, previous: EventId, kind: EventKind) {
        let is_redrive = matches!(kind, EventKind::ExecutionRedriven { .. });
        if self.execution.is_closed() && !is_redrive {
            return;
        }
        let visible = kind.is_visible();
        let next = self.execution.last_event_id().0 + 1;
        let limits = self.execution.limits();
        let is_full = visible && next >= limits.history_events
            || self.execution.counted_events() >= limits.journal_events();
        if is_full && !kind.is_terminal() && !is_redrive && !self.is_express() {
            return self.end(previous, history_is_full(limits));
        }
        let number = if visible { EventId(next) } else { EventId::NONE };
        let event = Event { at: self.now, frame: id, id: number, previous, kind };
        self.execution.apply(&event);
        self.out.events.push(event);
    }

    fn is_express(&self) -> bool {
        self.execution.context().is_some_and(|context| context.kind.is_express())
    }

    /// Starts the timers that the frame now waits for, if any.
    pub(crate) fn arm(&mut self, id: FrameId) {
        let frame = self.execution.frame(id);
        self.out.commands.extend(frame.into_iter().flat_map(|frame| frame_timers(id, frame)));
    }

    /// Waits for signs of life of the task that somebody has from now on, if it has to give any.
    pub(crate) fn watch(&mut self, id: FrameId) {
        let frame = self.execution.frame(id);
        self.out.commands.extend(frame.and_then(|frame| heartbeat_timer(id, frame)));
    }

    /// Hands out the task that the frame now waits for.
    pub(crate) fn invoke(&mut self, id: FrameId) {
        let attempt = self.execution.frame(id).and_then(Frame::attempt);
        let command = attempt.map(|attempt| Command::InvokeTask(attempt.invocation.clone()));
        self.out.commands.extend(command);
    }

    /// Whether there is an activity with that ARN. When that is not known, this decision does not count.
    pub(crate) fn has_activity(&mut self, arn: &std::sync::Arc<str>) -> bool {
        let known = self.facts.activity(arn);
        if known.is_none() {
            self.lack.get_or_insert_with(|| Lack::Activity(arn.clone()));
        }
        known.unwrap_or(true)
    }

    /// Waits for the execution that the frame's task ends with.
    pub(crate) fn await_execution(&mut self, id: FrameId) {
        let frame = self.execution.frame(id);
        self.out.commands.extend(frame.and_then(await_execution));
    }

    /// A task does not count any more. One that this decision itself asked for is never handed out; for one
    /// that somebody outside has nothing is under way.
    pub(crate) fn cancel(&mut self, task: TaskId) {
        let frame = self.execution.frame_of(task).and_then(|id| self.execution.frame(id));
        let is_under_way =
            |frame: &Frame| frame.task_in_hand().is_some() || frame.awaited_execution().is_some();
        if !frame.is_some_and(is_under_way) {
            return;
        }
        let before = self.out.commands.len();
        self.out.commands.retain(|command| {
            !matches!(command, Command::InvokeTask(invocation) if invocation.task == task)
        });
        let cancelled = Command::CancelTask { task };
        if self.out.commands.len() == before && !self.out.commands.contains(&cancelled) {
            self.out.commands.push(cancelled);
        }
    }
}

/// Map Runs.
impl Run<'_> {
    /// Asks for what is to be done for a Map Run now.
    pub(crate) fn serve_map_run(&mut self, id: MapRunId) {
        self.out.commands.extend(self.execution.map_run(id).map(MapRun::command));
    }

    pub(crate) fn limit_children(&mut self, run: MapRunId, max_concurrency: u64) {
        self.out.commands.push(Command::LimitChildren { run, max_concurrency });
    }

    /// A Map Run does not count any more. One that this decision itself asked for never begins.
    pub(crate) fn cancel_map_run(&mut self, id: MapRunId) {
        let before = self.out.commands.len();
        self.out
            .commands
            .retain(|command| !matches!(command, Command::RunChildren { run } if *run == id));
        let cancelled = Command::CancelMapRun { run: id };
        if self.out.commands.len() == before && !self.out.commands.contains(&cancelled) {
            self.out.commands.push(cancelled);
        }
    }
}

fn history_is_full(Limits { history_events, .. }: Limits) -> EventKind {
    let error: Text = Some("States.Runtime".into());
    let cause =
        format!("The execution reached the maximum number of history events ({history_events}).");
    EventKind::ExecutionFailed { error, cause: Some(cause.into()) }
}
