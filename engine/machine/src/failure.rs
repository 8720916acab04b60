//! What happens when a state fails: `Retry`, `Catch`, and failing the scope around it.

use std::sync::Arc;

use stepyard_asl::{Catcher, ErrorEquals, EvalError, JitterStrategy, Random, Retrier, StateId};
use stepyard_asl::{Outcome, StateKind, Transition};
use stepyard_json::{Json, Object, Payload};

use crate::context::Subject;
use crate::decide::{Left, Run};
use crate::frame::Frame;
use crate::{EventId, EventKind, FrameId, MapRun, Text};

/// Cannot be retried or caught.
pub(crate) const RUNTIME: &str = "States.Runtime";
/// A task or an execution took too long.
pub(crate) const TIMEOUT: &str = "States.Timeout";
/// What a task runner calls it when a task was silent for too long.
const HEARTBEAT_TIMEOUT: &str = "States.HeartbeatTimeout";
/// Data exceeded the limit of the execution.
pub(crate) const DATA_LIMIT_EXCEEDED: &str = "States.DataLimitExceeded";
const ALL: &str = "States.ALL";
const TASK_FAILED: &str = "States.TaskFailed";

/// Why a state failed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub(crate) error: Text,
    pub(crate) cause: Text,
    /// A heartbeat is missed: AWS tells it as `States.Timeout` (recorded), but it can also be caught by a name of
    /// its own.
    heartbeat_missed: bool,
    /// JSONata failed, which the history tells by an event of its own.
    evaluation: Option<Evaluation>,
}

/// Where JSONata failed.
#[derive(Clone, Debug, PartialEq)]
struct Evaluation {
    /// The field, as a path from the state.
    location: Text,
    /// The expression gave a value that its field does not admit.
    is_out_of_range: bool,
}

impl Failure {
    pub(crate) fn new(error: &str, cause: impl Into<Arc<str>>) -> Failure {
        Failure::told(Some(error.into()), Some(cause.into()))
    }

    /// In the words of a Fail state or of a mock.
    pub(crate) fn told(error: Text, cause: Text) -> Failure {
        Failure { error, cause, heartbeat_missed: false, evaluation: None }
    }

    /// A path, a template, a function or an expression could not be evaluated.
    pub(crate) fn of_evaluation(error: EvalError) -> Failure {
        let EvalError { error, cause, location, is_out_of_range } = error;
        let evaluation = (error == EvalError::QUERY_EVALUATION)
            .then_some(Evaluation { location, is_out_of_range });
        Failure { evaluation, ..Failure::new(error, cause) }
    }

    /// In the words of a task runner.
    pub(crate) fn of_task(error: Text, cause: Text) -> Failure {
        if error.as_deref() == Some(HEARTBEAT_TIMEOUT) {
            return Failure { cause, ..Failure::missed_heartbeat() };
        }
        Failure::told(error, cause)
    }

    /// `HeartbeatSeconds` of a task have passed without a sign of life.
    pub(crate) fn missed_heartbeat() -> Failure {
        Failure { heartbeat_missed: true, ..Failure::timeout() }
    }

    /// `TimeoutSeconds` of a task has passed.
    pub(crate) fn timeout() -> Failure {
        Failure::told(Some(TIMEOUT.into()), None)
    }

    /// More iterations of a Map state have failed than it tolerates.
    pub(crate) fn too_many_iterations() -> Failure {
        Failure::new(
            "States.ExceedToleratedFailureThreshold",
            "The specified tolerated failure threshold was exceeded",
        )
    }

    /// Data of a state or of a resource exceeds the limit.
    pub(crate) fn too_large(origin: &str) -> Failure {
        let cause = format!(
            "The state/task '{origin}' returned a result with a size exceeding the maximum number \
             of bytes service limit."
        );
        Failure::new(DATA_LIMIT_EXCEEDED, cause)
    }

    /// The Error Output that a catcher gets.
    fn output(&self) -> Json {
        let text = |text: &Text| Json::String(text.clone().unwrap_or_else(|| "".into()));
        let mut output = Object::new();
        output.insert("Error", text(&self.error));
        output.insert("Cause", text(&self.cause));
        output.into()
    }

    /// Whether a task was silent for too long.
    pub(crate) fn is_missed_heartbeat(&self) -> bool {
        self.heartbeat_missed
    }

    fn is_runtime(&self) -> bool {
        self.error.as_deref() == Some(RUNTIME)
    }

    fn matches(&self, equals: &ErrorEquals) -> bool {
        let error = self.error.as_deref().unwrap_or_default();
        let matches = |name: &str| {
            name_matches(name, error) || self.heartbeat_missed && name == HEARTBEAT_TIMEOUT
        };
        !self.is_runtime() && equals.0.iter().any(|name| matches(name))
    }
}

/// Whether a name in `ErrorEquals` stands for an error.
fn name_matches(name: &str, error: &str) -> bool {
    match name {
        ALL => true,
        TASK_FAILED => error != TIMEOUT,
        _ => name == error,
    }
}

/// Failing.
impl Run<'_> {
    /// The state of the frame has failed by itself.
    pub(crate) fn fail(&mut self, id: FrameId, state: StateId, failure: Failure) {
        let previous = self.previous(id);
        self.abort_children(id, previous);
        let previous = self.evaluation_failed(id, state, previous, &failure);
        self.handle(id, state, previous, failure, Origin::Itself);
    }

    /// Says that JSONata failed, if that is what the failure is, and returns the last event. On AWS's history it
    /// follows what came before the state (recorded), but for values that are out of range.
    fn evaluation_failed(
        &mut self,
        id: FrameId,
        state: StateId,
        previous: EventId,
        failure: &Failure,
    ) -> EventId {
        let Some(Evaluation { location, is_out_of_range }) = failure.evaluation.clone() else {
            return previous;
        };
        let follows = self.execution().frame(id).map_or(EventId::NONE, |frame| {
            if is_out_of_range { frame.entered } else { frame.entered_after }
        });
        let (error, cause) = (failure.error.clone(), failure.cause.clone());
        let kind = EventKind::EvaluationFailed { state, error, cause, location };
        self.emit_after(id, follows, kind);
        self.previous(id)
    }

    /// The Map Run of a state has failed, and with it the state.
    pub(crate) fn fail_map_run(&mut self, id: FrameId, state: StateId, failure: Failure) {
        let (error, cause) = (failure.error.clone(), failure.cause.clone());
        self.emit(id, EventKind::MapRunFailed { state, error, cause });
        self.handle(id, state, self.previous(id), failure, Origin::Child);
    }

    /// The scope that this frame runs has failed: so has the state around it, or the execution.
    fn fail_scope(&mut self, child: FrameId, previous: EventId, failure: Failure) {
        let parent = self.execution().frame(child).and_then(|frame| frame.parent);
        let Some(parent) = parent else {
            let Failure { error, cause, .. } = failure;
            return self.end(previous, EventKind::ExecutionFailed { error, cause });
        };
        let Some(state) = self.execution().frame(parent).and_then(|frame| frame.state) else {
            return;
        };
        if self.is_map(state) {
            let index = self.execution().frame(child).map_or(0, |frame| frame.index);
            let kind = EventKind::MapIterationFailed { state, index };
            self.emit_after(child, previous, kind);
        }
        self.abort_state(child, previous);
        let children = self.execution().frame(parent).and_then(Frame::children);
        let open = children.map(|children| children.open.clone()).unwrap_or_default();
        for sibling in open.into_iter().filter(|sibling| *sibling != child) {
            self.abort(sibling, previous);
        }
        self.handle(parent, state, previous, failure, Origin::Child);
    }

    fn handle(
        &mut self,
        id: FrameId,
        state: StateId,
        previous: EventId,
        failure: Failure,
        origin: Origin,
    ) {
        let program = self.program;
        let told = (failure.error.clone(), failure.cause.clone());
        self.inspect(|inspection| inspection.failure = Some(told));
        let outcome = outcome_of(&program.state(state).kind);
        if let Some(outcome) = outcome {
            if self.retry(id, previous, &failure, &outcome.retry) {
                return;
            }
            let mut catchers = outcome.catch.iter().enumerate();
            let found = catchers.find(|(_, catcher)| failure.matches(&catcher.error_equals));
            if let Some((index, catcher)) = found {
                self.inspect(|inspection| inspection.catcher = Some(index));
                let previous = self.children_failed(id, state, previous, &failure);
                return self.catch(id, state, previous, &failure, catcher);
            }
        }
        // A broken Map or Parallel state ends at once; one with a broken child says so.
        let previous = match origin {
            Origin::Itself if failure.is_runtime() => previous,
            _ => self.children_failed(id, state, previous, &failure),
        };
        self.fail_scope(id, previous, failure);
    }

    /// Takes the first retrier that matches; when it has none left, no other one is asked.
    fn retry(
        &mut self,
        id: FrameId,
        previous: EventId,
        failure: &Failure,
        retriers: &[Retrier],
    ) -> bool {
        let mut numbered = retriers.iter().enumerate();
        let found = numbered.find(|(_, retrier)| failure.matches(&retrier.error_equals));
        let Some((index, retrier)) = found else { return false };
        self.inspect(|inspection| {
            inspection.retrier = Some(index);
            inspection.retry_millis = None;
        });
        let frame = self.execution().frame(id);
        let used = frame.and_then(|frame| frame.retries.get(index)).copied().unwrap_or_default();
        if used >= retrier.max_attempts {
            return false;
        }
        let millis = delay(retrier, used, &mut self.random);
        self.inspect(|inspection| inspection.retry_millis = Some(millis));
        let due = self.now.plus_millis(millis);
        let retrier = u32::try_from(index).unwrap_or(u32::MAX);
        self.emit_after(id, previous, EventKind::RetryScheduled { retrier, due });
        self.arm(id);
        true
    }

    fn catch(
        &mut self,
        id: FrameId,
        state: StateId,
        previous: EventId,
        failure: &Failure,
        catcher: &Catcher,
    ) {
        match self.caught(id, state, &failure.output(), catcher) {
            Ok(left) => self.leave(id, state, left, Transition::Next(catcher.next)),
            Err(failure) => {
                let previous = self.evaluation_failed(id, state, previous, &failure);
                self.fail_scope(id, previous, failure);
            }
        }
    }

    /// What a state leaves whose error was caught.
    fn caught(
        &mut self,
        id: FrameId,
        state: StateId,
        error_output: &Json,
        catcher: &Catcher,
    ) -> Result<Left, Failure> {
        let caught = Payload::from(error_output.clone());
        let subject = Subject::ErrorOutput(&caught);
        let assigned = self.assign(id, state, catcher.assign.as_ref(), subject)?;
        let output = self.caught_output(id, state, &caught, catcher)?;
        Ok(Left { output, assigned })
    }

    /// Says that a Parallel or Map state has failed, and returns the last event. One that has not started any child does
    /// not say so, unless its JSONata failed (recorded).
    fn children_failed(
        &mut self,
        id: FrameId,
        state: StateId,
        previous: EventId,
        failure: &Failure,
    ) -> EventId {
        let frame = self.execution().frame(id);
        let has_children =
            frame.is_some_and(|frame| frame.children().is_some() || frame.map_run().is_some());
        if !has_children && failure.evaluation.is_none() {
            return previous;
        }
        let kind = match &self.program.state(state).kind {
            StateKind::Map(_) => EventKind::MapStateFailed { state },
            StateKind::Parallel(_) => EventKind::ParallelStateFailed { state },
            _ => return previous,
        };
        self.emit_after(id, previous, kind);
        self.previous(id)
    }

    fn is_map(&self, state: StateId) -> bool {
        matches!(self.program.state(state).kind, StateKind::Map(_))
    }
}

/// Where a failure of a Parallel or Map state comes from.
#[derive(Clone, Copy, PartialEq)]
enum Origin {
    Itself,
    Child,
}

/// Abandoning what a failure leaves behind. The frames go with the event that follows.
impl Run<'_> {
    fn abort_children(&mut self, id: FrameId, previous: EventId) {
        let children = self.execution().frame(id).and_then(Frame::children);
        for child in children.map(|children| children.open.clone()).unwrap_or_default() {
            self.abort(child, previous);
        }
    }

    fn abort(&mut self, id: FrameId, previous: EventId) {
        let Some(frame) = self.execution().frame(id) else { return };
        let (parent, index) = (frame.parent, frame.index);
        let around = parent.and_then(|parent| self.execution().frame(parent)?.state);
        if let Some(state) = around.filter(|state| self.is_map(*state)) {
            self.emit_after(id, previous, EventKind::MapIterationAborted { state, index });
        }
        self.abort_state(id, previous);
        self.abort_children(id, previous);
    }

    fn abort_state(&mut self, id: FrameId, previous: EventId) {
        let Some(frame) = self.execution().frame(id) else { return };
        let (state, task) = (frame.state, frame.attempt().map(crate::frame::Attempt::task));
        let map_run = frame.map_run().map(MapRun::id);
        if let Some(task) = task {
            self.cancel(task);
        }
        let Some(state) = state else { return };
        if let Some(map_run) = map_run {
            self.cancel_map_run(map_run);
            self.emit_after(id, previous, EventKind::MapRunAborted { state });
        }
        // AWS has no such event for the other types.
        if matches!(
            self.program.state(state).kind,
            StateKind::Task(_) | StateKind::Wait(_) | StateKind::Parallel(_) | StateKind::Map(_)
        ) {
            self.emit_after(id, previous, EventKind::StateAborted { state });
        }
    }
}

/// The fields for error handling, of the types that have them.
fn outcome_of(kind: &StateKind) -> Option<&Outcome> {
    match kind {
        StateKind::Task(task) => Some(&task.outcome),
        StateKind::Parallel(parallel) => Some(&parallel.outcome),
        StateKind::Map(map) => Some(&map.outcome),
        StateKind::Pass(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed
        | StateKind::Fail(_) => None,
    }
}

/// Milliseconds before the next attempt, after so many that this retrier has granted.
fn delay(retrier: &Retrier, used: u64, random: &mut Random) -> i64 {
    let backoff = retrier.backoff_rate.powi(i32::try_from(used).unwrap_or(i32::MAX));
    let seconds = retrier.interval_seconds as f64 * backoff;
    let limit = retrier.max_delay_seconds.map_or(f64::INFINITY, |limit| limit as f64);
    // Conversion saturates.
    let millis = (seconds.min(limit) * 1_000.0) as i64;
    match retrier.jitter {
        JitterStrategy::None => millis,
        JitterStrategy::Full => random.below(millis.unsigned_abs().saturating_add(1)) as i64,
    }
}

#[cfg(test)]
mod tests {
    use stepyard_asl::{ErrorEquals, JitterStrategy, Random, Retrier};

    use super::{Failure, delay};

    fn matches(names: &[&str], error: Option<&str>) -> bool {
        let failure = Failure::of_task(error.map(Into::into), None);
        failure.matches(&ErrorEquals(names.iter().map(|name| (*name).into()).collect()))
    }

    #[test]
    fn reserved_names_stand_for_many_errors() {
        assert!(matches(&["A", "B"], Some("B")));
        assert!(!matches(&["A"], Some("B")));
        assert!(matches(&["States.ALL"], Some("B")));
        assert!(matches(&["States.ALL"], None));
        assert!(matches(&["States.TaskFailed"], Some("B")));
        assert!(!matches(&["States.TaskFailed"], Some("States.Timeout")));
        assert!(!matches(&["States.TaskFailed"], Some("States.HeartbeatTimeout")));
        assert!(matches(&["States.Timeout"], Some("States.HeartbeatTimeout")));
        assert!(matches(&["States.HeartbeatTimeout"], Some("States.HeartbeatTimeout")));
        assert!(!matches(&["States.HeartbeatTimeout"], Some("States.Timeout")));
    }

    #[test]
    fn runtime_errors_are_never_matched() {
        for name in ["States.ALL", "States.TaskFailed", "States.Runtime"] {
            assert!(!matches(&[name], Some("States.Runtime")));
        }
    }

    fn retrier(max_delay_seconds: Option<u64>, jitter: JitterStrategy) -> Retrier {
        Retrier {
            error_equals: ErrorEquals(Vec::new()),
            interval_seconds: 3,
            max_attempts: 9,
            backoff_rate: 1.5,
            max_delay_seconds,
            jitter,
        }
    }

    #[test]
    fn delays_grow_up_to_their_limit() {
        let mut random = Random::from_seed(0);
        let retrier = retrier(Some(6), JitterStrategy::None);
        let delays = [0, 1, 2, u64::MAX].map(|used| delay(&retrier, used, &mut random));
        assert_eq!(delays, [3_000, 4_500, 6_000, 6_000]);
    }

    #[test]
    fn endless_growth_saturates() {
        let mut random = Random::from_seed(0);
        let retrier = retrier(None, JitterStrategy::None);
        assert_eq!(delay(&retrier, u64::MAX, &mut random), i64::MAX);
    }

    #[test]
    fn full_jitter_draws_from_the_whole_delay() {
        let mut random = Random::from_seed(0);
        let retrier = retrier(None, JitterStrategy::Full);
        let delays: Vec<i64> = (0..1_000).map(|_| delay(&retrier, 0, &mut random)).collect();
        assert!(delays.iter().all(|delay| (0..=3_000).contains(delay)));
        assert!(delays.iter().any(|delay| *delay < 300));
        assert!(delays.iter().any(|delay| *delay > 2_700));
    }
}
