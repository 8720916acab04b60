//! ListActivities.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepyard_asl::Timestamp;

use crate::app::App;
use crate::wire::{
    ApiError, Constraints, TOKEN_CHARS_MAX, decode_token, encode_token, epoch_seconds, page_size,
};

/// Request of ListActivities.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListActivitiesRequest {
    max_results: Option<i64>,
    next_token: Option<String>,
}

/// Answer of ListActivities.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListActivitiesResponse {
    activities: Vec<ActivityListItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// One activity of the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ActivityListItem {
    activity_arn: Arc<str>,
    name: Arc<str>,
    #[serde(serialize_with = "epoch_seconds")]
    creation_date: Timestamp,
}

/// Lists activities in the order of their ARNs.
pub(super) async fn list_activities(
    app: &App,
    request: ListActivitiesRequest,
) -> Result<ListActivitiesResponse, ApiError> {
    Constraints::default()
        .max_results(request.max_results)
        .length("nextToken", request.next_token.as_deref(), 1..=TOKEN_CHARS_MAX)
        .check()?;
    let size = page_size(request.max_results);
    let after = request.next_token.as_deref().map(decode_token).transpose()?;
    let mut activities = app.store.list_activities(after.as_deref(), size + 1).await?;
    let more = activities.len() > size;
    activities.truncate(size);
    let last = activities.last().filter(|_| more);
    Ok(ListActivitiesResponse {
        next_token: last.map(|activity| encode_token(&activity.arn)),
        activities: activities
            .into_iter()
            .map(|activity| ActivityListItem {
                activity_arn: activity.arn,
                name: activity.name,
                creation_date: activity.created_at,
            })
            .collect(),
    })
}
