//! Second pass: one state to its typed form.

use stepyard_json::{Json, Payload};

use super::allowed::foreign;
use super::fields::Fields;
use super::map::map;
use super::number::{Numbering, RawState};
use super::outcome::{outcome, target, transition};
use super::task::{has_credentials, task};
use super::{Faults, QueryLanguage, SECONDS_MAX};
use crate::{
    ChoiceRule, ChoiceState, Expression, Fail, Parallel, Pass, State, StateKind, TextSource,
    Timestamp, Wait, WaitUntil, choice,
};

const TYPES: &str = "The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map]";

pub(super) fn lower(
    raw: &RawState<'_>,
    numbering: &Numbering<'_>,
    faults: &mut Faults,
) -> Option<State> {
    if raw.json.as_object().is_none() {
        faults.schema("Expected value of type Object", raw.pointer.clone());
        return None;
    }
    let mut fields = Fields::new(raw.json, raw.pointer.clone(), faults);
    let state_type = fields.required_text("Type");
    let language = fields.language(numbering.language);
    if let Some(state_type) = &state_type {
        fields.refuse_others(state_type, language);
    }
    if language == QueryLanguage::Jsonata {
        check_targets(&mut fields, raw, numbering);
        return None;
    }
    let input_path = fields.data_path("InputPath");
    let output_path = fields.data_path("OutputPath");
    let assign = fields.assign();
    let kind = match &*state_type? {
        "Pass" => pass(&mut fields, raw, numbering).map(StateKind::Pass),
        "Task" => {
            task(&mut fields, numbering, raw.scope).map(|task| StateKind::Task(Box::new(task)))
        }
        "Choice" => choice_state(&mut fields, raw, numbering).map(StateKind::Choice),
        "Wait" => wait(&mut fields, raw, numbering).map(StateKind::Wait),
        "Succeed" => Some(StateKind::Succeed),
        "Fail" => Some(StateKind::Fail(fail(&mut fields))),
        "Parallel" => {
            parallel(&mut fields, raw, numbering).map(|state| StateKind::Parallel(Box::new(state)))
        }
        "Map" => map(&mut fields, raw, numbering).map(|state| StateKind::Map(Box::new(state))),
        _ => {
            fields.fault("Type", TYPES);
            None
        }
    };
    let name = raw.name.into();
    Some(State { name, scope: raw.scope, input_path, output_path, assign, kind: kind? })
}

/// All that is checked of a state whose language is not run yet.
fn check_targets(fields: &mut Fields<'_, '_>, raw: &RawState<'_>, numbering: &Numbering<'_>) {
    for field in ["Next", "Default"] {
        if fields.has(field) {
            target(fields, field, numbering, raw.scope);
        }
    }
    has_credentials(fields);
}

fn pass(
    fields: &mut Fields<'_, '_>,
    raw: &RawState<'_>,
    numbering: &Numbering<'_>,
) -> Option<Pass> {
    let parameters = fields.template("Parameters");
    let result = fields.get("Result").map(|result| Payload::from(result.clone()));
    let result_path = fields.result_path();
    let transition = transition(fields, numbering, raw.scope)?;
    Some(Pass { parameters, result, result_path, transition })
}

fn choice_state(
    fields: &mut Fields<'_, '_>,
    raw: &RawState<'_>,
    numbering: &Numbering<'_>,
) -> Option<ChoiceState> {
    let default = match fields.has("Default") {
        true => Some(target(fields, "Default", numbering, raw.scope)?),
        false => None,
    };
    let Some(rules) = fields.get("Choices") else {
        fields.fault_missing("Choices");
        return None;
    };
    match rules.as_array() {
        Some([]) => fields.fault("Choices", "Value cannot be empty"),
        Some(rules) => {
            let lowered: Vec<_> = rules
                .iter()
                .enumerate()
                .map(|(at, rule)| choice_rule(fields, at, rule, raw, numbering))
                .collect();
            let choices: Option<Vec<_>> = lowered.into_iter().collect();
            return Some(ChoiceState { choices: choices?, default });
        }
        None => fields.fault("Choices", "Expected value of type Array"),
    }
    None
}

fn choice_rule(
    fields: &mut Fields<'_, '_>,
    at: usize,
    rule: &Json,
    raw: &RawState<'_>,
    numbering: &Numbering<'_>,
) -> Option<ChoiceRule> {
    let place = format!("{}/Choices[{at}]", fields.pointer());
    let mut rule_fields = Fields::new(rule, place.clone(), fields.faults());
    let next = rule_fields
        .required_text("Next")
        .and_then(|_| target(&mut rule_fields, "Next", numbering, raw.scope));
    let assign = rule_fields.assign();
    for field in ["Condition", "Output"] {
        if rule.get(field).is_some() {
            rule_fields.fault_here(foreign(QueryLanguage::JsonPath, field));
        }
    }
    if rule.get("Condition").is_some() {
        return None;
    }
    let mut faults = Vec::new();
    let condition = choice::compile(rule, &place, &mut faults);
    for (pointer, message) in faults {
        fields.faults().schema(message, pointer);
    }
    Some(ChoiceRule { condition: condition?, assign, next: next? })
}

fn wait(
    fields: &mut Fields<'_, '_>,
    raw: &RawState<'_>,
    numbering: &Numbering<'_>,
) -> Option<Wait> {
    fields.exactly_one(&["Seconds", "SecondsPath", "Timestamp", "TimestampPath"]);
    let until = if fields.has("Seconds") {
        fields.integer("Seconds", 0..=SECONDS_MAX).map(WaitUntil::Seconds)
    } else if fields.has("SecondsPath") {
        fields.reference_path("SecondsPath").map(WaitUntil::SecondsPath)
    } else if fields.has("Timestamp") {
        let parsed = fields.text("Timestamp").map(|text| Timestamp::parse(&text));
        if parsed == Some(None) {
            fields.fault("Timestamp", "String does not match RFC3339 timestamp");
        }
        parsed.flatten().map(WaitUntil::Timestamp)
    } else {
        fields.reference_path("TimestampPath").map(WaitUntil::TimestampPath)
    };
    let transition = transition(fields, numbering, raw.scope);
    Some(Wait { until: until?, transition: transition? })
}

fn fail(fields: &mut Fields<'_, '_>) -> Fail {
    Fail {
        error: text_source(fields, "Error", "ErrorPath"),
        cause: text_source(fields, "Cause", "CausePath"),
    }
}

fn text_source(fields: &mut Fields<'_, '_>, literal: &str, by_path: &str) -> Option<TextSource> {
    fields.at_most_one(&[literal, by_path]);
    if let Some(text) = fields.text(literal) {
        return Some(TextSource::Literal(text));
    }
    let text = fields.text(by_path)?;
    match Expression::parse(by_path, &text) {
        Ok(expression) => Some(TextSource::Expression(expression)),
        Err(_) => {
            let message = format!(
                "The value for the field '{by_path}' must be a valid JSONPath or a valid intrinsic function call"
            );
            fields.fault(by_path, message);
            None
        }
    }
}

fn parallel(
    fields: &mut Fields<'_, '_>,
    raw: &RawState<'_>,
    numbering: &Numbering<'_>,
) -> Option<Parallel> {
    match fields.get("Branches").map(Json::as_array) {
        None => fields.fault_missing("Branches"),
        Some(None) => fields.fault("Branches", "Expected value of type Array"),
        Some(Some([])) => fields.fault("Branches", "Value cannot be empty"),
        Some(Some(_)) => {}
    }
    let parameters = fields.template("Parameters");
    let outcome = outcome(fields, numbering, raw.scope)?;
    Some(Parallel { branches: raw.nested.clone(), parameters, outcome })
}
