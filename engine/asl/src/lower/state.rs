//! Second pass: one state to its typed form.

use stepyard_json::{Json, Object, Payload};

use super::allowed::foreign;
use super::fields::Fields;
use super::map::map;
use super::number::{Numbering, RawState};
use super::outcome::{outcome, target, transition};
use super::task::{seconds, task};
use super::{Faults, QueryLanguage, SECONDS_MAX};
use crate::jsonata::Place;
use crate::{
    Choice, ChoiceRule, ChoiceState, Expression, Fail, Flow, Parallel, Pass, State, StateKind,
    TextSource, Timestamp, Wait, WaitUntil, choice,
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
    fields.read_language(numbering.language);
    if let Some(state_type) = &state_type {
        fields.refuse_others(state_type);
    }
    let place = match state_type.as_deref() {
        Some("Task" | "Parallel" | "Map") => Place::Result,
        _ => Place::Input,
    };
    let flow = flow(&mut fields, place);
    let assign = fields.assign(place);
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
    Some(State { name, scope: raw.scope, flow, assign, kind: kind? })
}

fn flow(fields: &mut Fields<'_, '_>, place: Place) -> Flow {
    match fields.language() {
        QueryLanguage::Jsonata => Flow::Jsonata { output: fields.output(place) },
        QueryLanguage::JsonPath => Flow::JsonPath {
            input_path: fields.data_path("InputPath"),
            output_path: fields.data_path("OutputPath"),
        },
    }
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

fn choice_rule<'a>(
    fields: &mut Fields<'a, '_>,
    at: usize,
    rule: &'a Json,
    raw: &RawState<'_>,
    numbering: &Numbering<'_>,
) -> Option<ChoiceRule> {
    let mut fields = fields.nested(rule, &format!("Choices[{at}]"));
    let next = fields
        .required_text("Next")
        .and_then(|_| target(&mut fields, "Next", numbering, raw.scope));
    let output = fields.output(Place::Input);
    let assign = fields.assign(Place::Input);
    let condition = match fields.language() {
        QueryLanguage::JsonPath => comparison(&mut fields, rule),
        QueryLanguage::Jsonata => condition(&mut fields, rule),
    };
    Some(ChoiceRule { condition: condition?, output, assign, next: next? })
}

/// The rule itself, in JSONPath.
fn comparison(fields: &mut Fields<'_, '_>, rule: &Json) -> Option<Choice> {
    for field in ["Condition", "Output"] {
        if fields.has(field) {
            fields.fault_here(foreign(QueryLanguage::JsonPath, field));
        }
    }
    if fields.has("Condition") {
        return None;
    }
    let mut faults = Vec::new();
    let condition = choice::compile(rule, fields.pointer(), &mut faults);
    for (pointer, message) in faults {
        fields.faults().schema(message, pointer);
    }
    condition
}

/// `Condition`, in JSONata: an expression or a literal.
fn condition(fields: &mut Fields<'_, '_>, rule: &Json) -> Option<Choice> {
    for (field, _) in rule.as_object().into_iter().flat_map(Object::iter) {
        if choice::is_comparison(field) {
            fields.fault_here(foreign(QueryLanguage::Jsonata, field));
        }
    }
    if let Some(jsonata) = fields.computed("Condition") {
        return jsonata.map(Choice::Jsonata);
    }
    match fields.get("Condition") {
        Some(Json::Bool(holds)) => return Some(Choice::Literal(*holds)),
        Some(_) => fields.fault("Condition", "Expected a JSONata expression or a Boolean"),
        None => fields.fault_missing("Condition"),
    }
    None
}

fn wait(
    fields: &mut Fields<'_, '_>,
    raw: &RawState<'_>,
    numbering: &Numbering<'_>,
) -> Option<Wait> {
    match fields.language() {
        QueryLanguage::JsonPath => {
            fields.exactly_one(&["Seconds", "SecondsPath", "Timestamp", "TimestampPath"]);
        }
        QueryLanguage::Jsonata => fields.exactly_one(&["Seconds", "Timestamp"]),
    }
    let until = if fields.has("Seconds") || fields.has("SecondsPath") {
        seconds(fields, "Seconds", "SecondsPath", 0..=SECONDS_MAX).map(WaitUntil::Seconds)
    } else if let Some(jsonata) = fields.computed("Timestamp") {
        jsonata.map(WaitUntil::TimestampJsonata)
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
    if let Some(jsonata) = fields.computed(literal) {
        return jsonata.map(TextSource::Jsonata);
    }
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
    let parameters = fields.arguments();
    let outcome = outcome(fields, numbering, raw.scope)?;
    Some(Parallel { branches: raw.nested.clone(), parameters, outcome })
}
