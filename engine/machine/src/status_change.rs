//! Changes of an execution's status, as AWS tells EventBridge of them: a projection of the journal.

use std::sync::Arc;

use stepyard_asl::Timestamp;
use stepyard_json::Payload;

use crate::{
    Event, EventKind, ExecutionStatus, NotRedrivable, RedriveSubject, Redriven, StartContext, Text,
};

/// What an execution was right after an event that changed its status.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusChange {
    /// Position of that event in the journal, from 0.
    pub position: u64,
    /// When it happened.
    pub at: Timestamp,
    /// ARNs and names.
    pub context: Arc<StartContext>,
    /// The new status.
    pub status: ExecutionStatus,
    /// When the execution started; a redrive changes nothing of that.
    pub started_at: Timestamp,
    /// When it ended.
    pub stopped_at: Option<Timestamp>,
    /// Its input.
    pub input: Payload,
    /// Its output, when it has succeeded.
    pub output: Option<Payload>,
    /// The error it ended with; AWS tells none of an execution that has timed out.
    pub error: Text,
    /// The cause of that error.
    pub cause: Text,
    /// How often and when it was redriven, if it was.
    pub redriven: Option<Redriven>,
    /// Whether it can be redriven, or why not.
    pub redrivable: Result<(), NotRedrivable>,
}

/// A fold over the events of one execution, from the first one on. Events between them that change no status may be left out.
#[derive(Debug, Default)]
pub struct StatusChanges {
    start: Option<Start>,
    redriven: Option<Redriven>,
}

/// What the first event tells.
#[derive(Debug)]
struct Start {
    context: Arc<StartContext>,
    input: Payload,
    at: Timestamp,
}

impl StatusChanges {
    /// What the event at that position of the journal changes, if it does.
    pub fn apply(&mut self, position: u64, event: &Event) -> Option<StatusChange> {
        match &event.kind {
            EventKind::ExecutionStarted { context, input, .. } => {
                let (context, input) = (context.clone(), input.clone());
                self.start = Some(Start { context, input, at: event.at });
            }
            EventKind::ExecutionRedriven { redrive_count: count, .. } => {
                self.redriven = Some(Redriven { count: *count, at: event.at });
            }
            _ => {}
        }
        let status = event.kind.new_status()?;
        let stopped_at = status.is_end().then_some(event.at);
        let start = self.start.as_ref()?;
        let (output, error, cause) = outcome(&event.kind);
        let subject = RedriveSubject {
            status,
            started_at: start.at,
            stopped_at,
            last_event_id: event.id,
            limits: start.context.limits,
        };
        Some(StatusChange {
            position,
            at: event.at,
            context: start.context.clone(),
            status,
            started_at: start.at,
            stopped_at,
            input: start.input.clone(),
            output,
            error,
            cause,
            redriven: self.redriven,
            redrivable: subject.check(event.at),
        })
    }
}

/// Output, error and cause of an end.
fn outcome(kind: &EventKind) -> (Option<Payload>, Text, Text) {
    match kind {
        EventKind::ExecutionSucceeded { output } => (Some(output.clone()), None, None),
        EventKind::ExecutionFailed { error, cause }
        | EventKind::ExecutionAborted { error, cause } => (None, error.clone(), cause.clone()),
        _ => (None, None, None),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stepyard_asl::Timestamp;
    use stepyard_json::Payload;

    use super::{StatusChange, StatusChanges};
    use crate::samples::start_context;
    use crate::{Event, EventId, EventKind, ExecutionStatus, FrameId, NotRedrivable, Redriven};

    fn event(id: u64, kind: EventKind) -> Event {
        let at = Timestamp(1_000 * i64::try_from(id).unwrap());
        Event { at, frame: FrameId::ROOT, id: EventId(id), previous: EventId(id - 1), kind }
    }

    fn started() -> EventKind {
        let (context, input) = (Arc::new(start_context()), Payload::empty_object());
        EventKind::ExecutionStarted { context, input, timeout_seconds: None }
    }

    fn changes(kinds: Vec<EventKind>) -> Vec<StatusChange> {
        let mut fold = StatusChanges::default();
        let events = kinds.into_iter().zip(0..).map(|(kind, at)| (at, event(at + 1, kind)));
        events.filter_map(|(at, event)| fold.apply(at, &event)).collect()
    }

    #[test]
    fn a_start_and_each_end_and_redrive_change_the_status() {
        let (error, cause) = (Some("E".into()), Some("C".into()));
        let redriven = EventKind::ExecutionRedriven { redrive_count: 1, client_token: None };
        let output = Payload::empty_object();
        let told = changes(vec![
            started(),
            EventKind::StateEntered { state: stepyard_asl::StateId(0), input: output.clone() },
            EventKind::ExecutionFailed { error, cause },
            redriven,
            EventKind::ExecutionSucceeded { output },
        ]);
        let seen: Vec<_> =
            told.iter().map(|change| (change.position, change.status.as_str())).collect();
        assert_eq!(seen, [(0, "RUNNING"), (2, "FAILED"), (3, "RUNNING"), (4, "SUCCEEDED")]);
        let once = Some(Redriven { count: 1, at: Timestamp(4_000) });
        let redrives: Vec<_> = told.iter().map(|change| change.redriven).collect();
        assert_eq!(redrives, [None, None, once, once]);
        let stops: Vec<_> = told.iter().map(|change| change.stopped_at).collect();
        assert_eq!(stops, [None, Some(Timestamp(3_000)), None, Some(Timestamp(5_000))]);
        assert!(told.iter().all(|change| change.started_at == Timestamp(1_000)));
        assert_eq!(told[1].error.as_deref(), Some("E"));
        assert_eq!(told[2].error, None, "it goes on");
        assert_eq!(told[1].redrivable, Ok(()));
        let running = Err(NotRedrivable::Status(ExecutionStatus::Running));
        assert_eq!((told[0].redrivable, told[2].redrivable), (running, running));
        assert!(told[3].output.is_some());
    }

    /// Such as the ends of child executions, of which there may be any number.
    #[test]
    fn events_that_no_history_shows_do_not_keep_from_a_redrive() {
        let mut fold = StatusChanges::default();
        assert!(fold.apply(0, &event(1, started())).is_some());
        let failed = event(2, EventKind::ExecutionFailed { error: None, cause: None });
        assert_eq!(fold.apply(1_000_000, &failed).unwrap().redrivable, Ok(()));
    }

    #[test]
    fn of_a_timeout_neither_error_nor_cause_is_told() {
        let (error, cause) = (Some("States.Timeout".into()), None);
        let told = changes(vec![started(), EventKind::ExecutionTimedOut { error, cause }]);
        assert_eq!(told[1].status, ExecutionStatus::TimedOut);
        assert_eq!((&told[1].error, &told[1].cause), (&None, &None));
    }

    #[test]
    fn without_a_start_there_is_nothing_to_tell() {
        let (error, cause) = (None, None);
        assert_eq!(changes(vec![EventKind::ExecutionAborted { error, cause }]), []);
    }
}
