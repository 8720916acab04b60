//! What is shown of the data of a state, stage by stage.

use serde::Serialize;
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
    after_arguments: Option<String>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_backoff_interval_seconds: Option<i64>,
}

/// The stages of a type as AWS shows them (recorded).
pub(super) fn stages(subject: &Subject, input: &Payload, ended: &Ended) -> InspectionData {
    let inspection = &ended.inspection;
    let state_type = subject.state_type();
    let text = |stage: Stage| inspection.stages.get(&stage).map(|data| data.text().to_string());
    let shown = |stage: Stage| text(stage).filter(|_| is_shown(subject, stage));
    let is_jsonata_task = subject.is_jsonata() && state_type == "Task";
    let limits = inspection.limits.filter(|_| state_type == "Map");
    let mut data = InspectionData {
        input: input.text().to_string(),
        after_input_path: shown(Stage::AfterInputPath),
        after_parameters: shown(Stage::AfterParameters),
        after_arguments: text(Stage::AfterParameters).filter(|_| is_jsonata_task),
        after_items_path: shown(Stage::AfterItemsPath),
        result: shown(Stage::Result),
        after_result_selector: shown(Stage::AfterResultSelector),
        after_result_path: shown(Stage::AfterResultPath),
        variables: inspection
            .variables_after(ended.assigned.as_ref())
            .map(|variables| variables.to_string()),
        max_concurrency: limits.map(|limits| limits.max_concurrency),
        tolerated_failure_count: limits.and_then(|limits| limits.tolerated_failure_count),
        tolerated_failure_percentage: limits.and_then(|limits| limits.tolerated_failure_percentage),
        error_details: error_details(inspection),
    };
    if state_type == "Fail" && subject.is_alone() && !subject.is_jsonata() {
        data.after_input_path = Some(data.input.clone());
    }
    data
}

/// Of what JSONata does there is no more than a task's arguments and its result.
fn is_shown(subject: &Subject, stage: Stage) -> bool {
    let state_type = subject.state_type();
    if subject.is_jsonata() {
        return state_type == "Task" && stage == Stage::Result;
    }
    match stage {
        Stage::AfterInputPath | Stage::AfterParameters | Stage::Result => state_type != "Parallel",
        _ => true,
    }
}

fn error_details(inspection: &Inspection) -> Option<ErrorDetails> {
    let details = ErrorDetails {
        catch_index: inspection.catcher,
        retry_index: inspection.retrier,
        retry_backoff_interval_seconds: inspection.retry_millis.map(|millis| millis / 1_000),
    };
    (details.catch_index.is_some() || details.retry_index.is_some()).then_some(details)
}
