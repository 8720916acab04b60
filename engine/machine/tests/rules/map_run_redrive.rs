//! Redriving Map Runs: what runs again, what is counted meanwhile, and when a new one starts instead.

use std::sync::Arc;

use crate::map_run::{all, definition, ended, ended_with, in_branches, records, told, with_output};
use crate::support::{self, EPOCH, World};
use stepyard_json::{Json, Payload};
use stepyard_machine::{
    ChildEnd, ChildOf, Command, Decision, EndCounts, EndedChild, Execution, ExecutionStatus,
    Limits, MapRun, MapRunId, MapRunTotals, Moment, Redriven, StartContext, Stimulus, audit,
    child_redrive_token, decide, history,
};

const REDRIVE: Stimulus = Stimulus::Redrive { client_token: None };

/// The same without `Catch`: it fails with its Map Run.
fn start_uncaught(rest: &str) -> (World, MapRunId) {
    let catch = r#""Catch":[{"ErrorEquals":["States.ALL"],"Next":"Caught"}],"#;
    let unused = r#","Caught":{"Type":"Pass","End":true}"#;
    let text = definition(rest).replace(",\n            \"Caught", ",\"Caught");
    let text = text.replace(catch, "").replace(unused, "");
    let input = Payload::from_text(r#"{"items":[10,20,30],"n":7}"#).unwrap();
    let world = World::start(support::program(&text), input);
    let run = world.execution.map_runs().next().unwrap().id();
    (world, run)
}

/// What an execution of a Map Run counts: ended well, ended badly, to run again.
fn counts(world: &World, run: MapRunId) -> (u64, u64, u64) {
    let record = world.execution.map_run_record(run).unwrap();
    let EndCounts { succeeded, failed, timed_out, aborted } = record.executions;
    assert_eq!(record.items, record.executions, "each has one item");
    assert_eq!(record.pending_redrive.children, record.pending_redrive.items);
    (succeeded, failed + timed_out + aborted, record.pending_redrive.children)
}

#[test]
fn a_redrive_goes_on_with_what_has_not_succeeded() {
    let (mut world, run) = start_uncaught("");
    world.deliver(all(run, 3));
    world.deliver(ended(run, 2, ExecutionStatus::Succeeded, 2));
    world.deliver(ended(run, 0, ExecutionStatus::Failed, 0));
    assert_eq!(world.execution.status(), Some(ExecutionStatus::Failed));
    assert_eq!(counts(&world, run), (1, 1, 0));
    world.now = world.now.plus_seconds(60);
    world.deliver(REDRIVE);
    assert_eq!(world.map_runs[&run], Command::RunChildren { run });
    let record = world.execution.map_run_record(run).unwrap();
    assert_eq!((record.status, record.stopped_at), (ExecutionStatus::Running, None));
    assert_eq!(record.redriven, Some(Redriven { count: 1, at: world.now }));
    assert_eq!(record.started_at, EPOCH);
    assert_eq!(counts(&world, run), (1, 0, 1));
    let map_run = world.execution.map_run(run).unwrap();
    assert_eq!([0, 1, 2].map(|number| map_run.has_ended(number)), [false, false, true]);
    assert_eq!([0, 1, 2].map(|number| map_run.awaits_redrive(number)), [true, false, false]);
    assert_eq!((map_run.resume_at(), map_run.is_complete()), ((0, 0), false));
    world.expect_silence(ended(run, 2, ExecutionStatus::Succeeded, 5));
    world.deliver(ended(run, 1, ExecutionStatus::Succeeded, 1));
    assert_eq!(counts(&world, run), (2, 0, 1));
    world.deliver(ended(run, 0, ExecutionStatus::Succeeded, 0));
    assert_eq!(world.execution.output().unwrap().text(), "[0,1,2]");
    assert_eq!(counts(&world, run), (3, 0, 0));
    let expected = [
        "MapStateStarted<-2",
        "MapRunStarted<-3",
        "MapRunFailed<-4",
        "MapStateFailed<-5",
        "ExecutionFailed<-6",
        "ExecutionRedriven<-7",
        "MapRunRedriven<-6",
        "MapRunSucceeded<-9",
        "MapStateSucceeded<-10",
        "MapStateExited<-10",
        "ExecutionSucceeded<-12",
    ];
    assert_eq!(told(&world), expected);
    assert_eq!(audit(&world.program, &world.journal), Ok(()));
}

#[test]
fn the_event_of_a_redrive_names_the_map_run() {
    let (mut world, run) = start_uncaught("");
    world.deliver(ended(run, 0, ExecutionStatus::Failed, 0));
    world.deliver(REDRIVE);
    let arn = world.execution.map_run(run).unwrap().plan().arn.clone();
    let event = world.journal.last().unwrap();
    let shown = history::project(&world.program, "us-east-1", event).unwrap();
    assert_eq!(shown.details_key(), "mapRunRedrivenEventDetails");
    let details = shown.details.unwrap().to_json(true).to_string();
    assert_eq!(details, format!(r#"{{"mapRunArn":"{arn}","redriveCount":1}}"#));
}

#[test]
fn a_map_run_that_was_stopped_is_redriven_as_well() {
    let (mut world, run) = start_uncaught(r#""ToleratedFailureCount":2,"#);
    world.deliver(ended(run, 0, ExecutionStatus::TimedOut, 0));
    world.deliver(Stimulus::Stop { error: None, cause: None });
    for count in 1..=2 {
        world.deliver(REDRIVE);
        assert_eq!(counts(&world, run), (0, 0, 1));
        assert_eq!(world.execution.map_run(run).unwrap().redrive_count(), count);
        world.deliver(Stimulus::Stop { error: None, cause: None });
        assert_eq!(counts(&world, run), (0, 1, 0), "it did not run again");
    }
    world.deliver(REDRIVE);
    // Failures of before do not count any more.
    for number in 0..2 {
        world.deliver(ended(run, number, ExecutionStatus::Failed, 0));
    }
    world.deliver(all(run, 3));
    world.deliver(ended(run, 2, ExecutionStatus::Failed, 0));
    assert_eq!(world.execution.status(), Some(ExecutionStatus::Failed));
    assert_eq!(records(&world), [(ExecutionStatus::Failed, true, 0, 3)]);
    assert_eq!(audit(&world.program, &world.journal), Ok(()));
}

#[test]
fn what_does_not_run_again_is_counted_by_how_it_had_ended() {
    let (mut world, run) = start_uncaught(r#""ToleratedFailurePercentage":100,"#);
    let ends = [
        (0, ExecutionStatus::Succeeded),
        (1, ExecutionStatus::Failed),
        (2, ExecutionStatus::TimedOut),
        (3, ExecutionStatus::TimedOut),
        (4, ExecutionStatus::Aborted),
        (5, ExecutionStatus::Aborted),
        (6, ExecutionStatus::Aborted),
        (7, ExecutionStatus::Failed),
    ];
    for (number, status) in ends {
        world.deliver(ended(run, number, status, 0));
    }
    world.deliver(Stimulus::Stop { error: None, cause: None });
    world.deliver(REDRIVE);
    for status in [ExecutionStatus::Failed, ExecutionStatus::TimedOut, ExecutionStatus::Aborted] {
        let number = ends.into_iter().find(|(_, end)| *end == status).unwrap().0;
        world.deliver(ended(run, number, status, 0));
    }
    world.deliver(Stimulus::Stop { error: None, cause: None });
    let record = world.execution.map_run_record(run).unwrap();
    let before = EndCounts { succeeded: 1, failed: 2, timed_out: 2, aborted: 3 };
    assert_eq!((record.executions, record.items), (before, before));
}

#[test]
fn what_runs_again_is_found_beyond_what_has_ended() {
    let (mut world, run) = start_uncaught("");
    world.deliver(ended(run, 2, ExecutionStatus::Failed, 0));
    world.deliver(REDRIVE);
    assert_eq!(world.execution.map_run(run).unwrap().resume_at(), (0, 0));
}

#[test]
fn the_result_of_a_redrive_takes_the_place_of_the_first_one() {
    let text = |bytes: usize| Payload::from(Json::from("x".repeat(bytes - 2)));
    let each = "[".len();
    for (rest, is_kept) in [(0, true), (1, false)] {
        let (mut world, run) = start_uncaught("");
        let cause = Some("x".repeat(1_000).into());
        let with_cause = |end| ChildEnd { cause, ..end };
        world.deliver(ended_with(run, 0, ExecutionStatus::Failed, with_cause));
        world.deliver(REDRIVE);
        let before = world.execution.footprint().bytes;
        let second = Limits::AWS.data_bytes - 2 * each - 500 + rest;
        world.deliver(with_output(run, 0, text(500)));
        world.deliver(with_output(run, 1, text(second)));
        let held = world.execution.footprint().bytes;
        assert_eq!(held > before, is_kept, "{before} {held}");
    }
}

#[test]
fn what_cannot_run_again_counts_as_before_and_is_told() {
    let (mut world, run) = start_uncaught("");
    world.deliver(ended(run, 1, ExecutionStatus::Failed, 0));
    world.deliver(REDRIVE);
    let Stimulus::MapRunChildEnded { child, .. } = ended(run, 1, ExecutionStatus::Failed, 0) else {
        unreachable!()
    };
    let end = ChildEnd { redrive_refusal: Some("why".into()), ..child.end.clone() };
    let child = Arc::new(EndedChild { end, ..(*child).clone() });
    world.deliver(Stimulus::MapRunChildEnded { run, child });
    let record = world.execution.map_run_record(run).unwrap();
    assert_eq!(record.status, ExecutionStatus::Failed, "it is not tolerated either");
    assert_eq!(record.not_redrivable, MapRunTotals { items: 1, children: 1 });
    world.deliver(REDRIVE);
    assert_eq!(counts(&world, run), (0, 0, 1), "it may have become possible");
}

#[test]
fn what_the_state_itself_gets_wrong_starts_a_new_map_run() {
    for (error, is_same) in [
        ("States.ItemReaderFailed", true),
        ("States.ResultWriterFailed", true),
        ("States.Runtime", false),
        ("States.DataLimitExceeded", false),
    ] {
        let (mut world, run) = start_uncaught("");
        let failed = Stimulus::MapRunFailed { run, error: Some(error.into()), cause: None };
        world.deliver(failed);
        world.deliver(REDRIVE);
        let now = world.execution.map_runs().next().unwrap().id();
        assert_eq!(now == run, is_same, "{error}");
    }
}

#[test]
fn a_state_that_failed_before_its_map_run_starts_one_when_it_is_redriven() {
    let rest = r#""ToleratedFailureCountPath":"$.most","#;
    let text = definition(rest).replace("States.ALL", "Other");
    let input = Payload::from_text(r#"{"items":[1],"most":-1}"#).unwrap();
    let mut world = World::start(support::program(&text), input);
    assert_eq!(world.execution.status(), Some(ExecutionStatus::Failed));
    assert_eq!(world.execution.map_runs().count(), 0);
    world.deliver(REDRIVE);
    assert_eq!(world.execution.status(), Some(ExecutionStatus::Failed), "for the same reason");
    assert_eq!(audit(&world.program, &world.journal), Ok(()));
}

#[test]
fn results_that_could_not_be_exported_are_exported_after_a_redrive() {
    let writer = r#""ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"b"}},"#;
    let (mut world, run) = start_uncaught(writer);
    world.deliver(all(run, 1));
    world.deliver(ended(run, 0, ExecutionStatus::Succeeded, 0));
    let error = Some("States.ResultWriterFailed".into());
    world.deliver(Stimulus::MapRunFailed { run, error, cause: None });
    world.deliver(REDRIVE);
    assert_eq!(world.map_runs[&run], Command::ExportResults { run });
}

#[test]
fn map_runs_of_branches_are_redriven_each() {
    let mut world = in_branches();
    let runs: Vec<_> = world.execution.map_runs().map(MapRun::id).collect();
    world.deliver(ended(runs[0], 0, ExecutionStatus::Failed, 0));
    world.deliver(REDRIVE);
    assert_eq!(world.map_runs.keys().copied().collect::<Vec<_>>(), runs);
    for run in runs {
        world.deliver(all(run, 1));
        world.deliver(ended(run, 0, ExecutionStatus::Succeeded, 4));
    }
    assert_eq!(world.execution.output().unwrap().text(), "[[4],[4]]");
    assert_eq!(audit(&world.program, &world.journal), Ok(()));
}

#[test]
fn a_map_run_is_redriven_so_often_and_no_more() {
    let (mut world, run) = start_uncaught("");
    for _ in 0..1_000 {
        world.deliver(Stimulus::Stop { error: None, cause: None });
        world.deliver(REDRIVE);
    }
    assert_eq!(world.execution.map_run(run).unwrap().redrive_count(), 1_000);
    world.deliver(Stimulus::Stop { error: None, cause: None });
    world.deliver(REDRIVE);
    assert_eq!(world.execution.error().map(|error| &**error), Some("States.Runtime"));
    let cause = world.execution.cause().unwrap();
    assert_eq!(&**cause, "A Map Run can be redriven 1000 times at most.");
}

#[test]
fn a_child_execution_knows_the_redrives_of_its_map_run() {
    let child = |redrive_count| {
        let child_of = ChildOf {
            map_run_arn: "arn:r".into(),
            state: stepyard_asl::StateId(0),
            items: 1,
            redrive_count,
        };
        let context = StartContext {
            child_of: Some(child_of),
            ..StartContext::clone(&support::start_context())
        };
        let program = support::program(&definition(""));
        let (mut execution, mut out) = (Execution::new(), Decision::default());
        let moment = Moment { now: EPOCH, entropy: [0; 16] };
        let input = Payload::empty_object();
        let start = Stimulus::Start { context: context.into(), input };
        decide(&program, &mut execution, moment, start, &mut out);
        execution
    };
    let long_after = EPOCH.plus_seconds(86_400);
    let token = child_redrive_token(2);
    assert_eq!(child(2).redriven_with(&token, long_after), Some(EPOCH));
    assert_eq!(child(1).redriven_with(&token, long_after), None);
    assert_eq!(child(0).redriven_with(&child_redrive_token(0), long_after), None);
}
