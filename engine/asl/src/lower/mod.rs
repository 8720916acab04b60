//! Document to program, in two passes: the first numbers all states and scopes in document order, the
//! second lowers state by state, so that every transition is resolved as it is met.

mod allowed;
mod distributed;
mod fields;
mod map;
mod number;
mod outcome;
mod reach;
mod state;
mod task;
mod variables;

use std::sync::Arc;

use stepyard_json::Json;

use crate::{
    Code, Compilation, Diagnostic, Flow, Program, Resource, Scope, ScopeId, Severity, StateId,
    StateKind, WorkflowType,
};
use fields::Fields;
use number::{Numbering, RawScope};

/// Longest timeouts and intervals, in seconds (States Language, AWS developer guide).
pub(crate) const SECONDS_MAX: u64 = 99_999_999;

/// Lowers a document that is a JSON object. There is a program whenever all of it could be lowered, whatever its faults.
pub(crate) fn lower(document: &Json, workflow: WorkflowType) -> Compilation {
    let mut faults = Faults::default();
    let mut numbering = number::number(document, &mut faults);
    numbering.workflow = workflow;
    let (timeout_seconds, comment, language) = top_level(document, &mut faults);
    numbering.language = language;
    let mut states = Vec::with_capacity(numbering.states.len());
    for raw in &numbering.states {
        states.extend(state::lower(raw, &numbering, &mut faults));
    }
    let scopes: Vec<_> =
        numbering.scopes.iter().filter_map(|raw| start(raw, &mut faults)).collect();
    reach::check(&numbering, &mut faults);
    let has_states = states.len() == numbering.states.len();
    variables::check(&numbering, if has_states { &states } else { &[] }, &mut faults);
    let complete = has_states && scopes.len() == numbering.scopes.len();
    let has_jsonata = states.iter().any(|state| matches!(state.flow, Flow::Jsonata { .. }));
    let has_activities = states.iter().any(|state| is_of_activity(&state.kind));
    let program = Program { states, scopes, timeout_seconds, comment, has_jsonata, has_activities };
    let program = complete.then(|| Arc::new(program));
    Compilation { program, diagnostics: faults.0 }
}

fn is_of_activity(kind: &StateKind) -> bool {
    matches!(kind, StateKind::Task(task) if matches!(task.resource, Resource::Activity { .. }))
}

fn top_level(
    document: &Json,
    faults: &mut Faults,
) -> (Option<u64>, Option<Arc<str>>, QueryLanguage) {
    let mut fields = Fields::new(document, String::new(), faults);
    let timeout = fields.integer("TimeoutSeconds", 1..=SECONDS_MAX);
    let comment = fields.text("Comment");
    if fields.text("Version").is_some_and(|version| &*version != "1.0") {
        fields.fault("Version", "The only supported version is '1.0'");
    }
    (timeout, comment, fields.read_language(QueryLanguage::JsonPath))
}

/// The language of a state's paths and expressions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum QueryLanguage {
    #[default]
    JsonPath,
    Jsonata,
}

fn start(raw: &RawScope<'_>, faults: &mut Faults) -> Option<Scope> {
    let start_at = raw.json.get("StartAt").and_then(Json::as_str)?;
    raw.json.get("States")?;
    match raw.names.get(start_at) {
        Some(&start) => Some(Scope { start, parent: raw.parent }),
        None => {
            let location = format!("{}/StartAt", raw.pointer);
            faults.add(Code::MissingTransitionTarget, missing_target(start_at), location);
            None
        }
    }
}

/// In the words of AWS, whichever field it is.
fn missing_target(target: &str) -> String {
    format!("Missing 'Next' target: {target}")
}

/// The faults found so far.
#[derive(Default)]
pub(crate) struct Faults(Vec<Diagnostic>);

impl Faults {
    fn add(&mut self, code: Code, message: impl Into<String>, location: impl Into<String>) {
        self.0.push(Diagnostic {
            severity: Severity::Error,
            code,
            message: message.into(),
            location: Some(location.into()),
        });
    }

    fn schema(&mut self, message: impl Into<String>, location: impl Into<String>) {
        self.add(Code::SchemaValidationFailed, message, location);
    }
}

impl Numbering<'_> {
    /// The state of that name in a scope.
    fn find(&self, scope: ScopeId, name: &str) -> Option<StateId> {
        self.scopes[scope.0 as usize].names.get(name).copied()
    }
}

#[cfg(test)]
mod tests;
