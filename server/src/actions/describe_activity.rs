//! DescribeActivity.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stepyard_asl::Timestamp;

use crate::app::App;
use crate::wire::{ApiError, epoch_seconds, required};

/// Request of DescribeActivity.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescribeActivityRequest {
    activity_arn: Option<String>,
}

/// Answer of DescribeActivity.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescribeActivityResponse {
    activity_arn: Arc<str>,
    name: Arc<str>,
    #[serde(serialize_with = "epoch_seconds")]
    creation_date: Timestamp,
    encryption_configuration: Value,
}

/// Describes an activity.
pub(super) async fn describe_activity(
    app: &App,
    request: DescribeActivityRequest,
) -> Result<DescribeActivityResponse, ApiError> {
    let arn = required(request.activity_arn.as_deref(), "activityArn")?;
    let activity = app.activity(arn).await?;
    Ok(DescribeActivityResponse {
        activity_arn: activity.arn,
        name: activity.name,
        creation_date: activity.created_at,
        encryption_configuration: serde_json::from_str(&activity.encryption)
            .map_err(|error| ApiError::internal(&error))?,
    })
}
