//! Decides where a task runs.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use stepyard_asl::{Pattern, Resource, ServiceCall};
use stepyard_json::Payload;
use stepyard_runtime::{Invocation, Started, TaskOutcome, TaskRunner};
use tokio_util::sync::CancellationToken;

use crate::functions::{Function, FunctionCall};
use crate::lambda::{
    InvokeFailure, InvokeReply, InvokeRequest, LambdaService, direct_outcome, failed,
    function_name, invoke_outcome, parse_invoke,
};
use crate::step_functions::{StepFunctionsApi, call_sdk, start_execution};

/// Where a function runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Route {
    /// In this process if it is one of its functions, else on Lambda.
    #[default]
    InProcess,
    /// On Lambda.
    Lambda,
}

/// Runs tasks: a table by function name says where.
///
/// The functions of this process answer to their name in any region and account, whether the
/// resource is the function's ARN or `lambda:invoke`.
#[derive(Default)]
pub struct TaskRegistry {
    functions: HashMap<String, Arc<dyn Function>>,
    routes: HashMap<String, Route>,
    default_route: Route,
    lambda: Option<Arc<dyn LambdaService>>,
    step_functions: Option<Arc<dyn StepFunctionsApi>>,
}

impl TaskRegistry {
    /// A registry without functions, which runs nothing.
    pub fn new() -> TaskRegistry {
        TaskRegistry::default()
    }

    /// Adds a function of this process.
    #[must_use]
    pub fn with_function(
        mut self,
        name: impl Into<String>,
        function: Arc<dyn Function>,
    ) -> TaskRegistry {
        self.functions.insert(name.into(), function);
        self
    }

    /// Says where one function runs.
    #[must_use]
    pub fn with_route(mut self, name: impl Into<String>, route: Route) -> TaskRegistry {
        self.routes.insert(name.into(), route);
        self
    }

    /// Says where functions run that have no route of their own.
    #[must_use]
    pub fn with_default_route(mut self, route: Route) -> TaskRegistry {
        self.default_route = route;
        self
    }

    /// Gives access to Lambda.
    #[must_use]
    pub fn with_lambda(mut self, lambda: Arc<dyn LambdaService>) -> TaskRegistry {
        self.lambda = Some(lambda);
        self
    }

    /// Gives access to the API of this service.
    #[must_use]
    pub fn with_step_functions(mut self, api: Arc<dyn StepFunctionsApi>) -> TaskRegistry {
        self.step_functions = Some(api);
        self
    }

    /// The function of this process that answers to a name, unless it is routed to Lambda.
    fn function(&self, name: &str) -> Option<&Arc<dyn Function>> {
        match self.routes.get(name).unwrap_or(&self.default_route) {
            Route::InProcess => self.functions.get(name),
            Route::Lambda => None,
        }
    }

    async fn invoke(
        &self,
        mut request: InvokeRequest,
        mut task: Task,
    ) -> Result<InvokeReply, InvokeFailure> {
        let name = function_name(&request.function_name);
        if let Some(function) = self.function(name) {
            return call_function(&**function, &request, task).await;
        }
        let Some(lambda) = &self.lambda else {
            task.started.fire();
            return Err(no_route(&request.function_name));
        };
        task.started.fire();
        request.client_context.get_or_insert_with(|| client_context(&task.idempotency_key));
        lambda.invoke(request).await
    }
}

impl TaskRegistry {
    /// Whether tasks of that service integration can be run here at all.
    pub fn is_supported(call: &ServiceCall) -> bool {
        let waits_for_a_job = matches!(call.pattern, Pattern::Sync | Pattern::Sync2);
        match (&*call.service, &*call.action) {
            ("lambda", "invoke") | ("aws-sdk:sfn", _) => !waits_for_a_job,
            ("states", "startExecution") => true,
            _ => false,
        }
    }

    /// Calls a service once, whatever is waited for afterwards.
    async fn call_service(&self, call: &ServiceCall, mut invocation: Invocation) -> TaskOutcome {
        if !TaskRegistry::is_supported(call) {
            return nobody(&call.arn, "this service integration is not supported yet");
        }
        match (&*call.service, &*call.action) {
            ("lambda", _) => {
                let state = Arc::clone(&invocation.state_name);
                let most = invocation.result_bytes_max;
                match parse_invoke(&invocation.parameters) {
                    Ok(request) => {
                        let reply = self.invoke(request, Task::from(invocation)).await;
                        invoke_outcome(reply, &state, most)
                    }
                    Err(cause) => failed("States.Runtime", &cause),
                }
            }
            ("states", "startExecution") => {
                let Some(api) = &self.step_functions else {
                    return nobody(&call.arn, "this process has no API");
                };
                invocation.started.fire();
                let key = &invocation.idempotency_key;
                start_execution(&**api, &invocation.parameters, key).await
            }
            (_, action) => {
                let Some(api) = &self.step_functions else {
                    return nobody(&call.arn, "this process has no API");
                };
                invocation.started.fire();
                call_sdk(&**api, action, &invocation.parameters).await
            }
        }
    }
}

#[async_trait]
impl TaskRunner for TaskRegistry {
    async fn run(&self, invocation: Invocation) -> TaskOutcome {
        let Invocation { resource, parameters, .. } = &invocation;
        match resource {
            Resource::Lambda(function) => {
                let request = InvokeRequest {
                    function_name: function.arn.to_string(),
                    payload: Some(parameters.bytes()),
                    ..InvokeRequest::default()
                };
                let (arn, most) = (Arc::clone(&function.arn), invocation.result_bytes_max);
                direct_outcome(self.invoke(request, Task::from(invocation)).await, &arn, most)
            }
            Resource::Activity { arn } => nobody(arn, "only its workers do"),
            Resource::Service(call) => {
                let call = call.clone();
                let outcome = self.call_service(&call, invocation).await;
                match call.pattern {
                    Pattern::WaitForTaskToken | Pattern::Sync | Pattern::Sync2 => {
                        submitted(outcome)
                    }
                    Pattern::RequestResponse => outcome,
                }
            }
        }
    }
}

/// Whoever got the token ends the task, or what was started does.
fn submitted(outcome: TaskOutcome) -> TaskOutcome {
    match outcome {
        TaskOutcome::Succeeded(reply) => TaskOutcome::Submitted(reply),
        other => other,
    }
}

/// How a function on Lambda learns the idempotency key: `context.client_context.custom` in the
/// function, so that one that must not act twice can tell a repeated task from a new one.
fn client_context(idempotency_key: &str) -> String {
    let context = serde_json::json!({ "custom": { "idempotency_key": idempotency_key } });
    BASE64_STANDARD.encode(context.to_string())
}

/// What a function call takes from an [`Invocation`].
struct Task {
    execution_arn: Arc<str>,
    execution_started: stepyard_asl::Timestamp,
    idempotency_key: Arc<str>,
    started: Started,
    cancellation: CancellationToken,
}

impl From<Invocation> for Task {
    fn from(invocation: Invocation) -> Task {
        Task {
            execution_arn: invocation.execution_arn,
            execution_started: invocation.execution_started,
            idempotency_key: invocation.idempotency_key,
            started: invocation.started,
            cancellation: invocation.cancellation,
        }
    }
}

/// Calls a function of this process and answers as Lambda would. A call of type `Event` runs to
/// its end, too, so that it cannot be lost; only its result is dropped.
async fn call_function(
    function: &dyn Function,
    request: &InvokeRequest,
    mut task: Task,
) -> Result<InvokeReply, InvokeFailure> {
    let invocation_type = request.invocation_type.as_deref().unwrap_or("RequestResponse");
    if invocation_type == "DryRun" {
        task.started.fire();
        return Ok(in_process_reply(204, String::new(), &task.idempotency_key));
    }
    let event = match &request.payload {
        Some(text) => Payload::from_text(text.clone()).map_err(|error| {
            task.started.fire();
            InvokeFailure::Error {
                error: "Lambda.InvalidRequestContentException".to_owned(),
                cause: format!("Could not parse request body into json: {error}"),
            }
        })?,
        None => Payload::empty_object(),
    };
    let call = FunctionCall {
        event,
        execution_arn: task.execution_arn,
        execution_started: task.execution_started,
        started: task.started,
        cancellation: task.cancellation,
    };
    let result = function.call(call).await;
    let id = &*task.idempotency_key;
    Ok(match result {
        _ if invocation_type == "Event" => in_process_reply(202, String::new(), id),
        Ok(result) => in_process_reply(200, result.to_string(), id),
        Err(error) => InvokeReply {
            function_error: Some("Unhandled".to_owned()),
            ..in_process_reply(200, error.payload().to_string(), id)
        },
    })
}

/// An answer with the headers of Lambda that mean something without HTTP.
fn in_process_reply(status: u16, payload: String, request_id: &str) -> InvokeReply {
    const VERSION: &str = "$LATEST";
    let headers = [
        ("X-Amz-Executed-Version", VERSION),
        ("x-amzn-RequestId", request_id),
        ("Content-Length", &payload.len().to_string()),
        ("Content-Type", "application/json"),
    ];
    InvokeReply {
        status,
        executed_version: Some(VERSION.to_owned()),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        payload: payload.into(),
        ..InvokeReply::default()
    }
}

/// Named as Lambda names a function that it does not have.
fn no_route(function: &str) -> InvokeFailure {
    InvokeFailure::Error {
        error: "Lambda.ResourceNotFoundException".to_owned(),
        cause: format!(
            "Function not found: {function}. No function of this process has that name, and no Lambda endpoint is configured: set AWS_ENDPOINT_URL_LAMBDA to the URL of one, or AWS credentials to use AWS Lambda"
        ),
    }
}

fn nobody(arn: &str, why: &str) -> TaskOutcome {
    failed("States.Runtime", &format!("Nothing here runs the resource {arn}: {why}"))
}

#[cfg(test)]
mod tests;
