//! Map states, in both modes. A Map in DISTRIBUTED mode is lowered as a whole, though it is not run yet.

use super::allowed::unsupported;
use super::distributed::distributed;
use super::fields::Fields;
use super::number::{Numbering, RawState};
use super::outcome::outcome;
use crate::jsonata::Place;
use crate::{Code, Distributed, Items, Map, MaxConcurrency, Path, Tolerated, WorkflowType};

/// Longest `Label`, in characters (AWS developer guide).
const LABEL_CHARS_MAX: usize = 40;

/// What a `Label` cannot hold, beside control characters (AWS developer guide).
const LABEL_EXCLUDES: &str = " ?*<>{}[]\"#%\\^|~`$&,;:/";

const EXECUTION_TYPES: [(&str, WorkflowType); 2] =
    [("STANDARD", WorkflowType::Standard), ("EXPRESS", WorkflowType::Express)];

/// Fields that only DISTRIBUTED mode has.
const DISTRIBUTED_FIELDS: [&str; 3] = ["ItemReader", "ItemBatcher", "ResultWriter"];

pub(super) fn map(
    fields: &mut Fields<'_, '_>,
    raw: &RawState<'_>,
    numbering: &Numbering<'_>,
) -> Option<Map> {
    fields.exactly_one(&["ItemProcessor", "Iterator"]);
    let distributed = mode(fields);
    check_label(fields);
    fields.at_most_one(&["ItemSelector", "Parameters"]);
    let items = items(fields);
    let item_selector = match fields.has("ItemSelector") {
        true => fields.template_in_language("ItemSelector", Place::Input),
        false => fields.template("Parameters"),
    };
    let max_concurrency = max_concurrency(fields);
    let tolerated_failure_count = tolerated(fields, "ToleratedFailureCount", |fields, name| {
        fields.integer(name, 0..=u64::from(u32::MAX)).map(|count| count as f64)
    });
    let tolerated_failure_percentage = tolerated(fields, "ToleratedFailurePercentage", percentage);
    let outcome = outcome(fields, numbering, raw.scope);
    Some(Map {
        items: items?,
        item_selector,
        item_processor: *raw.nested.first()?,
        max_concurrency: max_concurrency?,
        tolerated_failure_count,
        tolerated_failure_percentage,
        distributed: distributed.map(Box::new),
        outcome: outcome?,
    })
}

/// `ItemsPath`, or `Items` in JSONata: an array, or an expression that gives one.
fn items(fields: &mut Fields<'_, '_>) -> Option<Items> {
    if fields.has("ItemsPath") {
        return fields.reference_path("ItemsPath").map(Items::Path);
    }
    if !fields.is_jsonata() || !fields.has("Items") {
        return Some(Items::Path(Path::identity()));
    }
    let items = fields.template_in_language("Items", Place::Input)?;
    let is_array = fields.get("Items").is_some_and(|items| items.as_array().is_some());
    if !is_array && items.jsonata().is_none() {
        fields.fault("Items", "Expected value of type Array");
        return None;
    }
    Some(Items::Template(items))
}

fn max_concurrency(fields: &mut Fields<'_, '_>) -> Option<MaxConcurrency> {
    fields.at_most_one(&["MaxConcurrency", "MaxConcurrencyPath"]);
    if let Some(jsonata) = fields.computed("MaxConcurrency") {
        return jsonata.map(MaxConcurrency::Jsonata);
    }
    if fields.has("MaxConcurrencyPath") {
        return fields.reference_path("MaxConcurrencyPath").map(MaxConcurrency::Path);
    }
    let limit = fields.integer("MaxConcurrency", 0..=u64::from(u32::MAX)).unwrap_or(0);
    Some(MaxConcurrency::Literal(u32::try_from(limit).unwrap_or(u32::MAX)))
}

/// A limit on failures: written, at the end of a path, or computed.
fn tolerated(
    fields: &mut Fields<'_, '_>,
    name: &str,
    literal: impl FnOnce(&mut Fields<'_, '_>, &str) -> Option<f64>,
) -> Option<Tolerated> {
    let by_path = format!("{name}Path");
    fields.at_most_one(&[name, &by_path]);
    if let Some(jsonata) = fields.computed(name) {
        return jsonata.map(Tolerated::Jsonata);
    }
    match fields.has(&by_path) {
        true => fields.reference_path(&by_path).map(Tolerated::Path),
        false => literal(fields, name).map(Tolerated::Literal),
    }
}

fn percentage(fields: &mut Fields<'_, '_>, name: &str) -> Option<f64> {
    let percentage = fields.get(name)?.as_f64();
    let percentage = percentage.filter(|percentage| (0.0..=100.0).contains(percentage));
    if percentage.is_none() {
        fields.fault(name, "Expected a number from 0 to 100");
    }
    percentage
}

/// `ProcessorConfig`, and what its mode allows.
fn mode(fields: &mut Fields<'_, '_>) -> Option<Distributed> {
    let processor = if fields.has("ItemProcessor") { "ItemProcessor" } else { "Iterator" };
    if fields.get(processor).is_some_and(|processor| processor.get("QueryLanguage").is_some()) {
        // Its states have the language of the state machine, or say one themselves.
        fields.fault(processor, unsupported("QueryLanguage"));
    }
    let config = fields.get(processor).and_then(|processor| processor.get("ProcessorConfig"));
    let place = format!("{processor}/ProcessorConfig");
    let mut is_distributed = false;
    let mut execution_type = None;
    if let Some(config) = config {
        let mut config = fields.nested(config, &place);
        if config.is_object() {
            let modes = [("INLINE", false), ("DISTRIBUTED", true)];
            is_distributed = config.choice("Mode", &modes).unwrap_or_default();
        }
        if is_distributed {
            config.required_text("ExecutionType");
            execution_type = config.choice("ExecutionType", &EXECUTION_TYPES);
        }
    }
    if is_distributed {
        return Some(distributed(fields, execution_type.unwrap_or_default()));
    }
    for field in DISTRIBUTED_FIELDS {
        if fields.has(field) {
            fields.fault(field, format!("The field '{field}' needs the Map mode DISTRIBUTED"));
        }
    }
    None
}

/// `Label`, which becomes a part of ARNs.
fn check_label(fields: &mut Fields<'_, '_>) {
    let Some(label) = fields.text("Label") else { return };
    let is_excluded = |c: &char| c.is_control() || LABEL_EXCLUDES.contains(*c);
    let message = match label.chars().find(is_excluded) {
        _ if label.is_empty() => "Label cannot be empty".to_owned(),
        Some(excluded) => format!("Label contains invalid character: '{}'", shown(excluded)),
        None if label.chars().count() > LABEL_CHARS_MAX => {
            format!("Label cannot exceed {LABEL_CHARS_MAX} characters")
        }
        None => return,
    };
    let place = fields.place("Label");
    fields.faults().add(Code::InvalidLabel, message, place);
}

/// A character in a message; `\n`, `\x85` and their like are spelt out.
fn shown(character: char) -> String {
    match character {
        '\n' => "\\n".into(),
        '\r' => "\\r".into(),
        '\t' => "\\t".into(),
        '\\' => "\\\\".into(),
        _ if character.is_control() => format!("\\x{:02x}", u32::from(character)),
        _ => character.into(),
    }
}
