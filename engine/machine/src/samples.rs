//! What unit tests start executions with.

use crate::StartContext;

/// Names and ARNs of a Standard execution.
pub(crate) fn start_context() -> StartContext {
    StartContext {
        execution_arn: "e".into(),
        execution_name: "n".into(),
        state_machine_arn: "m".into(),
        state_machine_name: "m".into(),
        role_arn: "r".into(),
        qualifier: None,
        child_of: None,
        kind: Default::default(),
        limits: Default::default(),
    }
}
