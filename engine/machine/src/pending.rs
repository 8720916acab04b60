//! What an execution is waiting for, read off its state.

use stepyard_asl::Timestamp;

use crate::frame::{Frame, Phase};
use crate::{Command, Execution, FrameId, Timer, TimerKind};

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
            if let Some(attempt) = frame.attempt() {
                commands.push(Command::InvokeTask(attempt.invocation.clone()));
            }
            commands.extend(frame_timer(id, frame));
        }
        if self.next_runnable().is_some() {
            commands.push(Command::Continue);
        }
        commands
    }

    /// When it goes on by itself, if it waits for nothing but time: no task is out, nothing can be
    /// decided. An execution that sleeps need not be in memory.
    pub fn sleeps_until(&self) -> Option<Timestamp> {
        let has_task = || self.frames().any(|(_, frame)| frame.attempt().is_some());
        if self.is_closed() || self.next_runnable().is_some() || has_task() {
            return None;
        }
        let alarms = self.frames().filter_map(|(id, frame)| frame_timer(id, frame));
        let due = |command| match command {
            Command::StartTimer { due, .. } => Some(due),
            _ => None,
        };
        alarms.chain(self.execution_timer()).filter_map(due).min()
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

/// The timer that counts in a frame at the moment: of a frame's timers at most one does.
pub(crate) fn frame_timer(id: FrameId, frame: &Frame) -> Option<Command> {
    let (kind, armed_by, due) = match &frame.phase {
        Phase::Waiting(alarm) => (TimerKind::Wait, alarm.armed_by, alarm.due),
        Phase::RetryDue(alarm) => (TimerKind::Retry, alarm.armed_by, alarm.due),
        Phase::Started { attempt, at, armed_by } => {
            (TimerKind::TaskTimeout, *armed_by, at.plus_seconds(attempt.timeout_seconds?))
        }
        Phase::Opened
        | Phase::Entered
        | Phase::Scheduled(_)
        | Phase::Children(_)
        | Phase::Done(_) => {
            return None;
        }
    };
    Some(Command::StartTimer { timer: Timer { kind, frame: id, armed_by }, due })
}
