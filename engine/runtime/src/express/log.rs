//! The history of an Express execution, as log lines in the shape of AWS's.

use std::sync::Arc;

use stepyard_asl::Program;
use stepyard_machine::Event;
use stepyard_machine::history::{HistoryEvent, HistoryEventType, project};

/// The target of log lines that tell histories.
pub const EXECUTION_LOG: &str = "stepyard::execution_log";

/// Largest input or output in a log line, in bytes; the rest is left out (AWS: 248 KiB).
const DATA_BYTES_MAX: usize = 248 << 10;

/// `level` of a logging configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Nothing.
    #[default]
    Off,
    /// That the execution has not succeeded.
    Fatal,
    /// Whatever has not succeeded.
    Error,
    /// Every event.
    All,
}

impl LogLevel {
    /// Whether events of this type are logged.
    fn takes(self, event_type: HistoryEventType) -> bool {
        let word = event_type.as_str();
        let is_bad = ["Failed", "TimedOut", "Aborted"].iter().any(|end| word.ends_with(end));
        match self {
            LogLevel::Off => false,
            LogLevel::Fatal => is_bad && word.starts_with("Execution"),
            LogLevel::Error => is_bad || word == "FailStateEntered",
            LogLevel::All => true,
        }
    }
}

/// What a state machine wants to be logged of its executions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logging {
    /// Which events.
    pub level: LogLevel,
    /// `includeExecutionData`: whether inputs and outputs are among their details.
    pub include_execution_data: bool,
    /// The region that events name.
    pub region: Arc<str>,
}

impl Logging {
    /// Logs those of the events that are wanted.
    pub(super) fn write(&self, program: &Program, execution_arn: &str, events: &[Event]) {
        if self.level == LogLevel::Off {
            return;
        }
        let shown = events.iter().filter_map(|event| project(program, &self.region, event));
        for event in shown.filter(|event| self.level.takes(event.event_type)) {
            self.write_one(execution_arn, &event);
        }
    }

    /// AWS writes numbers as strings here.
    fn write_one(&self, execution_arn: &str, event: &HistoryEvent) {
        let details = event.details.as_ref().map(|details| {
            let most = self.include_execution_data.then_some(DATA_BYTES_MAX);
            details.to_json_within(most).to_string()
        });
        tracing::info!(
            target: EXECUTION_LOG,
            id = %event.id.0,
            "type" = event.event_type.as_str(),
            details = details.as_deref().unwrap_or("{}"),
            previous_event_id = %event.previous_event_id.0,
            event_timestamp = %event.timestamp.0,
            execution_arn,
            redrive_count = "0",
        );
    }
}
