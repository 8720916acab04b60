//! What every journal obeys: a check for tests, for simulations and for the doctor of a live database.
//!
//! It knows nothing of how the machine decides, so it finds what `decide` and `apply` get wrong together.

use std::collections::BTreeMap;
use std::fmt;

use stepyard_asl::{MaxConcurrency, Program, Retrier, StateId, StateKind};

use crate::{Event, EventKind, FrameId};

/// Iterations at once when `MaxConcurrency` is 0 or absent, as on AWS.
const CONCURRENCY_DEFAULT: u64 = 40;

/// A rule that a journal breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Position of the event in the journal, from 0.
    pub position: usize,
    /// The rule.
    pub rule: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event {}: {}", self.position, self.rule)
    }
}

/// Checks a journal from its first event on, of an open or a closed execution of this program.
///
/// # Errors
/// The first rule that it breaks.
pub fn audit(program: &Program, journal: &[Event]) -> Result<(), Fault> {
    let mut audit = Audit {
        program,
        journal,
        frames: BTreeMap::new(),
        frame_count: 1,
        last_id: 0,
        redrive_count: 0,
    };
    for (position, event) in journal.iter().enumerate() {
        let kept = audit.take(position, event);
        kept.map_err(|rule| Fault { position, rule })?;
    }
    Ok(())
}

/// What must hold, or the rule that is broken.
type Kept = Result<(), &'static str>;

fn must(holds: bool, rule: &'static str) -> Kept {
    if holds { Ok(()) } else { Err(rule) }
}

struct Audit<'a> {
    program: &'a Program,
    journal: &'a [Event],
    frames: BTreeMap<FrameId, Thread>,
    /// Frames that have been opened: branches and iterations are numbered in the order of the journal.
    frame_count: u32,
    last_id: u64,
    redrive_count: u32,
}

/// What is known of one thread of control.
#[derive(Default)]
struct Thread {
    state: Option<StateId>,
    task: Option<Task>,
    /// The Map state's frame, of an iteration.
    parent: Option<FrameId>,
    /// Iterations that run.
    running: u64,
    /// Iterations that have begun.
    begun: u32,
    /// Retries of this visit of the state, by retrier.
    retries: BTreeMap<u32, u64>,
}

/// How far a task has come.
#[derive(PartialEq)]
enum Task {
    Scheduled,
    Started,
    /// Somebody outside has it.
    Awaited,
}

impl Audit<'_> {
    fn take(&mut self, position: usize, event: &Event) -> Kept {
        self.check_place(position, event)?;
        self.check_number(event)?;
        self.check_redrive(position, event)?;
        must(event.frame.0 < self.frame_count, "the frame has been opened")?;
        self.check_states(event)?;
        self.check_tasks(event)?;
        self.check_retries(event)?;
        self.check_iterations(event)
    }

    fn check_place(&self, position: usize, event: &Event) -> Kept {
        let is_start = matches!(event.kind, EventKind::ExecutionStarted { .. });
        must(is_start == (position == 0), "ExecutionStarted comes first, and once")?;
        let before = position.checked_sub(1).and_then(|before| self.journal.get(before));
        let is_after_end = before.is_some_and(|before| before.kind.is_terminal());
        let is_redrive = matches!(event.kind, EventKind::ExecutionRedriven { .. });
        must(is_redrive || !is_after_end, "nothing comes after the end")?;
        must(is_after_end || !is_redrive, "only what has ended is redriven")?;
        must(before.is_none_or(|before| before.at <= event.at), "time does not go back")
    }

    fn check_number(&mut self, event: &Event) -> Kept {
        if !event.kind.is_visible() {
            return must(event.id.0 == 0, "internal events have no id");
        }
        self.last_id += 1;
        must(event.id.0 == self.last_id, "ids are dense")?;
        must(event.previous < event.id, "the previous event has a smaller id")
    }

    /// Tasks that were out at the end do not count any more, and retries count anew.
    fn check_redrive(&mut self, position: usize, event: &Event) -> Kept {
        let EventKind::ExecutionRedriven { redrive_count, .. } = event.kind else { return Ok(()) };
        let before = position.checked_sub(1).and_then(|before| self.journal.get(before));
        let has_succeeded =
            |before: &Event| matches!(before.kind, EventKind::ExecutionSucceeded { .. });
        must(!before.is_some_and(has_succeeded), "what has ended well is not redriven")?;
        self.redrive_count = self.redrive_count.saturating_add(1);
        must(redrive_count == self.redrive_count, "redrives are counted")?;
        for thread in self.frames.values_mut() {
            thread.task = None;
            thread.retries.clear();
        }
        Ok(())
    }

    fn thread(&mut self, event: &Event) -> &mut Thread {
        self.frames.entry(event.frame).or_default()
    }

    fn check_states(&mut self, event: &Event) -> Kept {
        let thread = self.thread(event);
        match &event.kind {
            EventKind::StateEntered { state, .. } => {
                must(thread.state.is_none(), "a state is left before the next one is entered")?;
                thread.state = Some(*state);
                thread.retries.clear();
                Ok(())
            }
            EventKind::StateExited { state, .. } => {
                must(thread.state == Some(*state), "only the state that was entered is left")?;
                must(thread.task.is_none(), "a state is not left while its task is out")?;
                thread.state = None;
                Ok(())
            }
            EventKind::TaskScheduled { state, .. }
            | EventKind::TaskStarted { state }
            | EventKind::TaskSubmitted { state, .. }
            | EventKind::ActivityStarted { state, .. }
            | EventKind::TaskSucceeded { state, .. }
            | EventKind::TaskFailed { state, .. }
            | EventKind::TaskTimedOut { state, .. }
            | EventKind::EvaluationFailed { state, .. }
            | EventKind::ParallelStateStarted { state, .. }
            | EventKind::MapStateStarted { state, .. } => {
                must(thread.state == Some(*state), "the state of the event is the one entered")
            }
            _ => Ok(()),
        }
    }

    fn check_tasks(&mut self, event: &Event) -> Kept {
        let thread = self.thread(event);
        match &event.kind {
            EventKind::TaskScheduled { .. } => {
                must(thread.task.is_none(), "a task ends before the next one is scheduled")?;
                thread.task = Some(Task::Scheduled);
            }
            EventKind::TaskStarted { .. } => {
                must(thread.task == Some(Task::Scheduled), "a task starts once, when scheduled")?;
                thread.task = Some(Task::Started);
            }
            EventKind::ActivityStarted { .. } => {
                must(thread.task == Some(Task::Scheduled), "a task starts once, when scheduled")?;
                thread.task = Some(Task::Awaited);
            }
            EventKind::TaskSubmitted { .. } => {
                must(thread.task == Some(Task::Started), "a task is submitted once, when started")?;
                thread.task = Some(Task::Awaited);
            }
            EventKind::TaskSucceeded { .. }
            | EventKind::TaskFailed { .. }
            | EventKind::TaskTimedOut { .. } => {
                let has_begun = matches!(thread.task, Some(Task::Started | Task::Awaited));
                must(has_begun, "a task ends once, when started")?;
                thread.task = None;
            }
            _ => {}
        }
        Ok(())
    }

    /// `MaxAttempts` holds for each retrier and visit of the state.
    fn check_retries(&mut self, event: &Event) -> Kept {
        let EventKind::RetryScheduled { retrier, .. } = event.kind else { return Ok(()) };
        let program = self.program;
        let thread = self.thread(event);
        let state = thread.state.ok_or("only a state that was entered is retried")?;
        let retriers = retriers(&program.state(state).kind);
        let retriers = retriers.ok_or("only Task, Parallel and Map states are retried")?;
        let most = retriers.get(retrier as usize).ok_or("the retrier exists")?.max_attempts;
        let used = thread.retries.entry(retrier).or_default();
        *used += 1;
        must(*used <= most, "a retrier grants no more than its MaxAttempts")
    }

    /// Which iterations run is told by the numbers that frames get: one for each branch and iteration.
    fn check_iterations(&mut self, event: &Event) -> Kept {
        match &event.kind {
            EventKind::ParallelStateStarted { branches, .. } => {
                self.frame_count = self.frame_count.saturating_add(*branches);
            }
            EventKind::MapStateStarted { .. } => {
                let thread = self.thread(event);
                (thread.running, thread.begun) = (0, 0);
            }
            EventKind::MapIterationStarted { state, index, .. } => {
                let iteration = Thread { parent: Some(event.frame), ..Thread::default() };
                self.frames.insert(FrameId(self.frame_count), iteration);
                self.frame_count = self.frame_count.saturating_add(1);
                let most = concurrency(self.program, *state);
                let thread = self.thread(event);
                thread.running += 1;
                thread.begun = thread.begun.saturating_add(1);
                must(thread.begun == index.saturating_add(1), "iterations begin in order, once")?;
                must(thread.running <= most, "no more iterations than MaxConcurrency run at once")?;
            }
            EventKind::MapIterationSucceeded { .. } => {
                let parent = self.thread(event).parent;
                let parent = parent.and_then(|parent| self.frames.get_mut(&parent));
                let parent = parent.ok_or("only an iteration that began ends")?;
                parent.running = parent.running.checked_sub(1).ok_or("an iteration ends once")?;
            }
            _ => {}
        }
        Ok(())
    }
}

fn retriers(kind: &StateKind) -> Option<&[Retrier]> {
    match kind {
        StateKind::Task(task) => Some(&task.outcome.retry),
        StateKind::Parallel(parallel) => Some(&parallel.outcome.retry),
        StateKind::Map(map) => Some(&map.outcome.retry),
        StateKind::Pass(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed
        | StateKind::Fail(_) => None,
    }
}

fn concurrency(program: &Program, state: StateId) -> u64 {
    match &program.state(state).kind {
        StateKind::Map(map) => match map.max_concurrency {
            MaxConcurrency::Literal(limit @ 1..) => u64::from(limit),
            MaxConcurrency::Literal(0) | MaxConcurrency::Path(_) | MaxConcurrency::Jsonata(_) => {
                CONCURRENCY_DEFAULT
            }
        },
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use stepyard_asl::{Timestamp, compile};
    use stepyard_json::Payload;

    use super::audit;
    use crate::samples::start_context;
    use crate::{Event, EventKind, Execution, Moment, Stimulus, decide};

    const PROGRAM: &str = r#"{"StartAt":"T","States":{"T":{"Type":"Task","End":true,
        "Resource":"arn:aws:lambda:r:a:function:f","Retry":[{"ErrorEquals":["States.ALL"],"MaxAttempts":1}]}}}"#;

    fn journal() -> Vec<Event> {
        let program = compile(PROGRAM).program.expect("it compiles");
        let context = start_context().into();
        let (mut execution, mut out) = (Execution::new(), crate::Decision::default());
        let moment = Moment { now: Timestamp(1), entropy: [0; 16] };
        let start = Stimulus::Start { context, input: Payload::empty_object() };
        decide(&program, &mut execution, moment, start, &mut out);
        for end in [true, false] {
            let task = out.events.iter().rev().find_map(|event| match event.kind {
                EventKind::TaskScheduled { .. } => Some(crate::TaskId(event.id)),
                _ => None,
            });
            let task = task.expect("a task is scheduled");
            let stimulus = match end {
                true => Stimulus::TaskFailed { task, error: None, cause: None },
                false => Stimulus::TaskSucceeded { task, output: Payload::empty_object() },
            };
            decide(&program, &mut execution, moment, stimulus, &mut out);
            let timer = out.commands.iter().rev().find_map(|command| match command {
                crate::Command::StartTimer { timer, due } => Some((*timer, *due)),
                _ => None,
            });
            if let (true, Some((timer, now))) = (end, timer) {
                let moment = Moment { now, ..moment };
                decide(&program, &mut execution, moment, Stimulus::TimerDue { timer }, &mut out);
            }
        }
        out.events
    }

    fn broken(spoil: impl FnOnce(&mut Vec<Event>)) -> Option<&'static str> {
        let program = compile(PROGRAM).program.expect("it compiles");
        let mut events = journal();
        spoil(&mut events);
        audit(&program, &events).err().map(|fault| fault.rule)
    }

    fn at(events: &[Event], is: impl Fn(&EventKind) -> bool) -> usize {
        events.iter().rposition(|event| is(&event.kind)).expect("there is one")
    }

    #[test]
    fn a_sound_journal_passes_whole_and_in_part() {
        assert_eq!(broken(|_| {}), None);
        assert_eq!(broken(|events| events.truncate(4)), None);
    }

    /// The execution was stopped instead of ending well, and then redriven.
    fn redrive(events: &mut Vec<Event>) {
        let end = at(events, |kind| matches!(kind, EventKind::TaskSucceeded { .. }));
        events.truncate(end);
        let last = events[end - 1].clone();
        let aborted = EventKind::ExecutionAborted { error: None, cause: None };
        let redriven =
            |redrive_count| EventKind::ExecutionRedriven { redrive_count, client_token: None };
        let retried = at(events, |kind| matches!(kind, EventKind::TaskScheduled { .. }));
        let scheduled = events[retried].kind.clone();
        let kinds = [aborted.clone(), redriven(1), scheduled, aborted, redriven(2)];
        for (id, kind) in (last.id.0 + 1..).zip(kinds) {
            events.push(Event { id: crate::EventId(id), previous: last.id, kind, ..last });
        }
    }

    #[test]
    fn redrives_follow_bad_ends_and_are_counted() {
        assert_eq!(broken(redrive), None);
        let with = |spoil: fn(&mut Vec<Event>)| {
            broken(|events| {
                redrive(events);
                spoil(events);
            })
        };
        let number = |events: &mut Vec<Event>, redrive_count| {
            let last = events.last_mut().expect("there is one");
            last.kind = EventKind::ExecutionRedriven { redrive_count, client_token: None };
        };
        let again = with(|events| {
            let mut last = events[events.len() - 1].clone();
            last.id.0 += 1;
            events.push(last);
        });
        assert_eq!(again, Some("only what has ended is redriven"));
        assert_eq!(broken(|events| number(events, 1)), Some("only what has ended is redriven"));
        assert_eq!(
            with(|events| drop(events.remove(events.len() - 4))),
            Some("nothing comes after the end")
        );
        let uncounted = broken(|events| {
            redrive(events);
            number(events, 3);
        });
        assert_eq!(uncounted, Some("redrives are counted"));
        let well = broken(|events| {
            redrive(events);
            let end = events.len() - 2;
            events[end].kind = EventKind::ExecutionSucceeded { output: Payload::empty_object() };
        });
        assert_eq!(well, Some("what has ended well is not redriven"));
    }

    #[test]
    fn a_fault_names_its_place() {
        let fault = super::Fault { position: 3, rule: "ids are dense" };
        assert_eq!(fault.to_string(), "event 3: ids are dense");
    }

    #[test]
    fn each_rule_is_noticed() {
        let rules = [
            broken(|events| drop(events.remove(0))),
            broken(|events| events.insert(1, events[0].clone())),
            broken(|events| events.push(events[events.len() - 1].clone())),
            broken(|events| events[2].at = Timestamp(0)),
            broken(|events| drop(events.remove(3))),
            broken(|events| {
                let retry = at(events, |kind| matches!(kind, EventKind::RetryScheduled { .. }));
                events.insert(retry, events[retry].clone());
            }),
            broken(|events| {
                let end = at(events, |kind| matches!(kind, EventKind::TaskSucceeded { .. }));
                events[end].id = crate::EventId(40);
            }),
            broken(|events| events[2].frame = crate::FrameId(1)),
            broken(|events| events[2].previous = events[2].id),
            broken(|events| {
                let scheduled = at(events, |kind| matches!(kind, EventKind::TaskScheduled { .. }));
                if let EventKind::TaskScheduled { state, .. } = &mut events[scheduled].kind {
                    state.0 += 1;
                }
            }),
            broken(|events| {
                let scheduled = at(events, |kind| matches!(kind, EventKind::TaskScheduled { .. }));
                let state = stepyard_asl::StateId(0);
                let submitted = EventKind::TaskSubmitted { state, output: Payload::empty_object() };
                events[scheduled + 1].kind = submitted;
            }),
        ];
        let expected = [
            "ExecutionStarted comes first, and once",
            "ExecutionStarted comes first, and once",
            "nothing comes after the end",
            "time does not go back",
            "ids are dense",
            "a retrier grants no more than its MaxAttempts",
            "ids are dense",
            "the frame has been opened",
            "the previous event has a smaller id",
            "the state of the event is the one entered",
            "a task is submitted once, when started",
        ];
        assert_eq!(rules, expected.map(Some));
    }
}
