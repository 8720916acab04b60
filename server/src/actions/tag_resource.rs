//! TagResource.

use serde::Deserialize;

use super::Empty;
use super::tags::{self, Tag};
use crate::app::App;
use crate::wire::{ApiError, required};

/// Request of TagResource.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TagResourceRequest {
    pub(crate) resource_arn: Option<String>,
    pub(crate) tags: Option<Vec<Tag>>,
}

/// Adds tags to a resource; those with keys that are there replace their values.
pub(crate) async fn tag_resource(
    app: &App,
    request: TagResourceRequest,
) -> Result<Empty, ApiError> {
    let arn = required(request.resource_arn.as_deref(), "resourceArn")?;
    let added = tags::read(Some(required(request.tags, "tags")?))?;
    tags::change(app, arn, |tags| tags.extend(added.clone())).await?;
    Ok(Empty {})
}
