//! State transitions as they become durable.

use std::collections::BTreeMap;

use stepyard_machine::{Event, EventKind};
use stepyard_runtime::Committed;

/// The executions that are awaited.
#[derive(Default)]
pub(super) struct Live {
    waiting: BTreeMap<String, &'static str>,
}

impl Live {
    pub(super) fn expect(&mut self, arn: &str, file_name: &'static str) {
        self.waiting.insert(arn.to_owned(), file_name);
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Prints a line for each step of an execution that is awaited.
    pub(super) fn show(&mut self, committed: &Committed) {
        let Some(file_name) = self.waiting.get(&*committed.execution_arn).copied() else { return };
        for event in &committed.events {
            if let Some(step) = step(committed, event) {
                println!("  {file_name:<14} {step}");
            }
            if event.kind.is_terminal() {
                self.waiting.remove(&*committed.execution_arn);
            }
        }
    }
}

fn step(committed: &Committed, event: &Event) -> Option<String> {
    Some(match &event.kind {
        EventKind::StateEntered { state, .. } => {
            format!("-> {}", committed.program.state(*state).name)
        }
        EventKind::TaskFailed { error, .. } => {
            format!("   {} (caught or retried)", error.as_deref().unwrap_or("failed"))
        }
        EventKind::ExecutionSucceeded { .. } => "=> SUCCEEDED".into(),
        EventKind::ExecutionFailed { error, .. } => {
            format!("=> FAILED {}", error.as_deref().unwrap_or_default())
        }
        EventKind::ExecutionTimedOut { .. } => "=> TIMED_OUT".into(),
        EventKind::ExecutionAborted { .. } => "=> ABORTED".into(),
        _ => return None,
    })
}
