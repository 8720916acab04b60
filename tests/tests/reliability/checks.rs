//! What must be true when the load has ended: everything acknowledged is there, once, and has succeeded.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use stepyard_machine::{EventKind, ExecutionStatus};
use stepyard_tests::{Client, Deadline, Run};

use crate::journals;
use crate::load::Machine;

/// Waits until no execution of these machines is running any more.
pub(crate) fn await_rest(client: &Client, machines: &[Machine]) {
    let patience = Deadline::after(Duration::from_secs(60));
    for machine in machines {
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
    check_names(acknowledged, executions);
    for execution in executions {
        let name = &execution.row.name;
        assert_eq!(execution.row.status, ExecutionStatus::Succeeded, "{name}");
    }
    println!("{} executions acknowledged, all of them succeeded", executions.len());
}

/// Exactly the acknowledged executions exist, each under a name of its own and with times that go forward.
pub(crate) fn check_names<'a>(
    acknowledged: &BTreeSet<String>,
    executions: impl IntoIterator<Item = &'a journals::Execution>,
) {
    let mut names = BTreeSet::new();
    for journals::Execution { row, events } in executions {
        let name = row.name.to_string();
        assert!(events.is_sorted_by_key(|event| event.at), "the times of {name} go backwards");
        assert!(names.insert(name), "{} stands for two executions", row.name);
    }
    assert_same("acknowledged", acknowledged, "in the database", &names);
}

/// Every scheduled task ran, and each has one idempotency key of its own, however often it ran.
pub(crate) fn check_runs<'a>(
    executions: impl IntoIterator<Item = &'a journals::Execution>,
    runs: impl IntoIterator<Item = &'a Run>,
) {
    let (mut keys, mut count) = (BTreeMap::<String, BTreeSet<&str>>::new(), 0);
    for run in runs {
        count += 1;
        let key = run.idempotency_key.as_deref().expect("every run has an idempotency key");
        keys.entry(run.event.to_string()).or_default().insert(key);
    }
    for (task, keys) in &keys {
        assert_eq!(keys.len(), 1, "{task} ran under several keys: {keys:?}");
    }
    let distinct: BTreeSet<&str> = keys.values().flatten().copied().collect();
    assert_eq!(distinct.len(), keys.len(), "a key stands for two tasks");
    let scheduled: BTreeSet<String> = executions.into_iter().flat_map(scheduled).collect();
    let ran: BTreeSet<String> = keys.into_keys().collect();
    assert_same("scheduled in the journals", &scheduled, "run", &ran);
    println!("{} tasks, {} repeated runs", ran.len(), count - ran.len());
}

/// No one is in one of the sets only.
pub(crate) fn assert_same(left: &str, a: &BTreeSet<String>, right: &str, b: &BTreeSet<String>) {
    let (only_a, only_b): (Vec<_>, Vec<_>) = (a.difference(b).collect(), b.difference(a).collect());
    assert!(only_a.is_empty(), "only {left}: {only_a:?}");
    assert!(only_b.is_empty(), "only {right}: {only_b:?}");
}

/// Inputs of the tasks of an execution: each names execution, state, item and attempt.
pub(crate) fn scheduled(execution: &journals::Execution) -> impl Iterator<Item = String> {
    execution.events.iter().filter_map(|event| match &event.kind {
        EventKind::TaskScheduled { parameters, .. } => {
            Some(Value::from(parameters.tree()).to_string())
        }
        _ => None,
    })
}
