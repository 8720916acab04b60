//! The operations of the API, one file each: request, response, what it does.

mod configuration;
mod create_activity;
mod create_state_machine;
mod create_state_machine_alias;
mod delete_activity;
mod delete_state_machine;
mod delete_state_machine_alias;
mod delete_state_machine_version;
mod describe_activity;
mod describe_execution;
mod describe_map_run;
mod describe_state_machine;
mod describe_state_machine_alias;
mod describe_state_machine_for_execution;
mod express;
mod get_activity_task;
mod get_execution_history;
mod item_processor;
mod list_activities;
pub(crate) mod list_executions;
mod list_map_runs;
mod list_state_machine_aliases;
mod list_state_machine_versions;
mod list_state_machines;
mod list_tags_for_resource;
mod publish_state_machine_version;
mod redrive_execution;
mod routing;
mod send_task_failure;
mod send_task_heartbeat;
mod send_task_success;
mod start_execution;
mod start_sync_execution;
mod stop_execution;
mod tag_resource;
mod tags;
mod task_token;
mod test_state;
mod untag_resource;
mod update_map_run;
mod update_state_machine;
mod update_state_machine_alias;
mod validate_state_machine_definition;

use axum::body::Body;
use axum::http::Response;

use create_activity::create_activity;
pub(crate) use create_state_machine::{CreateStateMachineRequest, create_state_machine};
use create_state_machine_alias::create_state_machine_alias;
use delete_activity::delete_activity;
pub(crate) use delete_state_machine::{DeleteStateMachineRequest, delete_state_machine};
use delete_state_machine_alias::delete_state_machine_alias;
use delete_state_machine_version::delete_state_machine_version;
use describe_activity::describe_activity;
use describe_execution::describe_execution;
pub(crate) use describe_execution::{RedriveStatus, redrive_status};
use describe_map_run::describe_map_run;
use describe_state_machine::describe_state_machine;
pub(crate) use describe_state_machine::type_word;
use describe_state_machine_alias::describe_state_machine_alias;
use describe_state_machine_for_execution::describe_state_machine_for_execution;
use get_activity_task::get_activity_task;
pub(crate) use get_execution_history::{HistoryPage, get_execution_history, history_page};
use list_activities::list_activities;
use list_executions::list_executions;
use list_map_runs::list_map_runs;
use list_state_machine_aliases::list_state_machine_aliases;
use list_state_machine_versions::list_state_machine_versions;
use list_state_machines::list_state_machines;
use list_tags_for_resource::list_tags_for_resource;
use publish_state_machine_version::publish_state_machine_version;
pub(crate) use redrive_execution::{RedriveExecutionRequest, redrive_execution};
use send_task_failure::send_task_failure;
use send_task_heartbeat::send_task_heartbeat;
use send_task_success::send_task_success;
pub(crate) use start_execution::{StartExecutionRequest, start_execution};
use start_sync_execution::start_sync_execution;
pub(crate) use stop_execution::{StopExecutionRequest, stop_execution};
use tag_resource::tag_resource;
use test_state::test_state;
use untag_resource::untag_resource;
use update_map_run::update_map_run;
pub(crate) use update_state_machine::{UpdateStateMachineRequest, update_state_machine};
use update_state_machine_alias::update_state_machine_alias;
use validate_state_machine_definition::validate_state_machine_definition;

use crate::app::App;
use crate::wire::{ApiError, parse, respond};

/// Carries out an operation of the AWS protocol.
pub(crate) async fn call(app: &App, operation: &str, body: &[u8], id: &str) -> Response<Body> {
    match operation {
        "CreateStateMachine" => {
            respond(then(parse(body), |request| create_state_machine(app, request)).await, id)
        }
        "DeleteStateMachine" => {
            respond(then(parse(body), |request| delete_state_machine(app, request)).await, id)
        }
        "DescribeExecution" => {
            respond(then(parse(body), |request| describe_execution(app, request)).await, id)
        }
        "DescribeStateMachine" => {
            respond(then(parse(body), |request| describe_state_machine(app, request)).await, id)
        }
        "DescribeStateMachineForExecution" => respond(
            then(parse(body), |request| describe_state_machine_for_execution(app, request)).await,
            id,
        ),
        "GetExecutionHistory" => {
            respond(then(parse(body), |request| get_execution_history(app, request)).await, id)
        }
        "ListExecutions" => {
            respond(then(parse(body), |request| list_executions(app, request)).await, id)
        }
        "ListStateMachines" => {
            respond(then(parse(body), |request| list_state_machines(app, request)).await, id)
        }
        "ListTagsForResource" => {
            respond(then(parse(body), |request| list_tags_for_resource(app, request)).await, id)
        }
        "RedriveExecution" => {
            respond(then(parse(body), |request| redrive_execution(app, request)).await, id)
        }
        "StartExecution" => {
            respond(then(parse(body), |request| start_execution(app, request)).await, id)
        }
        "StartSyncExecution" => {
            respond(then(parse(body), |request| start_sync_execution(app, request)).await, id)
        }
        "StopExecution" => {
            respond(then(parse(body), |request| stop_execution(app, request)).await, id)
        }
        "TagResource" => respond(then(parse(body), |request| tag_resource(app, request)).await, id),
        "TestState" => respond(then(parse(body), |request| test_state(app, request)).await, id),
        "UntagResource" => {
            respond(then(parse(body), |request| untag_resource(app, request)).await, id)
        }
        "UpdateStateMachine" => {
            respond(then(parse(body), |request| update_state_machine(app, request)).await, id)
        }
        "ValidateStateMachineDefinition" => respond(
            then(parse(body), |request| validate_state_machine_definition(app, request)).await,
            id,
        ),
        _ => call_on_publication(app, operation, body, id).await,
    }
}

/// The same for operations on versions and aliases.
async fn call_on_publication(app: &App, operation: &str, body: &[u8], id: &str) -> Response<Body> {
    match operation {
        "CreateStateMachineAlias" => {
            respond(then(parse(body), |request| create_state_machine_alias(app, request)).await, id)
        }
        "DeleteStateMachineAlias" => {
            respond(then(parse(body), |request| delete_state_machine_alias(app, request)).await, id)
        }
        "DeleteStateMachineVersion" => respond(
            then(parse(body), |request| delete_state_machine_version(app, request)).await,
            id,
        ),
        "DescribeStateMachineAlias" => respond(
            then(parse(body), |request| describe_state_machine_alias(app, request)).await,
            id,
        ),
        "ListStateMachineAliases" => {
            respond(then(parse(body), |request| list_state_machine_aliases(app, request)).await, id)
        }
        "ListStateMachineVersions" => respond(
            then(parse(body), |request| list_state_machine_versions(app, request)).await,
            id,
        ),
        "PublishStateMachineVersion" => respond(
            then(parse(body), |request| publish_state_machine_version(app, request)).await,
            id,
        ),
        "UpdateStateMachineAlias" => {
            respond(then(parse(body), |request| update_state_machine_alias(app, request)).await, id)
        }
        _ => call_on_map_run(app, operation, body, id).await,
    }
}

/// The same for operations on Map Runs.
async fn call_on_map_run(app: &App, operation: &str, body: &[u8], id: &str) -> Response<Body> {
    match operation {
        "DescribeMapRun" => {
            respond(then(parse(body), |request| describe_map_run(app, request)).await, id)
        }
        "ListMapRuns" => {
            respond(then(parse(body), |request| list_map_runs(app, request)).await, id)
        }
        "UpdateMapRun" => {
            respond(then(parse(body), |request| update_map_run(app, request)).await, id)
        }
        _ => call_on_task(app, operation, body, id).await,
    }
}

/// The same for operations on activities, and on tasks by their tokens.
async fn call_on_task(app: &App, operation: &str, body: &[u8], id: &str) -> Response<Body> {
    match operation {
        "CreateActivity" => {
            respond(then(parse(body), |request| create_activity(app, request)).await, id)
        }
        "DeleteActivity" => {
            respond(then(parse(body), |request| delete_activity(app, request)).await, id)
        }
        "DescribeActivity" => {
            respond(then(parse(body), |request| describe_activity(app, request)).await, id)
        }
        "GetActivityTask" => {
            respond(then(parse(body), |request| get_activity_task(app, request)).await, id)
        }
        "ListActivities" => {
            respond(then(parse(body), |request| list_activities(app, request)).await, id)
        }
        "SendTaskFailure" => {
            respond(then(parse(body), |request| send_task_failure(app, request)).await, id)
        }
        "SendTaskHeartbeat" => {
            respond(then(parse(body), |request| send_task_heartbeat(app, request)).await, id)
        }
        "SendTaskSuccess" => {
            respond(then(parse(body), |request| send_task_success(app, request)).await, id)
        }
        _ => respond::<()>(Err(unknown(operation)), id),
    }
}

/// Goes on with a request that could be read.
async fn then<Request, Answer, Action: Future<Output = Result<Answer, ApiError>>>(
    request: Result<Request, ApiError>,
    action: impl FnOnce(Request) -> Action,
) -> Result<Answer, ApiError> {
    action(request?).await
}

fn unknown(operation: &str) -> ApiError {
    let text = format!("The operation '{operation}' is not known to this server");
    ApiError::new("UnknownOperationException", text)
}

/// The state machine's type does not have the operation.
fn type_not_supported() -> ApiError {
    ApiError::new(
        "StateMachineTypeNotSupported",
        "This operation is not supported by this type of state machine",
    )
}

/// The answer `{}`.
#[derive(serde::Serialize)]
pub(crate) struct Empty {}
