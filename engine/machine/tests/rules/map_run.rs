//! Map Runs: what a Map state in DISTRIBUTED mode asks for, and what it makes of the answers.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::support::{self, World};
use stepyard_asl::{Random, StateId, Timestamp};
use stepyard_json::{Json, Payload};
use stepyard_machine::{
    ChildEnd, Command, Decision, EndedChild, EventKind, Execution, ExecutionKind, ExecutionStatus,
    Facts, Item, Limits, MapLimits, MapRunId, MapRunPlan, MapRunRecord, MapRunTotals, Moment,
    Selection, StartedBy, Stimulus, decide_within, history,
};

const DATA_BYTES_MAX: usize = Limits::AWS.data_bytes;

pub(super) fn definition(rest: &str) -> String {
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

/// Of a Map Run that was not redriven.
fn first_start(state: StateId) -> StartedBy {
    StartedBy { state, redrive_count: 0 }
}

pub(super) fn ended(run: MapRunId, number: u64, status: ExecutionStatus, output: i64) -> Stimulus {
    let has_failed = status != ExecutionStatus::Succeeded;
    let end = ChildEnd {
        status,
        started: Timestamp(1),
        stopped: Timestamp(2),
        output: (!has_failed).then(|| Json::from(output).into()),
        error: has_failed.then(|| "E".into()),
        cause: None,
        redrive_count: 0,
        redrive_refusal: None,
    };
    let child = EndedChild { number, items: 1, input: None, end };
    Stimulus::MapRunChildEnded { run, child: Arc::new(child) }
}

/// The end of a child execution, with a change.
pub(super) fn ended_with(
    run: MapRunId,
    number: u64,
    status: ExecutionStatus,
    change: impl FnOnce(ChildEnd) -> ChildEnd,
) -> Stimulus {
    let Stimulus::MapRunChildEnded { child, .. } = ended(run, number, status, 0) else {
        unreachable!()
    };
    let end = change(child.end.clone());
    Stimulus::MapRunChildEnded { run, child: Arc::new(EndedChild { end, ..(*child).clone() }) }
}

pub(super) fn with_output(run: MapRunId, number: u64, output: Payload) -> Stimulus {
    let change = |end| ChildEnd { output: Some(output), ..end };
    ended_with(run, number, ExecutionStatus::Succeeded, change)
}

pub(super) fn all(run: MapRunId, children: u64) -> Stimulus {
    Stimulus::MapRunTotalsKnown { run, totals: MapRunTotals { items: children, children } }
}

/// The types of the history's events from the third one on, with the ids that they follow.
pub(super) fn told(world: &World) -> Vec<String> {
    let project = |event| history::project(&world.program, "us-east-1", event);
    let events = world.journal.iter().filter_map(project).skip(2);
    let told = |event: history::HistoryEvent| {
        format!("{}<-{}", event.event_type.as_str(), event.previous_event_id.0)
    };
    events.map(told).collect()
}

#[test]
fn in_jsonata_the_exit_follows_the_start_of_the_map_run() {
    let definition = r#"{"QueryLanguage":"JSONata","StartAt":"M","States":{"M":{"Type":"Map","Items":[1],
        "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"},
            "StartAt":"P","States":{"P":{"Type":"Pass","End":true}}},"End":true}}}"#;
    let mut world = World::start(support::program(definition), Payload::empty_object());
    let run = world.execution.map_runs().next().unwrap().id();
    world.deliver(all(run, 1));
    world.deliver(ended(run, 0, ExecutionStatus::Succeeded, 1));
    let expected = [
        "MapStateStarted<-2",
        "MapRunStarted<-3",
        "MapRunSucceeded<-4",
        "MapStateSucceeded<-5",
        "MapStateExited<-4",
        "ExecutionSucceeded<-7",
    ];
    assert_eq!(told(&world), expected);
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
pub(super) fn records(world: &World) -> Vec<(ExecutionStatus, bool, u64, u64)> {
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

/// Two Map Runs of one item each, in the branches of a Parallel state.
pub(super) fn in_branches() -> World {
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
    World::start(support::program(&text), input)
}

#[test]
fn a_map_run_is_abandoned_with_its_branch() {
    let mut world = in_branches();
    let run = world.execution.map_runs().next().unwrap().id();
    world.deliver(ended(run, 0, ExecutionStatus::Failed, 0));
    let expected = [(ExecutionStatus::Failed, true, 0, 1), (ExecutionStatus::Aborted, true, 0, 0)];
    assert_eq!(records(&world), expected);
    let aborted = told(&world).into_iter().filter(|event| event.starts_with("MapRunAborted"));
    assert_eq!(aborted.count(), 1);
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
        world.deliver(with_output(run, number, text.clone()));
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
    let started_by = first_start(state.unwrap());
    let child = |number, kind| plan.child_context(&parent, started_by, (number, 1), kind);
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

#[test]
fn what_has_ended_is_counted_by_status() {
    let (mut world, run) = start(r#""ToleratedFailurePercentage":100,"#);
    let statuses = [
        ExecutionStatus::Succeeded,
        ExecutionStatus::Failed,
        ExecutionStatus::Failed,
        ExecutionStatus::TimedOut,
        ExecutionStatus::Aborted,
        ExecutionStatus::Aborted,
        ExecutionStatus::Aborted,
    ];
    for (number, status) in (0..).zip(statuses) {
        world.deliver(ended(run, number, status, 0));
    }
    let map_run = world.execution.map_run(run).unwrap();
    let counts = map_run.executions();
    assert_eq!((counts.succeeded, counts.failed, counts.timed_out, counts.aborted), (1, 2, 1, 3));
    assert_eq!(counts.ended(), 7);
    assert_eq!((map_run.items(), map_run.resume_at()), (counts, (7, 7)));
    assert!(statuses.iter().all(|status| status.is_end()) && !ExecutionStatus::Running.is_end());
}

#[test]
fn results_may_be_as_large_as_the_limit() {
    let brackets = "[,]".len();
    for (bytes, fits) in [(DATA_BYTES_MAX - brackets, true), (DATA_BYTES_MAX - brackets + 1, false)]
    {
        let (mut world, run) = start("");
        let text = |bytes: usize| Payload::from(Json::from("x".repeat(bytes - 2)));
        world.deliver(with_output(run, 0, text(100)));
        world.deliver(with_output(run, 1, text(bytes - 100)));
        world.deliver(all(run, 2));
        let output = world.execution.output().unwrap().text().to_string();
        assert_eq!(!output.contains("States.DataLimitExceeded"), fits, "{bytes}");
    }
}

#[test]
fn results_that_are_too_large_are_not_kept() {
    let (mut world, run) = start("");
    let held = |world: &World| world.execution.footprint().bytes;
    let before = held(&world);
    let half = DATA_BYTES_MAX / 2;
    let text = Payload::from(Json::from("x".repeat(half - 2)));
    world.deliver(with_output(run, 0, text.clone()));
    assert_eq!(held(&world), before + half);
    for number in 1..4 {
        world.deliver(with_output(run, number, text.clone()));
        assert_eq!(held(&world), before);
    }
}

#[test]
fn items_are_values_or_members() {
    let member = Item { key: Some("k".into()), ..Item::of_array(0, Json::from(1)) };
    assert_eq!(member.input().to_string(), r#"{"Key":"k","Value":1}"#);
    assert_eq!(Item::of_array(0, Json::from(1)).input(), Json::from(1));
}

#[test]
fn inputs_of_children_may_not_be_too_large() {
    let items = |bytes: usize| [Item::of_array(0, Json::from("x".repeat(bytes - 2)))];
    for selector in ["", r#""ItemSelector":{"only.$":"$$.Map.Item.Value"},"#] {
        let (world, run) = start(selector);
        let selection = Selection::of(&world.program, &world.execution, run).unwrap();
        assert!(!selection.may_take_long());
        assert!(selection.select(&items(DATA_BYTES_MAX / 2)).is_ok());
        let (error, cause) = selection.select(&items(DATA_BYTES_MAX + 1)).unwrap_err();
        assert_eq!(error.as_deref(), Some("States.DataLimitExceeded"));
        let input = Payload::from(Json::from("x".repeat(DATA_BYTES_MAX - 1)));
        assert_eq!(selection.within_limit(&input), Err((error, cause)));
        assert_eq!(selection.within_limit(&Payload::empty_object()), Ok(()));
    }
}

fn in_jsonata(selector: &str) -> Selection {
    let text = format!(
        r#"{{"QueryLanguage":"JSONata","StartAt":"M","States":{{"M":{{"Type":"Map","Items":[1],{selector}
            "ItemProcessor":{{"ProcessorConfig":{{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"}},
            "StartAt":"P","States":{{"P":{{"Type":"Pass","End":true}}}}}},"End":true}}}}}}"#
    );
    let world = World::start(support::program(&text), Payload::empty_object());
    let run = world.execution.map_runs().next().unwrap().id();
    Selection::of(&world.program, &world.execution, run).unwrap()
}

#[test]
fn only_jsonata_takes_long() {
    assert!(in_jsonata(r#""ItemSelector":{"a":"{% 1 %}"},"#).may_take_long());
    assert!(!in_jsonata("").may_take_long());
}

/// However often inputs are made, after a crash as well.
#[test]
fn inputs_are_made_at_the_time_of_the_start() {
    let selection = in_jsonata(r#""ItemSelector":{"at":"{% $millis() %}"},"#);
    let inputs = selection.select(&[Item::of_array(0, Json::Null)]).unwrap();
    assert_eq!(inputs[0].text().to_string(), format!(r#"{{"at":{}}}"#, support::EPOCH.0));
}

/// Each child execution has chance of its own, the same at each attempt; items and names do not share it.
#[test]
fn chance_of_an_item_is_its_own() {
    let (world, run) = start(r#""ItemSelector":{"id.$":"States.UUID()"},"#);
    let selection = Selection::of(&world.program, &world.execution, run).unwrap();
    let ids = |indexes: std::ops::Range<u64>| -> Vec<String> {
        let items: Vec<_> = indexes.map(|index| Item::of_array(index, Json::Null)).collect();
        let inputs = selection.select(&items).unwrap();
        inputs.iter().map(|input| input.text().to_string()).collect()
    };
    let distinct: BTreeSet<_> = ids(0..600).into_iter().collect();
    assert_eq!(distinct.len(), 600);
    assert_eq!(ids(7..9), ids(0..9)[7..]);

    let plan = selection.plan();
    let state = selection.state().unwrap();
    let name = |number| {
        let parent = support::start_context();
        let child =
            plan.child_context(&parent, first_start(state), (number, 1), ExecutionKind::Standard);
        child.execution_name.to_string()
    };
    let names: BTreeSet<_> = (0..600).map(name).collect();
    assert_eq!(names.len(), 600);
    assert!(names.iter().all(|name| !distinct.iter().any(|input| input.contains(name))));
}

#[test]
fn map_runs_have_chance_of_their_own() {
    const MAP_RUNS: usize = 20_000;
    let (world, run) = start("");
    let plan = world.execution.map_run(run).unwrap().plan();
    let (labelled, _) = plan.arn.rsplit_once(':').unwrap();
    let parent = support::start_context();
    let name = |uuid: String| {
        let arn = format!("{labelled}:{uuid}");
        let plan = MapRunPlan { arn: arn.into(), ..(**plan).clone() };
        let context =
            plan.child_context(&parent, first_start(StateId(0)), (0, 1), ExecutionKind::Standard);
        context.execution_name
    };
    let uuids = (0..MAP_RUNS as u64).map(|id| Random::from_seed(id).uuid_v4());
    let names: BTreeSet<_> = uuids.map(name).collect();
    assert_eq!(names.len(), MAP_RUNS);
    // Every bit counts.
    let alike = ["0", "1"].map(|digit| digit.to_owned() + "0000000-0000-4080-0000-000000000000");
    assert_ne!(name(alike[0].clone()), name(alike[1].clone()));
}

#[test]
fn a_map_run_is_recorded_with_its_beginning() {
    let (world, run) = start("");
    let record = world.execution.map_run_record(run).unwrap();
    assert_eq!((record.started_at, record.stopped_at), (world.now, None));
}

/// Names of errors and causes take their place as well.
#[test]
fn causes_count_towards_the_size_of_results() {
    let (mut world, run) = start(r#""ToleratedFailurePercentage":100,"#);
    let cause: Arc<str> = "x".repeat(DATA_BYTES_MAX / 2).into();
    for number in 0..3 {
        let cause = Some(cause.clone());
        let change = |end| ChildEnd { error: None, cause, ..end };
        world.deliver(ended_with(run, number, ExecutionStatus::Failed, change));
    }
    world.deliver(all(run, 3));
    let output = world.execution.output().unwrap().text().to_string();
    assert!(output.contains("States.DataLimitExceeded"), "{output}");
}

#[test]
fn what_results_take_is_counted_to_the_byte() {
    let each = "[".len();
    for (rest, is_kept) in [(0, true), (1, false)] {
        let (mut world, run) = start(r#""ToleratedFailurePercentage":100,"#);
        let before = world.execution.footprint().bytes;
        let cause = Some("x".repeat(100).into());
        let with_cause = |end| ChildEnd { cause, ..end };
        world.deliver(ended_with(run, 0, ExecutionStatus::Failed, with_cause));
        let output = DATA_BYTES_MAX - 2 * each - "E".len() - 100 + rest;
        let output = Payload::from(Json::from("x".repeat(output - 2)));
        world.deliver(with_output(run, 1, output));
        assert_eq!(world.execution.footprint().bytes > before, is_kept, "{rest}");
    }
}

/// What a Map state of a definition with these fields makes of an input: its Map Run, or why it fails.
fn started(fields: &str, input: &str) -> Result<(World, MapRunId), String> {
    let text =
        definition(fields).replace(r#""Next":"Caught""#, r#""ResultPath":"$.why","Next":"Caught""#);
    let world =
        World::start(support::program(&text), Payload::from_text(input.to_owned()).unwrap());
    let run = world.execution.map_runs().next().map(stepyard_machine::MapRun::id);
    match (run, world.execution.cause()) {
        (Some(run), _) => Ok((world, run)),
        (None, cause) => Err(cause.unwrap().to_string()),
    }
}

#[test]
fn limits_may_be_in_the_input() {
    let fields =
        r#""ToleratedFailureCountPath":"$.count","ToleratedFailurePercentagePath":"$.percentage","#;
    let limits = |count: &str, percentage: &str| {
        let input = format!(r#"{{"items":[1],"count":{count},"percentage":{percentage}}}"#);
        started(fields, &input).map(|(world, run)| {
            let limits = world.execution.map_run(run).unwrap().limits();
            (limits.tolerated_failure_count, limits.tolerated_failure_percentage)
        })
    };
    assert_eq!(limits("2", "0.5"), Ok((Some(2), Some(0.5))));
    assert_eq!(limits("\"3\"", "\"100\""), Ok((Some(3), Some(100.0))));
    let place = "An error occurred while executing the state 'M' (entered at the event id #2). ";
    let refused = |rule: &str| Err(format!("{place}{rule}"));
    let between = "ToleratedFailurePercentage must be between 0 and 100.";
    assert_eq!(limits("2", "100.5"), refused(between));
    assert_eq!(limits("2", "-1"), refused(between));
    assert_eq!(limits("-1", "1"), refused("ToleratedFailureCount cannot be negative."));
    let count = "The ToleratedFailureCountPath field refers to value \"x\" which is not a valid integer: $.count";
    assert_eq!(limits("\"x\"", "1"), refused(count));
    let percentage = "The ToleratedFailurePercentagePath field refers to value \"x\" which is not a valid float: \
                      $.percentage";
    assert_eq!(limits("1", "\"x\""), refused(percentage));
}

#[test]
fn sizes_of_batches_may_be_in_the_input() {
    let fields = r#""ItemBatcher":{"MaxItemsPerBatchPath":"$.items_at_once","MaxInputBytesPerBatchPath":"$.bytes"},"#;
    let limits = |items: &str, bytes: &str| {
        let input = format!(r#"{{"items":[1],"items_at_once":{items},"bytes":{bytes}}}"#);
        started(fields, &input).map(|(world, run)| {
            let plan = world.execution.map_run(run).unwrap().plan().clone();
            let limits = plan.batches.as_ref().unwrap().limits;
            (limits.items, limits.input_bytes)
        })
    };
    assert_eq!(limits("1", "262144"), Ok((Some(1), Some(262_144))));
    for (items, bytes) in [("0", "1"), ("-1", "1"), ("1", "262145")] {
        let cause = limits(items, bytes).unwrap_err();
        assert!(cause.contains("must be between 1 and"), "{cause}");
    }
}

#[test]
fn how_many_items_are_read_is_planned() {
    let fields = |max: &str| {
        format!(
            r#""ItemReader":{{"Resource":"arn:aws:states:::s3:getObject",
                "ReaderConfig":{{"InputType":"JSON",{max}}},"Parameters":{{"Bucket":"b","Key":"k"}}}},"#
        )
    };
    let planned = |max: &str, input: &str| {
        let text = definition(&fields(max)).replace(r#""ItemsPath":"$.items","#, "");
        let input = Payload::from_text(input.to_owned()).unwrap();
        let world = World::start(support::program(&text), input);
        let map_run = world.execution.map_runs().next().unwrap();
        let stepyard_machine::MapRunItems::Read { max_items, .. } = map_run.plan().items else {
            panic!("they are read")
        };
        max_items
    };
    assert_eq!(planned(r#""MaxItems":70"#, "{}"), 70);
    assert_eq!(planned(r#""MaxItemsPath":"$.most""#, r#"{"most":9}"#), 9);
    assert_eq!(planned(r#""MaxItemsPath":"$.most""#, r#"{"most":"8"}"#), 8);
}

#[test]
fn only_a_change_of_the_limit_is_passed_on() {
    let (mut world, run) = start("");
    let before = world.execution.map_run(run).unwrap().limits();
    world.expect_silence(Stimulus::UpdateMapRun { run, limits: before });
    let limits = MapLimits { tolerated_failure_count: Some(2), ..before };
    let mut decision = stepyard_machine::Decision::default();
    let moment = Moment { now: world.now, entropy: [0; 16] };
    let update = Stimulus::UpdateMapRun { run, limits };
    stepyard_machine::decide(&world.program, &mut world.execution, moment, update, &mut decision);
    assert_eq!(decision.commands, []);
    assert_eq!(world.execution.map_run(run).unwrap().limits(), limits);
}

/// Ends of children are only counted, whatever that may cost, until one of them ends the state.
#[test]
fn only_the_end_of_the_state_is_evaluated() {
    let text = r#"{"QueryLanguage":"JSONata","StartAt":"M","States":{"M":{"Type":"Map","Items":[1,2,3,4],
        "ToleratedFailureCount":1,"Output":"{% $sum([1..1000]) %}","Next":"Z",
        "Catch":[{"ErrorEquals":["States.ALL"],"Output":"{% $sum([1..1000]) %}","Next":"Z"}],
        "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"},
            "StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}},"Z":{"Type":"Succeed"}}}"#;
    let program = support::program(text);
    let is_decided = |world: &World, stimulus: Stimulus| {
        let (mut execution, mut out) = (world.execution.clone(), Decision::default());
        let moment = Moment { now: world.now, entropy: [0; 16] };
        let facts = Facts::default();
        decide_within(Some(1), &facts, &program, &mut execution, moment, stimulus, &mut out).is_ok()
    };
    for status in [ExecutionStatus::Succeeded, ExecutionStatus::Failed] {
        let mut world = World::start(program.clone(), Payload::empty_object());
        let run = world.execution.map_runs().next().unwrap().id();
        world.deliver(all(run, 4));
        let lasts = if status == ExecutionStatus::Succeeded { 3 } else { 1 };
        for number in 0..lasts {
            assert!(is_decided(&world, ended(run, number, status, 0)), "{status:?} {number}");
            world.deliver(ended(run, number, status, 0));
        }
        assert!(!is_decided(&world, ended(run, lasts, status, 0)), "{status:?}");
    }
}

/// `WriterConfig` without a place to write to shapes the state's result.
#[test]
fn results_name_child_executions_by_their_type() {
    let writer =
        r#""ResultWriter":{"WriterConfig":{"Transformation":"NONE","OutputType":"JSON"}},"#;
    for (execution_type, part) in [("EXPRESS", ":express:"), ("STANDARD", ":execution:")] {
        let text = definition(writer).replace("EXPRESS", execution_type);
        let input = Payload::from_text(r#"{"items":[10]}"#).unwrap();
        let mut world = World::start(support::program(&text), input);
        let run = world.execution.map_runs().next().unwrap().id();
        world.deliver(all(run, 1));
        world.deliver(ended(run, 0, ExecutionStatus::Succeeded, 5));
        let output = world.execution.output().unwrap().tree().clone();
        let [record] = output.as_array().unwrap() else { panic!("{output}") };
        let arn = record.get("ExecutionArn").and_then(Json::as_str).unwrap();
        assert!(arn.contains(part), "{arn}");
    }
}
