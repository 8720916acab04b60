//! DeleteActivity.

use serde::Deserialize;

use super::Empty;
use crate::app::App;
use crate::arn::Arn;
use crate::wire::{ApiError, required};

/// Request of DeleteActivity.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeleteActivityRequest {
    activity_arn: Option<String>,
}

/// Deletes an activity; one that does not exist is no error, as in AWS. Its tasks that workers have go on.
pub(super) async fn delete_activity(
    app: &App,
    request: DeleteActivityRequest,
) -> Result<Empty, ApiError> {
    let arn = required(request.activity_arn.as_deref(), "activityArn")?;
    Arn::parse(arn)?.check_activity()?;
    app.store.delete_activity(arn).await?;
    Ok(Empty {})
}
