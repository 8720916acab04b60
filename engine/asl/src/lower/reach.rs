//! Whether the states of a document hang together: each one is named by another, and the execution can end. Both are errors
//! on AWS, in words that its users report (cfn-lint, issues 4073 and 4074; floci, issue 2735).

use std::collections::BTreeSet;

use stepyard_json::Json;

use super::Faults;
use super::number::{Numbering, RawScope, RawState};
use crate::{Code, Diagnostic, Severity};

/// Tells states that nothing leads to, scope by scope, and an execution that never ends.
pub(super) fn check(numbering: &Numbering<'_>, faults: &mut Faults) {
    for scope in &numbering.scopes {
        check_scope(scope, &numbering.states, faults);
    }
    // A state without a transition is told as such, not as an execution without an end.
    if faults.0.iter().any(|fault| fault.code == Code::SchemaValidationFailed) {
        return;
    }
    let Some(top) = numbering.scopes.first().filter(|top| !top.names.is_empty()) else { return };
    if !states_of(top, &numbering.states).any(is_terminal) {
        faults.0.push(Diagnostic {
            severity: Severity::Error,
            code: Code::MissingEndState,
            message: "Workflow has no terminal state".into(),
            location: None,
        });
    }
}

/// To AWS a state is reachable when `StartAt` or any state of the scope names it, be that one reachable or not.
fn check_scope(scope: &RawScope<'_>, states: &[RawState<'_>], faults: &mut Faults) {
    let Some(start) = scope.json.get("StartAt").and_then(Json::as_str) else { return };
    let mut named: BTreeSet<&str> = BTreeSet::from([start]);
    for state in states_of(scope, states) {
        named.extend(targets(state.json));
    }
    for state in states_of(scope, states).filter(|state| !named.contains(state.name)) {
        let message = format!("State \"{}\" is not reachable.", state.name);
        faults.add(Code::MissingTransitionTarget, message, state.pointer.clone());
    }
}

/// In document order.
fn states_of<'s, 'a>(
    scope: &'s RawScope<'a>,
    states: &'s [RawState<'a>],
) -> impl Iterator<Item = &'s RawState<'a>> {
    let ids: BTreeSet<_> = scope.names.values().copied().collect();
    ids.into_iter().filter_map(|id| states.get(id.0 as usize))
}

/// The states that a state names: `Next`, `Default`, and `Next` of its choices and catchers.
fn targets(state: &Json) -> impl Iterator<Item = &str> {
    let entries = ["Choices", "Catch"].into_iter().filter_map(|field| state.get(field)?.as_array());
    let next = entries.flatten().filter_map(|entry| entry.get("Next"));
    let own = ["Next", "Default"].into_iter().filter_map(|field| state.get(field));
    next.chain(own).filter_map(Json::as_str)
}

fn is_terminal(state: &RawState<'_>) -> bool {
    let ends = state.json.get("End").and_then(Json::as_bool) == Some(true);
    ends || matches!(state.json.get("Type").and_then(Json::as_str), Some("Succeed" | "Fail"))
}
