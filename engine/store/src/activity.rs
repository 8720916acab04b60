//! Activities: names under which workers ask for tasks.

use std::sync::Arc;

use stepyard_asl::Timestamp;

use crate::Tags;

/// An activity.
#[derive(Clone, Debug, PartialEq)]
pub struct Activity {
    /// ARN.
    pub arn: Arc<str>,
    /// Name.
    pub name: Arc<str>,
    /// When it was created.
    pub created_at: Timestamp,
    /// `encryptionConfiguration` as it was sent: a JSON object.
    pub encryption: Arc<str>,
    /// Set when it is created, then by [`crate::Store::set_activity_tags`] only.
    pub tags: Tags,
}
