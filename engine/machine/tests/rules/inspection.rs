//! Looking into one state: what it makes of its data, and what mocks, given contexts and given variables do to it.

use std::sync::Arc;

use stepyard_json::{Json, Payload};
use stepyard_machine::{
    Decision, Execution, Inspection, MapLimits, MapMock, Mock, Moment, Stage, Stimulus, decide,
};

use crate::support;

fn json(text: &str) -> Json {
    Json::parse(text).expect("it is JSON")
}

fn payload(text: &str) -> Payload {
    Payload::from_text(text.to_owned()).expect("it is JSON")
}

/// Runs the first state of a definition with that inspection.
fn look(states: &str, input: &str, inspection: Inspection) -> (Inspection, Execution) {
    let program = support::program(&format!(r#"{{"StartAt":"S","States":{states}}}"#));
    let (mut execution, mut out) = (Execution::new(), Decision::default());
    out.inspection = Some(Box::new(inspection));
    let moment = Moment { now: support::EPOCH, entropy: [0; 16] };
    let start = Stimulus::Start { context: support::start_context(), input: payload(input) };
    decide(&program, &mut execution, moment, start, &mut out);
    (*out.inspection.expect("it is given back"), execution)
}

fn stage(inspection: &Inspection, stage: Stage) -> Option<String> {
    inspection.stages.get(&stage).map(|data| data.text().to_string())
}

fn output(execution: &Execution) -> String {
    execution.output().expect("it succeeds").text().to_string()
}

fn mocked(mock: Mock) -> Inspection {
    Inspection::new(None, None, Some(mock))
}

const TASK: &str = r#""Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:f""#;

#[test]
fn what_a_path_selects_is_told_as_it_was_spelled() {
    let states = r#"{"S":{"Type":"Map","InputPath":"$.in","ItemsPath":"$.items","ItemProcessor":{
        "StartAt":"P","States":{"P":{"Type":"Pass","End":true}}},"End":true}}"#;
    let (inspection, _) =
        look(states, r#"{"in": {"items": [1,  2]}}"#, mocked(Mock::Result(payload("[]"))));
    assert_eq!(stage(&inspection, Stage::AfterInputPath).unwrap(), r#"{"items": [1,  2]}"#);
    assert_eq!(stage(&inspection, Stage::AfterItemsPath).unwrap(), "[1,  2]");
}

#[test]
fn each_stage_of_the_data_is_told() {
    let states = format!(
        r#"{{"S":{{{TASK},"InputPath":"$.in","Parameters":{{"p.$":"$.a"}},"ResultSelector":{{"r.$":"$.b"}},
            "ResultPath":"$.out","OutputPath":"$.out","End":true}}}}"#
    );
    let mock = Mock::Result(payload(r#"{"b":2}"#));
    let (inspection, execution) = look(&states, r#"{"in":{"a":1}}"#, mocked(mock));
    let expected = [
        (Stage::AfterInputPath, r#"{"a":1}"#),
        (Stage::AfterParameters, r#"{"p":1}"#),
        (Stage::Result, r#"{"b":2}"#),
        (Stage::AfterResultSelector, r#"{"r":2}"#),
        (Stage::AfterResultPath, r#"{"in":{"a":1},"out":{"r":2}}"#),
    ];
    for (at, text) in expected {
        assert_eq!(stage(&inspection, at).as_deref(), Some(text), "{at:?}");
    }
    assert_eq!(inspection.stages.len(), expected.len());
    assert_eq!(output(&execution), r#"{"r":2}"#);
}

#[test]
fn only_the_first_state_is_looked_into() {
    let states =
        r#"{"S":{"Type":"Pass","Result":1,"Next":"T"},"T":{"Type":"Pass","Result":2,"End":true}}"#;
    let (inspection, execution) = look(states, "{}", Inspection::default());
    assert_eq!(stage(&inspection, Stage::Result).as_deref(), Some("1"));
    assert_eq!(output(&execution), "2");
}

#[test]
fn a_mocked_error_tells_retrier_and_catcher() {
    let states = format!(
        r#"{{"S":{{{TASK},"Retry":[{{"ErrorEquals":["Other"]}},{{"ErrorEquals":["Mine"],"IntervalSeconds":7}}],
            "Catch":[{{"ErrorEquals":["Other"],"Next":"C"}},{{"ErrorEquals":["Mine"],"Next":"C"}}],"End":true}},
            "C":{{"Type":"Pass","End":true}}}}"#
    );
    let error = |name: &str| Mock::Error { error: Some(name.into()), cause: Some("why".into()) };
    let (inspection, execution) = look(&states, "{}", mocked(error("Mine")));
    let failure = (Some(Arc::from("Mine")), Some(Arc::from("why")));
    assert_eq!(inspection.failure, Some(failure));
    assert_eq!((inspection.retrier, inspection.retry_millis), (Some(1), Some(7_000)));
    assert_eq!(inspection.catcher, None, "it would be tried again first");
    assert!(!execution.is_closed());

    let once = states.replace(r#""IntervalSeconds":7"#, r#""MaxAttempts":0"#);
    let (inspection, execution) = look(&once, "{}", mocked(error("Mine")));
    assert_eq!((inspection.retrier, inspection.retry_millis), (Some(1), None));
    assert_eq!(inspection.catcher, Some(1));
    assert_eq!(output(&execution), r#"{"Error":"Mine","Cause":"why"}"#);

    let (inspection, execution) = look(&once, "{}", mocked(error("Unknown")));
    assert_eq!((inspection.retrier, inspection.catcher), (None, None));
    assert_eq!(execution.error().map(|error| &**error), Some("Unknown"));
}

#[test]
fn parallel_states_are_mocked_as_a_whole() {
    let states = r#"{"S":{"Type":"Parallel","End":true,
        "Branches":[{"StartAt":"B","States":{"B":{"Type":"Fail","Error":"NotRun"}}}]}}"#;
    let (inspection, execution) = look(states, "{}", mocked(Mock::Result(payload("[1]"))));
    assert_eq!(inspection.failure, None);
    assert_eq!(output(&execution), "[1]");
}

#[test]
fn map_states_take_given_items_and_believe_given_failures() {
    let states = r#"{"S":{"Type":"Map","ItemReader":{"Resource":"arn:aws:states:::s3:getObject",
            "ReaderConfig":{"InputType":"JSON"},"Parameters":{"Bucket":"b","Key":"k"}},
        "ToleratedFailureCount":1,"ItemSelector":{"item.$":"$$.Map.Item.Value"},
        "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"},
            "StartAt":"P","States":{"P":{"Type":"Pass","End":true}}},"End":true}}"#;
    let with = |items: Option<&str>, failed| {
        let map = MapMock { items: items.map(payload), failed };
        look(states, "{}", mocked(Mock::Result(payload("[1,2]"))).with_map(map))
    };
    let (inspection, execution) = with(Some("[10,20]"), 1);
    assert_eq!(output(&execution), "[1,2]");
    let limits = inspection.limits.expect("it has limits");
    assert_eq!(limits.tolerated_failure_count, Some(1));
    assert!(inspection.stages.values().any(|data| data.text().contains("20")), "{inspection:?}");

    let (_, execution) = with(Some("[10,20]"), 2);
    let error = execution.error().map(|error| &**error);
    assert_eq!(error, Some("States.ExceedToleratedFailureThreshold"));
}

#[test]
fn a_given_context_and_given_variables_stand_in() {
    let states = r#"{"S":{"Type":"Pass","Parameters":{"c.$":"$$.Execution.Name","v.$":"$v"},
        "Assign":{"w.$":"$v"},"End":true}}"#;
    let context = json(r#"{"Execution":{"Name":"given"}}"#);
    let variables = json(r#"{"v":7}"#);
    let inspection = Inspection::new(Some(context), Some(variables), None);
    let (inspection, execution) = look(states, "{}", inspection);
    assert_eq!(output(&execution), r#"{"c":"given","v":7}"#);
    let after = inspection.variables_after(Some(&payload(r#"{"w":7}"#)));
    assert_eq!(after, Some(json(r#"{"v":7,"w":7}"#)));
    assert_eq!(Inspection::default().variables_after(None), None);
}

#[test]
fn limits_that_are_not_given_are_none() {
    let limits = MapLimits::default();
    let states = r#"{"S":{"Type":"Map","End":true,"ItemProcessor":{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}}}"#;
    let map = MapMock { items: None, failed: 0 };
    let inspection = mocked(Mock::Result(payload("[0]"))).with_map(map);
    let (inspection, execution) = look(states, "[5]", inspection);
    let told = inspection.limits.expect("it has limits");
    assert_eq!(told.tolerated_failure_count, limits.tolerated_failure_count);
    assert_eq!(output(&execution), "[0]");
}
