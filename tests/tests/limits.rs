//! Lifted limits (`--limits extended`) in the real binary: large data, long histories, and executions that outlive the
//! setting they were started under.

#![expect(clippy::unwrap_used, reason = "a test ends where an unwrap fails")]

use std::time::Duration;

use serde_json::json;
use stepyard_machine::Limits;
use stepyard_tests::{ApiError, Client, Deadline, Server, ServerOptions, TestDatabase};

/// For what takes long in a build that is not optimised.
const PATIENCE: Duration = Duration::from_secs(300);

fn extended() -> ServerOptions {
    let arguments = ["--limits", "extended"].map(Into::into).into();
    ServerOptions { arguments, ..ServerOptions::default() }
}

/// A JSON text of so many bytes.
fn text_of_size(bytes: usize) -> String {
    format!("\"{}\"", "x".repeat(bytes - 2))
}

fn assert_too_long(result: Result<String, ApiError>, most: usize) {
    let Err(ApiError::Answer { name, message }) = result else { panic!("it is taken") };
    assert_eq!(name, "ValidationException");
    let rule = format!(
        "1 validation error detected: Value at 'input' failed to satisfy constraint: \
         Member must have length less than or equal to {most}"
    );
    assert_eq!(message, rule);
}

/// Id of the last event of an execution.
fn last_event_id(client: &Client, execution: &str) -> u64 {
    let request = json!({ "executionArn": execution, "reverseOrder": true, "maxResults": 1 });
    let page = client.call("GetExecutionHistory", &request).unwrap();
    page["events"][0]["id"].as_u64().unwrap()
}

fn the_largest_data_passes_through(database: &TestDatabase) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &extended().with_database(database));
    let client = server.impatient_client(PATIENCE);
    let definition = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#;
    let machine = client.create_state_machine("m", definition).unwrap();
    let most = Limits::EXTENDED.data_bytes;
    assert_too_long(client.start_execution(&machine, "larger", &text_of_size(most + 1)), most);

    let input = text_of_size(most);
    let execution = client.start_execution(&machine, "largest", &input).unwrap();
    let ended = client.await_end(&execution).unwrap();
    assert_eq!(ended["status"], "SUCCEEDED");
    assert!(ended["output"] == input.as_str(), "the output is the input");
    server.kill();

    // What is there is read under any limits.
    let server = Server::start(folder.path(), &ServerOptions::default().with_database(database));
    let client = server.impatient_client(PATIENCE);
    let ended = client.await_end(&execution).unwrap();
    assert!(ended["output"] == input.as_str(), "it is durable");
    let most = Limits::AWS.data_bytes;
    assert_too_long(client.start_execution(&machine, "large", &text_of_size(most + 1)), most);
    client.start_execution(&machine, "small", &text_of_size(most)).unwrap();
}

#[test]
fn the_largest_data_passes_through_sqlite() {
    the_largest_data_passes_through(&TestDatabase::Sqlite);
}

#[test]
fn the_largest_data_passes_through_postgres() {
    let Some(database) = TestDatabase::postgres() else { return };
    the_largest_data_passes_through(&database);
}

#[test]
fn an_execution_keeps_the_limits_that_it_was_started_with() {
    const ACTIVITY: &str = "arn:aws:states:us-east-1:000000000000:activity:work";
    let definition = r#"{"StartAt":"T","States":{
        "T":{"Type":"Task","Resource":"arn:aws:states:us-east-1:000000000000:activity:work",
            "ResultPath":"$.result","Next":"P"},
        "P":{"Type":"Pass","Parameters":{"text.$":"$.text","result.$":"$.result"},"End":true}}}"#;
    let text = "x".repeat(2 * Limits::AWS.data_bytes);
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &extended());
    let client = server.client();
    client.call("CreateActivity", &json!({ "name": "work" })).unwrap();
    let machine = client.create_state_machine("m", definition).unwrap();
    let input = json!({ "text": text }).to_string();
    let execution = client.start_execution(&machine, "e", &input).unwrap();
    server.kill();

    let server = Server::start(folder.path(), &ServerOptions::default());
    let client = server.client();
    let task = client.call("GetActivityTask", &json!({ "activityArn": ACTIVITY })).unwrap();
    assert!(task["input"] == input.as_str(), "the worker gets all of it");
    let done = json!({ "taskToken": task["taskToken"], "output": "7" });
    client.call("SendTaskSuccess", &done).unwrap();
    let ended = client.await_end(&execution).unwrap();
    let output = json!({ "text": text, "result": 7 }).to_string();
    assert!(ended["output"] == output.as_str(), "{} {}", ended["status"], ended["cause"]);
    assert_too_long(client.start_execution(&machine, "f", &input), Limits::AWS.data_bytes);
}

#[test]
fn a_long_history_goes_on_after_a_restart_under_other_limits() {
    // Four events a round: it ends with event 100,005.
    let definition = r#"{"StartAt":"Count","States":{
        "Count":{"Type":"Pass","Parameters":{"n.$":"States.MathAdd($.n, 1)"},"Next":"Done?"},
        "Done?":{"Type":"Choice","Default":"Count",
            "Choices":[{"Variable":"$.n","NumericEquals":25000,"Next":"End"}]},
        "End":{"Type":"Succeed"}}}"#;
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &extended());
    let client = server.client();
    let machine = client.create_state_machine("m", definition).unwrap();
    let execution = client.start_execution(&machine, "long", r#"{"n":0}"#).unwrap();
    Deadline::after(PATIENCE).wait_for("more events than AWS allows", || {
        (last_event_id(&client, &execution) > Limits::AWS.history_events).then_some(())
    });
    server.kill();

    let server = Server::start(folder.path(), &ServerOptions::default());
    let client = server.client();
    let request = json!({ "executionArn": execution });
    let ended = Deadline::after(PATIENCE).wait_for("the end of a long execution", || {
        let described = client.call("DescribeExecution", &request).unwrap();
        (described["status"] != "RUNNING").then_some(described)
    });
    assert_eq!(ended["output"], r#"{"n":25000}"#, "{}", ended["cause"]);
    let history = client.history(&execution).unwrap();
    assert_eq!(history.len(), 100_004);
    let is_dense = |(at, event): (usize, &serde_json::Value)| event["id"] == at + 1;
    assert!(history.iter().enumerate().all(is_dense));
}
