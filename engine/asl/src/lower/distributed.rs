//! The fields of a Map state in DISTRIBUTED mode.

use std::ops::RangeInclusive;
use std::sync::Arc;

use stepyard_json::Json;

use super::fields::Fields;
use crate::jsonata::Place;
use crate::{
    BATCH_BYTES_MAX, Count, CsvDelimiter, CsvHeaders, Distributed, ITEMS_MAX, InputType,
    ItemBatcher, ItemReader, ManifestType, OutputType, Pattern, ReaderConfig, ReaderSource,
    Resource, ResultWriter, Transformation, WorkflowType, WriterConfig,
};

const INPUT_TYPES: [(&str, InputType); 5] = [
    ("CSV", InputType::Csv),
    ("JSON", InputType::Json),
    ("JSONL", InputType::JsonLines),
    ("PARQUET", InputType::Parquet),
    ("MANIFEST", InputType::Manifest),
];

const MANIFEST_TYPES: [(&str, ManifestType); 2] =
    [("ATHENA_DATA", ManifestType::Athena), ("S3_INVENTORY", ManifestType::Inventory)];

const DELIMITERS: [(&str, CsvDelimiter); 5] = [
    ("COMMA", CsvDelimiter::Comma),
    ("PIPE", CsvDelimiter::Pipe),
    ("SEMICOLON", CsvDelimiter::Semicolon),
    ("SPACE", CsvDelimiter::Space),
    ("TAB", CsvDelimiter::Tab),
];

const OUTPUT_TYPES: [(&str, OutputType); 2] =
    [("JSON", OutputType::Json), ("JSONL", OutputType::JsonLines)];

const TRANSFORMATIONS: [(&str, Transformation); 3] = [
    ("NONE", Transformation::None),
    ("COMPACT", Transformation::Compact),
    ("FLATTEN", Transformation::Flatten),
];

/// All of them; what cannot be used is told and left out.
pub(super) fn distributed(
    fields: &mut Fields<'_, '_>,
    execution_type: WorkflowType,
) -> Distributed {
    Distributed {
        execution_type,
        label: fields.get("Label").and_then(Json::as_str).map(Arc::from),
        item_reader: object(fields, "ItemReader", item_reader),
        item_batcher: object(fields, "ItemBatcher", |batcher| Some(item_batcher(batcher))),
        result_writer: object(fields, "ResultWriter", |writer| Some(result_writer(writer))),
    }
}

fn item_reader(reader: &mut Fields<'_, '_>) -> Option<ItemReader> {
    let source = reader.required_text("Resource").and_then(|text| {
        let source = match s3_action(&text).as_deref() {
            Some("getObject") => Some(ReaderSource::Object),
            Some("listObjectsV2") => Some(ReaderSource::Listing),
            _ => None,
        };
        known_resource(reader, &text, source)
    });
    let arguments = reader.arguments();
    let config = object(reader, "ReaderConfig", |config| {
        Some((reader_config(config), count(config, "MaxItems", 0..=ITEMS_MAX)))
    });
    let (config, max_items) = config.unwrap_or_default();
    Some(ItemReader { source: source?, arguments, config: Arc::new(config), max_items })
}

/// The action of an `arn:aws:states:::s3:ACTION`.
fn s3_action(resource: &str) -> Option<Arc<str>> {
    match Resource::parse(resource)? {
        Resource::Service(call)
            if &*call.service == "s3" && call.pattern == Pattern::RequestResponse =>
        {
            Some(call.action)
        }
        _ => None,
    }
}

fn known_resource<T>(fields: &mut Fields<'_, '_>, text: &str, known: Option<T>) -> Option<T> {
    if known.is_none() {
        fields.fault_unknown_resource(text);
    }
    known
}

/// `ReaderConfig`.
fn reader_config(config: &mut Fields<'_, '_>) -> ReaderConfig {
    let input_type = config.choice("InputType", &INPUT_TYPES);
    let manifest_type = config.choice("ManifestType", &MANIFEST_TYPES);
    let is_given = config.choice("CSVHeaderLocation", &[("FIRST_ROW", false), ("GIVEN", true)]);
    let headers = csv_headers(config);
    let delimiter = config.choice("CSVDelimiter", &DELIMITERS);
    let flatten = config.choice("Transformation", &[("NONE", false), ("LOAD_AND_FLATTEN", true)]);
    let items_pointer = config.text("ItemsPointer").unwrap_or_default();
    if !items_pointer.is_empty() && !items_pointer.starts_with('/') {
        config.fault("ItemsPointer", "Value is not a valid JSON Pointer");
    }
    ReaderConfig {
        input_type,
        manifest_type,
        load_and_flatten: flatten.unwrap_or_default(),
        items_pointer,
        csv_headers: match is_given {
            Some(true) => CsvHeaders::Given(headers),
            _ => CsvHeaders::FirstRow,
        },
        csv_delimiter: delimiter.unwrap_or_default(),
    }
}

/// `CSVHeaders`, an array of texts.
fn csv_headers(config: &mut Fields<'_, '_>) -> Vec<Arc<str>> {
    let Some(headers) = config.get("CSVHeaders") else { return Vec::new() };
    let texts = |headers: &[Json]| {
        headers.iter().map(|header| header.as_str().map(Arc::from)).collect::<Option<Vec<_>>>()
    };
    headers.as_array().and_then(texts).unwrap_or_else(|| {
        config.fault("CSVHeaders", "Expected an array of values of type String");
        Vec::new()
    })
}

fn item_batcher(batcher: &mut Fields<'_, '_>) -> ItemBatcher {
    let max_items = count(batcher, "MaxItemsPerBatch", 1..=ITEMS_MAX);
    let max_input_bytes = count(batcher, "MaxInputBytesPerBatch", 1..=BATCH_BYTES_MAX);
    batcher.any_of(&[
        "MaxItemsPerBatch",
        "MaxItemsPerBatchPath",
        "MaxInputBytesPerBatch",
        "MaxInputBytesPerBatchPath",
    ]);
    let batch_input = batcher.template_in_language("BatchInput", Place::Input);
    ItemBatcher { max_items, max_input_bytes, batch_input }
}

fn result_writer(writer: &mut Fields<'_, '_>) -> ResultWriter {
    if !writer.has("Resource") && !writer.has("WriterConfig") {
        writer.fault_here("Value cannot be empty");
    }
    let resource = writer.text("Resource");
    if let Some(text) = &resource {
        let known = s3_action(text).filter(|action| &**action == "putObject");
        known_resource(writer, text, known);
    }
    let arguments = writer.arguments();
    let transformation = match resource {
        Some(_) => Transformation::None,
        None => Transformation::Compact,
    };
    let defaults = WriterConfig { transformation, ..WriterConfig::default() };
    let config = object(writer, "WriterConfig", |config| Some(writer_config(config, defaults)));
    ResultWriter { is_export: resource.is_some(), arguments, config: config.unwrap_or(defaults) }
}

fn writer_config(config: &mut Fields<'_, '_>, defaults: WriterConfig) -> WriterConfig {
    let output_type = config.choice("OutputType", &OUTPUT_TYPES);
    let transformation = config.choice("Transformation", &TRANSFORMATIONS);
    WriterConfig {
        output_type: output_type.unwrap_or(defaults.output_type),
        transformation: transformation.unwrap_or(defaults.transformation),
    }
}

/// A whole number: written, at the end of a path, or computed.
fn count(fields: &mut Fields<'_, '_>, name: &str, range: RangeInclusive<u64>) -> Option<Count> {
    let by_path = format!("{name}Path");
    let literal = match fields.computed(name) {
        Some(jsonata) => jsonata.map(Count::Jsonata),
        None => fields.integer(name, range).map(Count::Literal),
    };
    fields.at_most_one(&[name, &by_path]);
    match fields.has(&by_path) {
        true => fields.reference_path(&by_path).map(Count::Path),
        false => literal,
    }
}

/// An object within another one, if it is given.
fn object<T>(
    fields: &mut Fields<'_, '_>,
    name: &str,
    lower: impl FnOnce(&mut Fields<'_, '_>) -> Option<T>,
) -> Option<T> {
    let object = fields.get(name)?;
    let mut object = fields.nested(object, name);
    if object.is_object() { lower(&mut object) } else { None }
}

#[cfg(test)]
mod tests;
