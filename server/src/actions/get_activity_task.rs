//! GetActivityTask.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepyard_runtime::PollError;

use crate::app::App;
use crate::wire::{ApiError, Constraints, required};

/// Longest `workerName`, in characters.
const WORKER_CHARS_MAX: usize = 80;

/// Request of GetActivityTask.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GetActivityTaskRequest {
    activity_arn: Option<String>,
    worker_name: Option<String>,
}

/// Answer of GetActivityTask: a token that is null says that there was no task.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GetActivityTaskResponse {
    task_token: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<String>,
}

/// Waits for a task, for a minute. That a worker has it is durable when he gets it.
pub(super) async fn get_activity_task(
    app: &App,
    request: GetActivityTaskRequest,
) -> Result<GetActivityTaskResponse, ApiError> {
    let arn = required(request.activity_arn.as_deref(), "activityArn")?;
    Constraints::default()
        .length("workerName", request.worker_name.as_deref(), 1..=WORKER_CHARS_MAX)
        .check()?;
    let activity = app.activity(arn).await?;
    let worker = request.worker_name.map(Arc::from);
    let task = app.runtime.poll_activity(activity.arn, worker).await.map_err(|error| {
        let PollError::TooManyWorkers = error;
        let rule = "The maximum number of workers concurrently polling for activity tasks has been reached";
        ApiError::new("ActivityWorkerLimitExceeded", format!("{rule}: '{arn}'"))
    })?;
    let (task_token, input) = task.map(|task| (task.token, task.input.text().to_string())).unzip();
    Ok(GetActivityTaskResponse { task_token, input })
}
