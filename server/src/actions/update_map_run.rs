//! UpdateMapRun.

use serde::Deserialize;
use stepyard_machine::MapLimitsChange;
use stepyard_runtime::MapRunRequestError;

use super::Empty;
use super::describe_map_run::question;
use crate::app::App;
use crate::wire::{ApiError, Constraints, required};

/// Request of UpdateMapRun.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UpdateMapRunRequest {
    pub(crate) map_run_arn: Option<String>,
    pub(crate) max_concurrency: Option<i64>,
    pub(crate) tolerated_failure_percentage: Option<f64>,
    pub(crate) tolerated_failure_count: Option<i64>,
}

/// Changes limits of a Map Run that runs. The answer leaves when that is durable.
pub(crate) async fn update_map_run(
    app: &App,
    request: UpdateMapRunRequest,
) -> Result<Empty, ApiError> {
    let arn = required(request.map_run_arn.as_deref(), "mapRunArn")?;
    let percentage = request.tolerated_failure_percentage;
    Constraints::default()
        .range("maxConcurrency", request.max_concurrency, 0..=i64::MAX)
        .range("toleratedFailurePercentage", percentage, 0.0..=100.0)
        .range("toleratedFailureCount", request.tolerated_failure_count, 0..=i64::MAX)
        .check()?;
    let row = app.map_run(arn).await?;
    if row.record.stopped_at.is_some() {
        return Err(completed(arn));
    }
    let number = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
    let change = MapLimitsChange {
        max_concurrency: number(request.max_concurrency),
        tolerated_failure_count: number(request.tolerated_failure_count),
        tolerated_failure_percentage: percentage,
    };
    match app.runtime.ask_map_run(question(&row, change)).await {
        Ok(_) => Ok(Empty {}),
        Err(MapRunRequestError::NotRunning) => Err(completed(arn)),
        Err(MapRunRequestError::Unavailable(why)) => {
            Err(ApiError::new("ServiceUnavailable", &*why))
        }
    }
}

fn completed(arn: &str) -> ApiError {
    let text = format!("The Map Run {arn} has completed and cannot be updated");
    ApiError::validation_because("CANNOT_UPDATE_COMPLETED_MAP_RUN", text)
}
