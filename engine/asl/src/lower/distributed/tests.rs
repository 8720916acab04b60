use stepyard_json::Json;

use crate::lower::lower;
use crate::references::references;
use crate::{
    Count, CsvDelimiter, CsvHeaders, Distributed, InputType, ManifestType, OutputType,
    ReaderConfig, ReaderSource, StateKind, Transformation, WorkflowType, WriterConfig,
};

/// What a Map state with these fields is lowered to, and the variables that it reads.
fn lowered(language: &str, fields: &str) -> (Distributed, Vec<String>) {
    let definition = format!(
        r#"{{"QueryLanguage":"{language}","StartAt":"A","States":{{"A":{{"Type":"Map","End":true,
            "ItemProcessor":{{"ProcessorConfig":{{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"}},
            "StartAt":"B","States":{{"B":{{"Type":"Succeed"}}}}}},{fields}}}}}}}"#
    );
    let compilation = lower(&Json::parse(&definition).unwrap(), WorkflowType::Standard);
    let faults: Vec<_> = compilation.diagnostics.iter().map(ToString::to_string).collect();
    let is_fault = |fault: &&String| fault.starts_with("SCHEMA");
    assert_eq!(faults.iter().find(is_fault), None);
    let mut program = std::sync::Arc::into_inner(compilation.program.unwrap()).unwrap();
    let state = program.states.remove(0);
    let variables = references(&state).iter().map(ToString::to_string).collect();
    let StateKind::Map(map) = state.kind else { panic!("{faults:?}") };
    (*map.distributed.unwrap(), variables)
}

#[test]
fn fields_of_jsonpath_are_lowered() {
    let (map, variables) = lowered(
        "JSONPath",
        r#""Label":"L",
        "ItemReader":{"Resource":"arn:aws:states:::s3:getObject",
            "Parameters":{"Bucket.$":"$bucket","Key":"k"},
            "ReaderConfig":{"InputType":"CSV","CSVHeaderLocation":"GIVEN","CSVHeaders":["a","b"],
                "CSVDelimiter":"TAB","MaxItemsPath":"$most.items"}},
        "ItemBatcher":{"MaxItemsPerBatch":3,"MaxInputBytesPerBatchPath":"$.bytes","BatchInput":{"x.$":"$x"}},
        "ResultWriter":{"Resource":"arn:aws:states:::s3:putObject",
            "Parameters":{"Bucket":"b","Prefix.$":"$prefix"}}"#,
    );
    assert_eq!(variables, ["bucket", "most", "prefix", "x"]);
    assert_eq!(map.execution_type, WorkflowType::Express);
    assert_eq!(map.label.as_deref(), Some("L"));
    let reader = map.item_reader.unwrap();
    assert_eq!(reader.source, ReaderSource::Object);
    assert!(reader.arguments.is_some());
    assert!(matches!(reader.max_items, Some(Count::Path(_))));
    let expected = ReaderConfig {
        input_type: Some(InputType::Csv),
        csv_headers: CsvHeaders::Given(vec!["a".into(), "b".into()]),
        csv_delimiter: CsvDelimiter::Tab,
        ..ReaderConfig::default()
    };
    assert_eq!(*reader.config, expected);
    let batcher = map.item_batcher.unwrap();
    assert!(matches!(batcher.max_items, Some(Count::Literal(3))));
    assert!(matches!(batcher.max_input_bytes, Some(Count::Path(_))));
    assert!(batcher.batch_input.is_some());
    let writer = map.result_writer.unwrap();
    assert!(writer.is_export && writer.arguments.is_some());
    let expected =
        WriterConfig { output_type: OutputType::Json, transformation: Transformation::None };
    assert_eq!(writer.config, expected);
}

#[test]
fn fields_of_jsonata_are_lowered() {
    let (map, variables) = lowered(
        "JSONata",
        r#""ItemReader":{"Resource":"arn:aws-cn:states:::s3:listObjectsV2",
            "Arguments":{"Bucket":"{% $bucket %}"},
            "ReaderConfig":{"InputType":"JSON","Transformation":"LOAD_AND_FLATTEN",
                "ItemsPointer":"/a/0","MaxItems":"{% $most %}"}},
        "ItemBatcher":{"MaxItemsPerBatch":"{% $size %}","BatchInput":"{% $x %}"},
        "ResultWriter":{"WriterConfig":{"OutputType":"JSONL"}}"#,
    );
    assert_eq!(variables, ["bucket", "most", "size", "x"]);
    assert_eq!(map.label, None);
    let reader = map.item_reader.unwrap();
    assert_eq!(reader.source, ReaderSource::Listing);
    assert!(matches!(reader.max_items, Some(Count::Jsonata(_))));
    let expected = ReaderConfig {
        input_type: Some(InputType::Json),
        load_and_flatten: true,
        items_pointer: "/a/0".into(),
        ..ReaderConfig::default()
    };
    assert_eq!(*reader.config, expected);
    let batcher = map.item_batcher.unwrap();
    assert!(matches!(batcher.max_items, Some(Count::Jsonata(_))));
    assert!(batcher.max_input_bytes.is_none());
    let writer = map.result_writer.unwrap();
    assert!(!writer.is_export);
    let expected = WriterConfig {
        output_type: OutputType::JsonLines,
        transformation: Transformation::Compact,
    };
    assert_eq!(writer.config, expected);
}

#[test]
fn manifests_are_lowered() {
    for (name, manifest_type) in
        [("S3_INVENTORY", ManifestType::Inventory), ("ATHENA_DATA", ManifestType::Athena)]
    {
        let (map, _) = lowered(
            "JSONPath",
            &format!(
                r#""ItemReader":{{"Resource":"arn:aws:states:::s3:getObject",
                    "ReaderConfig":{{"ManifestType":"{name}","MaxItems":0}}}}"#
            ),
        );
        let reader = map.item_reader.unwrap();
        assert_eq!(reader.config.manifest_type, Some(manifest_type));
        assert!(matches!(reader.max_items, Some(Count::Literal(0))));
    }
}
