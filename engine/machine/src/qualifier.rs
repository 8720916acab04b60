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

#[cfg(test)]
mod tests {
    use super::Qualifier;

    #[test]
    fn arns_are_qualified_by_number_and_name() {
        let by_alias = Qualifier { version: 7, alias: Some("live".into()) };
        assert_eq!(by_alias.version_arn("arn:m"), "arn:m:7");
        assert_eq!(by_alias.alias_arn("arn:m").as_deref(), Some("arn:m:live"));
        assert_eq!(Qualifier { alias: None, ..by_alias }.alias_arn("arn:m"), None);
    }
}
