use crate::{Code, Severity, StateKind, Transition, compile};

/// All diagnostics of a definition, one a line.
fn faults(definition: &str) -> Vec<String> {
    compile(definition).diagnostics.iter().map(ToString::to_string).collect()
}

/// Of a definition with one state `A`.
fn faults_of_state(state: &str) -> Vec<String> {
    faults(&format!(r#"{{"StartAt":"A","States":{{"A":{state}}}}}"#))
}

#[test]
fn states_are_numbered_in_document_order() {
    let compilation = compile(
        r#"{"StartAt":"A","States":{
            "A":{"Type":"Parallel","Next":"D","Branches":[
                {"StartAt":"B","States":{"B":{"Type":"Map","End":true,
                    "ItemProcessor":{"StartAt":"C","States":{"C":{"Type":"Succeed"}}}}}},
                {"StartAt":"E","States":{"E":{"Type":"Pass","End":true}}}]},
            "D":{"Type":"Pass","End":true}}}"#,
    );
    let program = compilation.program.unwrap();
    let names: Vec<_> = program.states.iter().map(|state| &*state.name).collect();
    assert_eq!(names, ["A", "B", "C", "E", "D"]);
    let starts: Vec<_> = program.scopes.iter().map(|scope| scope.start.0).collect();
    assert_eq!(starts, [0, 1, 2, 3]);
    let StateKind::Parallel(parallel) = &program.states[0].kind else { panic!() };
    assert_eq!(parallel.branches.iter().map(|scope| scope.0).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(parallel.outcome.transition, Transition::Next(crate::StateId(4)));
}

#[test]
fn faults_are_told_all_at_once_with_place_and_rule() {
    let definition = r#"{"StartAt":"X","States":{
        "A":{"Type":"Pass","Next":"Nowhere"},
        "B":{"Type":"Wait","End":true,"Timestamp":"yesterday"},
        "C":{"Type":"Nonsense"},
        "P":{"Type":"Parallel","Branches":[{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}],"End":true},
        "E":{"Type":"Pass","Parameters":{"x.$":"no path"},"End":true}}}"#;
    assert_eq!(
        faults(definition),
        [
            "DUPLICATE_STATE_NAME: Duplicate State name: A at /States/P/Branches[0]/States/A",
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: Nowhere at /States/A/Next",
            "SCHEMA_VALIDATION_FAILED: String does not match RFC3339 timestamp at /States/B/Timestamp",
            "SCHEMA_VALIDATION_FAILED: The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map] at /States/C/Type",
            "SCHEMA_VALIDATION_FAILED: The value for the field 'x.$' must be a valid JSONPath or a valid intrinsic function call at /States/E/Parameters",
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: X at /StartAt",
            "MISSING_TRANSITION_TARGET: State \"A\" is not reachable. at /States/A",
            "MISSING_TRANSITION_TARGET: State \"B\" is not reachable. at /States/B",
            "MISSING_TRANSITION_TARGET: State \"C\" is not reachable. at /States/C",
            "MISSING_TRANSITION_TARGET: State \"P\" is not reachable. at /States/P",
            "MISSING_TRANSITION_TARGET: State \"E\" is not reachable. at /States/E",
        ]
    );
}

#[test]
fn texts_recorded_from_aws() {
    for (definition, text) in [
        ("", "SCHEMA_VALIDATION_FAILED: Definition must be a valid JSON object"),
        ("{}", "SCHEMA_VALIDATION_FAILED: These fields are required: [States, StartAt] at /"),
        (
            r#"{"StartAt":"A"}"#,
            "SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /",
        ),
    ] {
        assert_eq!(faults(definition), [text]);
    }
    assert_eq!(
        faults_of_state(r#"{"Type":"Parallel","Branches":[],"End":true}"#),
        ["SCHEMA_VALIDATION_FAILED: Value cannot be empty at /States/A/Branches"]
    );
    assert_eq!(
        faults_of_state(
            r#"{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Credentials":{},"End":true}"#
        ),
        [
            "SCHEMA_VALIDATION_FAILED: The field 'RoleArn' is required but was missing at /States/A/Credentials"
        ]
    );
}

#[test]
fn wrong_fields_are_found() {
    for (state, fault) in [
        (r#"{"Type":"Pass"}"#, "One of these fields is required: [Next, End] at /States/A"),
        (
            r#"{"Type":"Pass","End":true,"Next":"A"}"#,
            "Only one of these fields may be given: [Next, End] at /States/A",
        ),
        (r#"{"Type":"Pass","End":1}"#, "Expected value of type Boolean at /States/A/End"),
        (
            r#"{"Type":"Pass","End":true,"InputPath":"x"}"#,
            "Value is not a valid JSONPath at /States/A/InputPath",
        ),
        (
            r#"{"Type":"Pass","End":true,"ResultPath":"$.a[*]"}"#,
            "Value is not a Reference Path at /States/A/ResultPath",
        ),
        (
            r#"{"Type":"Wait","End":true,"Seconds":-1}"#,
            "Expected an integer from 0 to 99999999 at /States/A/Seconds",
        ),
        (
            r#"{"Type":"Wait","End":true}"#,
            "One of these fields is required: [Seconds, SecondsPath, Timestamp, TimestampPath] at /States/A",
        ),
        (r#"{"Type":"Choice","Choices":[]}"#, "Value cannot be empty at /States/A/Choices"),
        (
            r#"{"Type":"Choice","Choices":[{"Variable":"$.x","IsNull":true}]}"#,
            "These fields are required: [Next] at /States/A/Choices[0]",
        ),
        (
            r#"{"Type":"Task","Resource":"x","End":true}"#,
            "The resource provided x is not recognized. The value is not a valid resource ARN, or the resource is not available in this region. at /States/A/Resource",
        ),
        (
            r#"{"Type":"Fail","Error":"a","ErrorPath":"$.a"}"#,
            "Only one of these fields may be given: [Error, ErrorPath] at /States/A",
        ),
        (
            r#"{"Type":"Map","End":true}"#,
            "One of these fields is required: [ItemProcessor, Iterator] at /States/A",
        ),
        (
            r#"{"Type":"Pass","End":true,"Output":1}"#,
            "The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage at /States/A",
        ),
        (r#"{}"#, "These fields are required: [Type] at /States/A"),
        (r#"1"#, "Expected value of type Object at /States/A"),
    ] {
        assert_eq!(
            faults_of_state(state),
            [format!("SCHEMA_VALIDATION_FAILED: {fault}")],
            "{state}"
        );
    }
}

fn faults_of_map(mode: &str, rest: &str) -> Vec<String> {
    let processor = r#""StartAt":"B","States":{"B":{"Type":"Succeed"}}"#;
    faults_of_state(&format!(
        r#"{{"Type":"Map","End":true,"ItemProcessor":{{"ProcessorConfig":{mode},{processor}}}{rest}}}"#
    ))
}

#[test]
fn distributed_maps_are_taken_under_both_names() {
    for name in ["ItemProcessor", "Iterator"] {
        let faults = faults_of_state(&format!(
            r#"{{"Type":"Map","End":true,"{name}":{{"ProcessorConfig":{{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"}},"StartAt":"B","States":{{"B":{{"Type":"Succeed"}}}}}}}}"#
        ));
        assert_eq!(faults, [""; 0]);
    }
}

#[test]
fn the_configuration_of_a_map_is_checked() {
    let config = "/States/A/ItemProcessor/ProcessorConfig";
    for (mode, fault) in [
        ("1", format!("Expected value of type Object at {config}")),
        (
            r#"{"Mode":"X"}"#,
            format!(
                "The field 'Mode' should have one of these values: [INLINE, DISTRIBUTED] at {config}/Mode"
            ),
        ),
        (
            r#"{"Mode":"DISTRIBUTED"}"#,
            format!("These fields are required: [ExecutionType] at {config}"),
        ),
        (
            r#"{"Mode":"DISTRIBUTED","ExecutionType":"X"}"#,
            format!(
                "The field 'ExecutionType' should have one of these values: [STANDARD, EXPRESS] at {config}/ExecutionType"
            ),
        ),
    ] {
        let faults = faults_of_map(mode, "");
        assert!(
            faults.contains(&format!("SCHEMA_VALIDATION_FAILED: {fault}")),
            "{mode} {faults:?}"
        );
    }
}

#[test]
fn fields_of_distributed_maps_are_checked() {
    const MODE: &str = r#"{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"}"#;
    for (rest, fault) in [
        (r#","ItemReader":1"#, "Expected value of type Object at /States/A/ItemReader"),
        (r#","ItemReader":{}"#, "These fields are required: [Resource] at /States/A/ItemReader"),
        (
            r#","ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Parameters":{"a.$":"x"}}"#,
            "The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic function call at /States/A/ItemReader/Parameters",
        ),
        (
            r#","ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"InputType":"X"}}"#,
            "The field 'InputType' should have one of these values: [CSV, JSON, JSONL, PARQUET, MANIFEST] at /States/A/ItemReader/ReaderConfig/InputType",
        ),
        (
            r#","ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"MaxItems":-1}}"#,
            "Expected an integer from 0 to 100000000 at /States/A/ItemReader/ReaderConfig/MaxItems",
        ),
        (
            r#","ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"MaxItemsPath":"$.a[*]"}}"#,
            "Value is not a Reference Path at /States/A/ItemReader/ReaderConfig/MaxItemsPath",
        ),
        (
            r#","ItemBatcher":{}"#,
            "One of these fields is required: [MaxItemsPerBatch, MaxItemsPerBatchPath, MaxInputBytesPerBatch, MaxInputBytesPerBatchPath] at /States/A/ItemBatcher",
        ),
        (
            r#","ItemBatcher":{"MaxInputBytesPerBatch":262145}"#,
            "Expected an integer from 1 to 262144 at /States/A/ItemBatcher/MaxInputBytesPerBatch",
        ),
        (
            r#","ItemReader":{"Resource":"arn:aws:states:::s3:putObject"}"#,
            "The resource provided arn:aws:states:::s3:putObject is not recognized. The value is not a valid resource ARN, or the resource is not available in this region. at /States/A/ItemReader/Resource",
        ),
        (
            r#","ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"ItemsPointer":"a"}}"#,
            "Value is not a valid JSON Pointer at /States/A/ItemReader/ReaderConfig/ItemsPointer",
        ),
        (
            r#","ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"CSVHeaders":["a",1]}}"#,
            "Expected an array of values of type String at /States/A/ItemReader/ReaderConfig/CSVHeaders",
        ),
        (r#","ResultWriter":{}"#, "Value cannot be empty at /States/A/ResultWriter"),
        (
            r#","ResultWriter":{"WriterConfig":{"Transformation":"X"}}"#,
            "The field 'Transformation' should have one of these values: [NONE, COMPACT, FLATTEN] at /States/A/ResultWriter/WriterConfig/Transformation",
        ),
        (
            r#","ToleratedFailurePercentage":101"#,
            "Expected a number from 0 to 100 at /States/A/ToleratedFailurePercentage",
        ),
        (
            r#","ToleratedFailureCount":1,"ToleratedFailureCountPath":"$.a""#,
            "Only one of these fields may be given: [ToleratedFailureCount, ToleratedFailureCountPath] at /States/A",
        ),
        (r#","Label":"""#, "Label cannot be empty at /States/A/Label"),
        (r#","Label":"a/b""#, "Label contains invalid character: '/' at /States/A/Label"),
        (r#","Label":"a\u0085""#, "Label contains invalid character: '\\x85' at /States/A/Label"),
    ] {
        let faults = faults_of_map(MODE, rest);
        assert!(faults.contains(&format!("SCHEMA_VALIDATION_FAILED: {fault}")), "{faults:?}");
        assert_eq!(faults.len(), 1, "{faults:?}");
    }
    let long = format!(r#","Label":"{}""#, "x".repeat(41));
    let fault = "SCHEMA_VALIDATION_FAILED: Label cannot exceed 40 characters at /States/A/Label";
    assert_eq!(faults_of_map(MODE, &long), [fault]);
    let inline = faults_of_map(r#"{"Mode":"INLINE"}"#, r#","ItemReader":{"Resource":"r"}"#);
    let fault = "The field 'ItemReader' needs the Map mode DISTRIBUTED at /States/A/ItemReader";
    assert_eq!(inline, [format!("SCHEMA_VALIDATION_FAILED: {fault}")]);
}

#[test]
fn retriers_and_catchers_are_checked() {
    let task = |rest: &str| {
        faults_of_state(&format!(
            r#"{{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","End":true,{rest}}}"#
        ))
    };
    assert_eq!(task(r#""Retry":[],"Catch":[]"#), [] as [&str; 0]);
    for (rest, fault) in [
        (r#""Retry":[{}]"#, "These fields are required: [ErrorEquals] at /States/A/Retry[0]"),
        (
            r#""Retry":[{"ErrorEquals":[]}]"#,
            "Value cannot be empty at /States/A/Retry[0]/ErrorEquals",
        ),
        (
            r#""Retry":[{"ErrorEquals":["a"],"BackoffRate":0.5}]"#,
            "Expected a number greater than or equal to 1.0 at /States/A/Retry[0]/BackoffRate",
        ),
        (
            r#""Retry":[{"ErrorEquals":["States.ALL"]},{"ErrorEquals":["a"]}]"#,
            "States.ALL must appear alone and in the last entry at /States/A/Retry[0]/ErrorEquals",
        ),
        (
            r#""Catch":[{"ErrorEquals":["a"]}]"#,
            "These fields are required: [Next] at /States/A/Catch[0]",
        ),
        (
            r#""TimeoutSeconds":5,"HeartbeatSeconds":5"#,
            "HeartbeatSeconds must be smaller than TimeoutSeconds at /States/A/HeartbeatSeconds",
        ),
    ] {
        assert_eq!(task(rest), [format!("SCHEMA_VALIDATION_FAILED: {fault}")], "{rest}");
    }
}

#[test]
fn every_code_occurs() {
    let found: Vec<_> = [
        "{",
        "{}",
        r#"{"StartAt":"B","States":{"A":{"Type":"Succeed"}}}"#,
        r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"A"}}}"#,
        r#"{"StartAt":"A","States":{"A":{"Type":"Parallel","End":true,"Branches":[{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}]}}}"#,
        r#"{"StartAt":"A","States":{"A":{"Type":"Map","Label":"","End":true,"ItemProcessor":{"StartAt":"B","States":{"B":{"Type":"Succeed"}}}}}}"#,
        r#"{"StartAt":"A","States":{"A":{"Type":"Map","End":true,"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED"},"StartAt":"B","States":{"B":{"Type":"Succeed"}}}}}}"#,
        r#"{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Succeed","Output":"{% 1 + %}"}}}"#,
        r#"{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Succeed","Output":"{% phone %}"}}}"#,
        r#"{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Succeed","Output":"{% $v %}"}}}"#,
        r#"{"StartAt":"A","States":{"A":{"Type":"Parallel","End":true,"Assign":{"x":1},"Branches":[{"StartAt":"B","States":{"B":{"Type":"Pass","End":true,"Assign":{"x":1}}}}]}}}"#,
    ]
    .into_iter()
    .flat_map(|definition| compile(definition).diagnostics)
    .map(|diagnostic| diagnostic.code)
    .collect();
    for code in Code::ALL {
        assert!(found.contains(&code), "{}", code.as_str());
    }
}

#[test]
fn the_workflows_that_come_along_compile() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../workflows");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let compilation = compile(&std::fs::read_to_string(&path).unwrap());
        assert_eq!(compilation.diagnostics, [], "{}", path.display());
        count += 1;
    }
    assert!(count >= 2);
}

#[test]
fn fields_of_other_types_are_refused_in_awss_words() {
    for (state, field) in [
        (r#"{"Type":"Pass","End":true,"Catch":[]}"#, "Catch"),
        (r#"{"Type":"Fail","Retry":[]}"#, "Retry"),
        (r#"{"Type":"Succeed","Next":"A"}"#, "Next"),
        (r#"{"Type":"Succeed","Assign":{"x":1}}"#, "Assign"),
        (r#"{"Type":"Wait","Seconds":1,"End":true,"ResultPath":null}"#, "ResultPath"),
        (r#"{"Type":"Pass","End":true,"Coment":""}"#, "Coment"),
    ] {
        let fault =
            format!("SCHEMA_VALIDATION_FAILED: Field '{field}' is not supported at /States/A");
        assert_eq!(faults_of_state(state), [fault], "{state}");
    }
}

#[test]
fn a_processor_has_no_language_of_its_own() {
    assert_eq!(
        faults_of_state(
            r#"{"Type":"Map","End":true,"ItemProcessor":{"QueryLanguage":"JSONPath","StartAt":"B","States":{"B":{"Type":"Succeed"}}}}"#
        ),
        [
            "SCHEMA_VALIDATION_FAILED: Field 'QueryLanguage' is not supported at /States/A/ItemProcessor"
        ]
    );
}

#[test]
fn states_must_be_named_by_another_and_the_execution_must_be_able_to_end() {
    assert_eq!(
        faults(
            r#"{"StartAt":"A","States":{
                "A":{"Type":"Pass","Next":"Nowhere"},
                "B":{"Type":"Pass","Next":"C"},
                "C":{"Type":"Pass","Next":"C"}}}"#
        ),
        [
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: Nowhere at /States/A/Next",
            "MISSING_TRANSITION_TARGET: State \"B\" is not reachable. at /States/B",
            "MISSING_END_STATE: Workflow has no terminal state at null",
        ]
    );
}

#[test]
fn variables_have_names_and_belong_to_one_scope() {
    assert_eq!(
        faults(
            r#"{"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Assign":{"x.$":"$"},
                "Catch":[{"ErrorEquals":["States.ALL"],"Next":"S","Assign":{"y":1}}],
                "Branches":[
                    {"StartAt":"A","States":{"A":{"Type":"Pass","End":true,"Assign":{"x":1,"z":1}}}},
                    {"StartAt":"B","States":{"B":{"Type":"Pass","End":true,"Assign":{"y":1,"z":1}}}}]},
                "S":{"Type":"Pass","End":true,"Assign":{"2x":1,"states":1}}}}"#
        ),
        [
            "SCHEMA_VALIDATION_FAILED: '2x' is not a valid variable name at /States/S/Assign/2x",
            "SCHEMA_VALIDATION_FAILED: The variable name 'states' is reserved at /States/S/Assign/states",
            "DUPLICATE_VARIABLE_NAME: The variable name 'x' was already defined in a parent scope. at /States/P/Branches[0]/States/A/Assign/x",
            "DUPLICATE_VARIABLE_NAME: The variable name 'y' was already defined in a parent scope. at /States/P/Branches[1]/States/B/Assign/y",
        ]
    );
}

#[test]
fn a_variable_that_nobody_assigns_is_a_warning() {
    let compilation = compile(
        r#"{"StartAt":"A","States":{
            "A":{"Type":"Pass","Assign":{"outer":1},"Next":"P"},
            "P":{"Type":"Parallel","End":true,"Branches":[
                {"StartAt":"B","States":{"B":{"Type":"Pass","Parameters":{"x.$":"$outer","y.$":"$inner"},
                    "Assign":{"inner":1},"End":true}}},
                {"StartAt":"C","States":{"C":{"Type":"Pass","QueryLanguage":"JSONata",
                    "Output":"{% $outer + $inner %}","End":true}}}]}}}"#,
    );
    let told: Vec<String> = compilation.diagnostics.iter().map(ToString::to_string).collect();
    let warning = "POSSIBLY_UNDEFINED_VARIABLE: Variable 'inner' is possibly not defined. at /States/P/Branches[1]/States/C";
    assert_eq!(told, [warning]);
    assert_eq!(compilation.diagnostics[0].severity, Severity::Warning);
    assert!(compilation.program.is_some());
}

#[test]
fn the_variables_that_states_read_are_known() {
    let program = compile(
        r#"{"StartAt":"A","States":{
            "A":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Next":"B",
                "InputPath":"$a.b","OutputPath":"$z","TimeoutSecondsPath":"$t",
                "Parameters":{"x":{"y.$":"States.Format('{}', States.Array($f, $.no))"},"$k":"$no"},
                "Catch":[{"ErrorEquals":["E"],"Next":"B","Assign":{"q.$":"$c"}}]},
            "B":{"Type":"Choice","Default":"C","Assign":{"r.$":"$r"},
                "Choices":[{"Not":{"Variable":"$v","NumericEqualsPath":"$p"},"Next":"C"}]},
            "C":{"Type":"Succeed"}}}"#,
    )
    .program
    .unwrap();
    let shown: Vec<String> = program
        .variable_references()
        .iter()
        .map(|(state, names)| format!("{state}: {names:?}"))
        .collect();
    assert_eq!(shown, [r#"A: {"a", "c", "f", "t", "z"}"#, r#"B: {"p", "r", "v"}"#]);
}

#[test]
fn what_was_accepted_once_still_runs() {
    let definition =
        r#"{"StartAt":"A","States":{"A":{"Type":"Succeed"},"B":{"Type":"Succeed","Old":1}}}"#;
    assert!(compile(definition).program.is_none());
    assert_eq!(crate::compile_accepted(definition).unwrap().states.len(), 2);
    assert!(crate::compile_accepted(r#"{"StartAt":"A","States":{"A":{"Type":"X"}}}"#).is_none());
}

#[test]
fn states_of_jsonata_are_checked_field_by_field() {
    let faults = |state: &str| {
        let text = format!(
            r#"{{"QueryLanguage":"JSONata","StartAt":"A","States":{{"A":{state},"B":{{"Type":"Succeed"}}}}}}"#
        );
        let diagnostics = compile(&text).diagnostics.into_iter();
        let errors = diagnostics.filter(|fault| fault.severity == Severity::Error);
        let told = errors.map(|fault| fault.to_string());
        // That nothing leads to B is not what is looked for.
        told.filter(|fault| !fault.contains("\"B\"")).collect::<Vec<_>>()
    };
    for state in [
        r#"{"Type":"Pass","Output":{"a":["{% $states.input.x %}"]},"Assign":{"v":"{% $v + 1 %}"},"End":true}"#,
        r#"{"Type":"Task","Resource":"arn:aws:lambda:r:a:function:f","Arguments":"{% $states.input %}",
            "TimeoutSeconds":"{% 5 %}","HeartbeatSeconds":"{% 6 %}","Output":"{% $states.result %}",
            "Credentials":{"RoleArn":"{% $role %}"},"End":true,"Catch":[{"ErrorEquals":["States.ALL"],
            "Output":"{% $states.errorOutput %}","Assign":{"e":"{% $states.errorOutput.Error %}"},"Next":"B"}]}"#,
        r#"{"Type":"Choice","Choices":[{"Condition":"{% $v %}","Output":1,"Next":"B"},{"Condition":true,"Next":"B"}]}"#,
        r#"{"Type":"Wait","Timestamp":"{% $states.input.at %}","End":true}"#,
        r#"{"Type":"Wait","Seconds":"{% 1 %}","End":true}"#,
        r#"{"Type":"Fail","Error":"{% $e %}","Cause":"plain"}"#,
        r#"{"Type":"Map","Items":[1,"{% $v %}"],"MaxConcurrency":"{% 2 %}","End":true,
            "ItemSelector":{"v":"{% $states.context.Map.Item.Value %}"},
            "ItemProcessor":{"StartAt":"C","States":{"C":{"Type":"Succeed"}}}}"#,
    ] {
        assert_eq!(faults(state), [""; 0], "{state}");
    }
    for (state, fault) in [
        (
            r#"{"Type":"Pass","Output":{"a":[0,"{% phone %}"]},"End":true}"#,
            "UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'phone' at the top level is not supported. at /States/A/Output/a[1]",
        ),
        (
            r#"{"Type":"Pass","Assign":{"v":"{% $states.result %}"},"End":true}"#,
            "UNSUPPORTED_JSONATA_EXPRESSION: Field '$states.result' does not exist. at /States/A/Assign/v",
        ),
        (
            r#"{"Type":"Choice","Choices":[{"Condition":"{% a[1,2) %}","Next":"B"}]}"#,
            "INVALID_JSONATA_EXPRESSION: Expected \"]\", got \",\" at /States/A/Choices[0]/Condition",
        ),
        (
            r#"{"Type":"Wait","Seconds":"{% 1","End":true}"#,
            "INVALID_JSONATA_EXPRESSION: A JSONata expression starts with '{%' and ends with '%}' at /States/A/Seconds",
        ),
        (
            r#"{"Type":"Wait","Seconds":"5","End":true}"#,
            "SCHEMA_VALIDATION_FAILED: Expected an integer from 0 to 99999999 at /States/A/Seconds",
        ),
        (
            r#"{"Type":"Choice","Choices":[{"Variable":"$.x","IsNull":true,"Next":"B"}]}"#,
            "SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONata', but field 'Variable' is only supported for the 'JSONPath' QueryLanguage at /States/A/Choices[0]",
        ),
        (
            r#"{"Type":"Map","Items":{"a":1},"End":true,"ItemProcessor":{"StartAt":"C","States":{"C":{"Type":"Succeed"}}}}"#,
            "SCHEMA_VALIDATION_FAILED: Expected value of type Array at /States/A/Items",
        ),
        (
            r#"{"Type":"Pass","Assign":{"v.$":"$.x"},"End":true}"#,
            "SCHEMA_VALIDATION_FAILED: 'v.$' is not a valid variable name at /States/A/Assign/v.$",
        ),
    ] {
        assert!(faults(state).contains(&fault.to_owned()), "{:?}", faults(state));
    }
}
