//! Events to bytes.

use std::collections::BTreeMap;

use bytes::Bytes;
use stepyard_asl::StateId;
use stepyard_json::Payload;
use stepyard_machine::{ChildOf, Event, EventKind, Limits, Qualifier, StartContext, Text};

use super::{RECORD_EVENTS, VERSION, code};

/// Encodes the events of one execution in one commit. `first_visible_id` is the id that the first
/// visible event of the chunk has, or would have.
pub fn encode(events: &[Event], first_visible_id: u64) -> Bytes {
    let mut encoder = Encoder::default();
    let mut next_id = first_visible_id;
    let mut time = 0;
    for event in events {
        encoder.event(event, next_id, time);
        next_id += u64::from(event.kind.is_visible());
        time = event.at.0;
    }
    encoder.finish(events.len(), first_visible_id)
}

#[derive(Default)]
pub(super) struct Encoder<'a> {
    payloads: Vec<&'a Payload>,
    /// Place of a payload by its address: one that is shared is written once.
    places: BTreeMap<usize, u64>,
    pub(super) out: Vec<u8>,
}

impl<'a> Encoder<'a> {
    fn finish(self, count: usize, first_visible_id: u64) -> Bytes {
        let payload_bytes: usize = self.payloads.iter().map(|payload| payload.len() + 5).sum();
        let mut whole = Encoder {
            out: Vec::with_capacity(payload_bytes + self.out.len() + 32),
            ..Encoder::default()
        };
        whole.out.extend([VERSION, RECORD_EVENTS]);
        whole.var(self.payloads.len() as u64);
        for payload in &self.payloads {
            whole.str(payload.text());
        }
        whole.var(first_visible_id);
        whole.var(count as u64);
        whole.out.extend(&self.out);
        let checksum = crc32fast::hash(&whole.out);
        whole.out.extend(checksum.to_le_bytes());
        whole.out.into()
    }

    fn event(&mut self, event: &'a Event, next_id: u64, time: i64) {
        self.out.push(kind_code(&event.kind));
        self.zigzag(event.at.0.wrapping_sub(time));
        self.var(u64::from(event.frame.0));
        self.var(next_id - event.previous.0);
        self.fields(&event.kind);
    }

    fn fields_of_execution(&mut self, kind: &'a EventKind) {
        match kind {
            EventKind::ExecutionStarted { context, input, timeout_seconds } => {
                match context.limits {
                    Limits::AWS => self.context(context),
                    limits => self.limited_context(context, limits),
                }
                self.payload(input);
                self.option(*timeout_seconds);
            }
            EventKind::ExecutionSucceeded { output } => self.payload(output),
            EventKind::ExecutionFailed { error, cause }
            | EventKind::ExecutionTimedOut { error, cause }
            | EventKind::ExecutionAborted { error, cause } => self.failure(error, cause),
            EventKind::ExecutionRedriven { redrive_count, client_token } => {
                self.var(u64::from(*redrive_count));
                self.text(client_token);
            }
            _ => {}
        }
    }

    fn fields(&mut self, kind: &'a EventKind) {
        match kind {
            EventKind::ExecutionStarted { .. }
            | EventKind::ExecutionSucceeded { .. }
            | EventKind::ExecutionFailed { .. }
            | EventKind::ExecutionTimedOut { .. }
            | EventKind::ExecutionAborted { .. }
            | EventKind::ExecutionRedriven { .. } => self.fields_of_execution(kind),
            EventKind::StateEntered { state, input } => self.state_and_payload(*state, input),
            EventKind::StateExited { state, output, assigned } => {
                self.state_and_payload(*state, output);
                if let Some(assigned) = assigned {
                    self.payload(assigned);
                }
            }
            EventKind::TaskScheduled { .. }
            | EventKind::TaskStarted { .. }
            | EventKind::TaskSubmitted { .. }
            | EventKind::ActivityStarted { .. }
            | EventKind::TaskSucceeded { .. }
            | EventKind::TaskFailed { .. }
            | EventKind::TaskTimedOut { .. } => self.fields_of_task(kind),
            EventKind::EvaluationFailed { state, error, cause, location } => {
                self.state_and_failure(*state, error, cause);
                self.text(location);
            }
            EventKind::WaitStarted { until } => self.zigzag(until.0),
            EventKind::RetryScheduled { retrier, due } => {
                self.var(u64::from(*retrier));
                self.zigzag(due.0);
            }
            EventKind::ParallelStateStarted { state, input, branches: number }
            | EventKind::MapIterationStarted { state, input, index: number } => {
                self.state_and_payload(*state, input);
                self.var(u64::from(*number));
            }
            EventKind::MapStateStarted { state, input, items, length, concurrency } => {
                self.state_and_payload(*state, input);
                self.payload(items);
                self.var(u64::from(*length));
                self.var(u64::from(*concurrency));
            }
            EventKind::MapIterationSucceeded { state, index }
            | EventKind::MapIterationFailed { state, index }
            | EventKind::MapIterationAborted { state, index } => {
                self.state_and_index(*state, *index);
            }
            EventKind::StateAborted { state }
            | EventKind::ParallelStateSucceeded { state }
            | EventKind::ParallelStateFailed { state }
            | EventKind::MapStateSucceeded { state }
            | EventKind::MapStateFailed { state } => self.state(*state),
            EventKind::MapRunStarted { .. }
            | EventKind::MapRunRedriven { .. }
            | EventKind::MapRunChildEnded(_)
            | EventKind::MapRunTotalsKnown(_)
            | EventKind::MapRunUpdated(_)
            | EventKind::MapRunSucceeded { .. }
            | EventKind::MapRunFailed { .. }
            | EventKind::MapRunAborted { .. } => self.fields_of_map_run(kind),
            EventKind::ExecutionAwaited { execution_arn } => self.str(execution_arn),
            EventKind::BranchSucceeded => {}
        }
    }

    fn fields_of_task(&mut self, kind: &'a EventKind) {
        match kind {
            EventKind::TaskScheduled {
                state,
                parameters,
                timeout_seconds,
                heartbeat_seconds,
                role_arn,
            } => {
                self.state_and_payload(*state, parameters);
                self.option(*timeout_seconds);
                self.option(*heartbeat_seconds);
                self.text(role_arn);
            }
            EventKind::TaskStarted { state } => self.state(*state),
            EventKind::TaskSubmitted { state, output }
            | EventKind::TaskSucceeded { state, output } => self.state_and_payload(*state, output),
            EventKind::ActivityStarted { state, worker } => {
                self.state(*state);
                self.text(worker);
            }
            EventKind::TaskFailed { state, error, cause }
            | EventKind::TaskTimedOut { state, error, cause } => {
                self.state_and_failure(*state, error, cause);
            }
            _ => {}
        }
    }

    fn context(&mut self, context: &StartContext) {
        self.names(context);
        let StartContext { qualifier, child_of, .. } = context;
        // Only events of other codes have these.
        if let Some(Qualifier { version, alias }) = qualifier {
            self.var(*version);
            self.text(alias);
        }
        if let Some(ChildOf { map_run_arn, state, items, redrive_count }) = child_of {
            self.str(map_run_arn);
            self.state(*state);
            if *items != 1 || *redrive_count != 0 {
                self.var(*items);
            }
            if *redrive_count != 0 {
                self.var(u64::from(*redrive_count));
            }
        }
    }

    fn limited_context(&mut self, context: &StartContext, limits: Limits) {
        self.names(context);
        self.option(context.qualifier.as_ref().map(|qualifier| qualifier.version));
        if let Some(Qualifier { alias, .. }) = &context.qualifier {
            self.text(alias);
        }
        self.text(&context.child_of.as_ref().map(|child_of| child_of.map_run_arn.clone()));
        if let Some(ChildOf { state, items, redrive_count, .. }) = &context.child_of {
            self.state(*state);
            self.var(*items);
            self.var(u64::from(*redrive_count));
        }
        let Limits { data_bytes, history_events, variable_bytes, variables_bytes } = limits;
        self.var(data_bytes as u64);
        self.var(history_events);
        self.var(variable_bytes as u64);
        self.var(variables_bytes as u64);
    }

    /// What every execution has. How it is run is left out: those of other kinds have no journal.
    fn names(&mut self, context: &StartContext) {
        for text in [
            &context.execution_arn,
            &context.execution_name,
            &context.state_machine_arn,
            &context.state_machine_name,
            &context.role_arn,
        ] {
            self.str(text);
        }
    }

    fn state_and_payload(&mut self, state: StateId, payload: &'a Payload) {
        self.state(state);
        self.payload(payload);
    }

    pub(super) fn state_and_failure(&mut self, state: StateId, error: &Text, cause: &Text) {
        self.state(state);
        self.failure(error, cause);
    }

    fn state_and_index(&mut self, state: StateId, index: u32) {
        self.state(state);
        self.var(u64::from(index));
    }

    pub(super) fn state(&mut self, state: StateId) {
        self.var(u64::from(state.0));
    }

    pub(super) fn payload(&mut self, payload: &'a Payload) {
        let next = self.payloads.len() as u64;
        let place = *self.places.entry(payload.address()).or_insert(next);
        if place == next {
            self.payloads.push(payload);
        }
        self.var(place);
    }

    pub(super) fn failure(&mut self, error: &Text, cause: &Text) {
        self.text(error);
        self.text(cause);
    }

    /// Nothing is 0; a text is its length plus one, then its bytes.
    pub(super) fn text(&mut self, text: &Text) {
        match text {
            None => self.var(0),
            Some(text) => {
                self.var(text.len() as u64 + 1);
                self.out.extend(text.as_bytes());
            }
        }
    }

    /// Nothing is 0; a number is one more than itself.
    pub(super) fn option(&mut self, number: Option<u64>) {
        self.var(number.map_or(0, |number| number.saturating_add(1)));
    }

    pub(super) fn str(&mut self, text: &str) {
        self.var(text.len() as u64);
        self.out.extend(text.as_bytes());
    }

    /// Signed numbers, small ones in either direction in few bytes.
    pub(super) fn zigzag(&mut self, number: i64) {
        self.var(((number << 1) ^ (number >> 63)) as u64);
    }

    /// Seven bits a byte, lowest first, the high bit says that more follow.
    pub(super) fn var(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.out.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.out.push(number as u8);
    }
}

fn kind_code(kind: &EventKind) -> u8 {
    match kind {
        EventKind::ExecutionStarted { context, .. } if context.limits != Limits::AWS => {
            code::LIMITED_EXECUTION_STARTED
        }
        EventKind::ExecutionStarted { context, .. } => {
            match (&context.child_of, &context.qualifier) {
                (None, None) => code::EXECUTION_STARTED,
                (None, Some(_)) => code::QUALIFIED_EXECUTION_STARTED,
                (Some(ChildOf { redrive_count: 1.., .. }), _) => {
                    code::REDRIVEN_MAP_RUN_EXECUTION_STARTED
                }
                (Some(ChildOf { items: 1, .. }), _) => code::CHILD_EXECUTION_STARTED,
                (Some(_), _) => code::BATCH_EXECUTION_STARTED,
            }
        }
        EventKind::ExecutionSucceeded { .. } => code::EXECUTION_SUCCEEDED,
        EventKind::ExecutionFailed { .. } => code::EXECUTION_FAILED,
        EventKind::ExecutionTimedOut { .. } => code::EXECUTION_TIMED_OUT,
        EventKind::ExecutionAborted { .. } => code::EXECUTION_ABORTED,
        EventKind::ExecutionRedriven { .. } => code::EXECUTION_REDRIVEN,
        EventKind::StateEntered { .. } => code::STATE_ENTERED,
        EventKind::StateExited { assigned: None, .. } => code::STATE_EXITED,
        EventKind::StateExited { assigned: Some(_), .. } => code::STATE_EXITED_ASSIGNING,
        EventKind::EvaluationFailed { .. } => code::EVALUATION_FAILED,
        EventKind::StateAborted { .. } => code::STATE_ABORTED,
        EventKind::TaskScheduled { .. } => code::TASK_SCHEDULED,
        EventKind::TaskStarted { .. } => code::TASK_STARTED,
        EventKind::TaskSubmitted { .. } => code::TASK_SUBMITTED,
        EventKind::ActivityStarted { .. } => code::ACTIVITY_STARTED,
        EventKind::TaskSucceeded { .. } => code::TASK_SUCCEEDED,
        EventKind::TaskFailed { .. } => code::TASK_FAILED,
        EventKind::TaskTimedOut { .. } => code::TASK_TIMED_OUT,
        EventKind::WaitStarted { .. } => code::WAIT_STARTED,
        EventKind::RetryScheduled { .. } => code::RETRY_SCHEDULED,
        EventKind::ParallelStateStarted { .. } => code::PARALLEL_STATE_STARTED,
        EventKind::BranchSucceeded => code::BRANCH_SUCCEEDED,
        EventKind::ParallelStateSucceeded { .. } => code::PARALLEL_STATE_SUCCEEDED,
        EventKind::ParallelStateFailed { .. } => code::PARALLEL_STATE_FAILED,
        EventKind::MapStateStarted { .. } => code::MAP_STATE_STARTED,
        EventKind::MapIterationStarted { .. } => code::MAP_ITERATION_STARTED,
        EventKind::MapIterationSucceeded { .. } => code::MAP_ITERATION_SUCCEEDED,
        EventKind::MapIterationFailed { .. } => code::MAP_ITERATION_FAILED,
        EventKind::MapIterationAborted { .. } => code::MAP_ITERATION_ABORTED,
        EventKind::MapStateSucceeded { .. } => code::MAP_STATE_SUCCEEDED,
        EventKind::MapStateFailed { .. } => code::MAP_STATE_FAILED,
        EventKind::ExecutionAwaited { .. } => code::EXECUTION_AWAITED,
        EventKind::MapRunStarted { .. } => code::MAP_RUN_STARTED,
        EventKind::MapRunRedriven { .. } => code::MAP_RUN_REDRIVEN,
        EventKind::MapRunChildEnded(child) => match &child.end.redrive_refusal {
            None => code::MAP_RUN_CHILD_ENDED,
            Some(_) => code::MAP_RUN_CHILD_REFUSED,
        },
        EventKind::MapRunTotalsKnown(_) => code::MAP_RUN_TOTALS_KNOWN,
        EventKind::MapRunUpdated(_) => code::MAP_RUN_UPDATED,
        EventKind::MapRunSucceeded { .. } => code::MAP_RUN_SUCCEEDED,
        EventKind::MapRunFailed { .. } => code::MAP_RUN_FAILED,
        EventKind::MapRunAborted { .. } => code::MAP_RUN_ABORTED,
    }
}
