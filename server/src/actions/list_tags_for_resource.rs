//! ListTagsForResource.

use serde::{Deserialize, Serialize};

use super::tags::{self, Tag};
use crate::app::App;
use crate::wire::{ApiError, required};

/// Request of ListTagsForResource.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListTagsForResourceRequest {
    pub(crate) resource_arn: Option<String>,
}

/// Answer of ListTagsForResource.
#[derive(Debug, Serialize)]
pub(crate) struct ListTagsForResourceResponse {
    tags: Vec<Tag>,
}

/// Lists the tags of a resource, by key.
pub(crate) async fn list_tags_for_resource(
    app: &App,
    request: ListTagsForResourceRequest,
) -> Result<ListTagsForResourceResponse, ApiError> {
    let arn = required(request.resource_arn.as_deref(), "resourceArn")?;
    Ok(ListTagsForResourceResponse { tags: tags::show(tags::of(app, arn).await?) })
}
