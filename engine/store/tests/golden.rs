//! Journals of every format that was ever written fold today.
//!
//! `golden/vN/*.bin` are chunks as version N wrote them; the events below are what they hold. They are
//! never written anew: a new kind of event gets a new file. To add one, add its events below and run
//! `cargo test -p stepyard-store --test golden -- --ignored`, which writes files that are missing.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stepyard_asl::{StateId, Timestamp};
use stepyard_json::{Json, Payload};
use stepyard_machine::{
    BatchLimits, Batches, ChildEnd, ChildOf, EndedChild, Event, EventId, EventKind, Execution,
    ExecutionStatus, FrameId, Limits, MapLimits, MapRunItems, MapRunPlan, MapRunTotals, Qualifier,
    StartContext,
};
use stepyard_store::codec::{decode, encode};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/v1");

fn payload(text: &str) -> Payload {
    Payload::from(Json::parse(text).unwrap())
}

fn context() -> Arc<StartContext> {
    Arc::new(StartContext {
        execution_arn: "arn:aws:states:us-east-1:000000000000:execution:m:e".into(),
        execution_name: "e".into(),
        state_machine_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:m".into(),
        state_machine_name: "m".into(),
        role_arn: "arn:aws:iam::000000000000:role/r".into(),
        qualifier: None,
        child_of: None,
        kind: Default::default(),
        limits: Default::default(),
    })
}

/// Numbers a list of frames and kinds as the machine does.
fn journal(kinds: Vec<(u32, EventKind)>) -> Vec<Event> {
    let (mut id, mut at) = (0, 1_700_000_000_000);
    let number = |(frame, kind): (u32, EventKind)| {
        let previous = EventId(id);
        id += u64::from(kind.is_visible());
        at += 7;
        let own = if kind.is_visible() { EventId(id) } else { EventId::NONE };
        Event { at: Timestamp(at), frame: FrameId(frame), id: own, previous, kind }
    };
    kinds.into_iter().map(number).collect()
}

fn started(timeout_seconds: Option<u64>) -> (u32, EventKind) {
    let input = payload(r#"{"n":1.0,"s":"ä"}"#);
    (0, EventKind::ExecutionStarted { context: context(), input, timeout_seconds })
}

/// A task that fails, is retried, times out, and is caught; a wait; the end by a failure.
fn task() -> Vec<Event> {
    let (state, wait) = (StateId(0), StateId(1));
    let scheduled = EventKind::TaskScheduled {
        state,
        parameters: payload("[1,2]"),
        timeout_seconds: Some(60),
        heartbeat_seconds: Some(5),
        role_arn: Some("arn:aws:iam::000000000000:role/t".into()),
    };
    let caught = payload(r#"{"Error":"States.Timeout","Cause":""}"#);
    journal(vec![
        started(Some(3_600)),
        (0, EventKind::StateEntered { state, input: payload("{}") }),
        (0, scheduled.clone()),
        (0, EventKind::TaskStarted { state }),
        (0, EventKind::TaskFailed { state, error: Some("E".into()), cause: None }),
        (0, EventKind::RetryScheduled { retrier: 0, due: Timestamp(1_700_000_001_000) }),
        (0, scheduled),
        (0, EventKind::TaskStarted { state }),
        (0, EventKind::TaskTimedOut { state, error: Some("States.Timeout".into()), cause: None }),
        (0, EventKind::StateExited { state, output: caught.clone(), assigned: None }),
        (0, EventKind::StateEntered { state: wait, input: caught.clone() }),
        (0, EventKind::WaitStarted { until: Timestamp(1_700_000_002_000) }),
        (0, EventKind::StateExited { state: wait, output: caught, assigned: None }),
        (0, EventKind::ExecutionFailed { error: Some("E".into()), cause: Some("why".into()) }),
    ])
}

/// A Parallel state that succeeds, a Map state that succeeds, a task that succeeds.
fn nesting() -> Vec<Event> {
    let (parallel, pass, map, task) = (StateId(0), StateId(1), StateId(3), StateId(5));
    let data = payload("[7]");
    let entered = |state| EventKind::StateEntered { state, input: payload("[7]") };
    let exited = |state| EventKind::StateExited { state, output: payload("[7]"), assigned: None };
    journal(vec![
        started(None),
        (0, entered(parallel)),
        (0, EventKind::ParallelStateStarted { state: parallel, input: data.clone(), branches: 1 }),
        (1, entered(pass)),
        (1, exited(pass)),
        (1, EventKind::BranchSucceeded),
        (0, EventKind::ParallelStateSucceeded { state: parallel }),
        (0, exited(parallel)),
        (0, entered(map)),
        (
            0,
            EventKind::MapStateStarted {
                state: map,
                input: data.clone(),
                items: data.clone(),
                length: 1,
                concurrency: 40,
            },
        ),
        (0, EventKind::MapIterationStarted { state: map, index: 0, input: payload("7") }),
        (2, entered(StateId(4))),
        (2, exited(StateId(4))),
        (2, EventKind::MapIterationSucceeded { state: map, index: 0 }),
        (0, EventKind::MapStateSucceeded { state: map }),
        (0, exited(map)),
        (0, entered(task)),
        (
            0,
            EventKind::TaskScheduled {
                state: task,
                parameters: data.clone(),
                timeout_seconds: None,
                heartbeat_seconds: None,
                role_arn: None,
            },
        ),
        (0, EventKind::TaskStarted { state: task }),
        (0, EventKind::TaskSucceeded { state: task, output: data.clone() }),
        (0, exited(task)),
        (0, EventKind::ExecutionSucceeded { output: data }),
    ])
}

/// What else there is: failures of Parallel and Map states, the other ends. Not a history that the
/// machine writes, so it is decoded and not folded.
fn others() -> Vec<Event> {
    let state = StateId(9);
    journal(vec![
        (0, EventKind::StateAborted { state }),
        (0, EventKind::ParallelStateFailed { state }),
        (0, EventKind::MapIterationFailed { state, index: 1 }),
        (0, EventKind::MapIterationAborted { state, index: 2 }),
        (0, EventKind::MapStateFailed { state }),
        (0, EventKind::ExecutionTimedOut { error: None, cause: None }),
        (0, EventKind::ExecutionAborted { error: Some("stop".into()), cause: Some("".into()) }),
    ])
}

/// A state that assigns variables.
fn variables() -> Vec<Event> {
    let (state, data) = (StateId(0), payload("[1]"));
    let assigned = Some(payload(r#"{"x":1.0,"list":[true]}"#));
    journal(vec![
        started(None),
        (0, EventKind::StateEntered { state, input: data.clone() }),
        (0, EventKind::StateExited { state, output: data.clone(), assigned }),
        (0, EventKind::ExecutionSucceeded { output: data }),
    ])
}

/// Started with a version that an alias led to.
fn qualified() -> Vec<Event> {
    let qualifier = Some(Qualifier { version: 300, alias: Some("PROD".into()) });
    let context = Arc::new(StartContext { qualifier, ..StartContext::clone(&context()) });
    let (state, input) = (StateId(0), payload("{}"));
    let started =
        EventKind::ExecutionStarted { context, input: input.clone(), timeout_seconds: None };
    journal(vec![
        (0, started),
        (0, EventKind::StateEntered { state, input: input.clone() }),
        (0, EventKind::StateExited { state, output: input.clone(), assigned: None }),
        (0, EventKind::ExecutionSucceeded { output: input }),
    ])
}

/// JSONata that fails, which a catcher takes, and that fails again, which ends the execution.
fn evaluation() -> Vec<Event> {
    let (state, data) = (StateId(0), payload("{}"));
    let failed = |location: Option<&str>| EventKind::EvaluationFailed {
        state,
        error: Some("States.QueryEvaluationError".into()),
        cause: Some("nothing".into()),
        location: location.map(Arc::from),
    };
    journal(vec![
        started(None),
        (0, EventKind::StateEntered { state, input: data.clone() }),
        (0, failed(Some("Output/v"))),
        (0, EventKind::StateExited { state, output: data.clone(), assigned: None }),
        (0, EventKind::StateEntered { state, input: data }),
        (0, failed(None)),
        (0, EventKind::ExecutionFailed { error: Some("E".into()), cause: None }),
    ])
}

/// A task that was submitted and ended by its token, and one that a worker took, which failed.
fn outside() -> Vec<Event> {
    let (call, activity, data) = (StateId(0), StateId(1), payload("[1]"));
    let scheduled = |state| EventKind::TaskScheduled {
        state,
        parameters: payload("[1]"),
        timeout_seconds: Some(60),
        heartbeat_seconds: Some(5),
        role_arn: None,
    };
    journal(vec![
        started(None),
        (0, EventKind::StateEntered { state: call, input: data.clone() }),
        (0, scheduled(call)),
        (0, EventKind::TaskStarted { state: call }),
        (0, EventKind::TaskSubmitted { state: call, output: payload(r#"{"StatusCode":200}"#) }),
        (0, EventKind::TaskSucceeded { state: call, output: data.clone() }),
        (0, EventKind::StateExited { state: call, output: data.clone(), assigned: None }),
        (0, EventKind::StateEntered { state: activity, input: data }),
        (0, scheduled(activity)),
        (0, EventKind::ActivityStarted { state: activity, worker: Some("wörker".into()) }),
        (0, EventKind::TaskFailed { state: activity, error: Some("E".into()), cause: None }),
        (0, scheduled(activity)),
        (0, EventKind::ActivityStarted { state: activity, worker: None }),
        (0, EventKind::TaskFailed { state: activity, error: None, cause: None }),
        (0, EventKind::ExecutionFailed { error: None, cause: None }),
    ])
}

/// A Map state whose second iteration fails; the execution is redriven twice, the second time with a token.
fn redriven() -> Vec<Event> {
    let (map, task) = (StateId(0), StateId(1));
    let items = payload("[1,2]");
    let iteration =
        |index| EventKind::MapIterationStarted { state: map, index, input: payload("1") };
    let entered = |state| EventKind::StateEntered { state, input: items.clone() };
    let exited = |state| EventKind::StateExited { state, output: items.clone(), assigned: None };
    let scheduled = EventKind::TaskScheduled {
        state: task,
        parameters: items.clone(),
        timeout_seconds: None,
        heartbeat_seconds: None,
        role_arn: None,
    };
    let failed = || EventKind::ExecutionFailed { error: Some("E".into()), cause: None };
    let redriven = |redrive_count, token: Option<&str>| EventKind::ExecutionRedriven {
        redrive_count,
        client_token: token.map(Arc::from),
    };
    let data = items.clone();
    journal(vec![
        started(Some(60)),
        (0, entered(map)),
        (
            0,
            EventKind::MapStateStarted {
                state: map,
                input: data.clone(),
                items: data.clone(),
                length: 2,
                concurrency: 1,
            },
        ),
        (0, iteration(0)),
        (1, entered(task)),
        (1, exited(task)),
        (1, EventKind::MapIterationSucceeded { state: map, index: 0 }),
        (0, iteration(1)),
        (2, entered(task)),
        (2, scheduled.clone()),
        (2, EventKind::TaskStarted { state: task }),
        (2, EventKind::TaskFailed { state: task, error: Some("E".into()), cause: None }),
        (2, EventKind::MapIterationFailed { state: map, index: 1 }),
        (2, EventKind::StateAborted { state: task }),
        (0, EventKind::MapStateFailed { state: map }),
        (0, failed()),
        (0, redriven(1, None)),
        (2, scheduled),
        (0, EventKind::ExecutionAborted { error: None, cause: None }),
        (0, redriven(2, Some("token"))),
        (2, exited(task)),
        (2, EventKind::MapIterationSucceeded { state: map, index: 1 }),
        (0, EventKind::MapStateSucceeded { state: map }),
        (0, exited(map)),
        (0, EventKind::ExecutionSucceeded { output: data }),
    ])
}

fn ended(number: u64, status: ExecutionStatus, output: Option<&str>) -> (u32, EventKind) {
    let has_failed = status != ExecutionStatus::Succeeded;
    let child = EndedChild {
        number,
        items: number + 1,
        input: has_failed.then(|| payload("[1]")),
        end: ChildEnd {
            status,
            started: Timestamp(1_700_000_000_100),
            stopped: Timestamp(1_700_000_000_150),
            output: output.map(payload),
            error: has_failed.then(|| "E".into()),
            cause: None,
            redrive_count: u32::from(has_failed),
            redrive_refusal: None,
        },
    };
    (0, EventKind::MapRunChildEnded(Arc::new(child)))
}

fn map_run_started(items: MapRunItems, rest: Option<&str>) -> Vec<(u32, EventKind)> {
    let state = StateId(0);
    let plan = MapRunPlan {
        arn: "arn:aws:states:us-east-1:000000000000:mapRun:m/l:6f2a".into(),
        input: payload(r#"{"n":1.0}"#),
        items,
        batches: rest.map(|input| Batches {
            limits: BatchLimits { items: Some(2), input_bytes: None },
            input: Some(payload(input)),
        }),
        export: rest.map(payload),
        limits: MapLimits {
            max_concurrency: 7,
            tolerated_failure_count: Some(0),
            tolerated_failure_percentage: rest.map(|_| 12.5),
        },
    };
    let map_state_started = EventKind::MapStateStarted {
        state,
        input: payload("{}"),
        items: payload("[]"),
        length: 0,
        concurrency: 0,
    };
    vec![
        (0, EventKind::StateEntered { state, input: payload("{}") }),
        (0, map_state_started),
        (0, EventKind::MapRunStarted { state, plan: Arc::new(plan) }),
    ]
}

/// A Map Run that succeeds, and another one that fails, both of a child execution; it is abandoned with a third one.
fn map_runs() -> Vec<Event> {
    let state = StateId(0);
    let child =
        ChildOf { map_run_arn: "arn:r".into(), state: StateId(3), items: 1, redrive_count: 0 };
    let context = StartContext { child_of: Some(child), ..StartContext::clone(&context()) };
    let input = payload("1");
    let start =
        EventKind::ExecutionStarted { context: Arc::new(context), input, timeout_seconds: None };
    let mut kinds = vec![(0, start)];
    kinds.extend(map_run_started(MapRunItems::Given(payload("[1,2,3]")), None));
    let limits = MapLimits { max_concurrency: 1, ..MapLimits::default() };
    kinds.extend([
        ended(1, ExecutionStatus::Succeeded, Some("2")),
        (0, EventKind::MapRunTotalsKnown(MapRunTotals { items: 3, children: 2 })),
        (0, EventKind::MapRunUpdated(limits)),
        ended(0, ExecutionStatus::Succeeded, Some("1")),
        (0, EventKind::MapRunSucceeded { state }),
        (0, EventKind::MapStateSucceeded { state }),
        (0, EventKind::StateExited { state, output: payload("[1,2]"), assigned: None }),
    ]);
    let read = || MapRunItems::Read { arguments: payload(r#"{"Bucket":"b"}"#), max_items: -1 };
    kinds.extend(map_run_started(read(), Some(r#"{"Prefix":"p"}"#)));
    kinds.extend([
        ended(0, ExecutionStatus::Failed, None),
        ended(1, ExecutionStatus::TimedOut, None),
        ended(2, ExecutionStatus::Aborted, None),
        (0, EventKind::MapRunFailed { state, error: Some("E".into()), cause: None }),
        (0, EventKind::MapStateFailed { state }),
        (0, EventKind::StateExited { state, output: payload("{}"), assigned: None }),
    ]);
    kinds.extend(map_run_started(read(), None));
    kinds.push((0, EventKind::MapRunAborted { state }));
    kinds.push((0, EventKind::ExecutionFailed { error: None, cause: None }));
    journal(kinds)
}

/// A child execution of a Map Run that has two items.
fn batch() -> Vec<Event> {
    let child =
        ChildOf { map_run_arn: "arn:r".into(), state: StateId(3), items: 2, redrive_count: 0 };
    let context = StartContext { child_of: Some(child), ..StartContext::clone(&context()) };
    let input = payload(r#"{"Items":[1,2]}"#);
    let start =
        EventKind::ExecutionStarted { context: Arc::new(context), input, timeout_seconds: None };
    journal(vec![(0, start), (0, EventKind::ExecutionSucceeded { output: payload("[1,2]") })])
}

/// Two executions whose limits are not AWS's: one that was started with a version, and a child execution. Not a journal
/// that the machine writes, so it is decoded and not folded.
fn limits() -> Vec<Event> {
    let limits = Limits {
        data_bytes: 16 << 20,
        history_events: 1_000_000,
        variable_bytes: 8 << 20,
        variables_bytes: 64 << 20,
    };
    let qualified = StartContext {
        qualifier: Some(Qualifier { version: 300, alias: Some("PROD".into()) }),
        limits,
        ..StartContext::clone(&context())
    };
    let child = StartContext {
        child_of: Some(ChildOf {
            map_run_arn: "arn:r".into(),
            state: StateId(3),
            items: 2,
            redrive_count: 1,
        }),
        limits,
        ..StartContext::clone(&context())
    };
    let started = |context| EventKind::ExecutionStarted {
        context: Arc::new(context),
        input: payload("1"),
        timeout_seconds: Some(60),
    };
    journal(vec![
        (0, started(qualified)),
        (0, EventKind::ExecutionSucceeded { output: payload("1") }),
        (0, started(child)),
    ])
}

/// An execution whose limits are not AWS's, and which has more events than those allow.
fn limited() -> Vec<Event> {
    let limits = Limits { history_events: 3, ..Limits::EXTENDED };
    let context = Arc::new(StartContext { limits, ..StartContext::clone(&context()) });
    let cause = "The execution reached the maximum number of history events (3).";
    let failed = EventKind::ExecutionFailed {
        error: Some("States.Runtime".into()),
        cause: Some(cause.into()),
    };
    let started =
        EventKind::ExecutionStarted { context, input: payload("{}"), timeout_seconds: None };
    journal(vec![
        (0, started),
        (0, EventKind::StateEntered { state: StateId(0), input: payload("{}") }),
        (0, failed),
    ])
}

/// A child execution that a Map Run has started after its third redrive, and that is redriven itself; it has a Map Run
/// that fails, is redriven, and finds a child execution that cannot be.
fn redriven_map_run() -> Vec<Event> {
    let state = StateId(0);
    let child =
        ChildOf { map_run_arn: "arn:r".into(), state: StateId(3), items: 1, redrive_count: 3 };
    let context = StartContext { child_of: Some(child), ..StartContext::clone(&context()) };
    let input = payload("1");
    let start =
        EventKind::ExecutionStarted { context: Arc::new(context), input, timeout_seconds: None };
    let mut kinds = vec![(0, start)];
    kinds.extend(map_run_started(MapRunItems::Given(payload("[1,2]")), None));
    let refused = match ended(0, ExecutionStatus::Failed, None) {
        (frame, EventKind::MapRunChildEnded(child)) => {
            let redrive_refusal = Some("Execution redrivable period exceeded".into());
            let end = ChildEnd { redrive_refusal, ..child.end.clone() };
            let child = EndedChild { end, ..EndedChild::clone(&child) };
            (frame, EventKind::MapRunChildEnded(Arc::new(child)))
        }
        other => other,
    };
    let client_token = Some("map-run-redrive-4".into());
    kinds.extend([
        ended(0, ExecutionStatus::Failed, None),
        (0, EventKind::MapRunFailed { state, error: Some("E".into()), cause: None }),
        (0, EventKind::MapStateFailed { state }),
        (0, EventKind::ExecutionFailed { error: Some("E".into()), cause: None }),
        (0, EventKind::ExecutionRedriven { redrive_count: 1, client_token }),
        (0, EventKind::MapRunRedriven { state, map_run_arn: "arn:n".into(), redrive_count: 1 }),
        refused,
        (0, EventKind::MapRunFailed { state, error: Some("E".into()), cause: None }),
        (0, EventKind::MapStateFailed { state }),
        (0, EventKind::ExecutionFailed { error: Some("E".into()), cause: None }),
    ]);
    journal(kinds)
}

fn journals() -> [(&'static str, Vec<Event>); 13] {
    [
        ("batch", batch()),
        ("evaluation", evaluation()),
        ("limited", limited()),
        ("limits", limits()),
        ("map_runs", map_runs()),
        ("nesting", nesting()),
        ("others", others()),
        ("outside", outside()),
        ("qualified", qualified()),
        ("redriven", redriven()),
        ("redriven_map_run", redriven_map_run()),
        ("task", task()),
        ("variables", variables()),
    ]
}

fn file(name: &str) -> PathBuf {
    Path::new(FOLDER).join(format!("{name}.bin"))
}

#[test]
fn the_oldest_journals_are_read_as_they_were_written() {
    for (name, events) in journals() {
        let body = fs::read(file(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let decoded = decode(&body.into()).unwrap();
        assert_eq!(decoded, events, "{name}");
    }
}

#[test]
fn the_oldest_journals_fold() {
    let ends = [
        ("batch", "SUCCEEDED"),
        ("evaluation", "FAILED"),
        ("limited", "FAILED"),
        ("task", "FAILED"),
        ("nesting", "SUCCEEDED"),
        ("outside", "FAILED"),
        ("qualified", "SUCCEEDED"),
        ("redriven", "SUCCEEDED"),
        ("redriven_map_run", "FAILED"),
        ("variables", "SUCCEEDED"),
    ];
    for (name, status) in ends {
        let events = decode(&fs::read(file(name)).unwrap().into()).unwrap();
        let execution = Execution::replay(&events);
        assert_eq!(execution.status().map(ExecutionStatus::as_str), Some(status), "{name}");
        assert_eq!(execution.event_count(), events.len() as u64);
        assert!(execution.pending().is_empty());
    }
}

#[test]
#[ignore = "writes the files that are missing"]
fn write_missing_files() {
    fs::create_dir_all(FOLDER).unwrap();
    for (name, events) in journals() {
        if !file(name).exists() {
            fs::write(file(name), encode(&events, 1)).unwrap();
        }
    }
}
