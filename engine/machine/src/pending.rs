//! What an execution is waiting for, read off its state.

use stepyard_asl::Timestamp;

use crate::frame::{Frame, Phase};
use crate::{Command, Execution, FrameId, MapRun, TaskId, Timer, TimerKind};

/// When an execution goes on that waits for others only, however long they take.
const NEVER: Timestamp = Timestamp(i64::MAX);

impl Execution {
    /// The commands in flight: what has to be issued again when an execution is taken up after a
    /// restart. Tasks keep their id.
    pub fn pending(&self) -> Vec<Command> {
        let mut commands = Vec::new();
        if self.is_closed() || self.status().is_none() {
            return commands;
        }
        commands.extend(self.execution_timer());
        for (id, frame) in self.frames() {
            if let Some(attempt) = frame.task_in_hand() {
                commands.push(Command::InvokeTask(attempt.invocation.clone()));
            }
            commands.extend(await_execution(frame));
            commands.extend(frame_timers(id, frame));
        }
        commands.extend(self.map_runs().map(MapRun::command));
        if self.next_runnable().is_some() {
            commands.push(Command::Continue);
        }
        commands
    }

    /// When it goes on by itself, if it waits for nothing but time and what others do: no task is in hand,
    /// no sign of life is due, nothing can be decided. An execution that sleeps need not be in memory.
    pub fn sleeps_until(&self) -> Option<Timestamp> {
        let is_watched = |frame: &Frame| {
            frame.attempt().is_some_and(|attempt| attempt.heartbeat_seconds.is_some())
        };
        let keeps_awake = |frame: &Frame| {
            frame.task_in_hand().is_some()
                || frame.awaited_execution().is_some()
                || is_watched(frame)
        };
        if self.status().is_none()
            || self.is_closed()
            || self.next_runnable().is_some()
            || self.map_runs().next().is_some()
            || self.frames().any(|(_, frame)| keeps_awake(frame))
        {
            return None;
        }
        let alarms = self.frames().flat_map(|(id, frame)| frame_timers(id, frame));
        let due = |command| match command {
            Command::StartTimer { due, .. } => Some(due),
            _ => None,
        };
        Some(alarms.chain(self.execution_timer()).filter_map(due).min().unwrap_or(NEVER))
    }

    /// The timer of `HeartbeatSeconds` of a task that somebody outside has. Signs of life are no events: whoever keeps the
    /// time sets it back.
    pub fn heartbeat(&self, task: TaskId) -> Option<Timer> {
        let id = self.frame_of(task)?;
        heartbeat(id, self.frame(id)?).map(|(timer, _)| timer)
    }

    /// How many seconds a timer leaves for a sign of life, if it is for one that counts.
    pub fn heartbeat_seconds(&self, timer: Timer) -> Option<u64> {
        let (counts, seconds) = heartbeat(timer.frame, self.frame(timer.frame)?)?;
        (counts == timer).then_some(seconds)
    }

    /// The timer of `TimeoutSeconds` of the state machine. It is armed by the event that has opened the execution.
    pub(crate) fn execution_timer(&self) -> Option<Command> {
        let due = self.times_out_at()?;
        let timer = Timer {
            kind: TimerKind::ExecutionTimeout,
            frame: FrameId::ROOT,
            armed_by: self.opened_by(),
        };
        Some(Command::StartTimer { timer, due })
    }
}

/// The wait for the execution that the task of a frame ends with.
pub(crate) fn await_execution(frame: &Frame) -> Option<Command> {
    let invocation = &frame.attempt()?.invocation;
    Some(Command::AwaitExecution {
        task: invocation.task,
        state: invocation.state,
        execution_arn: frame.awaited_execution()?.clone(),
    })
}

/// The timers that count in a frame at the moment.
pub(crate) fn frame_timers(id: FrameId, frame: &Frame) -> impl Iterator<Item = Command> {
    frame_timer(id, frame).into_iter().chain(heartbeat_timer(id, frame))
}

/// That of the state: how long it waits, or how long its task may take.
fn frame_timer(id: FrameId, frame: &Frame) -> Option<Command> {
    let (kind, armed_by, due) = match &frame.phase {
        Phase::Waiting(alarm) => (TimerKind::Wait, alarm.armed_by, alarm.due),
        Phase::RetryDue(alarm) => (TimerKind::Retry, alarm.armed_by, alarm.due),
        Phase::Started { attempt, at, armed_by }
        | Phase::Awaiting { attempt, at, armed_by, .. } => {
            (TimerKind::TaskTimeout, *armed_by, at.plus_seconds(attempt.timeout_seconds?))
        }
        Phase::Opened
        | Phase::Entered
        | Phase::Scheduled(_)
        | Phase::Children(_)
        | Phase::MapRun(_)
        | Phase::MapRunEnded(_)
        | Phase::Done(_) => return None,
    };
    Some(Command::StartTimer { timer: Timer { kind, frame: id, armed_by }, due })
}

/// That of the next sign of life, as if there had been none yet.
pub(crate) fn heartbeat_timer(id: FrameId, frame: &Frame) -> Option<Command> {
    let (timer, seconds) = heartbeat(id, frame)?;
    let Phase::Awaiting { since, .. } = frame.phase else { return None };
    Some(Command::StartTimer { timer, due: since.plus_seconds(seconds) })
}

fn heartbeat(id: FrameId, frame: &Frame) -> Option<(Timer, u64)> {
    let Phase::Awaiting { attempt, armed_by, .. } = &frame.phase else { return None };
    let timer = Timer { kind: TimerKind::Heartbeat, frame: id, armed_by: *armed_by };
    Some((timer, attempt.heartbeat_seconds?))
}
