//! Proof that the cases reach everything on the lists below, every intrinsic function and every operator.

use std::collections::BTreeSet;

use serde_json::Value;
use stepyard_asl::{Function, Operator};

use crate::case::cases;

/// Values of `Type`.
const STATE_TYPES: [&str; 8] =
    ["Pass", "Task", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map"];

/// Members of machines, states, retriers and catchers.
const FIELDS: [&str; 43] = [
    "Arguments",
    "Assign",
    "Branches",
    "BackoffRate",
    "Catch",
    "Cause",
    "CausePath",
    "Choices",
    "Condition",
    "Default",
    "End",
    "Error",
    "ErrorEquals",
    "ErrorPath",
    "InputPath",
    "IntervalSeconds",
    "ItemProcessor",
    "ItemSelector",
    "Items",
    "ItemsPath",
    "Iterator",
    "JitterStrategy",
    "MaxAttempts",
    "MaxConcurrency",
    "MaxConcurrencyPath",
    "MaxDelaySeconds",
    "Next",
    "Output",
    "OutputPath",
    "Parameters",
    "QueryLanguage",
    "Resource",
    "Result",
    "ResultPath",
    "ResultSelector",
    "Retry",
    "Seconds",
    "SecondsPath",
    "StartAt",
    "TimeoutSeconds",
    "TimeoutSecondsPath",
    "Timestamp",
    "TimestampPath",
];

/// What joins conditions.
const BOOLEAN_OPERATORS: [&str; 3] = ["And", "Or", "Not"];

/// Error names that a state machine sees or names.
const ERRORS: [&str; 7] = [
    "States.ALL",
    "States.DataLimitExceeded",
    "States.QueryEvaluationError",
    "States.ResultPathMatchFailure",
    "States.Runtime",
    "States.TaskFailed",
    "States.Timeout",
];

/// Types of history events. (ExecutionAborted takes a StopExecution: the API suites have it.)
const EVENTS: [&str; 45] = [
    "ChoiceStateEntered",
    "ChoiceStateExited",
    "EvaluationFailed",
    "ExecutionFailed",
    "ExecutionRedriven",
    "ExecutionStarted",
    "ExecutionSucceeded",
    "ExecutionTimedOut",
    "FailStateEntered",
    "LambdaFunctionFailed",
    "LambdaFunctionScheduled",
    "LambdaFunctionStarted",
    "LambdaFunctionSucceeded",
    "LambdaFunctionTimedOut",
    "MapIterationAborted",
    "MapIterationFailed",
    "MapIterationStarted",
    "MapIterationSucceeded",
    "MapStateAborted",
    "MapStateEntered",
    "MapStateExited",
    "MapStateFailed",
    "MapStateStarted",
    "MapStateSucceeded",
    "ParallelStateAborted",
    "ParallelStateEntered",
    "ParallelStateExited",
    "ParallelStateFailed",
    "ParallelStateStarted",
    "ParallelStateSucceeded",
    "PassStateEntered",
    "PassStateExited",
    "SucceedStateEntered",
    "SucceedStateExited",
    "TaskFailed",
    "TaskScheduled",
    "TaskStarted",
    "TaskStateAborted",
    "TaskStateEntered",
    "TaskStateExited",
    "TaskSucceeded",
    "TaskTimedOut",
    "WaitStateAborted",
    "WaitStateEntered",
    "WaitStateExited",
];

#[test]
fn the_cases_reach_everything_on_the_lists() {
    let reached = reached();
    let listed = [&STATE_TYPES[..], &FIELDS, &BOOLEAN_OPERATORS, &ERRORS, &EVENTS].concat();
    let intrinsics = Function::ALL.into_iter().map(|function| function.name().to_owned());
    let missing: Vec<String> = listed
        .into_iter()
        .map(str::to_owned)
        .chain(intrinsics)
        .chain(Operator::all().map(Operator::name))
        .filter(|word| !reached.contains(word))
        .collect();
    assert!(missing.is_empty(), "no case reaches {missing:?}");
}

/// Every word that stands in a definition, an outcome or a history.
fn reached() -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    for case in cases() {
        words(&case.definition, &mut reached);
        reached.extend(case.error.iter().cloned());
        words(&case.output.unwrap_or_default(), &mut reached);
        let events = case.history.iter().filter_map(|line| line.split(' ').nth(3));
        reached.extend(events.map(str::to_owned));
    }
    reached
}

/// Member names and texts; of expressions, the functions that they call.
fn words(value: &Value, reached: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                reached.insert(name.clone());
                words(member, reached);
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| words(element, reached)),
        Value::String(text) => {
            let calls =
                text.split('(').map(|part| part.rsplit([' ', '(', ',']).next().unwrap_or(part));
            reached.extend(calls.map(str::to_owned));
        }
        _ => {}
    }
}
