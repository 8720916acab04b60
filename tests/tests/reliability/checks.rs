//! What must be true when the load has ended: everything acknowledged is there, once, and has succeeded.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use stepyard_machine::{EventKind, ExecutionStatus};
use stepyard_tests::{Client, Deadline, Run};

use crate::journals;
use crate::load::MACHINES;

/// Waits until no execution is running any more.
pub(crate) fn await_rest(client: &Client) {
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
pub(crate) fn check_executions(
    acknowledged: &BTreeSet<String>,
    executions: &[journals::Execution],
) {
    let names: Vec<&str> = executions.iter().map(|execution| &*execution.row.name).collect();
    let distinct: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(names.len(), distinct.len(), "a name stands for two executions");
    assert_same("acknowledged", acknowledged, "in the database", &distinct);
    for execution in executions {
        let name = &execution.row.name;
        assert_eq!(execution.row.status, ExecutionStatus::Succeeded, "{name}");
        let in_order = execution.events.is_sorted_by_key(|event| event.at);
        assert!(in_order, "the times of {name} go backwards");
    }
    println!("{} executions acknowledged, all of them succeeded", names.len());
}

/// Every scheduled task ran, and each has one idempotency key of its own, however often it ran.
pub(crate) fn check_runs(executions: &[journals::Execution], runs: &[Run]) {
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
