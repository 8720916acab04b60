//! Many executions that wait, while their server is killed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use serde_json::json;
use stepyard_machine::{EventKind, ExecutionStatus};
use stepyard_tests::{ApiError, Client, Deadline, Server, ServerOptions, Stopwatch, TestDatabase};

use crate::{journals, setting};

/// How many wait, unless `STEPYARD_SLEEPERS` says otherwise.
const SLEEPERS: u64 = 10_000;

/// How often the server is killed, unless `STEPYARD_KILLS` says otherwise.
const KILLS: u64 = 3;

/// For how long they wait, in seconds: from a start of all of them to beyond the last kill.
const SECONDS: std::ops::Range<u64> = 20..60;

/// Clients that start them.
const CLIENTS: u64 = 8;

/// Time between two kills.
const PAUSE: Duration = Duration::from_secs(8);

const DEFINITION: &str = r#"{"StartAt":"Wait","States":{
    "Wait":{"Type":"Wait","SecondsPath":"$.seconds","Next":"Pass"},"Pass":{"Type":"Pass","End":true}}}"#;

#[test]
fn nobody_wakes_early_and_nobody_sleeps_on_sqlite() {
    sleep_through(&TestDatabase::Sqlite);
}

#[test]
fn nobody_wakes_early_and_nobody_sleeps_on_postgres() {
    if let Some(database) = TestDatabase::postgres() {
        sleep_through(&database);
    }
}

fn sleep_through(database: &TestDatabase) {
    let data = tempfile::tempdir().unwrap();
    let options = ServerOptions::default().with_a_port().with_database(database);
    let mut server = Server::start(data.path(), &options);
    let machine = server.client().create_state_machine("sleeper", DEFINITION).unwrap();
    let sleepers = setting("STEPYARD_SLEEPERS").unwrap_or(SLEEPERS);
    let began = Stopwatch::start();
    start_all(&server.client(), &machine, sleepers);
    println!("{sleepers} started in {:.1?}", began.elapsed());
    for _ in 0..setting("STEPYARD_KILLS").unwrap_or(KILLS) {
        sleep(PAUSE);
        server.kill();
        server = Server::start(data.path(), &options);
    }
    await_end(&server.client(), &machine);
    assert!(server.terminate().success());
    check(database, data.path(), sleepers);
}

fn start_all(client: &Client, machine: &str, sleepers: u64) {
    let next = AtomicU64::new(0);
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= sleepers {
                return;
            }
            let seconds = SECONDS.start + number % (SECONDS.end - SECONDS.start);
            let input = json!({ "seconds": seconds }).to_string();
            let name = format!("sleeper-{number}");
            while let Err(error) = client.start_execution(machine, &name, &input) {
                assert!(matches!(error, ApiError::Connection(_)), "{error:?}");
            }
        }
    };
    scope(|scope| (0..CLIENTS).for_each(|_| drop(scope.spawn(work))));
}

fn await_end(client: &Client, machine: &str) {
    let patience = Deadline::after(Duration::from_secs(2 * SECONDS.end));
    let running = json!({ "stateMachineArn": machine, "statusFilter": "RUNNING", "maxResults": 1 });
    patience.wait_for("the end of all that wait", || {
        sleep(Duration::from_millis(200));
        let page = client.call("ListExecutions", &running).unwrap();
        page["executions"].as_array().unwrap().is_empty().then_some(())
    });
}

/// Each has waited once, for its time.
fn check(database: &TestDatabase, data: &std::path::Path, sleepers: u64) {
    let executions = journals::read(database, data);
    assert_eq!(executions.len() as u64, sleepers);
    let mut late: Vec<i64> = executions.iter().map(lateness).collect();
    late.sort_unstable();
    let at = |percent: usize| late[(late.len() - 1) * percent / 100];
    println!("late by {} ms (median), {} ms (p99), {} ms (most)", at(50), at(99), at(100));
    assert!(late[0] >= 0, "somebody woke {} ms early", -late[0]);
}

/// By how many milliseconds an execution has gone on late.
fn lateness(execution: &journals::Execution) -> i64 {
    assert_eq!(execution.row.status, ExecutionStatus::Succeeded, "{}", execution.row.name);
    let find = |is_it: fn(&EventKind) -> bool| {
        execution.events.iter().find(|event| is_it(&event.kind)).unwrap()
    };
    let entered = find(|kind| matches!(kind, EventKind::StateEntered { .. }));
    let exited = find(|kind| matches!(kind, EventKind::StateExited { .. }));
    let EventKind::StateEntered { input, .. } = &entered.kind else { return 0 };
    let seconds = serde_json::Value::from(input.tree())["seconds"].as_i64().unwrap();
    exited.at.millis_since(entered.at) - seconds * 1_000
}
