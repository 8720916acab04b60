//! `kill -9` at random moments under a steady load: nothing acknowledged may be lost, nothing may run
//! twice.
//!
//! `STEPYARD_SEED` repeats the moments of a run, `STEPYARD_KILLS` sets how many there are.

#![expect(clippy::unwrap_used, reason = "a test ends where an unwrap fails")]

mod cluster;
mod journals;
mod load;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};
use stepyard_asl::Random;
use stepyard_machine::{EventKind, ExecutionStatus};
use stepyard_tests::{
    Client, Deadline, LambdaStub, Reply, Run, Server, ServerOptions, TestDatabase,
};

use load::{Load, MACHINES, Patience, create_machines};

/// How many kills, unless `STEPYARD_KILLS` says otherwise.
const KILLS: u64 = 30;

/// A server lives between these times under load before it is killed, in milliseconds.
const LIFE_MILLIS: std::ops::Range<u64> = 150..1_000;

/// A task takes at most so long, in milliseconds.
const TASK_MILLIS: u64 = 300;

#[test]
fn nothing_acknowledged_is_lost_and_nothing_runs_twice_on_sqlite() {
    storm(&TestDatabase::Sqlite);
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_runs_twice_on_postgres() {
    if let Some(database) = TestDatabase::postgres() {
        storm(&database);
    }
}

fn storm(database: &TestDatabase) {
    let seed = seed();
    let kills = setting("STEPYARD_KILLS").unwrap_or(KILLS);
    println!("STEPYARD_SEED={seed} STEPYARD_KILLS={kills}");
    let mut random = Random::from_seed(seed);
    let lambda = lambda(random.next_u64());
    let options = ServerOptions::default().with_a_port();
    let options = options.with_lambda("*", &lambda.url()).with_database(database);
    let data = tempfile::tempdir().unwrap();

    let mut server = Server::start(data.path(), &options);
    let load =
        Load::start(create_machines(&server.client()), vec![server.client()], Patience::Endless);
    for kill in 0..kills {
        sleep(Duration::from_millis(
            LIFE_MILLIS.start + random.below(LIFE_MILLIS.end - LIFE_MILLIS.start),
        ));
        let patience = Deadline::after(Duration::from_secs(20));
        patience.wait_for("a task in flight", || (lambda.in_flight() > 0).then_some(()));
        server.kill();
        server = Server::start(data.path(), &options);
        load.redirect(server.client());
        assert!(load.faults().is_empty(), "kill {kill}: {:?}", load.faults());
    }
    let acknowledged = load.stop();
    await_rest(&server.client());
    let log = server.log();
    assert!(server.terminate().success(), "the server does not shut down cleanly:\n{log}");

    let executions = journals::read(database, data.path());
    check_executions(&acknowledged, &executions);
    check_runs(&executions, &lambda.runs());
}

fn seed() -> u64 {
    setting("STEPYARD_SEED").unwrap_or_else(|| RandomState::new().hash_one(0))
}

fn setting(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Functions that take a random time; `Flaky` fails at its first attempt.
fn lambda(seed: u64) -> LambdaStub {
    let random = Mutex::new(Random::from_seed(seed));
    LambdaStub::start(move |run| {
        let delay = random.lock().unwrap().below(TASK_MILLIS);
        let reply = if run.event["state"] == "Flaky" && run.event["retry"] == 0 {
            Reply::Raise { error: "Flaky".into(), message: "not yet".into() }
        } else {
            Reply::Return(run.event.clone())
        };
        (Duration::from_millis(delay), reply)
    })
}

/// Waits until no execution is running any more.
fn await_rest(client: &Client) {
    let patience = Deadline::after(Duration::from_secs(60));
    for machine in MACHINES {
        let arn = format!("arn:aws:states:us-east-1:000000000000:stateMachine:{}", machine.name);
        let request = json!({ "stateMachineArn": arn, "statusFilter": "RUNNING", "maxResults": 1 });
        patience.wait_for("the end of all executions", || {
            let page = client.call("ListExecutions", &request).unwrap();
            page["executions"].as_array().unwrap().is_empty().then_some(())
        });
    }
}

/// Exactly the acknowledged executions exist, and each has succeeded.
fn check_executions(acknowledged: &BTreeSet<String>, executions: &[journals::Execution]) {
    let names: Vec<&str> = executions.iter().map(|execution| &*execution.row.name).collect();
    let distinct: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(names.len(), distinct.len(), "a name stands for two executions");
    assert_same("acknowledged", acknowledged, "in the database", &distinct);
    for execution in executions {
        let name = &execution.row.name;
        assert_eq!(execution.row.status, ExecutionStatus::Succeeded, "{name}");
    }
    println!("{} executions acknowledged, all of them succeeded", names.len());
}

/// Every scheduled task ran, and each has one idempotency key of its own, however often it ran.
fn check_runs(executions: &[journals::Execution], runs: &[Run]) {
    let mut keys: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for run in runs {
        let key = run.idempotency_key.as_deref().expect("every run has an idempotency key");
        keys.entry(run.event.to_string()).or_default().insert(key);
    }
    for (task, keys) in &keys {
        assert_eq!(keys.len(), 1, "{task} ran under several keys: {keys:?}");
    }
    let distinct: BTreeSet<&str> = keys.values().flatten().copied().collect();
    assert_eq!(distinct.len(), keys.len(), "a key stands for two tasks");
    let scheduled: BTreeSet<String> = executions.iter().flat_map(scheduled).collect();
    let ran: BTreeSet<String> = keys.into_keys().collect();
    assert_same("scheduled in the journals", &scheduled, "run", &ran);
    println!("{} tasks, {} repeated runs", ran.len(), runs.len() - ran.len());
}

fn assert_same(left: &str, a: &BTreeSet<String>, right: &str, b: &BTreeSet<String>) {
    let (only_a, only_b): (Vec<_>, Vec<_>) = (a.difference(b).collect(), b.difference(a).collect());
    assert!(only_a.is_empty(), "only {left}: {only_a:?}");
    assert!(only_b.is_empty(), "only {right}: {only_b:?}");
}

/// Inputs of the tasks of an execution: each names execution, state, item and attempt.
fn scheduled(execution: &journals::Execution) -> impl Iterator<Item = String> {
    execution.events.iter().filter_map(|event| match &event.kind {
        EventKind::TaskScheduled { parameters, .. } => {
            Some(Value::from(parameters.tree()).to_string())
        }
        _ => None,
    })
}
