//! Whether the states of a document hang together: each one is named by another, and the execution can end. Both are errors
//! on AWS, in words that its users report (cfn-lint, issues 4073 and 4074; floci, issue 2735).

use stepyard_json::Json;

use super::Faults;
use super::number::{Numbering, RawScope, RawState};
use crate::{Code, Diagnostic, Program, ScopeId, Severity};

/// Tells states that nothing leads to, and an execution that never ends.
pub(super) fn check(numbering: &Numbering<'_>, faults: &mut Faults) {
    check_named(numbering, faults);
    // A state without a transition is told as such, not as an execution without an end.
    if faults.0.iter().any(|fault| fault.code == Code::SchemaValidationFailed) {
        return;
    }
    let mut top = numbering.states.iter().filter(|state| state.scope == Program::ROOT).peekable();
    if top.peek().is_some() && !top.any(is_terminal) {
        faults.0.push(Diagnostic {
            severity: Severity::Error,
            code: Code::MissingEndState,
            message: "Workflow has no terminal state".into(),
            location: None,
        });
    }
}

/// To AWS a state is reachable when `StartAt` or any state of the scope names it, be that one reachable or not.
fn check_named(numbering: &Numbering<'_>, faults: &mut Faults) {
    let mut is_named = vec![false; numbering.states.len()];
    let mut name = |scope, target: &str| {
        if let Some(id) = numbering.find(scope, target) {
            is_named[id.0 as usize] = true;
        }
    };
    for state in &numbering.states {
        targets(state.json).for_each(|target| name(state.scope, target));
    }
    let starts: Vec<_> = numbering.scopes.iter().map(start_of).collect();
    for (scope, start) in (0..).map(ScopeId).zip(&starts) {
        start.iter().for_each(|start| name(scope, start));
    }
    for (state, _) in numbering.states.iter().zip(&is_named).filter(|(_, is_named)| !**is_named) {
        // Without `StartAt` that is the fault.
        if starts[state.scope.0 as usize].is_some() {
            let message = format!("State \"{}\" is not reachable.", state.name);
            faults.add(Code::MissingTransitionTarget, message, state.pointer.clone());
        }
    }
}

fn start_of<'a>(scope: &RawScope<'a>) -> Option<&'a str> {
    scope.json.get("StartAt").and_then(Json::as_str)
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
