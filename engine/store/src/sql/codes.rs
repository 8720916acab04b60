//! Codes of enumerations in the tables.

use stepyard_machine::ExecutionStatus;

use crate::StateMachineType;

/// Codes of statuses, for ever.
pub(crate) fn status_code(status: ExecutionStatus) -> i64 {
    match status {
        ExecutionStatus::Running => 1,
        ExecutionStatus::Succeeded => 2,
        ExecutionStatus::Failed => 3,
        ExecutionStatus::TimedOut => 4,
        ExecutionStatus::Aborted => 5,
    }
}

pub(super) fn status_from_code(code: i64) -> Option<ExecutionStatus> {
    ExecutionStatus::ALL.into_iter().find(|status| status_code(*status) == code)
}

/// Codes of state machine types, for ever.
pub(crate) fn type_code(machine_type: StateMachineType) -> i64 {
    match machine_type {
        StateMachineType::Standard => 1,
        StateMachineType::Express => 2,
    }
}

pub(super) fn type_from_code(code: i64) -> Option<StateMachineType> {
    [StateMachineType::Standard, StateMachineType::Express]
        .into_iter()
        .find(|machine_type| type_code(*machine_type) == code)
}
