//! Map Runs: what a Map state in DISTRIBUTED mode asks for, and what it makes of the answers.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;

use stepyard_asl::Timestamp;
use stepyard_json::{Json, Payload};
use stepyard_machine::{
    ChildEnd, Command, EndedChild, EventKind, Execution, ExecutionKind, ExecutionStatus, Item,
    MapLimits, MapRunId, MapRunRecord, MapRunTotals, Moment, Selection, Stimulus, history,
};
use support::World;

fn definition(rest: &str) -> String {
    format!(
        r#"{{"StartAt":"M","States":{{"M":{{"Type":"Map","ItemsPath":"$.items","Label":"label",{rest}
            "Catch":[{{"ErrorEquals":["States.ALL"],"Next":"Caught"}}],
            "ItemProcessor":{{"ProcessorConfig":{{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"}},
                "StartAt":"P","States":{{"P":{{"Type":"Pass","End":true}}}}}},"End":true}},
            "Caught":{{"Type":"Pass","End":true}}}}}}"#
    )
}

fn start(rest: &str) -> (World, MapRunId) {
    let input = Payload::from_text(r#"{"items":[10,20,30],"n":7}"#).unwrap();
    let world = World::start(support::program(&definition(rest)), input);
    let run = world.execution.map_runs().next().unwrap().id();
    (world, run)
}

fn ended(run: MapRunId, number: u64, status: ExecutionStatus, output: i64) -> Stimulus {
    let has_failed = status != ExecutionStatus::Succeeded;
    let end = ChildEnd {
        status,
        started: Timestamp(1),
        stopped: Timestamp(2),
        output: (!has_failed).then(|| Json::from(output).into()),
        error: has_failed.then(|| "E".into()),
        cause: None,
        redrive_count: 0,
    };
    let child = EndedChild { number, items: 1, input: None, end };
    Stimulus::MapRunChildEnded { run, child: Arc::new(child) }
}

fn all(run: MapRunId, children: u64) -> Stimulus {
    Stimulus::MapRunTotalsKnown { run, totals: MapRunTotals { items: children, children } }
}

/// The types of the history's events from the third one on, with the ids that they follow.
fn told(world: &World) -> Vec<String> {
    let project = |event| history::project(&world.program, "us-east-1", event);
    let events = world.journal.iter().filter_map(project).skip(2);
    let told = |event: history::HistoryEvent| {
        format!("{}<-{}", event.event_type.as_str(), event.previous_event_id.0)
    };
    events.map(told).collect()
}

#[test]
fn results_come_in_the_order_of_the_items() {
    let (mut world, run) = start("");
    assert_eq!(world.map_runs[&run], Command::RunChildren { run });
    for number in [2, 0] {
        world.deliver(ended(run, number, ExecutionStatus::Succeeded, number as i64));
        world.expect_silence(ended(run, number, ExecutionStatus::Failed, 0));
    }
    assert_eq!(world.execution.map_run(run).unwrap().resume_at(), (1, 1));
    world.deliver(all(run, 3));
    world.expect_silence(all(run, 3));
    world.expect_silence(ended(run, 3, ExecutionStatus::Succeeded, 3));
    world.deliver(ended(run, 1, ExecutionStatus::Succeeded, 1));
    assert_eq!(world.execution.output().unwrap().text(), "[0,1,2]");
    let expected = [
        "MapStateStarted<-2",
        "MapRunStarted<-3",
        "MapRunSucceeded<-4",
        "MapStateSucceeded<-5",
        "MapStateExited<-5",
        "ExecutionSucceeded<-7",
    ];
    assert_eq!(told(&world), expected);
    world.expect_silence(ended(run, 1, ExecutionStatus::Succeeded, 1));
}

#[test]
fn no_items_are_no_child_executions() {
    let input = Payload::from_text(r#"{"items":[]}"#).unwrap();
    let mut world = World::start(support::program(&definition("")), input);
    let run = world.execution.map_runs().next().unwrap().id();
    world.deliver(all(run, 0));
    assert_eq!(world.execution.output().unwrap().text(), "[]");
}

#[test]
fn more_failures_than_tolerated_end_it() {
    let (mut world, run) = start(r#""ToleratedFailureCount":1,"#);
    world.deliver(ended(run, 0, ExecutionStatus::TimedOut, 0));
    assert!(!world.map_runs.is_empty());
    world.deliver(ended(run, 1, ExecutionStatus::Failed, 0));
    let expected = [
        "MapStateStarted<-2",
        "MapRunStarted<-3",
        "MapRunFailed<-4",
        "MapStateFailed<-5",
        "MapStateExited<-6",
    ];
    assert_eq!(told(&world)[..5], expected);
    let output = world.execution.output().unwrap().text().to_string();
    assert!(output.contains("States.ExceedToleratedFailureThreshold"), "{output}");
}

#[test]
fn a_percentage_counts_when_it_is_known_how_many_items_there_are() {
    let percentage = r#""ToleratedFailurePercentage":40,"#;
    let (mut world, run) = start(percentage);
    world.deliver(ended(run, 0, ExecutionStatus::Failed, 0));
    assert!(world.execution.map_run(run).is_some(), "one of three");
    world.deliver(ended(run, 1, ExecutionStatus::Failed, 0));
    assert!(world.execution.is_closed());

    let reader = r#""ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Parameters":{"Bucket":"b","Key":"k"}},"#;
    let (mut world, run) = start(&format!("{percentage}{reader}"));
    for number in [0, 1] {
        world.deliver(ended(run, number, ExecutionStatus::Failed, 0));
    }
    assert!(world.execution.map_run(run).is_some());
    world.deliver(all(run, 3));
    assert!(world.execution.is_closed());
}

#[test]
fn items_that_have_changed_since_they_were_read_are_noticed() {
    let (mut world, run) = start("");
    world.deliver(ended(run, 2, ExecutionStatus::Succeeded, 2));
    world.deliver(all(run, 2));
    let output = world.execution.output().unwrap().text().to_string();
    assert!(output.contains("The items are not those that were read before"), "{output}");
}

#[test]
fn limits_can_be_changed_while_it_runs() {
    let (mut world, run) = start(r#""ToleratedFailureCount":5,"MaxConcurrency":2,"#);
    world.deliver(ended(run, 0, ExecutionStatus::Failed, 0));
    let limits = world.execution.map_run(run).unwrap().limits();
    assert_eq!((limits.max_concurrency, limits.tolerated_failure_count), (2, Some(5)));
    world.expect_silence(Stimulus::UpdateMapRun { run, limits });
    let more = MapLimits { max_concurrency: 9, ..limits };
    world.deliver(Stimulus::UpdateMapRun { run, limits: more });
    assert_eq!(world.execution.map_run(run).unwrap().limits(), more);
    let none = MapLimits { tolerated_failure_count: Some(0), ..more };
    world.deliver(Stimulus::UpdateMapRun { run, limits: none });
    assert!(world.execution.map_run(run).is_none(), "one has failed already");
}

/// The records of Map Runs: status, end, and how many child executions have succeeded and failed.
fn records(world: &World) -> Vec<(ExecutionStatus, bool, u64, u64)> {
    let told = |record: MapRunRecord| {
        let counts = record.executions;
        (record.status, record.stopped_at.is_some(), counts.succeeded, counts.failed)
    };
    let replayed = Execution::replay(&world.journal);
    let records: Vec<_> = world.execution.map_run_records().map(told).collect();
    assert_eq!(replayed.map_run_records().map(told).collect::<Vec<_>>(), records);
    records
}

#[test]
fn a_map_run_is_known_when_it_has_ended() {
    let (mut world, run) = start(r#""ToleratedFailureCount":1,"#);
    assert_eq!(records(&world), [(ExecutionStatus::Running, false, 0, 0)]);
    world.deliver(ended(run, 0, ExecutionStatus::Failed, 0));
    assert_eq!(records(&world), [(ExecutionStatus::Running, false, 0, 1)]);
    world.deliver(all(run, 2));
    world.deliver(ended(run, 1, ExecutionStatus::Succeeded, 0));
    assert_eq!(records(&world), [(ExecutionStatus::Succeeded, true, 1, 1)]);
    let record = world.execution.map_run_record(run).unwrap();
    assert_eq!((record.id, record.totals.unwrap().children), (run, 2));

    let (mut world, run) = start("");
    world.deliver(ended(run, 0, ExecutionStatus::Failed, 0));
    assert_eq!(records(&world), [(ExecutionStatus::Failed, true, 0, 1)]);
}

#[test]
fn a_map_run_ends_with_its_execution() {
    let (mut world, run) = start("");
    world.deliver(ended(run, 0, ExecutionStatus::Succeeded, 0));
    world.deliver(Stimulus::Stop { error: None, cause: None });
    assert_eq!(records(&world), [(ExecutionStatus::Aborted, true, 1, 0)]);
    let record = world.execution.map_run_record(run).unwrap();
    assert_eq!(record.stopped_at, world.execution.stopped_at());
}

#[test]
fn a_map_run_is_abandoned_with_its_branch() {
    let distributed = |name: &str| {
        format!(
            r#"{{"StartAt":"{name}","States":{{"{name}":{{"Type":"Map","ItemsPath":"$.items","Label":"{name}",
                "End":true,"ItemProcessor":{{"ProcessorConfig":{{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"}},
                "StartAt":"P{name}","States":{{"P{name}":{{"Type":"Pass","End":true}}}}}}}}}}}}"#
        )
    };
    let (one, two) = (distributed("A"), distributed("B"));
    let text = format!(
        r#"{{"StartAt":"Both","States":{{"Both":{{"Type":"Parallel","Branches":[{one},{two}],"End":true}}}}}}"#
    );
    let input = Payload::from_text(r#"{"items":[1]}"#).unwrap();
    let mut world = World::start(support::program(&text), input);
    let run = world.execution.map_runs().next().unwrap().id();
    world.deliver(ended(run, 0, ExecutionStatus::Failed, 0));
    let expected = [(ExecutionStatus::Failed, true, 0, 1), (ExecutionStatus::Aborted, true, 0, 0)];
    assert_eq!(records(&world), expected);
}

#[test]
fn results_are_exported_before_the_state_is_left() {
    let writer = r#""ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"b"}},"#;
    let (mut world, run) = start(writer);
    let output = Payload::from_text(r#"{"MapRunArn":"r"}"#).unwrap();
    let exported = Stimulus::MapRunExported { run, output };
    world.expect_silence(exported.clone());
    world.deliver(all(run, 1));
    world.deliver(ended(run, 0, ExecutionStatus::Succeeded, 0));
    assert_eq!(world.map_runs[&run], Command::ExportResults { run });
    world.deliver(exported);
    assert_eq!(world.execution.output().unwrap().text(), r#"{"MapRunArn":"r"}"#);
}

#[test]
fn what_cannot_be_read_or_written_fails_the_state() {
    let (mut world, run) = start("");
    let (error, cause) = (Some("States.ItemReaderFailed".into()), Some("why".into()));
    world.deliver(Stimulus::MapRunFailed { run, error, cause });
    let output = world.execution.output().unwrap().text().to_string();
    assert_eq!(output, r#"{"Error":"States.ItemReaderFailed","Cause":"why"}"#);
}

#[test]
fn results_that_are_too_large_fail_the_state() {
    let (mut world, run) = start("");
    let text = Payload::from(Json::from("x".repeat(200_000)));
    for number in 0..2 {
        let Stimulus::MapRunChildEnded { child, .. } =
            ended(run, number, ExecutionStatus::Succeeded, 0)
        else {
            unreachable!()
        };
        let end = ChildEnd { output: Some(text.clone()), ..child.end.clone() };
        let child = Arc::new(EndedChild { end, ..(*child).clone() });
        world.deliver(Stimulus::MapRunChildEnded { run, child });
    }
    world.deliver(all(run, 2));
    let output = world.execution.output().unwrap().text().to_string();
    assert!(output.contains("States.DataLimitExceeded"), "{output}");
}

#[test]
fn a_stop_cancels_it() {
    let (mut world, run) = start("");
    world.deliver(Stimulus::Stop { error: None, cause: None });
    assert!(world.map_runs.is_empty());
    world.expect_silence(ended(run, 0, ExecutionStatus::Succeeded, 0));
}

#[test]
fn ends_of_child_executions_do_not_count_as_events() {
    let (mut world, run) = start("");
    for number in 0..60_000 {
        let mut decision = stepyard_machine::Decision::default();
        let moment = Moment { now: world.now, entropy: [0; 16] };
        let end = ended(run, number, ExecutionStatus::Succeeded, 1);
        stepyard_machine::decide(&world.program, &mut world.execution, moment, end, &mut decision);
        assert!(matches!(decision.events[..], [ref event] if !event.kind.is_visible()));
        world.journal.append(&mut decision.events);
    }
    world.deliver(all(run, 60_001));
    assert_eq!(world.execution.map_run(run).unwrap().executions().succeeded, 60_000);
}

#[test]
fn inputs_are_what_the_item_selector_makes_of_items() {
    let selector =
        r#""ItemSelector":{"n.$":"$.n","value.$":"$$.Map.Item.Value","at.$":"$$.Map.Item.Index"},"#;
    let (world, run) = start(selector);
    let selection = Selection::of(&world.program, &world.execution, run).unwrap();
    let items = [Item::of_array(4, Json::from("x"))];
    let inputs = selection.select(&items).unwrap();
    assert_eq!(selection.select(&items).unwrap(), inputs);
    assert_eq!(inputs[0].text(), r#"{"n":7,"value":"x","at":4}"#);
}

#[test]
fn child_executions_have_the_same_names_always() {
    let (world, run) = start("");
    let plan = world.execution.map_run(run).unwrap().plan().clone();
    let parent = support::start_context();
    let state = world.journal.iter().find_map(|event| match event.kind {
        EventKind::MapRunStarted { state, .. } => Some(state),
        _ => None,
    });
    let child = |number, kind| plan.child_context(&parent, state.unwrap(), (number, 1), kind);
    let first = child(0, ExecutionKind::Standard);
    assert_eq!(first, child(0, ExecutionKind::Standard));
    assert_ne!(first.execution_name, child(1, ExecutionKind::Standard).execution_name);
    let (region, name) = ("arn:aws:states:us-east-1:000000000000", &first.execution_name);
    assert_eq!(&*first.execution_arn, format!("{region}:execution:machine/label:{name}"));
    assert_eq!(&*first.state_machine_arn, format!("{region}:stateMachine:machine/label"));
    assert_eq!(&*first.state_machine_name, "machine/label");
    let express = child(0, ExecutionKind::Express);
    assert!(express.execution_arn.starts_with(&format!("{region}:express:machine/label:")));
    assert!(plan.arn.starts_with(&format!("{region}:mapRun:machine/label:")));
}
