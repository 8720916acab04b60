//! Bytes to events.

use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use stepyard_asl::{StateId, Timestamp};
use stepyard_json::Payload;
use stepyard_machine::{
    ChildOf, Event, EventId, EventKind, ExecutionKind, FrameId, Limits, Qualifier, StartContext,
    Text,
};

use super::{CHECKSUM_BYTES, RECORD_EVENTS, VERSION, code};
use crate::Error;

/// Decodes a chunk. Payloads are slices of its bytes.
///
/// # Errors
/// [`Error::Corrupt`] when the bytes are not a chunk of a known version.
pub fn decode(body: &Bytes) -> Result<Vec<Event>, Error> {
    events(body).map_err(|reason| Error::Corrupt { what: "journal chunk".into(), reason })
}

/// Kind, time, frame and previous id: an event has no fewer bytes.
const EVENT_BYTES_MIN: usize = 4;

pub(super) type Decoded<T> = Result<T, String>;

fn events(body: &Bytes) -> Decoded<Vec<Event>> {
    let mut reader = Reader::new(body)?;
    let payloads = reader.payloads()?;
    let mut next_id = reader.var()?;
    let count = reader.count()?;
    let mut events = Vec::with_capacity(count.min(reader.left() / EVENT_BYTES_MIN));
    let mut time = 0;
    for _ in 0..count {
        let event = reader.event(next_id, time, &payloads)?;
        let taken = u64::from(event.kind.is_visible());
        next_id = next_id.checked_add(taken).ok_or("an event id beyond its range")?;
        time = event.at.0;
        events.push(event);
    }
    match reader.left() {
        0 => Ok(events),
        left => Err(format!("{left} bytes after the last event")),
    }
}

pub(super) struct Reader<'a> {
    body: &'a Bytes,
    at: usize,
    end: usize,
}

impl<'a> Reader<'a> {
    /// Checks frame and checksum.
    fn new(body: &'a Bytes) -> Decoded<Reader<'a>> {
        let Some(end) = body.len().checked_sub(CHECKSUM_BYTES) else {
            return Err("too short".into());
        };
        let checksum = crc32fast::hash(&body[..end]).to_le_bytes();
        if body[end..] != checksum {
            return Err("the checksum does not match".into());
        }
        let mut reader = Reader { body, at: 0, end };
        match (reader.byte()?, reader.byte()?) {
            (VERSION, RECORD_EVENTS) => Ok(reader),
            (VERSION, record) => Err(format!("unknown record {record}")),
            (version, _) => Err(format!("unknown version {version}")),
        }
    }

    fn payloads(&mut self) -> Decoded<Vec<Payload>> {
        let count = self.count()?;
        (0..count)
            .map(|_| {
                let length = self.var()?;
                let bytes = self.take(length)?;
                let text = ByteString::try_from(bytes).map_err(|error| error.to_string())?;
                Ok(Payload::from_trusted_text(text))
            })
            .collect()
    }

    fn event(&mut self, next_id: u64, time: i64, payloads: &[Payload]) -> Decoded<Event> {
        let code = self.byte()?;
        let at = Timestamp(time.wrapping_add(self.zigzag()?));
        let frame = FrameId(self.small()?);
        let distance = self.var()?;
        let previous = next_id.checked_sub(distance).ok_or("an event id below zero")?;
        let kind = self.kind(code, payloads)?;
        let id = if kind.is_visible() { EventId(next_id) } else { EventId::NONE };
        Ok(Event { at, frame, id, previous: EventId(previous), kind })
    }

    fn kind(&mut self, code: u8, payloads: &[Payload]) -> Decoded<EventKind> {
        Ok(match code {
            code::EXECUTION_STARTED => EventKind::ExecutionStarted {
                context: Arc::new(self.context()?),
                input: self.payload(payloads)?,
                timeout_seconds: self.option()?,
            },
            code::QUALIFIED_EXECUTION_STARTED => EventKind::ExecutionStarted {
                context: Arc::new(self.qualified_context()?),
                input: self.payload(payloads)?,
                timeout_seconds: self.option()?,
            },
            code::CHILD_EXECUTION_STARTED => EventKind::ExecutionStarted {
                context: Arc::new(self.child_context(|_| Ok((1, 0)))?),
                input: self.payload(payloads)?,
                timeout_seconds: self.option()?,
            },
            code::BATCH_EXECUTION_STARTED => EventKind::ExecutionStarted {
                context: Arc::new(self.child_context(|reader| Ok((reader.var()?, 0)))?),
                input: self.payload(payloads)?,
                timeout_seconds: self.option()?,
            },
            code::REDRIVEN_MAP_RUN_EXECUTION_STARTED => EventKind::ExecutionStarted {
                context: Arc::new(
                    self.child_context(|reader| Ok((reader.var()?, reader.small()?)))?,
                ),
                input: self.payload(payloads)?,
                timeout_seconds: self.option()?,
            },
            code::LIMITED_EXECUTION_STARTED => EventKind::ExecutionStarted {
                context: Arc::new(self.limited_context()?),
                input: self.payload(payloads)?,
                timeout_seconds: self.option()?,
            },
            code::MAP_RUN_CHILD_ENDED => {
                EventKind::MapRunChildEnded(Arc::new(self.ended_child(payloads)?))
            }
            code::MAP_RUN_CHILD_REFUSED => {
                EventKind::MapRunChildEnded(Arc::new(self.refused_child(payloads)?))
            }
            code::MAP_RUN_TOTALS_KNOWN => EventKind::MapRunTotalsKnown(self.totals()?),
            code::MAP_RUN_UPDATED => EventKind::MapRunUpdated(self.limits()?),
            code::EXECUTION_SUCCEEDED => {
                EventKind::ExecutionSucceeded { output: self.payload(payloads)? }
            }
            code::EXECUTION_FAILED => {
                EventKind::ExecutionFailed { error: self.text()?, cause: self.text()? }
            }
            code::EXECUTION_TIMED_OUT => {
                EventKind::ExecutionTimedOut { error: self.text()?, cause: self.text()? }
            }
            code::EXECUTION_ABORTED => {
                EventKind::ExecutionAborted { error: self.text()?, cause: self.text()? }
            }
            code::EXECUTION_REDRIVEN => EventKind::ExecutionRedriven {
                redrive_count: self.small()?,
                client_token: self.text()?,
            },
            code::WAIT_STARTED => EventKind::WaitStarted { until: Timestamp(self.zigzag()?) },
            code::RETRY_SCHEDULED => {
                EventKind::RetryScheduled { retrier: self.small()?, due: Timestamp(self.zigzag()?) }
            }
            code::BRANCH_SUCCEEDED => EventKind::BranchSucceeded,
            code::EXECUTION_AWAITED => EventKind::ExecutionAwaited { execution_arn: self.str()? },
            _ => self.kind_of_state(code, payloads)?,
        })
    }

    /// Kinds whose first field is the state.
    fn kind_of_state(&mut self, code: u8, payloads: &[Payload]) -> Decoded<EventKind> {
        let state = StateId(self.small()?);
        Ok(match code {
            code::STATE_ENTERED => {
                EventKind::StateEntered { state, input: self.payload(payloads)? }
            }
            code::STATE_EXITED => {
                EventKind::StateExited { state, output: self.payload(payloads)?, assigned: None }
            }
            code::STATE_EXITED_ASSIGNING => EventKind::StateExited {
                state,
                output: self.payload(payloads)?,
                assigned: Some(self.payload(payloads)?),
            },
            code::EVALUATION_FAILED => EventKind::EvaluationFailed {
                state,
                error: self.text()?,
                cause: self.text()?,
                location: self.text()?,
            },
            code::STATE_ABORTED => EventKind::StateAborted { state },
            code::PARALLEL_STATE_STARTED => EventKind::ParallelStateStarted {
                state,
                input: self.payload(payloads)?,
                branches: self.small()?,
            },
            code::PARALLEL_STATE_SUCCEEDED => EventKind::ParallelStateSucceeded { state },
            code::PARALLEL_STATE_FAILED => EventKind::ParallelStateFailed { state },
            code::MAP_STATE_STARTED => EventKind::MapStateStarted {
                state,
                input: self.payload(payloads)?,
                items: self.payload(payloads)?,
                length: self.small()?,
                concurrency: self.small()?,
            },
            code::MAP_ITERATION_STARTED => EventKind::MapIterationStarted {
                state,
                input: self.payload(payloads)?,
                index: self.small()?,
            },
            code::MAP_ITERATION_SUCCEEDED => {
                EventKind::MapIterationSucceeded { state, index: self.small()? }
            }
            code::MAP_ITERATION_FAILED => {
                EventKind::MapIterationFailed { state, index: self.small()? }
            }
            code::MAP_ITERATION_ABORTED => {
                EventKind::MapIterationAborted { state, index: self.small()? }
            }
            code::MAP_STATE_SUCCEEDED => EventKind::MapStateSucceeded { state },
            code::MAP_STATE_FAILED => EventKind::MapStateFailed { state },
            code::MAP_RUN_STARTED => {
                EventKind::MapRunStarted { state, plan: Arc::new(self.plan(payloads)?) }
            }
            code::MAP_RUN_REDRIVEN => EventKind::MapRunRedriven {
                state,
                map_run_arn: self.str()?,
                redrive_count: self.small()?,
            },
            code::MAP_RUN_SUCCEEDED => EventKind::MapRunSucceeded { state },
            code::MAP_RUN_FAILED => {
                EventKind::MapRunFailed { state, error: self.text()?, cause: self.text()? }
            }
            code::MAP_RUN_ABORTED => EventKind::MapRunAborted { state },
            _ => self.kind_of_task(code, state, payloads)?,
        })
    }

    fn kind_of_task(
        &mut self,
        code: u8,
        state: StateId,
        payloads: &[Payload],
    ) -> Decoded<EventKind> {
        Ok(match code {
            code::TASK_SCHEDULED => EventKind::TaskScheduled {
                state,
                parameters: self.payload(payloads)?,
                timeout_seconds: self.option()?,
                heartbeat_seconds: self.option()?,
                role_arn: self.text()?,
            },
            code::TASK_STARTED => EventKind::TaskStarted { state },
            code::TASK_SUBMITTED => {
                EventKind::TaskSubmitted { state, output: self.payload(payloads)? }
            }
            code::ACTIVITY_STARTED => EventKind::ActivityStarted { state, worker: self.text()? },
            code::TASK_SUCCEEDED => {
                EventKind::TaskSucceeded { state, output: self.payload(payloads)? }
            }
            code::TASK_FAILED => {
                EventKind::TaskFailed { state, error: self.text()?, cause: self.text()? }
            }
            code::TASK_TIMED_OUT => {
                EventKind::TaskTimedOut { state, error: self.text()?, cause: self.text()? }
            }
            _ => return Err(format!("unknown event code {code}")),
        })
    }

    fn context(&mut self) -> Decoded<StartContext> {
        Ok(StartContext {
            execution_arn: self.str()?,
            execution_name: self.str()?,
            state_machine_arn: self.str()?,
            state_machine_name: self.str()?,
            role_arn: self.str()?,
            qualifier: None,
            child_of: None,
            kind: ExecutionKind::Standard,
            limits: Limits::AWS,
        })
    }

    fn qualified_context(&mut self) -> Decoded<StartContext> {
        let context = self.context()?;
        let qualifier = Qualifier { version: self.var()?, alias: self.text()? };
        Ok(StartContext { qualifier: Some(qualifier), ..context })
    }

    fn limited_context(&mut self) -> Decoded<StartContext> {
        let context = self.context()?;
        let qualifier = match self.option()? {
            Some(version) => Some(Qualifier { version, alias: self.text()? }),
            None => None,
        };
        let child_of = match self.text()? {
            Some(map_run_arn) => {
                let (state, items) = (StateId(self.small()?), self.var()?);
                Some(ChildOf { map_run_arn, state, items, redrive_count: self.small()? })
            }
            None => None,
        };
        let limits = Limits {
            data_bytes: self.size()?,
            history_events: self.var()?,
            variable_bytes: self.size()?,
            variables_bytes: self.size()?,
        };
        Ok(StartContext { qualifier, child_of, limits, ..context })
    }

    /// `counts` reads how many items it has, and how often its Map Run had been redriven.
    fn child_context(
        &mut self,
        counts: impl FnOnce(&mut Self) -> Decoded<(u64, u32)>,
    ) -> Decoded<StartContext> {
        let context = self.context()?;
        let (map_run_arn, state) = (self.str()?, StateId(self.small()?));
        let (items, redrive_count) = counts(self)?;
        let child_of = ChildOf { map_run_arn, state, items, redrive_count };
        Ok(StartContext { child_of: Some(child_of), ..context })
    }

    pub(super) fn payload(&mut self, payloads: &[Payload]) -> Decoded<Payload> {
        let place = usize::try_from(self.var()?).ok();
        let payload = place.and_then(|place| payloads.get(place));
        payload.cloned().ok_or_else(|| "a payload that is not there".into())
    }

    pub(super) fn text(&mut self) -> Decoded<Text> {
        match self.var()? {
            0 => Ok(None),
            length => self.utf8(length - 1).map(Some),
        }
    }

    pub(super) fn str(&mut self) -> Decoded<Arc<str>> {
        let length = self.var()?;
        self.utf8(length)
    }

    fn utf8(&mut self, length: u64) -> Decoded<Arc<str>> {
        let bytes = self.take(length)?;
        std::str::from_utf8(&bytes).map(Arc::from).map_err(|error| error.to_string())
    }

    pub(super) fn option(&mut self) -> Decoded<Option<u64>> {
        Ok(self.var()?.checked_sub(1))
    }

    pub(super) fn zigzag(&mut self) -> Decoded<i64> {
        let number = self.var()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    pub(super) fn small(&mut self) -> Decoded<u32> {
        u32::try_from(self.var()?).map_err(|_| "a number beyond its range".into())
    }

    fn size(&mut self) -> Decoded<usize> {
        usize::try_from(self.var()?).map_err(|_| "a size beyond its range".into())
    }

    /// A number of things that take at least a byte each, so that no count can exhaust memory.
    fn count(&mut self) -> Decoded<usize> {
        let count = self.var()?;
        match usize::try_from(count) {
            Ok(count) if count <= self.left() => Ok(count),
            _ => Err(format!("a count of {count}")),
        }
    }

    pub(super) fn var(&mut self) -> Decoded<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err("a number of more than ten bytes".into())
    }

    pub(super) fn byte(&mut self) -> Decoded<u8> {
        let bytes = self.take(1)?;
        Ok(bytes[0])
    }

    pub(super) fn take(&mut self, length: u64) -> Decoded<Bytes> {
        match usize::try_from(length) {
            Ok(length) if length <= self.left() => {
                let bytes = self.body.slice(self.at..self.at + length);
                self.at += length;
                Ok(bytes)
            }
            _ => Err("it ends too early".into()),
        }
    }

    fn left(&self) -> usize {
        self.end - self.at
    }
}
