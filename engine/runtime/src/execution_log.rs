//! The histories of executions, as log lines in the shape of AWS's (developer guide, "Using CloudWatch Logs to log execution
//! history in Step Functions").

use stepyard_asl::Program;
use stepyard_json::Json;
use stepyard_machine::history::{HistoryEvent, project};
use stepyard_machine::{Event, EventKind};

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
    /// Whether events of this type are logged (developer guide, "Log levels for Step Functions execution events").
    fn takes(self, event_type: &str) -> bool {
        let is_bad = ["Failed", "TimedOut", "Aborted"].iter().any(|end| event_type.ends_with(end));
        match self {
            LogLevel::Off => false,
            LogLevel::Fatal => is_bad && event_type.starts_with("Execution"),
            LogLevel::Error => is_bad || event_type == "FailStateEntered",
            LogLevel::All => true,
        }
    }
}

/// What a state machine wants to be logged of its executions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Logging {
    /// Which events.
    pub level: LogLevel,
    /// `includeExecutionData`: whether inputs and outputs are among their details.
    pub include_execution_data: bool,
}

impl Logging {
    /// What a revision wants to be logged; nothing, when its configuration does not say.
    pub fn of(configuration: &str) -> Logging {
        let configuration = Json::parse(configuration).ok();
        let said = configuration.as_ref().and_then(|all| all.get("loggingConfiguration"));
        let member = |name| said.and_then(|said| said.get(name));
        Logging {
            level: match member("level").and_then(Json::as_str) {
                Some("ALL") => LogLevel::All,
                Some("ERROR") => LogLevel::Error,
                Some("FATAL") => LogLevel::Fatal,
                _ => LogLevel::Off,
            },
            include_execution_data: member("includeExecutionData") == Some(&Json::Bool(true)),
        }
    }

    /// Logs those of the events that are wanted. `redrives`: how often the execution had been redriven before them.
    pub(crate) fn write(
        self,
        program: &Program,
        execution_arn: &str,
        mut redrives: u32,
        events: &[Event],
    ) {
        if self.level == LogLevel::Off {
            return;
        }
        // arn:PARTITION:states:REGION:...
        let region = execution_arn.split(':').nth(3).unwrap_or_default();
        for event in events {
            if let EventKind::ExecutionRedriven { redrive_count, .. } = event.kind {
                redrives = redrive_count;
            }
            let shown = project(program, region, event);
            if let Some(shown) = shown.filter(|shown| self.level.takes(shown.event_type.as_str())) {
                self.write_one(execution_arn, redrives, &shown);
            }
        }
    }

    /// AWS writes numbers as strings here.
    fn write_one(self, execution_arn: &str, redrives: u32, event: &HistoryEvent) {
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
            redrive_count = %redrives,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{LogLevel, Logging};

    /// The table of the developer guide: at which levels each type is logged beside ALL, at which all are.
    const TYPES: [(&str, &[LogLevel]); 8] = [
        ("ExecutionAborted ExecutionFailed ExecutionTimedOut", &[LogLevel::Error, LogLevel::Fatal]),
        ("FailStateEntered", &[LogLevel::Error]),
        (
            "LambdaFunctionFailed LambdaFunctionScheduleFailed LambdaFunctionStartFailed \
             LambdaFunctionTimedOut TaskFailed TaskStartFailed TaskSubmitFailed TaskTimedOut \
             ActivityFailed ActivityScheduleFailed ActivityTimedOut",
            &[LogLevel::Error],
        ),
        (
            "MapIterationAborted MapIterationFailed MapStateAborted MapStateFailed \
             ParallelStateAborted ParallelStateFailed TaskStateAborted WaitStateAborted \
             MapRunAborted MapRunFailed EvaluationFailed",
            &[LogLevel::Error],
        ),
        ("ExecutionStarted ExecutionSucceeded ExecutionRedriven MapRunRedriven", &[]),
        (
            "ChoiceStateEntered ChoiceStateExited MapStateEntered MapStateExited \
             ParallelStateEntered ParallelStateExited PassStateEntered PassStateExited \
             SucceedStateEntered SucceedStateExited TaskStateEntered TaskStateExited \
             WaitStateEntered WaitStateExited",
            &[],
        ),
        (
            "LambdaFunctionScheduled LambdaFunctionStarted LambdaFunctionSucceeded TaskScheduled \
             TaskStarted TaskSubmitted TaskSucceeded ActivityScheduled ActivityStarted \
             ActivitySucceeded",
            &[],
        ),
        (
            "MapIterationStarted MapIterationSucceeded MapStateStarted MapStateSucceeded \
             ParallelStateStarted ParallelStateSucceeded MapRunStarted MapRunSucceeded",
            &[],
        ),
    ];

    #[test]
    fn each_type_is_logged_at_the_levels_of_aws() {
        for (types, levels) in TYPES {
            for event_type in types.split_whitespace() {
                assert!(LogLevel::All.takes(event_type), "{event_type}");
                assert!(!LogLevel::Off.takes(event_type), "{event_type}");
                for level in [LogLevel::Error, LogLevel::Fatal] {
                    let is_logged = levels.contains(&level);
                    assert_eq!(level.takes(event_type), is_logged, "{event_type} {level:?}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_logged_unless_it_is_said() {
        for configuration in [
            "",
            "{}",
            r#"{"loggingConfiguration":null}"#,
            r#"{"loggingConfiguration":{"level":null,"includeExecutionData":null}}"#,
        ] {
            assert_eq!(Logging::of(configuration), Logging::default());
        }
        for (word, level) in [
            ("OFF", LogLevel::Off),
            ("FATAL", LogLevel::Fatal),
            ("ERROR", LogLevel::Error),
            ("ALL", LogLevel::All),
        ] {
            let said = format!(
                r#"{{"loggingConfiguration":{{"level":"{word}","includeExecutionData":true}}}}"#
            );
            assert_eq!(Logging::of(&said), Logging { level, include_execution_data: true });
        }
    }
}
