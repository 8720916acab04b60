//! The operations: which members the SDK is given, and which of its answer are told.

use anyhow::bail;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use serde_json::{Value, json};

use crate::members::Members;
use crate::shapes::{Shape, object};

macro_rules! operations {
    ($($operation:ident $method:ident($($setter:ident),*) -> ($($member:ident),*);)*) => {
        /// Calls an operation: what it has answered, or the name of the error that the service gave.
        ///
        /// # Errors
        /// When this program does not know the operation or a parameter, or the server cannot be reached.
        pub(crate) async fn call(
            client: &Client,
            operation: &str,
            mut parameters: Members,
        ) -> anyhow::Result<Value> {
            match operation {
                $(stringify!($operation) => {
                    let call = client.$method()
                        $(.$setter(parameters.take(stringify!($setter))?))*;
                    parameters.finish()?;
                    match Box::pin(call.send()).await {
                        Ok(_answer) => Ok(json!({"answer": object([
                            $((stringify!($member), _answer.$member.told())),*
                        ])})),
                        Err(error) => refusal(&error),
                    }
                })*
                _ => bail!("no operation {operation}"),
            }
        }
    };
}

operations! {
    CreateActivity create_activity(set_name, set_tags) -> (activity_arn, creation_date);
    CreateStateMachine create_state_machine(
        set_name, set_definition, set_role_arn, set_type, set_tags, set_publish, set_version_description
    ) -> (state_machine_arn, creation_date, state_machine_version_arn);
    CreateStateMachineAlias create_state_machine_alias(
        set_name, set_description, set_routing_configuration
    ) -> (state_machine_alias_arn, creation_date);
    DeleteActivity delete_activity(set_activity_arn) -> ();
    DeleteStateMachine delete_state_machine(set_state_machine_arn) -> ();
    DeleteStateMachineAlias delete_state_machine_alias(set_state_machine_alias_arn) -> ();
    DeleteStateMachineVersion delete_state_machine_version(set_state_machine_version_arn) -> ();
    DescribeActivity describe_activity(set_activity_arn) -> (activity_arn, name, creation_date);
    DescribeExecution describe_execution(set_execution_arn, set_included_data) -> (
        execution_arn, state_machine_arn, name, status, start_date, stop_date, input, input_details, output,
        output_details, error, cause, state_machine_version_arn, state_machine_alias_arn, redrive_count, redrive_date,
        redrive_status, redrive_status_reason
    );
    DescribeMapRun describe_map_run(set_map_run_arn) -> (
        map_run_arn, execution_arn, status, start_date, stop_date, max_concurrency, tolerated_failure_percentage,
        tolerated_failure_count, item_counts
    );
    DescribeStateMachine describe_state_machine(set_state_machine_arn, set_included_data) -> (
        state_machine_arn, name, status, definition, role_arn, r#type, creation_date, logging_configuration,
        revision_id, description
    );
    DescribeStateMachineAlias describe_state_machine_alias(set_state_machine_alias_arn) -> (
        state_machine_alias_arn, name, description, routing_configuration, creation_date, update_date
    );
    DescribeStateMachineForExecution describe_state_machine_for_execution(set_execution_arn) -> (
        state_machine_arn, name, definition, role_arn, update_date
    );
    GetActivityTask get_activity_task(set_activity_arn, set_worker_name) -> (task_token, input);
    GetExecutionHistory get_execution_history(
        set_execution_arn, set_max_results, set_reverse_order, set_next_token, set_include_execution_data
    ) -> (events, next_token);
    ListActivities list_activities(set_max_results, set_next_token) -> (activities, next_token);
    ListExecutions list_executions(
        set_state_machine_arn, set_status_filter, set_max_results, set_next_token
    ) -> (executions, next_token);
    ListMapRuns list_map_runs(set_execution_arn) -> (map_runs, next_token);
    ListStateMachineAliases list_state_machine_aliases(set_state_machine_arn) -> (state_machine_aliases, next_token);
    ListStateMachineVersions list_state_machine_versions(set_state_machine_arn) -> (
        state_machine_versions, next_token
    );
    ListStateMachines list_state_machines(set_max_results, set_next_token) -> (state_machines, next_token);
    ListTagsForResource list_tags_for_resource(set_resource_arn) -> (tags);
    PublishStateMachineVersion publish_state_machine_version(
        set_state_machine_arn, set_revision_id, set_description
    ) -> (state_machine_version_arn, creation_date);
    RedriveExecution redrive_execution(set_execution_arn) -> (redrive_date);
    SendTaskFailure send_task_failure(set_task_token, set_error, set_cause) -> ();
    SendTaskHeartbeat send_task_heartbeat(set_task_token) -> ();
    SendTaskSuccess send_task_success(set_task_token, set_output) -> ();
    StartExecution start_execution(set_state_machine_arn, set_name, set_input) -> (execution_arn, start_date);
    StartSyncExecution start_sync_execution(set_state_machine_arn, set_name, set_input) -> (
        execution_arn, state_machine_arn, name, start_date, stop_date, status, error, cause, input, input_details,
        output, output_details, billing_details
    );
    StopExecution stop_execution(set_execution_arn, set_error, set_cause) -> (stop_date);
    TagResource tag_resource(set_resource_arn, set_tags) -> ();
    TestState test_state(
        set_definition, set_role_arn, set_input, set_inspection_level, set_mock
    ) -> (output, error, cause, inspection_data, next_state, status);
    UntagResource untag_resource(set_resource_arn, set_tag_keys) -> ();
    UpdateMapRun update_map_run(set_map_run_arn, set_max_concurrency, set_tolerated_failure_percentage) -> ();
    UpdateStateMachine update_state_machine(set_state_machine_arn, set_definition) -> (
        update_date, revision_id, state_machine_version_arn
    );
    UpdateStateMachineAlias update_state_machine_alias(
        set_state_machine_alias_arn, set_routing_configuration
    ) -> (update_date);
    ValidateStateMachineDefinition validate_state_machine_definition(set_definition, set_max_results) -> (
        result, diagnostics, truncated
    );
}

/// The name of the error, as the SDK has understood it.
fn refusal<E, R>(error: &SdkError<E, R>) -> anyhow::Result<Value>
where
    SdkError<E, R>: std::error::Error,
    E: ProvideErrorMetadata,
{
    match error.as_service_error().and_then(ProvideErrorMetadata::code) {
        Some(name) => Ok(json!({ "error": name })),
        None => bail!("{}", DisplayErrorContext(error)),
    }
}
