//! What the States Language means, as data: each case is run against the machine alone and over HTTP
//! against the real binary, and must give the same history.
//!
//! After a change that is meant, `STEPYARD_BLESS=1` writes the histories that the machine gives into the
//! files; read every line of the difference before you keep it.

#![expect(clippy::unwrap_used, reason = "a test ends where an unwrap fails")]

mod case;
mod coverage;
mod lines;
mod machine;

use std::collections::HashMap;
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use stepyard_machine::{Execution, ExecutionStatus};
use stepyard_tests::{LambdaStub, Reply, Server, ServerOptions};

use case::{Answer, Case, cases, script};
use lines::{difference, line};

const ACCOUNT: &str = "000000000000";
const REGION: &str = "us-east-1";
const ROLE: &str = "arn:aws:iam::000000000000:role/tests";

#[test]
fn the_machine_alone_gives_the_expected_histories() {
    let bless = std::env::var_os("STEPYARD_BLESS").is_some();
    let mut faults = Vec::new();
    for mut case in cases() {
        let run = machine::run(&case);
        let found: Vec<String> = run.history.iter().map(line).collect();
        if bless && difference(&case.history, &found).is_some() {
            case.history.clone_from(&found);
            let text = serde_json::to_string_pretty(&case).unwrap();
            fs::write(case.path(), text + "\n").unwrap();
        }
        let end = &run.execution;
        let end = json!({
            "status": end.status().map(ExecutionStatus::as_str),
            "output": end.output().map(ToString::to_string),
            "error": end.error().map(ToString::to_string),
            "cause": end.cause().map(ToString::to_string),
        });
        faults.extend(check(&case, &end, &found));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

#[test]
fn folding_a_journal_gives_the_state_that_decided_it() {
    for case in cases() {
        let run = machine::run(&case);
        for length in 0..=run.journal.len() {
            // No prefix may be a trap: recovery folds whatever was durable.
            let folded = Execution::replay(&run.journal[..length]);
            assert_eq!(folded.event_count(), length as u64, "{}", case.name);
        }
        let folded = Execution::replay(&run.journal);
        assert_eq!(folded.status(), run.execution.status(), "{}", case.name);
        assert_eq!(folded.pending(), run.execution.pending(), "{}", case.name);
        assert!(folded.pending().is_empty(), "{}: {:?}", case.name, folded.pending());
    }
}

#[test]
fn the_server_gives_the_expected_histories() {
    let cases = cases();
    let lambda = scripted(script(&cases));
    let data = tempfile::tempdir().unwrap();
    let options = ServerOptions::default().with_lambda("*", &lambda.url());
    let server = Server::start(data.path(), &options);
    let client = server.client();
    let started: Vec<(&Case, String)> = cases
        .iter()
        .map(|case| {
            let machine = client.create_state_machine(&case.name, &case.definition.to_string());
            let machine = machine.unwrap_or_else(|error| panic!("{}: {error:?}", case.name));
            (case, client.start_execution(&machine, &case.name, &case.input()).unwrap())
        })
        .collect();
    let mut faults = Vec::new();
    for (case, execution) in started {
        let mut end = client.await_end(&execution).unwrap();
        for _ in 0..case.redrives {
            client.redrive_execution(&execution).unwrap();
            end = client.await_end(&execution).unwrap();
        }
        let found: Vec<String> = client.history(&execution).unwrap().iter().map(line).collect();
        faults.extend(check(case, &end, &found));
    }
    assert!(faults.is_empty(), "{}\n\n{}", faults.join("\n\n"), server.log());
}

/// What is wrong with the end and the history of an execution.
fn check(case: &Case, end: &Value, history: &[String]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut expect = |what: &str, expected: Value, found: Value| {
        if expected != found {
            faults.push(format!("{}: {what} is {found}, not {expected}", case.name));
        }
    };
    expect("status", case.status.clone().into(), end["status"].clone());
    let output = end["output"].as_str().map(|text| serde_json::from_str::<Value>(text).unwrap());
    expect("output", json!(case.output), json!(output));
    for (what, expected) in [("error", &case.error), ("cause", &case.cause)] {
        if let Some(expected) = expected {
            expect(what, expected.clone().into(), end[what].clone());
        }
    }
    let difference = difference(&case.history, history);
    faults.extend(difference.map(|difference| format!("{}: {difference}", case.name)));
    faults
}

/// A Lambda endpoint whose functions give the answers one after the other.
fn scripted(script: HashMap<String, Vec<Answer>>) -> LambdaStub {
    let script = Mutex::new(script);
    LambdaStub::start(move |run| {
        let mut script = script.lock().unwrap_or_else(PoisonError::into_inner);
        match script.get_mut(&run.function).filter(|answers| !answers.is_empty()) {
            Some(answers) => {
                let answer = answers.remove(0);
                (answer.delay(), answer.reply())
            }
            None => {
                let message = format!("{} has no answer left", run.function);
                (Duration::ZERO, Reply::Raise { error: "Unexpected".into(), message })
            }
        }
    })
}
