//! The numbers by which a journal refers to things.

/// Id of an event in the history that AWS's API shows: dense from 1. Zero stands for "none": it is
/// the `previousEventId` of the first events and the id of internal events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub u64);

impl EventId {
    /// No event.
    pub const NONE: EventId = EventId(0);
}

/// A thread of control: the execution itself, a branch of a Parallel state or an iteration of a Map
/// state. Numbers rise and are never used again, so that a late stimulus cannot hit a newer frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameId(pub u32);

impl FrameId {
    /// The top level of the execution.
    pub const ROOT: FrameId = FrameId(0);
}

/// A task: one attempt of a Task state, named by the id of its `...Scheduled` event. A retry is a
/// new task; a dispatch repeated after a crash is the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub EventId);

/// A timer. Whether it still counts is decided when it is due: a timer whose cause has passed is
/// without effect, so timers are never cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer {
    /// What it is for.
    pub kind: TimerKind,
    /// The frame that waits.
    pub frame: FrameId,
    /// Position in the journal of the event that armed it.
    pub armed_by: u64,
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimerKind {
    /// The end of a Wait state.
    Wait,
    /// The next attempt of a state with `Retry`.
    Retry,
    /// `TimeoutSeconds` of a Task state.
    TaskTimeout,
    /// `HeartbeatSeconds` of a Task state whose task somebody outside has.
    Heartbeat,
    /// `TimeoutSeconds` of the state machine.
    ExecutionTimeout,
}
