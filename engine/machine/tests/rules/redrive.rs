//! Redriving: what goes on, what does not, and what counts anew.

use crate::support::{self, EPOCH, World};
use stepyard_json::{Json, Payload};
use stepyard_machine::{
    Command, Decision, EventKind, Execution, ExecutionKind, ExecutionStatus, Limits, Moment,
    NotRedrivable, Redriven, StartContext, Stimulus, TimerKind, audit, decide,
};

const REDRIVE: Stimulus = Stimulus::Redrive { client_token: None };

const TASK: &str =
    r#"{"Type":"Task","End":true,"Resource":"arn:aws:lambda:us-east-1:000000000000:function:f"}"#;

fn world(definition: &str) -> World {
    World::start(support::program(&definition.replace("TASK", TASK)), Payload::empty_object())
}

fn fail(world: &mut World) {
    let task = world.tasks[0].task;
    world.deliver(Stimulus::TaskFailed { task, error: Some("E".into()), cause: None });
}

fn succeed(world: &mut World, output: impl Into<Json>) {
    let task = world.tasks[0].task;
    let output = Payload::from(output.into());
    world.deliver(Stimulus::TaskSucceeded { task, output });
}

fn count(world: &World, is: impl Fn(&EventKind) -> bool) -> usize {
    world.journal.iter().filter(|event| is(&event.kind)).count()
}

#[test]
fn only_what_has_ended_badly_is_redriven() {
    let mut world = world(r#"{"StartAt":"T","States":{"T":TASK}}"#);
    assert_eq!(
        world.execution.check_redrive(world.now),
        Err(NotRedrivable::Status(ExecutionStatus::Running))
    );
    world.expect_silence(REDRIVE);
    fail(&mut world);
    world.now = world.now.plus_seconds(5);
    assert!(world.deliver(Stimulus::Redrive { client_token: Some("t".into()) }) > 0);
    let redriven = Redriven { count: 1, at: world.now };
    assert_eq!(world.execution.redriven(), Some(redriven));
    assert_eq!(world.execution.redriven_with("t", world.now), Some(world.now));
    assert_eq!(world.execution.redriven_with("u", world.now), None);
    assert_eq!(world.execution.started_at(), Some(EPOCH));
    assert_eq!((world.execution.stopped_at(), world.execution.error()), (None, None));
    world.expect_silence(REDRIVE);
    succeed(&mut world, 1);
    assert_eq!(world.execution.status(), Some(ExecutionStatus::Succeeded));
    world.expect_silence(REDRIVE);
    assert_eq!(audit(&world.program, &world.journal), Ok(()));
}

#[test]
fn an_express_execution_keeps_nothing_for_a_redrive() {
    let program = support::program(r#"{"StartAt":"F","States":{"F":{"Type":"Fail"}}}"#);
    let start = |kind| {
        let context = StartContext { kind, ..StartContext::clone(&support::start_context()) };
        let (mut execution, mut out) = (Execution::new(), Decision::default());
        let moment = Moment { now: EPOCH, entropy: [0; 16] };
        let input = Payload::from(Json::from("x".repeat(1_000)));
        let start = Stimulus::Start { context: context.into(), input };
        decide(&program, &mut execution, moment, start, &mut out);
        let before = out.events.len();
        decide(&program, &mut execution, moment, REDRIVE, &mut out);
        out.events.len() - before
    };
    assert!(start(ExecutionKind::Standard) > 0);
    assert_eq!(start(ExecutionKind::Express), 0);
}

#[test]
fn the_time_limit_of_the_state_machine_counts_anew() {
    let mut world = world(r#"{"StartAt":"T","TimeoutSeconds":100,"States":{"T":TASK}}"#);
    let first = world.timers[0];
    assert_eq!(first.0, EPOCH.plus_seconds(100));
    world.now = EPOCH.plus_seconds(90);
    fail(&mut world);
    world.deliver(REDRIVE);
    assert_eq!(world.execution.times_out_at(), Some(EPOCH.plus_seconds(190)));
    // The timer of before rings, and does not count.
    world.expect_silence(Stimulus::TimerDue { timer: first.1 });
    let (due, timer) = world.timers[1];
    assert_eq!((due, timer.kind), (EPOCH.plus_seconds(190), TimerKind::ExecutionTimeout));
    world.now = due;
    world.deliver(Stimulus::TimerDue { timer });
    assert_eq!(world.execution.status(), Some(ExecutionStatus::TimedOut));
    world.deliver(REDRIVE);
    assert_eq!(world.tasks.len(), 1);
    assert_eq!(audit(&world.program, &world.journal), Ok(()));
}

#[test]
fn a_late_result_of_before_does_not_count() {
    let mut world = world(r#"{"StartAt":"T","States":{"T":TASK}}"#);
    let before = world.tasks[0].task;
    world.deliver(Stimulus::Stop { error: None, cause: None });
    world.deliver(REDRIVE);
    assert_ne!(world.tasks[0].task, before);
    let output = Payload::empty_object();
    world.expect_silence(Stimulus::TaskSucceeded { task: before, output });
    succeed(&mut world, 1);
    assert_eq!(world.execution.status(), Some(ExecutionStatus::Succeeded));
}

#[test]
fn after_too_much_data_all_branches_are_run_again() {
    let definition = r#"{"StartAt":"L","States":{"L":{"Type":"Parallel","End":true,"Branches":[
        {"StartAt":"A","States":{"A":TASK}},{"StartAt":"B","States":{"B":TASK}}]}}}"#;
    let mut world = world(definition);
    let large = || "x".repeat(Limits::AWS.data_bytes * 2 / 3);
    succeed(&mut world, large());
    succeed(&mut world, large());
    assert_eq!(&**world.execution.error().unwrap(), "States.DataLimitExceeded");
    world.deliver(REDRIVE);
    assert_eq!(world.tasks.len(), 2);
    assert_eq!(count(&world, |kind| matches!(kind, EventKind::ParallelStateStarted { .. })), 2);
    succeed(&mut world, 1);
    succeed(&mut world, 2);
    assert_eq!(world.execution.output().unwrap().text(), "[1,2]");
    assert_eq!(audit(&world.program, &world.journal), Ok(()));
}

#[test]
fn a_state_whose_retry_was_waited_for_goes_on_at_once() {
    let task = TASK.replace(
        "\"End\"",
        r#""Retry":[{"ErrorEquals":["E"],"MaxAttempts":1,"IntervalSeconds":60}],"End""#,
    );
    let mut world = world(&format!(r#"{{"StartAt":"T","States":{{"T":{task}}}}}"#));
    fail(&mut world);
    assert!(world.tasks.is_empty(), "it waits");
    world.deliver(Stimulus::Stop { error: None, cause: None });
    world.deliver(REDRIVE);
    // It has all its attempts again.
    fail(&mut world);
    let (due, timer) = *world.timers.last().unwrap();
    world.now = due;
    world.deliver(Stimulus::TimerDue { timer });
    fail(&mut world);
    assert_eq!(world.execution.status(), Some(ExecutionStatus::Failed));
    assert_eq!(audit(&world.program, &world.journal), Ok(()));
}

#[test]
fn a_caught_failure_of_a_parallel_state_is_not_taken_up_again() {
    let definition = r#"{"StartAt":"L","States":{
        "L":{"Type":"Parallel","Next":"T","Branches":[{"StartAt":"A","States":{"A":TASK}},
            {"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":9,"End":true}}}],
            "Catch":[{"ErrorEquals":["States.ALL"],"Next":"T"}]},
        "T":TASK}}"#;
    let mut world = world(definition);
    fail(&mut world);
    fail(&mut world);
    world.deliver(REDRIVE);
    let pending = world.execution.pending();
    assert!(matches!(pending[..], [Command::InvokeTask(_)]), "{pending:?}");
    succeed(&mut world, 1);
    assert_eq!(world.execution.status(), Some(ExecutionStatus::Succeeded));
}

#[test]
fn what_is_redriven_at_once_can_be_stopped_before_it_goes_on() {
    let definition = r#"{"QueryLanguage":"JSONata","StartAt":"T","States":{"T":{"Type":"Pass","End":true,
        "Output":"{% $error('no') %}"}}}"#;
    let mut world = world(definition);
    assert_eq!(world.execution.status(), Some(ExecutionStatus::Failed));
    let mut decision = Decision::default();
    let moment = Moment { now: world.now, entropy: [0; 16] };
    let (program, execution) = (&world.program, &mut world.execution);
    let facts = stepyard_machine::Facts::trusting();
    let fuel = Some(0);
    stepyard_machine::decide_within(
        fuel,
        &facts,
        program,
        execution,
        moment,
        REDRIVE,
        &mut decision,
    )
    .unwrap();
    // Only that it goes on has been decided.
    assert_eq!(decision.events.len(), 1);
    assert_eq!(decision.commands, [Command::Continue]);
    assert_eq!(world.execution.pending(), [Command::Continue]);
}

/// All branches have ended well; what was made of their results failed, and does so again.
#[test]
fn a_parallel_state_whose_branches_are_done_is_left_once_more() {
    let mut world = world(
        r#"{"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"ResultSelector":{"x.$":"$.nothing"},
            "Branches":[{"StartAt":"T","States":{"T":TASK}}]}}}"#,
    );
    succeed(&mut world, 1);
    assert_eq!(world.execution.status(), Some(ExecutionStatus::Failed));
    world.deliver(REDRIVE);
    assert!(world.tasks.is_empty(), "the branch is not run again");
    assert_eq!(world.execution.status(), Some(ExecutionStatus::Failed));
    assert_eq!(count(&world, |kind| matches!(kind, EventKind::TaskScheduled { .. })), 1);
}

#[test]
fn details_are_under_the_name_of_their_event() {
    let mut world = world(r#"{"StartAt":"T","States":{"T":TASK}}"#);
    succeed(&mut world, 1);
    let project = |event| stepyard_machine::history::project(&world.program, "us-east-1", event);
    let keys: Vec<_> =
        world.journal.iter().filter_map(project).map(|event| event.details_key()).collect();
    let expected = [
        "executionStartedEventDetails",
        "stateEnteredEventDetails",
        "lambdaFunctionScheduledEventDetails",
        "lambdaFunctionStartedEventDetails",
        "lambdaFunctionSucceededEventDetails",
        "stateExitedEventDetails",
        "executionSucceededEventDetails",
    ];
    assert_eq!(keys, expected);
}
