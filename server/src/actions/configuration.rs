//! `loggingConfiguration`, `tracingConfiguration` and `encryptionConfiguration`: what they may be.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::wire::{ApiError, Constraints, required};

/// Longest `kmsKeyId`, in characters.
const KEY_ID_CHARS_MAX: usize = 2_048;

/// What `kmsDataKeyReusePeriodSeconds` may be, and what it is when nothing is said.
const REUSE_SECONDS: std::ops::RangeInclusive<i64> = 60..=900;
const REUSE_SECONDS_DEFAULT: i64 = 300;

/// The types of `encryptionConfiguration`.
const OWNED: &str = "AWS_OWNED_KEY";
const MANAGED: &str = "CUSTOMER_MANAGED_KMS_KEY";

/// Words of `level`.
const LEVELS: &[&str] = &["ALL", "ERROR", "FATAL", "OFF"];

/// Longest ARN of a log group, in characters.
const LOG_GROUP_CHARS_MAX: usize = 256;

/// `loggingConfiguration`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LoggingConfiguration {
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    include_execution_data: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destinations: Option<Vec<LogDestination>>,
}

/// An item of `destinations`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct LogDestination {
    #[serde(skip_serializing_if = "Option::is_none")]
    cloud_watch_logs_log_group: Option<LogGroup>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct LogGroup {
    #[serde(skip_serializing_if = "Option::is_none")]
    log_group_arn: Option<String>,
}

impl LoggingConfiguration {
    /// Logging that is on needs a destination.
    ///
    /// # Errors
    /// `ValidationException`, `InvalidLoggingConfiguration`.
    pub(super) fn check(&self) -> Result<(), ApiError> {
        let destinations = self.destinations.as_deref().unwrap_or_default();
        let constraints = Constraints::default().one_of(
            "loggingConfiguration.level",
            self.level.as_deref(),
            LEVELS,
        );
        let constrain = |found: Constraints, (at, destination): (usize, &LogDestination)| {
            let group = destination.cloud_watch_logs_log_group.as_ref();
            let arn = group.and_then(|group| group.log_group_arn.as_deref());
            let place = format!("loggingConfiguration.destinations.{}.member", at + 1);
            let member = format!("{place}.cloudWatchLogsLogGroup.logGroupArn");
            found.length(&member, arn, 1..=LOG_GROUP_CHARS_MAX)
        };
        destinations.iter().enumerate().fold(constraints, constrain).check()?;
        if matches!(self.level.as_deref(), None | Some("OFF")) || destinations.len() == 1 {
            return Ok(());
        }
        Err(ApiError::new(
            "InvalidLoggingConfiguration",
            "Invalid Logging Configuration: Must specify exactly one Log Destination.",
        ))
    }
}

/// `tracingConfiguration`. Nothing is traced by it here; it is kept and shown.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct TracingConfiguration {
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
}

/// `encryptionConfiguration`. Nothing is encrypted by it here; it is kept and shown.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EncryptionConfiguration {
    r#type: Option<String>,
    kms_key_id: Option<String>,
    kms_data_key_reuse_period_seconds: Option<i64>,
}

impl EncryptionConfiguration {
    /// That of an activity for which nothing is said, as it is kept and shown.
    pub(super) fn owned() -> Value {
        json!({ "type": OWNED })
    }

    /// As it is kept and shown, with what stands for what is not said.
    ///
    /// # Errors
    /// `ValidationException`, `InvalidEncryptionConfiguration`.
    pub(super) fn read(&self) -> Result<Value, ApiError> {
        let encryption_type = required(self.r#type.as_deref(), "encryptionConfiguration.type")?;
        let (key_id, reuse_seconds) =
            (self.kms_key_id.as_deref(), self.kms_data_key_reuse_period_seconds);
        let reuse_member = "encryptionConfiguration.kmsDataKeyReusePeriodSeconds";
        Constraints::default()
            .one_of("encryptionConfiguration.type", Some(encryption_type), &[OWNED, MANAGED])
            .length("encryptionConfiguration.kmsKeyId", key_id, 1..=KEY_ID_CHARS_MAX)
            .range(reuse_member, reuse_seconds, REUSE_SECONDS)
            .check()?;
        let invalid = |why: &str| {
            let message = format!("Invalid Encryption Configuration: '{why}'");
            ApiError::new("InvalidEncryptionConfiguration", message)
        };
        match (encryption_type, key_id) {
            (MANAGED, None) => Err(invalid("kmsKeyId is required for CUSTOMER_MANAGED_KMS_KEY")),
            (MANAGED, Some(key_id)) => Ok(json!({
                "kmsKeyId": key_id,
                "kmsDataKeyReusePeriodSeconds": reuse_seconds.unwrap_or(REUSE_SECONDS_DEFAULT),
                "type": MANAGED,
            })),
            (_, Some(_)) => Err(invalid("kmsKeyId is not for AWS_OWNED_KEY")),
            (_, None) => Ok(EncryptionConfiguration::owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{EncryptionConfiguration, LoggingConfiguration};
    use crate::wire::ApiError;

    fn read(said: Value) -> Result<Value, ApiError> {
        serde_json::from_value::<EncryptionConfiguration>(said).unwrap().read()
    }

    #[test]
    fn what_is_not_said_of_a_key_has_a_default() {
        let managed = json!({ "type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "k" });
        assert_eq!(read(managed).unwrap()["kmsDataKeyReusePeriodSeconds"], 300);
    }

    #[test]
    fn encryption_that_cannot_be_is_refused() {
        for (said, name) in [
            (json!({}), "ValidationException"),
            (json!({ "type": "MINE" }), "ValidationException"),
            (
                json!({ "type": "AWS_OWNED_KEY", "kmsDataKeyReusePeriodSeconds": 59 }),
                "ValidationException",
            ),
            (json!({ "type": "CUSTOMER_MANAGED_KMS_KEY" }), "InvalidEncryptionConfiguration"),
            (json!({ "type": "AWS_OWNED_KEY", "kmsKeyId": "k" }), "InvalidEncryptionConfiguration"),
        ] {
            assert_eq!(read(said).unwrap_err().name, name);
        }
    }

    #[test]
    fn logging_that_cannot_be_is_refused() {
        let group = |arn: &str| json!({ "cloudWatchLogsLogGroup": { "logGroupArn": arn } });
        for (said, name) in [
            (json!({}), None),
            (json!({ "level": "OFF" }), None),
            (json!({ "level": "ALL", "destinations": [group("g")] }), None),
            (json!({ "level": "ALL" }), Some("InvalidLoggingConfiguration")),
            (
                json!({ "level": "ALL", "destinations": [group("g"), group("h")] }),
                Some("InvalidLoggingConfiguration"),
            ),
            (json!({ "level": "LOUD" }), Some("ValidationException")),
            (json!({ "level": "ALL", "destinations": [group("")] }), Some("ValidationException")),
        ] {
            let logging = serde_json::from_value::<LoggingConfiguration>(said).unwrap();
            assert_eq!(logging.check().err().map(|error| error.name), name);
        }
    }
}
