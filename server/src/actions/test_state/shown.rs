//! What is shown of the data of a state, stage by stage.

use serde::Serialize;
use serde_json::Value;
use stepyard_json::Payload;
use stepyard_machine::{Inspection, Stage};

use super::run::Ended;
use super::subject::Subject;

/// `inspectionData`: JSON texts.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InspectionData {
    input: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_input_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_parameters: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_items_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_result_selector: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_result_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variables: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_concurrency: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tolerated_failure_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tolerated_failure_percentage: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_details: Option<ErrorDetails>,
}

/// Which of the fields for errors has matched.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorDetails {
    #[serde(skip_serializing_if = "Option::is_none")]
    catch_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_index: Option<usize>,
}

/// The stages of a type as AWS shows them (recorded).
pub(super) fn stages(subject: &Subject, input: &Payload, ended: &Ended) -> InspectionData {
    let inspection = &ended.inspection;
    let state_type = subject.state_type();
    let shown = |stage: Stage| {
        let payload = inspection.stages.get(&stage)?;
        is_shown(state_type, stage).then(|| payload.text().to_string())
    };
    let mut data = InspectionData {
        input: input.text().to_string(),
        after_input_path: shown(Stage::AfterInputPath),
        after_parameters: shown(Stage::AfterParameters),
        after_items_path: shown(Stage::AfterItemsPath),
        result: shown(Stage::Result),
        after_result_selector: shown(Stage::AfterResultSelector),
        after_result_path: shown(Stage::AfterResultPath),
        variables: inspection
            .variables_after(ended.assigned.as_ref())
            .map(|variables| variables.to_string()),
        error_details: error_details(inspection),
        ..InspectionData::default()
    };
    if state_type == "Fail" && subject.is_alone() {
        data.after_input_path = Some(data.input.clone());
    }
    if data.after_items_path.is_some() {
        let number = |field: &str| subject.state.get(field).and_then(Value::as_u64);
        data.max_concurrency = Some(number("MaxConcurrency").unwrap_or(0));
        data.tolerated_failure_count = number("ToleratedFailureCount");
        data.tolerated_failure_percentage =
            subject.state.get("ToleratedFailurePercentage").and_then(Value::as_f64);
    }
    data
}

fn is_shown(state_type: &str, stage: Stage) -> bool {
    match stage {
        Stage::AfterInputPath | Stage::AfterParameters | Stage::Result => state_type != "Parallel",
        _ => true,
    }
}

fn error_details(inspection: &Inspection) -> Option<ErrorDetails> {
    let details = ErrorDetails { catch_index: inspection.catcher, retry_index: inspection.retrier };
    (details.catch_index.is_some() || details.retry_index.is_some()).then_some(details)
}
