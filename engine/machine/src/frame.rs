//! A thread of control and what it is waiting for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stepyard_asl::{StateId, Timestamp};
use stepyard_json::Payload;

use crate::variables::Variables;
use crate::{EventId, FrameId, InvokeTask, MapRun, TaskId};

/// A thread of control. Only [`crate::Execution::apply`] changes one; everybody else sees it by
/// shared reference.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame {
    /// The frame whose Parallel or Map state opened this one.
    pub(crate) parent: Option<FrameId>,
    /// Index of the branch or of the item.
    pub(crate) index: u32,
    /// `previousEventId` of its next event.
    pub(crate) previous: EventId,
    /// Raw input of the current state; between two states, what the first one left.
    pub(crate) data: Payload,
    /// The variables of its scope.
    pub(crate) variables: Variables,
    /// The current state, until the first one is entered none.
    pub(crate) state: Option<StateId>,
    /// The event by which the current state was entered.
    pub(crate) entered: EventId,
    /// The event before that.
    pub(crate) entered_after: EventId,
    /// When it was.
    pub(crate) entered_at: Timestamp,
    /// The task that was handed out last during this visit of the state.
    pub(crate) task: Option<TaskId>,
    /// Attempts that each retrier has granted during this visit of the state.
    pub(crate) retries: Vec<u64>,
    /// What it is doing.
    pub(crate) phase: Phase,
}

/// What a frame is doing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Phase {
    /// The scope's first state is to be entered.
    Opened,
    /// The work of its state is to be done.
    Entered,
    /// A task was handed out.
    Scheduled(Attempt),
    /// The task's work has begun.
    Started {
        /// The task.
        attempt: Attempt,
        /// When it began.
        at: Timestamp,
        /// Position of the event that says so.
        armed_by: u64,
    },
    /// Somebody outside has the task and is to end it: nothing is under way for it here.
    Awaiting {
        /// The task.
        attempt: Attempt,
        /// When its work began.
        at: Timestamp,
        /// Since when signs of life are due.
        since: Timestamp,
        /// The execution that it ends with, when it is not somebody outside who ends it.
        execution: Option<Arc<str>>,
        /// Position of the event that says that it began.
        armed_by: u64,
    },
    /// A Wait state waits.
    Waiting(Alarm),
    /// The next attempt is due later.
    RetryDue(Alarm),
    /// Branches or iterations run.
    Children(Children),
    /// A Map Run runs.
    MapRun(Box<MapRun>),
    /// A Map Run has ended badly and is to go on, after a redrive.
    MapRunEnded(Box<MapRun>),
    /// The state's work is done; what follows is part of the same decision. A state with children or a Map Run keeps
    /// them until it is left: when it is not, a redrive goes on with them.
    Done(Option<Box<Remains>>),
}

/// What there is of a state that is done and not left.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Remains {
    /// Its children.
    Children {
        children: Children,
        /// All frames below it.
        frames: BTreeMap<FrameId, Frame>,
    },
    /// Its Map Run.
    MapRun(Box<MapRun>),
}

/// A timer in a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Alarm {
    pub(crate) due: Timestamp,
    pub(crate) armed_by: u64,
}

/// A task that was handed out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Attempt {
    pub(crate) invocation: InvokeTask,
    pub(crate) timeout_seconds: Option<u64>,
    pub(crate) heartbeat_seconds: Option<u64>,
}

impl Attempt {
    pub(crate) fn task(&self) -> TaskId {
        self.invocation.task
    }
}

/// The branches or iterations of a frame's state.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Children {
    /// Those that run.
    pub(crate) open: BTreeSet<FrameId>,
    /// What each one that has ended left, by index.
    pub(crate) results: Vec<Option<Payload>>,
    /// How many have ended well.
    pub(crate) succeeded: usize,
    /// Set for a Map state.
    pub(crate) map: Option<Iterations>,
    /// After a redrive nothing that is to come would make the state go on, so it is to do so by itself.
    pub(crate) is_resumed: bool,
}

impl Children {
    /// Whether all of them have ended well.
    pub(crate) fn are_complete(&self) -> bool {
        self.succeeded == self.results.len()
    }

    /// Whether a further iteration is to be started and there is room for it.
    pub(crate) fn have_room(&self) -> bool {
        self.map.as_ref().is_some_and(|map| {
            (map.next as usize) < self.results.len() && self.open.len() < map.concurrency
        })
    }

    /// What a frame with these does after a redrive. A Map state in DISTRIBUTED mode has none, and has failed before its
    /// Map Run: it is worked on once more.
    fn resumed(self) -> Phase {
        if self.map.as_ref().is_some_and(|map| map.concurrency == 0) {
            return Phase::Entered;
        }
        let is_resumed = self.are_complete() || self.have_room();
        Phase::Children(Children { is_resumed, ..self })
    }
}

/// What a Map state needs to start further iterations.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Iterations {
    /// The effective input of the state.
    pub(crate) input: Payload,
    /// The array of items.
    pub(crate) items: Payload,
    /// How many may run at once.
    pub(crate) concurrency: usize,
    /// Index of the next one to start.
    pub(crate) next: u32,
    /// `previousEventId` of the next one to start: the last event of the iteration that made room.
    pub(crate) made_room: EventId,
}

impl Frame {
    /// How often the current state has been tried again.
    pub(crate) fn retry_count(&self) -> u64 {
        self.retries.iter().sum()
    }

    /// The task that this frame waits for.
    pub(crate) fn attempt(&self) -> Option<&Attempt> {
        match &self.phase {
            Phase::Scheduled(attempt)
            | Phase::Started { attempt, .. }
            | Phase::Awaiting { attempt, .. } => Some(attempt),
            _ => None,
        }
    }

    /// The execution that its task ends with.
    pub(crate) fn awaited_execution(&self) -> Option<&Arc<str>> {
        match &self.phase {
            Phase::Awaiting { execution, .. } => execution.as_ref(),
            _ => None,
        }
    }

    /// The task for which something is under way here: a call, or an offer to workers.
    pub(crate) fn task_in_hand(&self) -> Option<&Attempt> {
        self.attempt().filter(|_| !matches!(self.phase, Phase::Awaiting { .. }))
    }

    /// The branches or iterations it waits for.
    pub(crate) fn children(&self) -> Option<&Children> {
        match &self.phase {
            Phase::Children(children) => Some(children),
            _ => None,
        }
    }

    /// The Map Run it waits for.
    pub(crate) fn map_run(&self) -> Option<&MapRun> {
        match &self.phase {
            Phase::MapRun(map_run) => Some(map_run),
            _ => None,
        }
    }

    /// The Map Run that is to go on, after a redrive.
    pub(crate) fn ended_map_run(&self) -> Option<&MapRun> {
        match &self.phase {
            Phase::MapRunEnded(map_run) => Some(map_run),
            _ => None,
        }
    }

    /// Whether a redrive has left it in the midst of the work of its state.
    pub(crate) fn is_resumed(&self) -> bool {
        self.children().is_some() || self.ended_map_run().is_some()
    }

    /// Whether it can go on without anything from outside.
    pub(crate) fn is_runnable(&self) -> bool {
        match &self.phase {
            Phase::Opened | Phase::Entered | Phase::MapRunEnded(_) => true,
            Phase::Children(children) => children.is_resumed,
            _ => false,
        }
    }

    /// Goes on after a redrive: its state is worked on once more, with all its retries. A Parallel or Map state keeps the
    /// children that have ended well, and its Map Run. Returns the frames that are to go on with it.
    pub(crate) fn resume(&mut self) -> BTreeMap<FrameId, Frame> {
        self.retries.clear();
        let remains = match std::mem::replace(&mut self.phase, Phase::Entered) {
            Phase::Children(children) => {
                Some(Remains::Children { children, frames: BTreeMap::new() })
            }
            Phase::MapRun(map_run) | Phase::MapRunEnded(map_run) => Some(Remains::MapRun(map_run)),
            Phase::Done(remains) => remains.map(|remains| *remains),
            _ => None,
        };
        let mut below = BTreeMap::new();
        self.phase = match remains {
            Some(Remains::MapRun(map_run)) if map_run.is_redrivable() => {
                Phase::MapRunEnded(map_run)
            }
            Some(Remains::Children { children, frames }) => {
                below = frames;
                children.resumed()
            }
            None | Some(Remains::MapRun(_)) => Phase::Entered,
        };
        below
    }
}
