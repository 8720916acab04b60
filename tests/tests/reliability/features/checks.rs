//! What must be true when all executions have ended.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use stepyard_machine::{EventKind, ExecutionStatus};
use stepyard_tests::Run;

use super::outsiders::Heard;
use super::{INNER, MACHINES};
use crate::checks::{assert_same, check_names, check_runs, scheduled};
use crate::journals::Execution;

/// How many items each execution has of each of its Map Runs.
const ITEMS: u64 = 4;

/// All executions by the name of their state machine; child executions of Map Runs are of none.
struct Executions<'a>(BTreeMap<&'a str, Vec<&'a Execution>>);

impl<'a> Executions<'a> {
    fn new(all: &'a [Execution]) -> Executions<'a> {
        let mut by_machine = BTreeMap::<_, Vec<_>>::new();
        for execution in all {
            let name = match execution.row.child {
                Some(_) => "",
                None => execution.row.state_machine_arn.rsplit(':').next().unwrap(),
            };
            by_machine.entry(name).or_default().push(execution);
        }
        Executions(by_machine)
    }

    fn of(&self, machine: &str) -> &[&'a Execution] {
        self.0.get(machine).map_or(&[], Vec::as_slice)
    }

    fn children(&self) -> &[&'a Execution] {
        self.of("")
    }
}

/// Checks everything.
pub(super) fn check(
    acknowledged: &BTreeSet<String>,
    all: &[Execution],
    runs: &[Run],
    heard: &Heard,
    redriven: &BTreeSet<String>,
) {
    let executions = Executions::new(all);
    let started = MACHINES.iter().flat_map(|machine| executions.of(machine.name));
    check_names(acknowledged, started.copied());
    check_ends(&executions);
    check_heard(&executions, heard);
    check_nested(&executions);
    check_map_runs(&executions, runs);
    check_redriven(executions.of("redriven"), redriven);
    // Who is called by functions and who calls others is checked above.
    let callers = [executions.of("inner"), executions.of("redriven"), executions.children()];
    let called = runs.iter().filter(|run| run.function != "Hand" && !is_express(run));
    check_runs(callers.into_iter().flatten().copied(), called);
    for machine in MACHINES.iter().chain(&INNER) {
        println!("{:>6} {}", executions.of(machine.name).len(), machine.name);
    }
    println!("{:>6} children of Map Runs", executions.children().len());
}

/// Only what was stopped has not succeeded.
fn check_ends(executions: &Executions<'_>) {
    let mut aborted = 0;
    for (machine, executions) in &executions.0 {
        let may_be_aborted = ["stopped", "patient"].contains(machine);
        for Execution { row, .. } in executions {
            let is_aborted = row.status == ExecutionStatus::Aborted;
            let is_good = row.status == ExecutionStatus::Succeeded || may_be_aborted && is_aborted;
            assert!(is_good, "{machine} {}: {:?}", row.name, row.status);
            aborted += u64::from(is_aborted);
        }
    }
    assert!(aborted > 0, "nothing was stopped");
    println!("{aborted} were stopped, with those that they had started");
}

/// Each attempt has ended once, by the word that was heard if there is one; no execution has more than one attempt that
/// succeeded.
fn check_heard(executions: &Executions<'_>, heard: &Heard) {
    let mut ends = BTreeMap::new();
    for execution in ["callback", "activity"].into_iter().flat_map(|name| executions.of(name)) {
        for (attempt, end) in attempts(execution) {
            let earlier = ends.insert((execution.row.name.to_string(), attempt), end);
            assert_eq!(earlier, None, "attempt {attempt} of {}", execution.row.name);
        }
    }
    for (task, words) in heard {
        let found: BTreeSet<String> = ends.get(task).into_iter().cloned().collect();
        assert_eq!(words, &found, "heard of {task:?}, and in its journal");
    }
    assert!(!heard.is_empty(), "nothing was heard");
    let retries = ends.keys().filter(|(_, attempt)| *attempt > 0).count();
    println!("{} ends of tasks were heard, {retries} tasks were retries", heard.len());
}

/// The number of each attempt that has ended, and the word by which it has.
fn attempts(execution: &Execution) -> Vec<(u64, String)> {
    let (mut ends, mut attempt) = (Vec::new(), None);
    for event in &execution.events {
        let word = match &event.kind {
            EventKind::TaskScheduled { parameters, .. } => {
                let given = Value::from(parameters.tree());
                let retry = given["Payload"]["retry"].as_u64().or(given["retry"].as_u64());
                attempt = Some(retry.unwrap());
                continue;
            }
            EventKind::TaskSucceeded { output, .. } => output.to_string(),
            EventKind::TaskFailed { cause, .. } => cause.as_deref().unwrap().to_owned(),
            EventKind::TaskTimedOut { .. } => "timed out".to_owned(),
            _ => continue,
        };
        ends.push((attempt.unwrap(), word));
    }
    ends
}

/// Each task has started one execution; of one that was stopped, maybe none.
fn check_nested(executions: &Executions<'_>) {
    for (outer, inner) in [("nested", "inner"), ("stopped", "patient")] {
        let asked: BTreeSet<String> = executions
            .of(outer)
            .iter()
            .flat_map(|execution| scheduled(execution))
            .map(|task| serde_json::from_str::<Value>(&task).unwrap()["Input"].to_string())
            .collect();
        let given = inputs(executions.of(inner));
        match outer {
            "nested" => assert_same("asked for", &asked, "started", &given),
            _ => assert!(given.is_subset(&asked), "{given:?} instead of {asked:?}"),
        }
    }
}

/// The inputs of executions, each another one.
fn inputs(executions: &[&Execution]) -> BTreeSet<String> {
    let mut inputs = BTreeSet::new();
    for execution in executions {
        let EventKind::ExecutionStarted { input, .. } = &execution.events[0].kind else {
            panic!("{:?}", execution.events[0]);
        };
        let is_new = inputs.insert(Value::from(input.tree()).to_string());
        assert!(is_new, "{input} was started twice");
    }
    inputs
}

/// Each item has one Standard child execution, and an Express one that has run at least once.
fn check_map_runs(executions: &Executions<'_>, runs: &[Run]) {
    let items = |member: &str| -> BTreeSet<String> {
        let parents = executions.of("map-run").iter();
        let of = |parent: &&Execution| {
            let name = parent.row.name.clone();
            let item = move |item| json!({ member: &*name, "item": item }).to_string();
            (0..ITEMS).map(item).collect::<Vec<_>>()
        };
        parents.flat_map(of).collect()
    };
    let children = inputs(executions.children());
    assert_same("an item", &items("parent"), "of a child execution", &children);
    let express = runs.iter().filter(|run| is_express(run)).map(|run| run.event.to_string());
    assert_same("an item", &items("express_parent"), "run", &express.collect());
}

/// Whether an Express execution has called a function, of which there is no journal.
fn is_express(run: &Run) -> bool {
    !run.event["express_parent"].is_null()
}

/// Each has failed and was redriven once.
fn check_redriven(executions: &[&Execution], acknowledged: &BTreeSet<String>) {
    let names = executions.iter().map(|execution| execution.row.name.to_string()).collect();
    assert_same("started", &names, "redriven", acknowledged);
    for Execution { row, .. } in executions {
        let count = row.redriven.map(|redriven| redriven.count);
        assert_eq!(count, Some(1), "redrives of {}", row.name);
    }
}
