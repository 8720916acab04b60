//! The compiled form of a state machine definition: immutable, fully resolved, shared by `Arc`.
//!
//! Every transition is an index, every path is parsed, every default is filled in, so that the
//! interpreter never looks at text. States are numbered in document order (a state before the
//! states nested in it); journals refer to states by these numbers, so the order is a contract:
//! compiling the same text must number its states the same way in every later version.

use std::sync::Arc;

use stepyard_json::{Payload, ReferencePath};

use crate::{Choice, Distributed, Jsonata, Path, Resource, Template, TextSource, Timestamp};

/// Index of a [`State`] in its [`Program`], in document order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateId(pub u32);

/// Index of a [`Scope`] in its [`Program`]; scope 0 is the top level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeId(pub u32);

/// A compiled state machine definition.
#[derive(Debug)]
pub struct Program {
    /// All states of the definition, nested ones included, in document order.
    pub states: Vec<State>,
    /// All `States` objects of the definition; the first is the top level.
    pub scopes: Vec<Scope>,
    /// `TimeoutSeconds` of the whole execution.
    pub timeout_seconds: Option<u64>,
    /// `Comment` of the definition.
    pub comment: Option<Arc<str>>,
    /// Whether any state is written in JSONata, so that a decision may cost more than looking things up.
    pub has_jsonata: bool,
    /// Whether any state is a task of an activity, which must exist by then.
    pub has_activities: bool,
}

impl Program {
    /// The scope in which an execution starts.
    pub const ROOT: ScopeId = ScopeId(0);

    /// The state with this number.
    pub fn state(&self, id: StateId) -> &State {
        &self.states[id.0 as usize]
    }

    /// The scope with this number.
    pub fn scope(&self, id: ScopeId) -> &Scope {
        &self.scopes[id.0 as usize]
    }
}

/// One `States` object with its `StartAt`: the top level, a branch of a Parallel state or the
/// `ItemProcessor` of a Map state.
#[derive(Debug)]
pub struct Scope {
    /// The state named by `StartAt`.
    pub start: StateId,
    /// The Parallel or Map state that holds this scope; `None` at the top level.
    pub parent: Option<StateId>,
}

/// One state.
#[derive(Debug)]
pub struct State {
    /// Its name, unique in the definition.
    pub name: Arc<str>,
    /// The `States` object it stands in.
    pub scope: ScopeId,
    /// How data passes through it.
    pub flow: Flow,
    /// `Assign`: an object, each member of which becomes a variable.
    pub assign: Option<Template>,
    /// What the state does.
    pub kind: StateKind,
}

/// How data passes through a state, in its query language.
#[derive(Debug)]
pub enum Flow {
    /// From path to path: what the fields between them do is `$` to the next one.
    JsonPath {
        /// `InputPath`; `$` when absent, `None` when `null` (the effective input is then `{}`).
        input_path: Option<Path>,
        /// `OutputPath`; `$` when absent, `None` when `null` (the output is then `{}`).
        output_path: Option<Path>,
    },
    /// Every expression sees the input as it is.
    Jsonata {
        /// `Output`, instead of the result or the input.
        output: Option<Template>,
    },
}

/// Where a state goes when it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// `Next`.
    Next(StateId),
    /// `"End": true`, or a terminal state.
    End,
}

/// The eight state types.
#[derive(Debug)]
pub enum StateKind {
    /// Passes its input on, possibly changed.
    Pass(Pass),
    /// Does work by a task runner.
    Task(Box<Task>),
    /// Chooses the next state.
    Choice(ChoiceState),
    /// Waits for a time.
    Wait(Wait),
    /// Ends its scope successfully.
    Succeed,
    /// Ends the execution, branch or iteration with an error.
    Fail(Fail),
    /// Runs its branches at the same time.
    Parallel(Box<Parallel>),
    /// Runs its item processor for each item of an array.
    Map(Box<Map>),
}

/// Fields of a Pass state.
#[derive(Debug)]
pub struct Pass {
    /// `Parameters`.
    pub parameters: Option<Template>,
    /// `Result`, used as it is written.
    pub result: Option<Payload>,
    /// `ResultPath`.
    pub result_path: ResultPath,
    /// `Next` or `End`.
    pub transition: Transition,
}

/// Fields of a Task state.
#[derive(Debug)]
pub struct Task {
    /// `Resource`.
    pub resource: Resource,
    /// `Parameters`, or `Arguments` in JSONata.
    pub parameters: Option<Template>,
    /// `Credentials`, a template with the member `RoleArn`.
    pub credentials: Option<Template>,
    /// `TimeoutSeconds` or `TimeoutSecondsPath`; no limit when absent.
    pub timeout: Option<Seconds>,
    /// `HeartbeatSeconds` or `HeartbeatSecondsPath`.
    pub heartbeat: Option<Seconds>,
    /// What becomes of the result.
    pub outcome: Outcome,
}

/// The fields that Task, Parallel and Map states share: shaping of the result, error handling, transition.
#[derive(Debug)]
pub struct Outcome {
    /// `ResultSelector`.
    pub result_selector: Option<Template>,
    /// `ResultPath`.
    pub result_path: ResultPath,
    /// `Retry`, in order.
    pub retry: Vec<Retrier>,
    /// `Catch`, in order.
    pub catch: Vec<Catcher>,
    /// `Next` or `End`.
    pub transition: Transition,
}

/// `ResultPath`.
#[derive(Clone, Debug)]
pub enum ResultPath {
    /// `null`: the result is discarded and the raw input becomes the output.
    Discard,
    /// Where in the raw input the result is put; `$` (the default) replaces it.
    Path(ReferencePath),
}

/// A number of seconds, written or computed.
#[derive(Debug)]
pub enum Seconds {
    /// Written in the definition.
    Literal(u64),
    /// `...SecondsPath`.
    Path(Path),
    /// Computed in JSONata.
    Jsonata(Jsonata),
}

/// One entry of `Retry`.
#[derive(Clone, Debug)]
pub struct Retrier {
    /// `ErrorEquals`.
    pub error_equals: ErrorEquals,
    /// `IntervalSeconds`, default 1.
    pub interval_seconds: u64,
    /// `MaxAttempts`, default 3; 0 means never.
    pub max_attempts: u64,
    /// `BackoffRate`, default 2.0, at least 1.0.
    pub backoff_rate: f64,
    /// `MaxDelaySeconds`.
    pub max_delay_seconds: Option<u64>,
    /// `JitterStrategy`.
    pub jitter: JitterStrategy,
}

/// `JitterStrategy` of a retrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JitterStrategy {
    /// The delay is used as computed.
    None,
    /// The delay is drawn uniformly between zero and the computed one.
    Full,
}

/// One entry of `Catch`.
#[derive(Clone, Debug)]
pub struct Catcher {
    /// `ErrorEquals`.
    pub error_equals: ErrorEquals,
    /// `ResultPath` for the error output; `$` in JSONata.
    pub result_path: ResultPath,
    /// `Output` in JSONata, instead of the error output.
    pub output: Option<Template>,
    /// `Assign`, instead of that of the state.
    pub assign: Option<Template>,
    /// `Next`.
    pub next: StateId,
}

/// `ErrorEquals` of a retrier or catcher: the names as written.
/// What `States.ALL`, `States.TaskFailed` and `States.Timeout` match is the interpreter's knowledge.
#[derive(Clone, Debug)]
pub struct ErrorEquals(pub Vec<Arc<str>>);

/// Fields of a Choice state.
#[derive(Debug)]
pub struct ChoiceState {
    /// `Choices`, in order.
    pub choices: Vec<ChoiceRule>,
    /// `Default`.
    pub default: Option<StateId>,
}

/// One entry of `Choices`.
#[derive(Debug)]
pub struct ChoiceRule {
    /// The condition.
    pub condition: Choice,
    /// `Output` in JSONata, instead of the input. That of the state is not for rules.
    pub output: Option<Template>,
    /// `Assign`, instead of that of the state.
    pub assign: Option<Template>,
    /// `Next`.
    pub next: StateId,
}

/// Fields of a Wait state.
#[derive(Debug)]
pub struct Wait {
    /// How long.
    pub until: WaitUntil,
    /// `Next` or `End`.
    pub transition: Transition,
}

/// The ways to say how long a Wait state waits.
#[derive(Debug)]
pub enum WaitUntil {
    /// `Seconds` or `SecondsPath`.
    Seconds(Seconds),
    /// `Timestamp`.
    Timestamp(Timestamp),
    /// `TimestampPath`.
    TimestampPath(Path),
    /// `Timestamp`, computed in JSONata.
    TimestampJsonata(Jsonata),
}

/// Fields of a Fail state.
#[derive(Debug)]
pub struct Fail {
    /// `Error` or `ErrorPath`.
    pub error: Option<TextSource>,
    /// `Cause` or `CausePath`.
    pub cause: Option<TextSource>,
}

/// Fields of a Parallel state.
#[derive(Debug)]
pub struct Parallel {
    /// `Branches`, in order.
    pub branches: Vec<ScopeId>,
    /// `Parameters`, or `Arguments` in JSONata.
    pub parameters: Option<Template>,
    /// What becomes of the result.
    pub outcome: Outcome,
}

/// Fields of a Map state.
#[derive(Debug)]
pub struct Map {
    /// What it iterates over.
    pub items: Items,
    /// `ItemSelector`, or its older name `Parameters`.
    pub item_selector: Option<Template>,
    /// `ItemProcessor`, or its older name `Iterator`.
    pub item_processor: ScopeId,
    /// `MaxConcurrency` or `MaxConcurrencyPath`; 0 means as many as possible.
    pub max_concurrency: MaxConcurrency,
    /// `ToleratedFailureCount` and its path, of the mode DISTRIBUTED.
    pub tolerated_failure_count: Option<Tolerated>,
    /// `ToleratedFailurePercentage` and its path, of the mode DISTRIBUTED.
    pub tolerated_failure_percentage: Option<Tolerated>,
    /// What the mode DISTRIBUTED has beside that; `None` in the mode INLINE.
    pub distributed: Option<Box<Distributed>>,
    /// What becomes of the result.
    pub outcome: Outcome,
}

/// What a Map state iterates over.
#[derive(Debug)]
pub enum Items {
    /// `ItemsPath`; `$`, the input, when neither it nor `Items` is given.
    Path(Path),
    /// `Items` in JSONata.
    Template(Template),
}

/// How many iterations of a Map state may fail: a count, or a percentage.
#[derive(Debug)]
pub enum Tolerated {
    /// Written in the definition.
    Literal(f64),
    /// `...Path`.
    Path(Path),
    /// Computed in JSONata.
    Jsonata(Jsonata),
}

/// How many iterations of a Map state run at once.
#[derive(Debug)]
pub enum MaxConcurrency {
    /// `MaxConcurrency`; 0 means as many as possible.
    Literal(u32),
    /// `MaxConcurrencyPath`.
    Path(Path),
    /// `MaxConcurrency`, computed in JSONata.
    Jsonata(Jsonata),
}
