//! Redriving an execution that has ended badly: whether it may be, and what it goes on with.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use stepyard_asl::Timestamp;

use super::Execution;
use crate::failure::DATA_LIMIT_EXCEEDED;
use crate::frame::{Frame, Phase};
use crate::{EventId, ExecutionStatus, FrameId, Limits, Text, child_redrive_token};

/// How long after its end an execution can be redriven, in seconds: 14 days (AWS quota).
const REDRIVABLE_SECONDS: u64 = 14 * 86_400;

/// How long an execution may be open, in seconds: a year (AWS quota).
const OPEN_SECONDS_MAX: u64 = 365 * 86_400;

/// The events of its history that a redrive needs at least: ExecutionRedriven and one more (developer guide).
const EVENTS_MIN: u64 = 2;

/// Tokens of redrives that an execution knows again, the latest ones (API reference).
pub const REDRIVE_TOKENS_MAX: usize = 10;

/// How long a token is known, in seconds: 15 minutes (API reference).
const TOKEN_SECONDS: u64 = 15 * 60;

/// What decides whether an execution can be redriven; the last event of its journal and its row tell it. Events that AWS's
/// history does not show, such as the ends of child executions, do not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedriveSubject {
    /// Its status.
    pub status: ExecutionStatus,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub stopped_at: Option<Timestamp>,
    /// Id of its last event.
    pub last_event_id: EventId,
    /// How many events it may have.
    pub limits: Limits,
}

impl RedriveSubject {
    /// Whether the execution can be redriven at that time.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn check(&self, now: Timestamp) -> Result<(), NotRedrivable> {
        let Some(stopped_at) = self.stopped_at else {
            return Err(NotRedrivable::Status(self.status));
        };
        if self.status == ExecutionStatus::Succeeded {
            return Err(NotRedrivable::Status(self.status));
        }
        if self.last_event_id.0 + EVENTS_MIN > self.limits.history_events {
            return Err(NotRedrivable::HistoryFull);
        }
        if self.started_at.plus_seconds(OPEN_SECONDS_MAX) < now {
            return Err(NotRedrivable::OpenTooLong);
        }
        match stopped_at.plus_seconds(REDRIVABLE_SECONDS) < now {
            true => Err(NotRedrivable::ClosedTooLong),
            false => Ok(()),
        }
    }
}

/// Why an execution cannot be redriven. Displayed, it is `redriveStatusReason` of the AWS API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRedrivable {
    /// It is in progress, or has ended well.
    Status(ExecutionStatus),
    /// There is no room for further events.
    HistoryFull,
    /// It started longer ago than an execution may be open.
    OpenTooLong,
    /// It ended too long ago.
    ClosedTooLong,
}

impl fmt::Display for NotRedrivable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            NotRedrivable::Status(status) => {
                return write!(f, "Execution is {} and cannot be redriven", status.as_str());
            }
            NotRedrivable::HistoryFull => "Execution history event limit exceeded",
            NotRedrivable::OpenTooLong => "Execution has exceeded the max execution time",
            NotRedrivable::ClosedTooLong => "Execution redrivable period exceeded",
        };
        f.write_str(text)
    }
}

/// That an execution was redriven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redriven {
    /// How often.
    pub count: u32,
    /// When, the last time.
    pub at: Timestamp,
}

/// The redrives of an execution.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Redrives {
    last: Option<Redriven>,
    /// Tokens of the latest ones, each with the time of its redrive; the oldest one first.
    tokens: VecDeque<(Arc<str>, Timestamp)>,
}

impl Redrives {
    fn add(&mut self, count: u32, at: Timestamp, token: &Text) {
        self.last = Some(Redriven { count, at });
        if let Some(token) = token {
            self.tokens.push_back((token.clone(), at));
        }
        while self.tokens.len() > REDRIVE_TOKENS_MAX {
            self.tokens.pop_front();
        }
    }
}

/// Asking.
impl Execution {
    /// How often and when it was redriven, if it was.
    pub fn redriven(&self) -> Option<Redriven> {
        self.redrives.last
    }

    /// How often it was redriven.
    pub(crate) fn redrive_count(&self) -> u32 {
        self.redrives.last.map_or(0, |last| last.count)
    }

    /// When it was redriven by a request with that token, which is being repeated now; `None` when that is a new one. A
    /// child execution, which only its Map Run redrives, knows its tokens for ever, and that of the redrive which has
    /// started it.
    pub fn redriven_with(&self, token: &str, now: Timestamp) -> Option<Timestamp> {
        let child_of = self.context().and_then(|context| context.child_of.as_ref());
        let is_known = |(known, at): &&(Arc<str>, Timestamp)| {
            &**known == token && (child_of.is_some() || now <= at.plus_seconds(TOKEN_SECONDS))
        };
        let redriven = self.redrives.tokens.iter().rfind(is_known).map(|(_, at)| *at);
        let has_started = child_of.is_some_and(|child_of| {
            child_of.redrive_count > 0 && child_redrive_token(child_of.redrive_count) == token
        });
        redriven.or_else(|| self.started_at.filter(|_| has_started))
    }

    /// Whether it can be redriven at that time, if it is a Standard execution: no other one is.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn check_redrive(&self, now: Timestamp) -> Result<(), NotRedrivable> {
        let subject = RedriveSubject {
            status: self.status.unwrap_or(ExecutionStatus::Running),
            started_at: self.started_at.unwrap_or_default(),
            stopped_at: self.stopped_at,
            last_event_id: self.last_event_id,
            limits: self.limits(),
        };
        subject.check(now)
    }
}

/// The fold.
impl Execution {
    /// Takes the end back. Every state that was not left goes on, with its input and the variables as they were; its
    /// retries and `TimeoutSeconds` of the state machine count anew.
    pub(super) fn reopen(&mut self, at: Timestamp, count: u32, token: &Text) {
        let left_behind = self.take_left_behind();
        self.status = Some(ExecutionStatus::Running);
        self.stopped_at = None;
        (self.error, self.cause) = (None, None);
        self.redrives.add(count, at, token);
        self.opened(at);
        self.resume_all(left_behind);
    }

    /// The frames that go on. After too much data none of those below the top level does: their results are what was too
    /// much (developer guide).
    fn take_left_behind(&mut self) -> BTreeMap<FrameId, Frame> {
        let mut frames = std::mem::take(&mut self.left_behind);
        if self.error.as_deref() == Some(DATA_LIMIT_EXCEEDED) {
            frames.retain(|id, _| *id == FrameId::ROOT);
            frames.values_mut().for_each(|frame| frame.phase = Phase::Entered);
        }
        frames
    }

    fn resume_all(&mut self, mut frames: BTreeMap<FrameId, Frame>) {
        while let Some((id, mut frame)) = frames.pop_first() {
            frames.append(&mut frame.resume());
            self.variable_bytes += frame.variables.bytes();
            if frame.is_runnable() {
                self.runnable.insert(id);
            }
            self.frames.insert(id, frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use stepyard_asl::Timestamp;

    use super::{Execution, NotRedrivable, REDRIVE_TOKENS_MAX, RedriveSubject};
    use crate::{EventId, ExecutionStatus, Limits};

    const DAY: i64 = 86_400_000;

    const FAILED: RedriveSubject = RedriveSubject {
        status: ExecutionStatus::Failed,
        started_at: Timestamp(0),
        stopped_at: Some(Timestamp(DAY)),
        last_event_id: EventId(24_998),
        limits: Limits::AWS,
    };

    #[test]
    fn what_ended_badly_can_be_redriven_for_two_weeks() {
        use ExecutionStatus::{Aborted, Failed, Running, Succeeded, TimedOut};
        for status in [Failed, TimedOut, Aborted] {
            assert_eq!(RedriveSubject { status, ..FAILED }.check(Timestamp(15 * DAY)), Ok(()));
        }
        let running = RedriveSubject { status: Running, stopped_at: None, ..FAILED };
        assert_eq!(running.check(Timestamp(DAY)), Err(NotRedrivable::Status(Running)));
        let succeeded = RedriveSubject { status: Succeeded, ..FAILED };
        let refused = succeeded.check(Timestamp(DAY)).expect_err("it has succeeded");
        assert_eq!(refused.to_string(), "Execution is SUCCEEDED and cannot be redriven");
        let late = FAILED.check(Timestamp(15 * DAY + 1));
        assert_eq!(late, Err(NotRedrivable::ClosedTooLong));
    }

    #[test]
    fn a_redrive_needs_two_events_and_less_than_a_year() {
        let full = RedriveSubject { last_event_id: EventId(24_999), ..FAILED };
        assert_eq!(full.check(Timestamp(DAY)), Err(NotRedrivable::HistoryFull));
        let has_more_room = RedriveSubject { limits: Limits::EXTENDED, ..full };
        assert_eq!(has_more_room.check(Timestamp(DAY)), Ok(()));
        let old = RedriveSubject { stopped_at: Some(Timestamp(365 * DAY)), ..FAILED };
        assert_eq!(old.check(Timestamp(365 * DAY)), Ok(()));
        assert_eq!(old.check(Timestamp(365 * DAY + 1)), Err(NotRedrivable::OpenTooLong));
    }

    #[test]
    fn the_last_tokens_are_known_for_a_while() {
        let mut execution = Execution::new();
        for number in 0..=REDRIVE_TOKENS_MAX as u32 {
            let token = Some(format!("t{number}").into());
            execution.redrives.add(number, Timestamp(i64::from(number)), &token);
        }
        let known = |token, now| execution.redriven_with(token, Timestamp(now));
        assert_eq!(known("t0", 20), None, "it is one of eleven");
        assert_eq!(known("t1", 20), Some(Timestamp(1)));
        assert_eq!(known("t10", 10 + 900_000), Some(Timestamp(10)));
        assert_eq!(known("t10", 10 + 900_001), None);
    }
}
