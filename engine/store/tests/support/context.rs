//! Executions as the suites start them.

use stepyard_machine::StartContext;

pub(crate) const MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:m";

/// Names and ARNs of a Standard execution of [`MACHINE`].
pub(crate) fn context(name: &str) -> StartContext {
    StartContext {
        execution_arn: format!("arn:aws:states:us-east-1:000000000000:execution:m:{name}").into(),
        execution_name: name.into(),
        state_machine_arn: MACHINE.into(),
        state_machine_name: "m".into(),
        role_arn: "role".into(),
        qualifier: None,
        child_of: None,
        kind: Default::default(),
        limits: Default::default(),
    }
}
