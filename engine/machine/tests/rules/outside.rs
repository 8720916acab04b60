//! What is asked for of the outside, and taken back: tasks, timers, executions that tasks end with, child executions.

use std::sync::Arc;

use crate::support::{self, EPOCH, World};
use stepyard_asl::{Program, StateId};
use stepyard_json::{Json, Payload};
use stepyard_machine::{
    ChildOf, Command, Decision, EventKind, Execution, ExecutionStatus, Facts, MapLimits, MapRunId,
    Moment, StartContext, Stimulus, TimerKind, decide, decide_within,
};

const LAMBDA: &str =
    r#""Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:f""#;

const NESTED: &str = r#""Type":"Task","Resource":"arn:aws:states:::states:startExecution.sync:2",
    "Parameters":{"StateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:other"}"#;

const MAP_RUN: &str = r#""Type":"Map","ItemProcessor":{
    "ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"},
    "StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;

const NESTED_ARN: &str = "arn:aws:states:us-east-1:000000000000:execution:other:e";

fn moment() -> Moment {
    Moment { now: EPOCH, entropy: [0; 16] }
}

fn world(states: &str, input: &str) -> World {
    let program = support::program(&format!(r#"{{"StartAt":"S","States":{states}}}"#));
    World::start(program, Payload::from(Json::parse(input).expect("it is JSON")))
}

/// What a stimulus would ask for; nothing is carried out.
fn asked(world: &World, stimulus: Stimulus) -> Vec<Command> {
    let (mut execution, mut out) = (world.execution.clone(), Decision::default());
    decide(&world.program, &mut execution, moment(), stimulus, &mut out);
    out.commands
}

fn stop() -> Stimulus {
    Stimulus::Stop { error: None, cause: None }
}

fn submitted(world: &World) -> Stimulus {
    let output = Json::parse(&format!(r#"{{"ExecutionArn":"{NESTED_ARN}"}}"#)).expect("it is JSON");
    Stimulus::TaskSubmitted { task: world.tasks[0].task, output: output.into() }
}

#[test]
fn a_task_is_known_by_what_was_handed_out() {
    let mut world = world(&format!(r#"{{"S":{{{LAMBDA},"End":true}}}}"#), "{}");
    let invocation = world.tasks[0].clone();
    let task = invocation.task;
    assert_eq!(world.execution.invocation(task), Some(&invocation));
    assert!(world.execution.is_scheduled(task));
    world.deliver(Stimulus::TaskStarted { task });
    assert!(!world.execution.is_scheduled(task));
    assert_eq!(world.execution.invocation(task), Some(&invocation));
    world.deliver(Stimulus::TaskSucceeded { task, output: Payload::empty_object() });
    assert_eq!(world.execution.invocation(task), None);
}

#[test]
fn a_nested_execution_is_awaited_and_ends_its_task() {
    let mut world = world(&format!(r#"{{"S":{{{NESTED},"End":true}}}}"#), "{}");
    let (task, state) = (world.tasks[0].task, world.tasks[0].state);
    let expected = Command::AwaitExecution { task, state, execution_arn: NESTED_ARN.into() };
    assert_eq!(asked(&world, submitted(&world)), std::slice::from_ref(&expected));
    world.deliver(submitted(&world));
    assert_eq!(world.executions[&task], expected);
    world.deliver(Stimulus::TaskSucceeded { task, output: Payload::from(Json::from(3)) });
    assert_eq!(world.execution.status(), Some(ExecutionStatus::Succeeded));
    assert!(world.executions.is_empty());
}

#[test]
fn a_nested_execution_is_let_go_with_its_task() {
    let states = format!(r#"{{"S":{{{NESTED},"TimeoutSeconds":9,"End":true}}}}"#);
    let mut world = world(&states, "{}");
    let task = world.tasks[0].task;
    world.deliver(submitted(&world));
    let cancelled = [Command::CancelTask { task }];
    assert_eq!(asked(&world, stop()), cancelled);
    let timeout = world.timers.iter().find(|(_, timer)| timer.kind == TimerKind::TaskTimeout);
    let (_, timer) = *timeout.expect("it has a time limit");
    assert_eq!(asked(&world, Stimulus::TimerDue { timer }), cancelled);
}

#[test]
fn a_callback_is_nothing_to_take_back() {
    let states =
        format!(r#"{{"S":{{{NESTED},"End":true}}}}"#).replace(".sync:2", ".waitForTaskToken");
    let mut world = world(&states, "{}");
    world.deliver(submitted(&world));
    assert_eq!(asked(&world, stop()), []);
}

#[test]
fn what_one_decision_asks_for_and_takes_back_is_never_handed_out() {
    let mut states = String::new();
    for work in [LAMBDA, MAP_RUN] {
        states = format!(
            r#"{{"S":{{"Type":"Parallel","End":true,"Branches":[
                {{"StartAt":"W","States":{{"W":{{{work},"End":true}}}}}},
                {{"StartAt":"F","States":{{"F":{{"Type":"Fail"}}}}}}]}}}}"#
        );
        let program = support::program(&format!(r#"{{"StartAt":"S","States":{states}}}"#));
        let (mut execution, mut out) = (Execution::new(), Decision::default());
        let input = Payload::from(Json::from_iter([1, 2].map(Json::from)));
        let start = Stimulus::Start { context: support::start_context(), input };
        decide(&program, &mut execution, moment(), start, &mut out);
        assert_eq!(execution.status(), Some(ExecutionStatus::Failed));
        assert_eq!(out.commands, [], "{work}");
    }
    assert!(states.contains("DISTRIBUTED"));
}

#[test]
fn a_map_run_is_cancelled_once_with_its_execution() {
    let states = format!(r#"{{"S":{{{MAP_RUN},"End":true}}}}"#);
    let world = world(&states, "[1,2]");
    let run = world.execution.map_runs().next().expect("there is one").id();
    assert_eq!(world.map_runs[&run], Command::RunChildren { run });
    assert_eq!(asked(&world, stop()), [Command::CancelMapRun { run }]);
}

#[test]
fn all_map_runs_are_cancelled_when_a_branch_fails() {
    let branch = format!(r#"{{"StartAt":"NAME","States":{{"NAME":{{{MAP_RUN},"End":true}}}}}}"#)
        .replace(r#""P""#, r#""NAME in it""#);
    let states = format!(
        r#"{{"S":{{"Type":"Parallel","End":true,"Branches":[{},{},
            {{"StartAt":"T","States":{{"T":{{{LAMBDA},"End":true}}}}}}]}}}}"#,
        branch.replace("NAME", "A"),
        branch.replace("NAME", "B"),
    );
    let world = world(&states, "[1]");
    let runs: Vec<MapRunId> = world.map_runs.keys().copied().collect();
    assert_eq!(runs.len(), 2);
    let task = world.tasks[0].task;
    let failed = Stimulus::TaskFailed { task, error: None, cause: None };
    let expected: Vec<_> = runs.iter().map(|run| Command::CancelMapRun { run: *run }).collect();
    assert_eq!(asked(&world, failed), expected);
}

#[test]
fn a_new_limit_of_a_map_run_is_passed_on() {
    let states = format!(r#"{{"S":{{{MAP_RUN},"End":true}}}}"#);
    let world = world(&states, "[1,2]");
    let run = world.execution.map_runs().next().expect("there is one").id();
    let limits = MapLimits { max_concurrency: 7, ..MapLimits::default() };
    let expected = Command::LimitChildren { run, max_concurrency: 7 };
    assert_eq!(asked(&world, Stimulus::UpdateMapRun { run, limits }), [expected]);
}

#[test]
fn a_child_execution_runs_the_item_processor() {
    let program = support::program(&format!(
        r#"{{"StartAt":"S","States":{{"S":{{{MAP_RUN},"End":true}}}}}}"#
    ));
    let map = StateId(0);
    let child_of = ChildOf { map_run_arn: "r".into(), state: map, items: 1, redrive_count: 0 };
    let context =
        StartContext { child_of: Some(child_of), ..StartContext::clone(&support::start_context()) };
    assert_eq!(context.map_state(), Some(map));
    let (mut execution, mut out) = (Execution::new(), Decision::default());
    let start = Stimulus::Start { context: context.into(), input: Payload::from(Json::from(5)) };
    decide(&program, &mut execution, moment(), start, &mut out);
    let entered = out.events.iter().find_map(|event| match &event.kind {
        EventKind::StateEntered { state, .. } => Some(&*program.state(*state).name),
        _ => None,
    });
    assert_eq!(entered, Some("P"));
    assert_eq!(execution.output().map(|output| output.text().to_string()), Some("5".into()));
}

/// A timer that rings a little early, by another clock, counts as due; for a heartbeat that clock is the one that counts.
#[test]
fn time_is_never_before_what_was_due() {
    let states =
        format!(r#"{{"S":{{{LAMBDA},"TimeoutSeconds":9,"HeartbeatSeconds":5,"End":true}}}}"#)
            .replace(
                "lambda:us-east-1:000000000000:function:f",
                "states:us-east-1:000000000000:activity:a",
            );
    for (kind, seconds) in [(TimerKind::TaskTimeout, 9), (TimerKind::Heartbeat, 0)] {
        let mut world = world(&states, "{}");
        let task = world.tasks[0].task;
        world.deliver(Stimulus::ActivityStarted { task, worker: None });
        let timer = world.timers.iter().map(|(_, timer)| *timer).find(|timer| timer.kind == kind);
        let timer = timer.expect("it is set");
        world.deliver(Stimulus::TimerDue { timer });
        assert_eq!(world.execution.stopped_at(), Some(EPOCH.plus_seconds(seconds)), "{kind:?}");
    }
}

#[test]
fn a_missed_heartbeat_that_the_runner_noticed_is_a_timeout() {
    let world = &mut world(&format!(r#"{{"S":{{{LAMBDA},"End":true}}}}"#), "{}");
    let (error, cause) = (Some(Arc::from("States.HeartbeatTimeout")), Some(Arc::from("silence")));
    let task = world.tasks[0].task;
    world.deliver(Stimulus::TaskFailed { task, error, cause: cause.clone() });
    let told = world.journal.iter().find_map(|event| match &event.kind {
        EventKind::TaskTimedOut { error, cause, .. } => Some((error.clone(), cause.clone())),
        _ => None,
    });
    assert_eq!(told, Some((Some("States.Timeout".into()), cause)));
}

#[test]
fn nothing_happens_before_the_start() {
    let program = support::program(r#"{"StartAt":"S","States":{"S":{"Type":"Pass","End":true}}}"#);
    for stimulus in [Stimulus::Continue, stop(), Stimulus::Redrive { client_token: None }] {
        let (mut execution, mut out) = (Execution::new(), Decision::default());
        decide(&program, &mut execution, moment(), stimulus, &mut out);
        assert_eq!((execution, out), (Execution::new(), Decision::default()));
    }
}

/// An execution in JSONata that has begun and could not pay for its first state.
fn started_without_fuel() -> (Arc<Program>, Execution, Decision) {
    let program = support::program(
        r#"{"QueryLanguage":"JSONata","StartAt":"S","States":{"S":{"Type":"Succeed","Output":"{% 1+1 %}"}}}"#,
    );
    let (mut execution, mut out) = (Execution::new(), Decision::default());
    let start =
        Stimulus::Start { context: support::start_context(), input: Payload::empty_object() };
    let facts = Facts::default();
    decide_within(Some(0), &facts, &program, &mut execution, moment(), start, &mut out)
        .expect("starting costs nothing");
    (program, execution, out)
}

/// The end came before its first state could be entered, for lack of fuel.
#[test]
fn what_had_hardly_begun_is_redriven_from_its_first_state() {
    let (program, mut execution, mut out) = started_without_fuel();
    assert_eq!(execution.event_count(), 1);
    decide(&program, &mut execution, moment(), stop(), &mut out);
    assert_eq!(execution.status(), Some(ExecutionStatus::Aborted));
    let redrive = Stimulus::Redrive { client_token: None };
    decide(&program, &mut execution, moment(), redrive, &mut out);
    assert_eq!(execution.output().map(|output| output.text().to_string()), Some("2".into()));
}

/// `decide` knows of no activities and takes them for existing, without asking for each.
#[test]
fn activities_exist_unless_somebody_knows_better() {
    let branch = r#"{"StartAt":"NAME","States":{"NAME":{"Type":"Task","End":true,
        "Resource":"arn:aws:states:us-east-1:000000000000:activity:a"}}}"#;
    let (one, two) = (branch.replace("NAME", "A"), branch.replace("NAME", "B"));
    let program = support::program(&format!(
        r#"{{"StartAt":"S","States":{{"S":{{"Type":"Parallel","Branches":[{one},{two}],"End":true}}}}}}"#
    ));
    let (mut execution, mut out) = (Execution::new(), Decision::default());
    let start =
        Stimulus::Start { context: support::start_context(), input: Payload::empty_object() };
    decide(&program, &mut execution, moment(), start, &mut out);
    let asked = &out.commands[..];
    assert!(matches!(asked, [Command::InvokeTask(_), Command::InvokeTask(_)]), "{asked:?}");
}

/// What waits for nothing but time and answers need not be in memory until then.
#[test]
fn an_execution_sleeps_unless_something_is_in_hand() {
    let at = |seconds| Some(EPOCH.plus_seconds(seconds));
    let wait = r#"{"S":{"Type":"Wait","Seconds":9,"End":true}}"#;
    assert_eq!(world(wait, "{}").execution.sleeps_until(), at(9));
    assert_eq!(Execution::new().sleeps_until(), None);

    let program =
        support::program(&format!(r#"{{"TimeoutSeconds":5,"StartAt":"S","States":{wait}}}"#));
    let limited = World::start(program, Payload::empty_object());
    assert_eq!(limited.execution.sleeps_until(), at(5));

    let mut task = world(&format!(r#"{{"S":{{{LAMBDA},"End":true}}}}"#), "{}");
    assert_eq!(task.execution.sleeps_until(), None);
    task.deliver(stop());
    assert_eq!(task.execution.sleeps_until(), None);

    let callback = NESTED.replace(".sync:2", ".waitForTaskToken");
    let mut waits =
        world(&format!(r#"{{"S":{{{callback},"TimeoutSeconds":7,"End":true}}}}"#), "{}");
    waits.deliver(submitted(&waits));
    assert_eq!(waits.execution.sleeps_until(), at(7));
    let mut watched =
        world(&format!(r#"{{"S":{{{callback},"HeartbeatSeconds":7,"End":true}}}}"#), "{}");
    watched.deliver(submitted(&watched));
    assert_eq!(watched.execution.sleeps_until(), None);
    let mut endless = world(&format!(r#"{{"S":{{{callback},"End":true}}}}"#), "{}");
    endless.deliver(submitted(&endless));
    assert!(endless.execution.sleeps_until() > at(99_999_999));

    let mut nested = world(&format!(r#"{{"S":{{{NESTED},"End":true}}}}"#), "{}");
    nested.deliver(submitted(&nested));
    assert_eq!(nested.execution.sleeps_until(), None);
    let map_run = world(&format!(r#"{{"S":{{{MAP_RUN},"End":true}}}}"#), "[1]");
    assert_eq!(map_run.execution.sleeps_until(), None);
}

#[test]
fn what_is_left_to_be_decided_keeps_an_execution_awake() {
    let (_, execution, _) = started_without_fuel();
    assert_eq!(execution.sleeps_until(), None);
}

#[test]
fn signs_of_life_are_counted_from_the_timer_that_counts() {
    let callback = NESTED.replace(".sync:2", ".waitForTaskToken");
    let states =
        format!(r#"{{"S":{{{callback},"HeartbeatSeconds":7,"TimeoutSeconds":60,"End":true}}}}"#);
    let mut world = world(&states, "{}");
    let task = world.tasks[0].task;
    world.deliver(submitted(&world));
    let timer = |kind| {
        let found = world.timers.iter().map(|(_, timer)| *timer).find(|timer| timer.kind == kind);
        found.unwrap()
    };
    let heartbeat = timer(TimerKind::Heartbeat);
    assert_eq!(world.execution.heartbeat(task), Some(heartbeat));
    assert_eq!(world.execution.heartbeat_seconds(heartbeat), Some(7));
    assert_eq!(world.execution.heartbeat_seconds(timer(TimerKind::TaskTimeout)), None);
}

#[test]
fn waits_end_when_they_should() {
    let waits = |fields: &str, input: &str| {
        let states = format!(r#"{{"S":{{"Type":"Wait",{fields},"End":true}}}}"#);
        world(&states, input).execution.sleeps_until()
    };
    let at = |seconds| Some(EPOCH.plus_seconds(seconds));
    assert_eq!(waits(r#""SecondsPath":"$.s""#, r#"{"s":2147483647}"#), at(2_147_483_647));
    assert_eq!(waits(r#""SecondsPath":"$.s""#, r#"{"s":2147483648}"#), None, "it fails");
    let time = r#""QueryLanguage":"JSONata","Timestamp":"{% '2026-01-01T00:00:30Z' %}""#;
    assert_eq!(waits(time, "{}"), at(30));
    assert_eq!(waits(r#""TimestampPath":"$.t""#, r#"{"t":"2026-01-01T00:01:00Z"}"#), at(60));
}
