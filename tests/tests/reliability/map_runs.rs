//! Map Runs whose server is killed on the way, the only one or that of three which has the Map Run: how often each item has run, what is counted and what
//! is exported.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use stepyard_asl::Random;
use stepyard_machine::ExecutionStatus;
use stepyard_store::ShardId;
use stepyard_tests::{Client, Deadline, LambdaStub, Reply, Run, Stopwatch, TestDatabase};

use crate::asking::ask;
use crate::cluster::{Cluster, NODES};
use crate::{checks, journals, seeded, setting};

/// How many items, unless `STEPYARD_ITEMS` says otherwise.
const ITEMS: u64 = 500;

/// How often a server is killed, unless `STEPYARD_KILLS` says otherwise.
const KILLS: u64 = 3;

/// The same, where each kill waits for a lease to run out.
const KILLS_OF_NODES: u64 = 1;

/// One item in so many is broken: its child execution fails.
const ONE_BROKEN_IN: u64 = 10;

/// A task takes at most so long, in milliseconds.
const TASK_MILLIS: u64 = 100;

/// Whatever is killed, a Map Run goes on within that time.
const RECOVERY_MAX: Duration = Duration::from_secs(60);

/// What a server may have kept in memory at any time, in kibibytes.
const MEMORY_KIBIBYTES_MAX: u64 = 512 << 10;

/// Child executions with one task each; results are exported.
const DEFINITION: &str = r#"{"StartAt":"Each","States":{"Each":{"Type":"Map","MaxConcurrency":100,
    "ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"InputType":"JSONL"},
        "Parameters":{"Bucket":"data","Key":"items.jsonl"}},
    "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"EXECUTION_TYPE"},
        "StartAt":"Work","States":{
            "Work":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:Work","Next":"Check"},
            "Check":{"Type":"Choice","Default":"Sound",
                "Choices":[{"Variable":"$.is_broken","BooleanEquals":true,"Next":"Broken"}]},
            "Sound":{"Type":"Succeed"},
            "Broken":{"Type":"Fail","Error":"Broken"}}},
    "ToleratedFailurePercentage":20,
    "ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"data","Prefix":"results"}},
    "End":true}}}"#;

/// Of what type child executions are.
const STANDARD: &str = "STANDARD";
const EXPRESS: &str = "EXPRESS";

#[test]
fn standard_children_run_once_on_sqlite() {
    run_through(&TestDatabase::Sqlite, 1, STANDARD);
}

#[test]
fn standard_children_run_once_on_postgres() {
    if let Some(database) = TestDatabase::postgres() {
        run_through(&database, 1, STANDARD);
    }
}

#[test]
fn standard_children_run_once_when_nodes_are_killed() {
    if let Some(database) = TestDatabase::postgres() {
        run_through(&database, NODES, STANDARD);
    }
}

#[test]
fn express_children_end_once_on_sqlite() {
    run_through(&TestDatabase::Sqlite, 1, EXPRESS);
}

#[test]
fn express_children_end_once_on_postgres() {
    if let Some(database) = TestDatabase::postgres() {
        run_through(&database, 1, EXPRESS);
    }
}

#[test]
fn express_children_end_once_when_nodes_are_killed() {
    if let Some(database) = TestDatabase::postgres() {
        run_through(&database, NODES, EXPRESS);
    }
}

fn run_through(database: &TestDatabase, nodes: usize, execution_type: &str) {
    let items = setting("STEPYARD_ITEMS").unwrap_or(ITEMS);
    let (random, begun) = (seeded(), Arc::new(AtomicU64::new(0)));
    let functions = ("Work", work(begun.clone()));
    let mut cluster = Cluster::start_on(database, nodes, functions, random);
    put_items(&cluster, items);
    let (execution, shard) = start(&cluster.clients()[0], execution_type);
    let began = Stopwatch::start();
    let mut memory = 0;
    let kills = if nodes == 1 { KILLS } else { KILLS_OF_NODES };
    let kills = setting("STEPYARD_KILLS").unwrap_or(kills);
    for kill in 1..=kills {
        await_tasks(&begun, items * kill / (kills + 1));
        memory = memory.max(peak_kibibytes(&cluster));
        cluster.kill(cluster.owner_of(shard));
    }
    let clients = cluster.clients();
    let output = await_success(&clients, &execution);
    check_counts(&clients, &execution, items);
    check_results(&cluster, &output, items);
    memory = memory.max(peak_kibibytes(&cluster));
    println!(
        "{items} items, {kills} kills, {:.1?}, {} MiB at most",
        began.elapsed(),
        memory / 1_024
    );
    assert!(memory < MEMORY_KIBIBYTES_MAX, "{memory} KiB");
    let (executions, runs) = cluster.stop();
    match execution_type {
        EXPRESS => check_runs(&runs, items),
        _ => check_children(&executions, &runs, items),
    }
}

/// Starts an execution. Its ARN and its shard.
fn start(client: &Client, execution_type: &str) -> (String, ShardId) {
    let definition = DEFINITION.replace("EXECUTION_TYPE", execution_type);
    let machine = client.create_state_machine("map-run", &definition).unwrap();
    let execution = client.start_execution(&machine, "e", "{}").unwrap();
    (execution, ShardId::of(&machine, "e"))
}

/// A function that gives back what it gets, and counts how often it was called.
fn work(begun: Arc<AtomicU64>) -> LambdaStub {
    LambdaStub::start(move |run| {
        let number = begun.fetch_add(1, Ordering::Relaxed);
        let delay = Random::from_seed(number).below(TASK_MILLIS);
        (Duration::from_millis(delay), Reply::Return(run.event.clone()))
    })
}

fn item(number: u64) -> Value {
    json!({ "is_broken": is_broken(number), "number": number })
}

fn is_broken(number: u64) -> bool {
    number.is_multiple_of(ONE_BROKEN_IN)
}

fn put_items(cluster: &Cluster, items: u64) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    (0..items).for_each(|number| writeln!(file, "{}", item(number)).unwrap());
    cluster.put("data", "items.jsonl", file.path());
}

fn await_tasks(begun: &AtomicU64, wanted: u64) {
    let mut known = begun.load(Ordering::Relaxed);
    while known < wanted {
        Deadline::after(RECOVERY_MAX).wait_for("a task that begins", || {
            (begun.load(Ordering::Relaxed) > known).then_some(())
        });
        known = begun.load(Ordering::Relaxed);
    }
}

/// Waits until an execution has succeeded, as long as more and more of its items have ended. Its output.
fn await_success(clients: &[Client], execution: &str) -> Value {
    let mut ended = 0;
    loop {
        let end = Deadline::after(RECOVERY_MAX).wait_for("an item that ends", || {
            let request = json!({ "executionArn": execution });
            let described = ask(clients, 0, "DescribeExecution", &request).unwrap();
            if described["status"] != "RUNNING" {
                return Some(Some(described));
            }
            let run = map_run(clients, execution);
            let count = ["succeeded", "failed"].map(|name| count(&run, "itemCounts", name));
            let count = count.iter().sum::<u64>();
            (count > std::mem::replace(&mut ended, count)).then_some(None)
        });
        let Some(described) = end else { continue };
        assert_eq!(described["status"], "SUCCEEDED", "{described}");
        return serde_json::from_str(described["output"].as_str().unwrap()).unwrap();
    }
}

/// What DescribeMapRun says of the only Map Run of an execution.
fn map_run(clients: &[Client], execution: &str) -> Value {
    let of_execution = json!({ "executionArn": execution });
    let runs = ask(clients, 0, "ListMapRuns", &of_execution).unwrap();
    let [run] = &runs["mapRuns"].as_array().unwrap()[..] else { panic!("{runs}") };
    ask(clients, 0, "DescribeMapRun", &json!({ "mapRunArn": run["mapRunArn"] })).unwrap()
}

fn count(run: &Value, kind: &str, name: &str) -> u64 {
    run[kind][name].as_u64().unwrap()
}

/// Counters are exact.
fn check_counts(clients: &[Client], execution: &str, items: u64) {
    let run = map_run(clients, execution);
    assert_eq!(run["status"], "SUCCEEDED", "{run}");
    let broken = items.div_ceil(ONE_BROKEN_IN);
    for kind in ["itemCounts", "executionCounts"] {
        let expected = [("total", items), ("failed", broken), ("succeeded", items - broken)];
        for (name, expected) in expected {
            assert_eq!(count(&run, kind, name), expected, "{kind}.{name}: {run}");
        }
        for name in ["pending", "running", "timedOut", "aborted"] {
            assert_eq!(count(&run, kind, name), 0, "{kind}.{name}: {run}");
        }
    }
}

/// Each item stands in the files of the results, once, and with those that have ended like it.
fn check_results(cluster: &Cluster, output: &Value, items: u64) {
    let details = &output["ResultWriterDetails"];
    let read = |key: &Value| -> Value {
        let (bucket, key) = (details["Bucket"].as_str().unwrap(), key.as_str().unwrap());
        serde_json::from_slice(&cluster.get(bucket, key)).unwrap()
    };
    let manifest = read(&details["Key"]);
    for (status, is_of_it) in [("FAILED", true), ("SUCCEEDED", false)] {
        let files = manifest["ResultFiles"][status].as_array().unwrap();
        let results = files.iter().flat_map(|file| match read(&file["Key"]) {
            Value::Array(results) => results,
            other => panic!("{other}"),
        });
        let mut found: Vec<u64> = results.map(|result| number_of(&result)).collect();
        found.sort_unstable();
        let expected = (0..items).filter(|number| is_broken(*number) == is_of_it);
        assert_eq!(found, expected.collect::<Vec<_>>(), "{status}");
    }
}

/// The item of a result.
fn number_of(result: &Value) -> u64 {
    let input: Value = serde_json::from_str(result["Input"].as_str().unwrap()).unwrap();
    input["number"].as_u64().unwrap()
}

/// Each item has one child execution, whose only task ran under one key.
fn check_children(executions: &[journals::Execution], runs: &[Run], items: u64) {
    let children: Vec<_> =
        executions.iter().filter(|execution| execution.row.child.is_some()).collect();
    assert_eq!(children.len() as u64, items, "child executions");
    for child in &children {
        let scheduled: Vec<String> = checks::scheduled(child).collect();
        let [given] = &scheduled[..] else { panic!("{}: {scheduled:?}", child.row.name) };
        let given: Value = serde_json::from_str(given).unwrap();
        let expected = match given["is_broken"] == true {
            true => ExecutionStatus::Failed,
            false => ExecutionStatus::Succeeded,
        };
        assert_eq!(child.row.status, expected, "{given}");
    }
    let given: BTreeSet<String> =
        children.iter().flat_map(|child| checks::scheduled(child)).collect();
    let all = (0..items).map(|number| item(number).to_string()).collect();
    checks::assert_same("an item", &all, "in a child execution", &given);
    checks::check_runs(children, runs);
}

/// Each item has run, maybe several times.
fn check_runs(runs: &[Run], items: u64) {
    let mut times = BTreeMap::<String, u64>::new();
    for run in runs {
        *times.entry(run.event.to_string()).or_default() += 1;
    }
    let all = (0..items).map(|number| item(number).to_string()).collect();
    checks::assert_same("an item", &all, "run", &times.keys().cloned().collect());
    println!("{} items ran more than once", times.values().filter(|times| **times > 1).count());
}

/// The most that any server has kept in memory so far.
fn peak_kibibytes(cluster: &Cluster) -> u64 {
    let peak = |process: u32| {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    cluster.processes().into_iter().map(peak).max().unwrap()
}
