//! Limits: on the length of a decision, of a history, and on the size of data.

mod support;

use stepyard_json::{Json, Payload};
use stepyard_machine::{DATA_BYTES_MAX, ExecutionStatus, HISTORY_EVENTS_MAX, STEPS_MAX, Stimulus};
use support::World;

fn text_of_size(bytes: usize) -> Payload {
    let payload = Payload::from(Json::from("x".repeat(bytes - 2)));
    assert_eq!(payload.len(), bytes);
    payload
}

#[test]
fn an_endless_loop_fails_with_the_last_event_that_is_allowed() {
    let definition = r#"{"StartAt":"A","States":{
        "A":{"Type":"Pass","Next":"B"},
        "B":{"Type":"Choice","Choices":[{"Variable":"$","IsNull":true,"Next":"Z"}],"Default":"A"},
        "Z":{"Type":"Succeed"}}}"#;
    let mut world = World::start(support::program(definition), Payload::empty_object());
    let mut decisions = 1;
    while world.must_continue {
        let made = world.deliver(Stimulus::Continue);
        assert!(made <= 2 * STEPS_MAX);
        decisions += 1;
    }
    assert!(decisions > 2);
    assert_eq!(world.execution.status(), Some(ExecutionStatus::Failed));
    assert_eq!(world.execution.last_event_id().0, HISTORY_EVENTS_MAX);
    assert_eq!(&**world.execution.error().unwrap(), "States.Runtime");
}

#[test]
fn a_task_result_may_be_as_large_as_the_limit_and_no_larger() {
    let definition = r#"{"StartAt":"T","States":{"T":{"Type":"Task","End":true,
        "Resource":"arn:aws:lambda:us-east-1:000000000000:function:f"}}}"#;
    for (bytes, error) in
        [(DATA_BYTES_MAX, None), (DATA_BYTES_MAX + 1, Some("States.DataLimitExceeded"))]
    {
        let mut world = World::start(support::program(definition), Payload::empty_object());
        let task = world.tasks[0].task;
        world.deliver(Stimulus::TaskSucceeded { task, output: text_of_size(bytes) });
        assert_eq!(world.execution.error().map(|error| &**error), error);
        let cause = "The state/task 'arn:aws:lambda:us-east-1:000000000000:function:f' returned a \
                     result with a size exceeding the maximum number of bytes service limit.";
        assert_eq!(world.execution.cause().map(|cause| &**cause), error.map(|_| cause));
    }
}

#[test]
fn a_state_output_may_not_exceed_the_limit() {
    let definition = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true,
        "Parameters":{"a.$":"$","b.$":"$"}}}}"#;
    let input = text_of_size(DATA_BYTES_MAX / 2);
    let world = World::start(support::program(definition), input);
    let cause = "The state/task 'P' returned a result with a size exceeding the maximum number of \
                 bytes service limit.";
    assert_eq!(world.execution.cause().map(|cause| &**cause), Some(cause));
}

#[test]
fn data_that_no_field_looks_into_passes_by_reference() {
    let definition = r#"{"StartAt":"A","States":{
        "A":{"Type":"Pass","Next":"W"},
        "W":{"Type":"Wait","Seconds":0,"Next":"T"},
        "T":{"Type":"Task","ResultPath":null,"End":true,
            "Resource":"arn:aws:lambda:us-east-1:000000000000:function:f"}}}"#;
    let input = Payload::from_trusted_text(r#"{ "n" : 1 }"#.into());
    let mut world = World::start(support::program(definition), input.clone());
    assert!(world.tasks[0].parameters.ptr_eq(&input));
    let task = world.tasks[0].task;
    world.deliver(Stimulus::TaskSucceeded { task, output: Payload::empty_object() });
    assert!(world.execution.output().unwrap().ptr_eq(&input));
}
