//! CreateActivity.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepyard_asl::Timestamp;
use stepyard_store::Activity;

use super::configuration::EncryptionConfiguration;
use super::tags::{self, Tag};
use crate::app::App;
use crate::wire::{ApiError, check_name, epoch_seconds, required};

/// Request of CreateActivity.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateActivityRequest {
    name: Option<String>,
    tags: Option<Vec<Tag>>,
    encryption_configuration: Option<EncryptionConfiguration>,
}

/// Answer of CreateActivity.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateActivityResponse {
    activity_arn: Arc<str>,
    #[serde(serialize_with = "epoch_seconds")]
    creation_date: Timestamp,
}

/// Creates an activity. Creating one again gives the one that is there, whatever its tags.
pub(super) async fn create_activity(
    app: &App,
    request: CreateActivityRequest,
) -> Result<CreateActivityResponse, ApiError> {
    let name = required(request.name.as_deref(), "name")?;
    check_name(name)?;
    let tags = tags::read(request.tags)?;
    tags::check_count(&tags)?;
    let encryption = match &request.encryption_configuration {
        None => EncryptionConfiguration::owned(),
        Some(said) => said.read()?,
    };
    let activity = Activity {
        arn: app.identity.activity(name).to_string().into(),
        name: name.into(),
        created_at: app.runtime.clock().now(),
        encryption: encryption.to_string().into(),
        tags,
    };
    let created = match app.store.create_activity(activity.clone()).await? {
        None => activity,
        Some(present) if present.encryption == activity.encryption => present,
        Some(present) => {
            let message = format!("Activity Already Exists: '{}'", present.arn);
            return Err(ApiError::new("ActivityAlreadyExists", message));
        }
    };
    Ok(CreateActivityResponse { activity_arn: created.arn, creation_date: created.created_at })
}
