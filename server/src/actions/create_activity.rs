//! CreateActivity.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stepyard_asl::Timestamp;
use stepyard_store::Activity;

use super::tags::{self, Tag};
use crate::app::App;
use crate::wire::{ApiError, Constraints, check_name, epoch_seconds, required};

/// Longest `kmsKeyId`, in characters.
const KEY_ID_CHARS_MAX: usize = 2_048;

/// What `kmsDataKeyReusePeriodSeconds` may be, and what it is when nothing is said.
const REUSE_SECONDS: std::ops::RangeInclusive<i64> = 60..=900;
const REUSE_SECONDS_DEFAULT: i64 = 300;

/// The types of `encryptionConfiguration`.
const OWNED: &str = "AWS_OWNED_KEY";
const MANAGED: &str = "CUSTOMER_MANAGED_KMS_KEY";

/// Request of CreateActivity.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateActivityRequest {
    name: Option<String>,
    tags: Option<Vec<Tag>>,
    encryption_configuration: Option<EncryptionConfiguration>,
}

/// `encryptionConfiguration`. Nothing is encrypted by it here; it is kept and shown.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EncryptionConfiguration {
    r#type: Option<String>,
    kms_key_id: Option<String>,
    kms_data_key_reuse_period_seconds: Option<i64>,
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
    let encryption = request.encryption_configuration.unwrap_or_default().read()?;
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

impl EncryptionConfiguration {
    /// As it is kept and shown, with what stands for what is not said.
    fn read(self) -> Result<Value, ApiError> {
        let (encryption_type, key_id) = (self.r#type.as_deref(), self.kms_key_id.as_deref());
        let reuse_seconds = self.kms_data_key_reuse_period_seconds;
        Constraints::default()
            .one_of("encryptionConfiguration.type", encryption_type, &[OWNED, MANAGED])
            .length("encryptionConfiguration.kmsKeyId", key_id, 1..=KEY_ID_CHARS_MAX)
            .range(
                "encryptionConfiguration.kmsDataKeyReusePeriodSeconds",
                reuse_seconds,
                REUSE_SECONDS,
            )
            .check()?;
        let invalid = |why: &str| {
            let message = format!("Invalid Encryption Configuration: '{why}'");
            ApiError::new("InvalidEncryptionConfiguration", message)
        };
        match (encryption_type.unwrap_or(OWNED), key_id) {
            (MANAGED, None) => Err(invalid("kmsKeyId is required for CUSTOMER_MANAGED_KMS_KEY")),
            (MANAGED, Some(key_id)) => Ok(json!({
                "kmsKeyId": key_id,
                "kmsDataKeyReusePeriodSeconds": reuse_seconds.unwrap_or(REUSE_SECONDS_DEFAULT),
                "type": MANAGED,
            })),
            (_, Some(_)) => Err(invalid("kmsKeyId is not for AWS_OWNED_KEY")),
            (owned, None) => Ok(json!({ "type": owned })),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::EncryptionConfiguration;
    use crate::wire::ApiError;

    fn read(said: Value) -> Result<Value, ApiError> {
        serde_json::from_value::<EncryptionConfiguration>(said).unwrap().read()
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        assert_eq!(read(json!({})).unwrap(), json!({ "type": "AWS_OWNED_KEY" }));
        let managed = json!({ "type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "k" });
        assert_eq!(read(managed).unwrap()["kmsDataKeyReusePeriodSeconds"], 300);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (said, name) in [
            (json!({ "type": "MINE" }), "ValidationException"),
            (
                json!({ "type": "AWS_OWNED_KEY", "kmsDataKeyReusePeriodSeconds": 59 }),
                "ValidationException",
            ),
            (json!({ "type": "CUSTOMER_MANAGED_KMS_KEY" }), "InvalidEncryptionConfiguration"),
            (json!({ "kmsKeyId": "k" }), "InvalidEncryptionConfiguration"),
        ] {
            assert_eq!(read(said).unwrap_err().name, name);
        }
    }
}
