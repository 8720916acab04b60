//! `kill -9` of servers whose executions wait for others: tasks that are ended by tokens, activities, nested executions,
//! Map Runs, and executions that are stopped or redriven.

mod checks;
mod controllers;
mod outsiders;

use std::sync::Mutex;
use std::sync::mpsc::{self, Sender};
use std::thread::sleep;
use std::time::Duration;

use serde_json::json;
use stepyard_asl::Random;
use stepyard_tests::{Client, Deadline, LambdaStub, Reply, Run, TestDatabase};

use crate::checks::await_rest;
use crate::cluster::{Cluster, NODES};
use crate::load::{Load, Machine, Patience, create_machines};
use crate::{seeded, setting};
use controllers::Controllers;
use outsiders::Outsiders;

/// How often a server is killed, unless `STEPYARD_KILLS` says otherwise.
const KILLS: u64 = 6;

/// The same, where each kill waits for a lease to run out.
const KILLS_OF_NODES: u64 = 2;

/// A server lives between these times under load before it is killed, in milliseconds.
const LIFE_MILLIS: std::ops::Range<u64> = 300..1_500;

/// A function takes at most so long, in milliseconds.
const TASK_MILLIS: u64 = 300;

/// What clients start.
const MACHINES: [Machine; 6] = [
    Machine { name: "callback", definition: include_str!("../machines/callback.asl.json") },
    Machine { name: "activity", definition: include_str!("../machines/activity.asl.json") },
    Machine { name: "nested", definition: include_str!("../machines/nested.asl.json") },
    Machine { name: "stopped", definition: include_str!("../machines/stopped.asl.json") },
    Machine { name: "map-run", definition: include_str!("../machines/map_run.asl.json") },
    Machine { name: "redriven", definition: include_str!("../machines/redriven.asl.json") },
];

/// What their executions start.
const INNER: [Machine; 2] = [
    Machine { name: "inner", definition: include_str!("../machines/inner.asl.json") },
    Machine { name: "patient", definition: include_str!("../machines/patient.asl.json") },
];

#[test]
fn those_who_wait_for_others_come_to_their_end_on_sqlite() {
    storm(&TestDatabase::Sqlite, 1);
}

#[test]
fn those_who_wait_for_others_come_to_their_end_on_postgres() {
    if let Some(database) = TestDatabase::postgres() {
        storm(&database, 1);
    }
}

#[test]
fn others_go_on_with_those_who_wait() {
    if let Some(database) = TestDatabase::postgres() {
        storm(&database, NODES);
    }
}

fn storm(database: &TestDatabase, nodes: usize) {
    let mut random = seeded();
    let (calls, handed) = mpsc::channel();
    let lambda = lambda(random.next_u64(), calls);
    let (for_outsiders, for_controllers) = (random.next_u64(), random.next_u64());
    let mut cluster = Cluster::start_on(database, nodes, ("Work,Hand,Fragile", lambda), random);
    let clients = cluster.clients();
    clients[0].call("CreateActivity", &json!({ "name": "labour" })).unwrap();
    create_machines(&clients[0], &INNER);
    let machines = create_machines(&clients[0], &MACHINES);
    let outsiders = Outsiders::start(clients.clone(), handed, for_outsiders);
    let controllers = Controllers::start(clients.clone(), for_controllers);
    let load = Load::start(machines, clients, Patience::Endless);
    let kills = if nodes == 1 { KILLS } else { KILLS_OF_NODES };
    for _ in 0..setting("STEPYARD_KILLS").unwrap_or(kills) {
        let life = LIFE_MILLIS.start + cluster.random.below(LIFE_MILLIS.end - LIFE_MILLIS.start);
        sleep(Duration::from_millis(life));
        let node = cluster.draw_node();
        cluster.kill(node);
    }
    println!("slowest start {:.1?}", load.slowest());
    assert!(load.faults().is_empty(), "{:?}", load.faults());
    let acknowledged = load.stop();
    await_all(&cluster.clients()[0]);
    let redriven = controllers.stop();
    let heard = outsiders.stop();
    let (executions, runs) = cluster.stop();
    checks::check(&acknowledged, &executions, &runs, &heard, &redriven);
}

/// Functions that take a random time. `Hand` gives its token to somebody; `Fragile` fails until the execution was
/// redriven.
fn lambda(seed: u64, calls: Sender<Run>) -> LambdaStub {
    let random = Mutex::new(Random::from_seed(seed));
    LambdaStub::start(move |run| {
        let delay = Duration::from_millis(random.lock().unwrap().below(TASK_MILLIS));
        match &*run.function {
            "Fragile" if run.event["redrive"] == 0 => {
                (delay, Reply::Raise { error: "Fragile".into(), message: "not yet".into() })
            }
            "Hand" => {
                // When the test is over nobody wants it.
                let _ = calls.send(run.clone());
                (delay, Reply::Return(json!({})))
            }
            _ => (delay, Reply::Return(run.event.clone())),
        }
    })
}

/// Waits until all executions have ended, and all that failed were redriven.
fn await_all(client: &Client) {
    await_rest(client, &MACHINES);
    let arn = "arn:aws:states:us-east-1:000000000000:stateMachine:redriven";
    let failed = json!({ "stateMachineArn": arn, "statusFilter": "FAILED", "maxResults": 1 });
    Deadline::after(Duration::from_secs(60)).wait_for("redrives", || {
        let page = client.call("ListExecutions", &failed).unwrap();
        page["executions"].as_array().unwrap().is_empty().then_some(())
    });
    await_rest(client, &MACHINES);
    await_rest(client, &INNER);
}
