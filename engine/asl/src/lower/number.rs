//! First pass: all states and scopes, numbered in document order.

use std::collections::{BTreeMap, BTreeSet};

use stepyard_json::Json;

use super::{Faults, QueryLanguage};
use crate::{Code, ScopeId, StateId, WorkflowType};

/// Longest name of a state, in characters.
const NAME_CHARS_MAX: usize = 80;

/// All states and scopes of a document, by their numbers.
#[derive(Default)]
pub(super) struct Numbering<'a> {
    pub(super) states: Vec<RawState<'a>>,
    pub(super) scopes: Vec<RawScope<'a>>,
    pub(super) workflow: WorkflowType,
    /// Of states that say nothing of their own.
    pub(super) language: QueryLanguage,
}

/// A state as it is written.
pub(super) struct RawState<'a> {
    pub(super) name: &'a str,
    pub(super) json: &'a Json,
    pub(super) pointer: String,
    pub(super) scope: ScopeId,
    /// Scopes nested in it, in the order of its branches.
    pub(super) nested: Vec<ScopeId>,
}

/// An object with `StartAt` and `States` as it is written.
pub(super) struct RawScope<'a> {
    pub(super) json: &'a Json,
    pub(super) pointer: String,
    pub(super) parent: Option<StateId>,
    pub(super) names: BTreeMap<&'a str, StateId>,
}

pub(super) fn number<'a>(document: &'a Json, faults: &mut Faults) -> Numbering<'a> {
    let mut numbering = Numbering::default();
    numbering.scope(document, String::new(), None, faults);
    numbering.report_duplicates(faults);
    numbering
}

impl<'a> Numbering<'a> {
    /// Recursion is bounded by the depth of the JSON text, which is bounded by its parser: each
    /// nested scope costs at least three levels.
    fn scope(
        &mut self,
        json: &'a Json,
        pointer: String,
        parent: Option<StateId>,
        faults: &mut Faults,
    ) -> ScopeId {
        let id = ScopeId(self.scopes.len() as u32);
        check_required(json, &pointer, faults);
        let states_at = format!("{pointer}/States");
        self.scopes.push(RawScope { json, pointer, parent, names: BTreeMap::new() });
        let Some(states) = json.get("States") else { return id };
        match states.as_object() {
            None => faults.schema("Expected value of type Object", states_at),
            Some(states) if states.is_empty() => faults.schema("Value cannot be empty", states_at),
            Some(states) => {
                for (name, state) in states.iter() {
                    self.state(name, state, format!("{states_at}/{name}"), id, faults);
                }
            }
        }
        id
    }

    fn state(
        &mut self,
        name: &'a str,
        json: &'a Json,
        pointer: String,
        scope: ScopeId,
        faults: &mut Faults,
    ) {
        let id = StateId(self.states.len() as u32);
        if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
            let message = format!("State names have 1 to {NAME_CHARS_MAX} characters");
            faults.schema(message, pointer.clone());
        }
        self.scopes[scope.0 as usize].names.insert(name, id);
        let nested = nested_scopes(json, &pointer);
        self.states.push(RawState { name, json, pointer, scope, nested: Vec::new() });
        for (scope_json, scope_pointer) in nested {
            let nested_id = self.scope(scope_json, scope_pointer, Some(id), faults);
            self.states[id.0 as usize].nested.push(nested_id);
        }
    }

    fn report_duplicates(&self, faults: &mut Faults) {
        let mut seen = BTreeSet::new();
        for state in &self.states {
            if !seen.insert(state.name) {
                let message = format!("Duplicate State name: {}", state.name);
                faults.add(Code::DuplicateStateName, message, state.pointer.clone());
            }
        }
    }
}

fn check_required(json: &Json, pointer: &str, faults: &mut Faults) {
    let location = if pointer.is_empty() { "/" } else { pointer };
    if json.as_object().is_none() {
        faults.schema("Expected value of type Object", location);
        return;
    }
    let missing: Vec<_> =
        ["States", "StartAt"].into_iter().filter(|field| json.get(field).is_none()).collect();
    if !missing.is_empty() {
        let message = format!("These fields are required: [{}]", missing.join(", "));
        faults.schema(message, location);
    }
    if json.get("StartAt").is_some_and(|start| start.as_str().is_none()) {
        faults.schema("Expected value of type String", format!("{pointer}/StartAt"));
    }
}

/// The scopes that a Parallel or Map state holds, with their places.
fn nested_scopes<'a>(state: &'a Json, pointer: &str) -> Vec<(&'a Json, String)> {
    match state.get("Type").and_then(Json::as_str) {
        Some("Parallel") => {
            let branches = state.get("Branches").and_then(Json::as_array).unwrap_or_default();
            let numbered = branches.iter().enumerate();
            numbered.map(|(at, branch)| (branch, format!("{pointer}/Branches[{at}]"))).collect()
        }
        Some("Map") => ["ItemProcessor", "Iterator"]
            .into_iter()
            .filter_map(|field| Some((state.get(field)?, format!("{pointer}/{field}"))))
            .take(1)
            .collect(),
        _ => Vec::new(),
    }
}
