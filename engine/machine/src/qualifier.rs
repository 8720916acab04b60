//! What a qualified ARN says after the name of the state machine.

use std::sync::Arc;

/// The version that an execution was started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qualifier {
    /// Number of the version.
    pub version: u64,
    /// Name of the alias that led to it, if one did.
    pub alias: Option<Arc<str>>,
}

impl Qualifier {
    /// ARN of the version of a state machine with that ARN.
    pub fn version_arn(&self, state_machine_arn: &str) -> String {
        format!("{state_machine_arn}:{}", self.version)
    }

    /// ARN of the alias.
    pub fn alias_arn(&self, state_machine_arn: &str) -> Option<String> {
        self.alias.as_ref().map(|alias| format!("{state_machine_arn}:{alias}"))
    }
}
