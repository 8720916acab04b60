//! UntagResource.

use serde::Deserialize;

use super::{Empty, tags};
use crate::app::App;
use crate::wire::{ApiError, required};

/// Request of UntagResource.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UntagResourceRequest {
    pub(crate) resource_arn: Option<String>,
    pub(crate) tag_keys: Option<Vec<String>>,
}

/// Removes tags of a resource; keys that it does not have are left out.
pub(crate) async fn untag_resource(
    app: &App,
    request: UntagResourceRequest,
) -> Result<Empty, ApiError> {
    let arn = required(request.resource_arn.as_deref(), "resourceArn")?;
    let keys = required(request.tag_keys, "tagKeys")?;
    tags::check_keys(&keys)?;
    tags::change(app, arn, |tags| tags.retain(|key, _| !keys.contains(key))).await?;
    Ok(Empty {})
}
