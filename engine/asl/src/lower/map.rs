//! Map states, in both modes. A Map in DISTRIBUTED mode is checked as a whole, though it is not run yet.

use std::ops::RangeInclusive;

use stepyard_json::Json;

use super::allowed::unsupported;
use super::fields::Fields;
use super::number::{Numbering, RawState};
use super::outcome::outcome;
use crate::jsonata::Place;
use crate::{Code, Items, Map, MaxConcurrency, Path, Tolerated};

/// Items that a reader hands out at most (AWS developer guide, `MaxItems`).
const ITEMS_MAX: u64 = 100_000_000;

/// Largest input of a batch, in bytes (AWS developer guide, `MaxInputBytesPerBatch`).
const BATCH_BYTES_MAX: u64 = 262_144;

/// Longest `Label`, in characters (AWS developer guide).
const LABEL_CHARS_MAX: usize = 40;

/// What a `Label` cannot hold, beside control characters (AWS developer guide).
const LABEL_EXCLUDES: &str = " ?*<>{}[]\"#%\\^|~`$&,;:/";

/// Fields that only DISTRIBUTED mode has.
const DISTRIBUTED_FIELDS: [&str; 3] = ["ItemReader", "ItemBatcher", "ResultWriter"];

pub(super) fn map(
    fields: &mut Fields<'_, '_>,
    raw: &RawState<'_>,
    numbering: &Numbering<'_>,
) -> Option<Map> {
    fields.exactly_one(&["ItemProcessor", "Iterator"]);
    check_mode(fields);
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
fn check_mode(fields: &mut Fields<'_, '_>) {
    let processor = if fields.has("ItemProcessor") { "ItemProcessor" } else { "Iterator" };
    if fields.get(processor).is_some_and(|processor| processor.get("QueryLanguage").is_some()) {
        // Its states have the language of the state machine, or say one themselves.
        fields.fault(processor, unsupported("QueryLanguage"));
    }
    let config = fields.get(processor).and_then(|processor| processor.get("ProcessorConfig"));
    let place = format!("{processor}/ProcessorConfig");
    let mut is_distributed = false;
    if let Some(config) = config {
        let mut config = fields.nested(config, &place);
        if config.is_object() {
            config.one_of("Mode", &["INLINE", "DISTRIBUTED"]);
            is_distributed = config.get("Mode").and_then(Json::as_str) == Some("DISTRIBUTED");
        }
        if is_distributed {
            config.required_text("ExecutionType");
            config.one_of("ExecutionType", &["STANDARD", "EXPRESS"]);
        }
    }
    if is_distributed {
        check_distributed(fields);
        return fields.unsupported(&format!("{place}/Mode"), "The Map mode DISTRIBUTED");
    }
    for field in DISTRIBUTED_FIELDS {
        if fields.has(field) {
            fields.fault(field, format!("The field '{field}' needs the Map mode DISTRIBUTED"));
        }
    }
}

fn check_distributed(fields: &mut Fields<'_, '_>) {
    check_object(fields, "ItemReader", |reader| {
        reader.required_text("Resource");
        reader.arguments();
        check_object(reader, "ReaderConfig", check_reader);
    });
    check_object(fields, "ItemBatcher", |batcher| {
        check_count(batcher, "MaxItemsPerBatch", 1..=ITEMS_MAX);
        check_count(batcher, "MaxInputBytesPerBatch", 1..=BATCH_BYTES_MAX);
        batcher.any_of(&[
            "MaxItemsPerBatch",
            "MaxItemsPerBatchPath",
            "MaxInputBytesPerBatch",
            "MaxInputBytesPerBatchPath",
        ]);
        check_paths(batcher, &["MaxItemsPerBatch", "MaxInputBytesPerBatch"]);
        batcher.template_in_language("BatchInput", Place::Input);
    });
    check_object(fields, "ResultWriter", |writer| {
        if !writer.has("Resource") && !writer.has("WriterConfig") {
            writer.fault_here("Value cannot be empty");
        }
        writer.text("Resource");
        writer.arguments();
    });
}

/// `ReaderConfig`.
fn check_reader(config: &mut Fields<'_, '_>) {
    config.one_of("InputType", &["CSV", "JSON", "JSONL", "PARQUET", "MANIFEST"]);
    config.one_of("CSVHeaderLocation", &["FIRST_ROW", "GIVEN"]);
    config.one_of("CSVDelimiter", &["COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"]);
    config.one_of("Transformation", &["NONE", "LOAD_AND_FLATTEN"]);
    check_count(config, "MaxItems", 0..=ITEMS_MAX);
    check_paths(config, &["MaxItems"]);
}

/// A whole number, written or computed.
fn check_count(fields: &mut Fields<'_, '_>, name: &str, range: RangeInclusive<u64>) {
    if fields.computed(name).is_none() {
        fields.integer(name, range);
    }
}

/// Values that may also stand at the end of a path.
fn check_paths(fields: &mut Fields<'_, '_>, names: &[&str]) {
    for name in names {
        let by_path = format!("{name}Path");
        fields.at_most_one(&[name, &by_path]);
        if fields.has(&by_path) {
            fields.reference_path(&by_path);
        }
    }
}

/// An object within another one, if it is given.
fn check_object(fields: &mut Fields<'_, '_>, name: &str, check: impl FnOnce(&mut Fields<'_, '_>)) {
    let Some(object) = fields.get(name) else { return };
    let mut object = fields.nested(object, name);
    if object.is_object() {
        check(&mut object);
    }
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
