//! The state that is tested, with as much of a state machine around it as it needs.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use stepyard_asl::Program;

use crate::actions::create_state_machine::check_definition;
use crate::wire::ApiError;

/// The name of a state that is given alone (recorded from AWS).
const ALONE: &str = "StateName";

/// What only a Distributed Map has. With its result mocked it is tested as the others.
const DISTRIBUTED: [&str; 4] = ["ItemReader", "ItemBatcher", "ResultWriter", "Label"];

/// A state and its name.
pub(super) struct Subject {
    name: String,
    pub(super) state: Value,
    is_alone: bool,
    /// `QueryLanguage` of the state machine.
    query_language: Value,
}

impl Subject {
    /// The state of a definition: the whole text, or the state of that name in a state machine.
    pub(super) fn find(definition: &str, name: Option<&str>) -> Result<Subject, ApiError> {
        let parsed = serde_json::from_str(definition);
        let Ok(whole) = parsed else { return Err(not_json(definition)) };
        let Some(name) = name else {
            let (name, query_language) = (ALONE.into(), Value::Null);
            return Ok(Subject { name, state: whole, is_alone: true, query_language });
        };
        match state_of(&whole, name) {
            Some(state) => Ok(Subject {
                name: name.into(),
                state: state.clone(),
                is_alone: false,
                query_language: whole["QueryLanguage"].clone(),
            }),
            None => Err(ApiError::validation("State not found in definition")),
        }
    }

    /// Its `Type`.
    pub(super) fn state_type(&self) -> &str {
        self.state["Type"].as_str().unwrap_or_default()
    }

    /// Whether it is written in JSONata.
    pub(super) fn is_jsonata(&self) -> bool {
        let own = self.state.get("QueryLanguage").unwrap_or(&self.query_language);
        own.as_str() == Some("JSONata")
    }

    /// Whether it was given without a state machine.
    pub(super) fn is_alone(&self) -> bool {
        self.is_alone
    }

    /// Refuses what cannot be tested without a mock.
    pub(super) fn check_testable(&self, role_arn: Option<&str>) -> Result<(), ApiError> {
        match self.state_type() {
            "Map" | "Parallel" => Err(ApiError::new(
                "InvalidDefinition",
                "TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]",
            )),
            "Task" if role_arn.is_none() => {
                Err(ApiError::validation("RoleArn must be specified when testing a Task state"))
            }
            _ => Ok(()),
        }
    }

    /// A program that starts with the state; where it goes on to, it ends.
    pub(super) fn compile(&self, is_mocked: bool) -> Result<Arc<Program>, ApiError> {
        let mut state = self.state.clone();
        if is_mocked && self.state_type() == "Map" {
            run_inline(&mut state);
        }
        let mut targets = BTreeSet::new();
        collect_targets(&state, &mut targets);
        let ends = targets.into_iter().filter(|target| *target != self.name);
        let ends = ends.map(|target| (target, json!({ "Type": "Succeed" })));
        let mut states: Map<String, Value> = [(self.name.clone(), state)].into_iter().collect();
        states.extend(ends);
        let mut machine = json!({ "StartAt": self.name, "States": states });
        if !self.query_language.is_null() {
            machine["QueryLanguage"] = self.query_language.clone();
        }
        check_definition(&machine.to_string())
    }
}

fn not_json(definition: &str) -> ApiError {
    check_definition(definition).err().unwrap_or_else(|| {
        ApiError::new("InvalidDefinition", "The definition must be a JSON object")
    })
}

/// The state of that name, however deep.
fn state_of<'a>(scope: &'a Value, name: &str) -> Option<&'a Value> {
    let states = scope["States"].as_object()?;
    if let Some(state) = states.get(name) {
        return Some(state);
    }
    states.values().find_map(|state| {
        let branches = state["Branches"].as_array().into_iter().flatten();
        let processors = [&state["ItemProcessor"], &state["Iterator"]];
        branches.chain(processors).find_map(|scope| state_of(scope, name))
    })
}

/// The states that it names, but for those of its own scopes.
fn collect_targets(state: &Value, targets: &mut BTreeSet<String>) {
    let rules = ["Choices", "Catch"].into_iter().filter_map(|field| state[field].as_array());
    let next = rules.flatten().map(|rule| &rule["Next"]);
    let named = next.chain([&state["Next"], &state["Default"]]);
    targets.extend(named.filter_map(Value::as_str).map(str::to_owned));
}

fn run_inline(map: &mut Value) {
    if let Some(fields) = map.as_object_mut() {
        fields.retain(|field, _| !DISTRIBUTED.contains(&&**field));
    }
    if let Some(processor) = map.get_mut("ItemProcessor").and_then(Value::as_object_mut) {
        processor.remove("ProcessorConfig");
    }
}
