//! What Task, Parallel and Map states share: result shaping, `Retry`, `Catch`, transitions.

use std::sync::Arc;

use stepyard_json::Json;

use super::fields::Fields;
use super::number::Numbering;
use super::{SECONDS_MAX, missing_target};
use crate::jsonata::Place;
use crate::{
    Catcher, Code, ErrorEquals, JitterStrategy, Outcome, Retrier, ScopeId, StateId, Transition,
};

/// Longest `MaxDelaySeconds`: one year.
const MAX_DELAY_SECONDS_MAX: u64 = 31_622_400;

pub(super) fn outcome(
    fields: &mut Fields<'_, '_>,
    numbering: &Numbering<'_>,
    scope: ScopeId,
) -> Option<Outcome> {
    let result_selector = fields.template("ResultSelector");
    let result_path = fields.result_path();
    let retry = entries(fields, "Retry", retrier);
    let catch = entries(fields, "Catch", |catch| catcher(catch, numbering, scope));
    let transition = transition(fields, numbering, scope);
    Some(Outcome { result_selector, result_path, retry, catch, transition: transition? })
}

/// `Next` or `End`, exactly one of them.
pub(super) fn transition(
    fields: &mut Fields<'_, '_>,
    numbering: &Numbering<'_>,
    scope: ScopeId,
) -> Option<Transition> {
    fields.exactly_one(&["Next", "End"]);
    if fields.has("Next") {
        return target(fields, "Next", numbering, scope).map(Transition::Next);
    }
    match fields.get("End") {
        Some(Json::Bool(true)) => Some(Transition::End),
        Some(Json::Bool(false)) => {
            fields.fault_here("One of these fields is required: [Next, End]");
            None
        }
        Some(_) => {
            fields.fault("End", "Expected value of type Boolean");
            None
        }
        None => None,
    }
}

/// The state that a field names; it must stand in the same scope.
pub(super) fn target(
    fields: &mut Fields<'_, '_>,
    field: &str,
    numbering: &Numbering<'_>,
    scope: ScopeId,
) -> Option<StateId> {
    let name = fields.text(field)?;
    let found = numbering.find(scope, &name);
    if found.is_none() {
        let place = fields.place(field);
        fields.faults().add(Code::MissingTransitionTarget, missing_target(&name), place);
    }
    found
}

fn entries<T>(
    fields: &mut Fields<'_, '_>,
    field: &str,
    mut lower: impl FnMut(&mut Fields<'_, '_>) -> Option<T>,
) -> Vec<T> {
    let Some(list) = fields.get(field) else { return Vec::new() };
    let Some(list) = list.as_array() else {
        fields.fault(field, "Expected value of type Array");
        return Vec::new();
    };
    let last = list.len().saturating_sub(1);
    let mut lowered = Vec::new();
    for (at, entry) in list.iter().enumerate() {
        let mut entry = fields.nested(entry, &format!("{field}[{at}]"));
        check_states_all(&mut entry, at == last);
        lowered.extend(lower(&mut entry));
    }
    lowered
}

/// `States.ALL` stands alone and in the last entry.
fn check_states_all(entry: &mut Fields<'_, '_>, is_last: bool) {
    let names = entry.get("ErrorEquals").and_then(Json::as_array).unwrap_or_default();
    let is_all = |name: &Json| name.as_str() == Some("States.ALL");
    if names.iter().any(is_all) && (names.len() > 1 || !is_last) {
        entry.fault("ErrorEquals", "States.ALL must appear alone and in the last entry");
    }
}

fn error_equals(entry: &mut Fields<'_, '_>) -> Option<ErrorEquals> {
    let Some(names) = entry.get("ErrorEquals") else {
        entry.fault_missing("ErrorEquals");
        return None;
    };
    match names.as_array() {
        Some([]) => entry.fault("ErrorEquals", "Value cannot be empty"),
        Some(list) => {
            let texts: Option<Vec<Arc<str>>> =
                list.iter().map(|name| name.as_str().map(Arc::from)).collect();
            if let Some(texts) = texts {
                return Some(ErrorEquals(texts));
            }
            entry.fault("ErrorEquals", "Expected values of type String");
        }
        None => entry.fault("ErrorEquals", "Expected value of type Array"),
    }
    None
}

fn retrier(entry: &mut Fields<'_, '_>) -> Option<Retrier> {
    let error_equals = error_equals(entry);
    let interval_seconds = entry.integer("IntervalSeconds", 1..=SECONDS_MAX).unwrap_or(1);
    let max_attempts = entry.integer("MaxAttempts", 0..=SECONDS_MAX).unwrap_or(3);
    let max_delay_seconds = entry.integer("MaxDelaySeconds", 1..=MAX_DELAY_SECONDS_MAX);
    let backoff_rate = match entry.get("BackoffRate").map(Json::as_f64) {
        None => 2.0,
        Some(Some(rate)) if rate >= 1.0 && rate.is_finite() => rate,
        Some(_) => {
            entry.fault("BackoffRate", "Expected a number greater than or equal to 1.0");
            2.0
        }
    };
    let jitter = match entry.text("JitterStrategy").as_deref() {
        None | Some("NONE") => JitterStrategy::None,
        Some("FULL") => JitterStrategy::Full,
        Some(_) => {
            let message =
                "The field 'JitterStrategy' should have one of these values: [FULL, NONE]";
            entry.fault("JitterStrategy", message);
            JitterStrategy::None
        }
    };
    let error_equals = error_equals?;
    Some(Retrier {
        error_equals,
        interval_seconds,
        max_attempts,
        backoff_rate,
        max_delay_seconds,
        jitter,
    })
}

fn catcher(
    entry: &mut Fields<'_, '_>,
    numbering: &Numbering<'_>,
    scope: ScopeId,
) -> Option<Catcher> {
    let error_equals = error_equals(entry);
    let result_path = entry.result_path();
    entry.required_text("Next")?;
    let next = target(entry, "Next", numbering, scope);
    let output = entry.output(Place::Catch);
    let assign = entry.assign(Place::Catch);
    Some(Catcher { error_equals: error_equals?, result_path, output, assign, next: next? })
}
