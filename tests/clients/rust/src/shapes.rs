//! What the SDK has made of an answer, told as JSON again.

use aws_sdk_sfn::primitives::DateTime;
use aws_sdk_sfn::types;
use serde_json::{Map, Value, json};

use crate::members::camel_case;

/// A type of a member of an answer.
pub(crate) trait Shape {
    fn told(&self) -> Value;
}

/// An object of the members that there are, named as the SDK names them.
pub(crate) fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let present = members.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(present.map(|(name, value)| (camel_case(name), value)).collect::<Map<_, _>>())
}

macro_rules! scalars {
    ($($scalar:ty),*) => {
        $(impl Shape for $scalar {
            fn told(&self) -> Value {
                json!(self)
            }
        })*
    };
}

scalars!(String, bool, i32, i64, f32);

impl Shape for DateTime {
    /// Seconds since 1970.
    fn told(&self) -> Value {
        json!(self.as_secs_f64())
    }
}

impl<T: Shape> Shape for Option<T> {
    fn told(&self) -> Value {
        self.as_ref().map_or(Value::Null, Shape::told)
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn told(&self) -> Value {
        self.iter().map(Shape::told).collect()
    }
}

macro_rules! words {
    ($($enumeration:ident),* $(,)?) => {
        $(impl Shape for types::$enumeration {
            fn told(&self) -> Value {
                self.as_str().into()
            }
        })*
    };
}

words!(
    ExecutionRedriveStatus,
    ExecutionStatus,
    HistoryEventType,
    LogLevel,
    MapRunStatus,
    StateMachineStatus,
    StateMachineType,
    SyncExecutionStatus,
    TestExecutionStatus,
    ValidateStateMachineDefinitionResultCode,
    ValidateStateMachineDefinitionSeverity,
);

macro_rules! structures {
    ($($structure:ident($($member:ident),*);)*) => {
        $(impl Shape for types::$structure {
            fn told(&self) -> Value {
                object([$((stringify!($member), self.$member.told())),*])
            }
        })*
    };
}

structures! {
    ActivityFailedEventDetails(error, cause);
    ActivityListItem(activity_arn, name, creation_date);
    BillingDetails(billed_memory_used_in_mb, billed_duration_in_milliseconds);
    CloudWatchEventsExecutionDataDetails(included);
    ExecutionFailedEventDetails(error, cause);
    ExecutionListItem(execution_arn, state_machine_arn, name, status, start_date, stop_date);
    ExecutionStartedEventDetails(input, input_details, role_arn);
    ExecutionSucceededEventDetails(output, output_details);
    HistoryEvent(
        timestamp, r#type, id, previous_event_id, activity_failed_event_details, execution_failed_event_details,
        execution_started_event_details, execution_succeeded_event_details, state_entered_event_details,
        state_exited_event_details
    );
    HistoryEventExecutionDataDetails(truncated);
    InspectionData(input, after_input_path, after_parameters, result, after_result_selector, after_result_path);
    LoggingConfiguration(level, include_execution_data);
    MapRunItemCounts(pending, running, succeeded, failed, timed_out, aborted, total, results_written);
    MapRunListItem(execution_arn, map_run_arn, state_machine_arn, start_date, stop_date);
    RoutingConfigurationListItem(state_machine_version_arn, weight);
    StateEnteredEventDetails(name, input, input_details);
    StateExitedEventDetails(name, output, output_details);
    StateMachineAliasListItem(state_machine_alias_arn, creation_date);
    StateMachineListItem(state_machine_arn, name, r#type, creation_date);
    StateMachineVersionListItem(state_machine_version_arn, creation_date);
    Tag(key, value);
    ValidateStateMachineDefinitionDiagnostic(severity, code, message, location);
}
