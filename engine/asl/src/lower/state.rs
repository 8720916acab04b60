//! Second pass: one state to its typed form.

use stepyard_json::{Json, Payload};

use super::fields::Fields;
use super::number::{Numbering, RawState};
use super::outcome::{outcome, target, transition};
use super::task::{has_credentials, task};
use super::{Faults, QueryLanguage, SECONDS_MAX};
use crate::{
    ChoiceRule, ChoiceState, Expression, Fail, Map, MaxConcurrency, Parallel, Pass, Path, State,
    StateKind, TextSource, Timestamp, Wait, WaitUntil, choice,
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
    if fields.language(numbering.language) == QueryLanguage::Jsonata {
        check_targets(&mut fields, raw, numbering);
        return None;
    }
    fields.refuse_jsonata_fields();
    let input_path = fields.data_path("InputPath");
    let output_path = fields.data_path("OutputPath");
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
    Some(State { name: raw.name.into(), scope: raw.scope, input_path, output_path, kind: kind? })
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
        fields.fault_here("The field 'Choices' is required but was missing");
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
    rule_fields.refuse_jsonata_fields();
    if rule.get("Condition").is_some() {
        return None;
    }
    let mut faults = Vec::new();
    let condition = choice::compile(rule, &place, &mut faults);
    for (pointer, message) in faults {
        fields.faults().schema(message, pointer);
    }
    Some(ChoiceRule { condition: condition?, next: next? })
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
        None => fields.fault_here("The field 'Branches' is required but was missing"),
        Some(None) => fields.fault("Branches", "Expected value of type Array"),
        Some(Some([])) => fields.fault("Branches", "Value cannot be empty"),
        Some(Some(_)) => {}
    }
    let parameters = fields.template("Parameters");
    let outcome = outcome(fields, numbering, raw.scope)?;
    Some(Parallel { branches: raw.nested.clone(), parameters, outcome })
}

fn map(fields: &mut Fields<'_, '_>, raw: &RawState<'_>, numbering: &Numbering<'_>) -> Option<Map> {
    fields.exactly_one(&["ItemProcessor", "Iterator"]);
    refuse_distributed(fields);
    fields.at_most_one(&["ItemSelector", "Parameters"]);
    let items_path = match fields.has("ItemsPath") {
        true => fields.reference_path("ItemsPath"),
        false => Some(Path::identity()),
    };
    let item_selector = match fields.has("ItemSelector") {
        true => fields.template("ItemSelector"),
        false => fields.template("Parameters"),
    };
    fields.at_most_one(&["MaxConcurrency", "MaxConcurrencyPath"]);
    let max_concurrency = match fields.has("MaxConcurrencyPath") {
        true => fields.reference_path("MaxConcurrencyPath").map(MaxConcurrency::Path),
        false => {
            let limit = fields.integer("MaxConcurrency", 0..=u64::from(u32::MAX)).unwrap_or(0);
            Some(MaxConcurrency::Literal(u32::try_from(limit).unwrap_or(u32::MAX)))
        }
    };
    let outcome = outcome(fields, numbering, raw.scope);
    Some(Map {
        items_path: items_path?,
        item_selector,
        item_processor: *raw.nested.first()?,
        max_concurrency: max_concurrency?,
        outcome: outcome?,
    })
}

fn refuse_distributed(fields: &mut Fields<'_, '_>) {
    let processor = if fields.has("ItemProcessor") { "ItemProcessor" } else { "Iterator" };
    let config = fields.get(processor).and_then(|processor| processor.get("ProcessorConfig"));
    let place = format!("{processor}/ProcessorConfig/Mode");
    let mode = config.and_then(|config| config.get("Mode")).and_then(Json::as_str);
    if mode == Some("DISTRIBUTED") {
        fields.unsupported(&place, "The Map mode DISTRIBUTED");
    } else if mode.is_some_and(|mode| mode != "INLINE") {
        let message = "The field 'Mode' should have one of these values: [INLINE, DISTRIBUTED]";
        fields.fault(&place, message);
    }
    for field in ["ItemReader", "ItemBatcher", "ResultWriter"] {
        if fields.has(field) && mode != Some("DISTRIBUTED") {
            fields.fault(field, format!("The field '{field}' needs the Map mode DISTRIBUTED"));
        }
    }
}
