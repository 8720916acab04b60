//! State machines and the revisions of their definitions.

use std::collections::BTreeMap;
use std::sync::Arc;

use stepyard_asl::Timestamp;
use uuid::Uuid;

/// `STANDARD` or `EXPRESS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateMachineType {
    /// Durable, exactly-once history.
    Standard,
    /// Short and without a stored history.
    Express,
}

/// A state machine with its current revision. Running executions keep the revision they started with.
#[derive(Clone, Debug, PartialEq)]
pub struct StateMachine {
    /// ARN, unqualified.
    pub arn: Arc<str>,
    /// Name.
    pub name: Arc<str>,
    /// Type.
    pub machine_type: StateMachineType,
    /// When it was created.
    pub created_at: Timestamp,
    /// What UpdateStateMachine replaces.
    pub revision: Revision,
    /// Days for which its executions are kept after their end; 0 is for ever, `None` what
    /// [`crate::Retention`] says. UpdateStateMachine leaves it as it is.
    pub retention_days: Option<u32>,
    /// Set when it is created, then by [`crate::Store::set_tags`] only.
    pub tags: Tags,
    /// When its deletion began, if it has: it is there until its executions have ended.
    pub deleting_since: Option<Timestamp>,
}

/// Tags of a resource: values by key.
pub type Tags = BTreeMap<String, String>;

impl StateMachine {
    /// What lists show of it.
    pub fn summary(&self) -> StateMachineSummary {
        StateMachineSummary {
            arn: self.arn.clone(),
            name: self.name.clone(),
            machine_type: self.machine_type,
            created_at: self.created_at,
            updated_at: self.revision.created_at,
        }
    }
}

/// A state machine without what its revision holds, for lists.
#[derive(Clone, Debug, PartialEq)]
pub struct StateMachineSummary {
    /// ARN, unqualified.
    pub arn: Arc<str>,
    /// Name.
    pub name: Arc<str>,
    /// Type.
    pub machine_type: StateMachineType,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its current revision was created.
    pub updated_at: Timestamp,
}

/// One revision of a state machine: immutable.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// Its id.
    pub id: Uuid,
    /// The definition, as it was sent.
    pub definition: Arc<str>,
    /// The role.
    pub role_arn: Arc<str>,
    /// `loggingConfiguration`, `tracingConfiguration` and `encryptionConfiguration` as they were sent: a JSON object.
    pub configuration: Arc<str>,
    /// When it was created.
    pub created_at: Timestamp,
}
