//! From an answer of Lambda to the outcome of a task.

use stepyard_json::{Json, Object, Payload};
use stepyard_runtime::TaskOutcome;

use super::headers::{request_id, sdk_http_metadata};
use super::{InvokeFailure, InvokeReply};

/// Name of the error when a function failed without naming one (Step Functions Developer Guide,
/// "Handle Lambda errors").
const UNKNOWN_ERROR: &str = "Lambda.Unknown";

/// A failed task.
pub(crate) fn failed(error: &str, cause: &str) -> TaskOutcome {
    TaskOutcome::Failed { error: Some(error.into()), cause: Some(cause.into()) }
}

/// The outcome of a Task state whose resource is a function: the result is what the function
/// returned. `task` names the task in error texts, and its result may have so many bytes.
pub(crate) fn direct_outcome(
    reply: Result<InvokeReply, InvokeFailure>,
    task: &str,
    bytes_max: usize,
) -> TaskOutcome {
    match answered(reply, task, bytes_max) {
        Ok((_, payload)) => TaskOutcome::Succeeded(payload),
        Err(outcome) => outcome,
    }
}

/// The outcome of `lambda:invoke`: the result is the answer of the API, payload parsed and HTTP
/// headers included.
pub(crate) fn invoke_outcome(
    reply: Result<InvokeReply, InvokeFailure>,
    task: &str,
    bytes_max: usize,
) -> TaskOutcome {
    let (reply, payload) = match answered(reply, task, bytes_max) {
        Ok(answered) => answered,
        Err(outcome) => return with_compact_cause(outcome),
    };
    let mut result = Object::new();
    if let Some(version) = &reply.executed_version {
        result.insert("ExecutedVersion", version.as_str());
    }
    if let Some(log) = &reply.log_result {
        result.insert("LogResult", log.as_str());
    }
    // A call of type Event or DryRun has no result.
    let nothing = reply.payload.is_empty();
    let payload = if nothing { Json::from("") } else { payload.tree().clone() };
    result.insert("Payload", payload);
    result.insert("SdkHttpMetadata", sdk_http_metadata(&reply.headers, reply.status));
    let id = request_id(&reply.headers).map_or(Json::Null, Json::from);
    result.insert("SdkResponseMetadata", Object::from_iter([("RequestId", id)]));
    result.insert("StatusCode", i64::from(reply.status));
    TaskOutcome::Succeeded(Payload::from(Json::from(result)))
}

/// Recorded from AWS: `lambda:invoke` writes a cause that is JSON anew, without spaces.
fn with_compact_cause(outcome: TaskOutcome) -> TaskOutcome {
    match outcome {
        TaskOutcome::Failed { error, cause: Some(cause) } => {
            let compact = Json::parse(&cause).map(|tree| tree.to_string().into());
            TaskOutcome::Failed { error, cause: Some(compact.unwrap_or(cause)) }
        }
        other => other,
    }
}

/// The answer and its payload; the failed outcome if there is no such. The machine checks how large results are; here
/// it decides what an answer is refused for that is not JSON.
fn answered(
    reply: Result<InvokeReply, InvokeFailure>,
    task: &str,
    bytes_max: usize,
) -> Result<(InvokeReply, Payload), TaskOutcome> {
    let reply = match reply {
        Ok(reply) => reply,
        Err(InvokeFailure::Error { error, cause }) => return Err(failed(&error, &cause)),
        Err(InvokeFailure::TooLarge) => return Err(too_large(task)),
    };
    if reply.function_error.is_some() {
        return Err(function_error(&reply));
    }
    if reply.payload.is_empty() {
        return Ok((reply, Payload::from(Json::Null)));
    }
    match Payload::from_text(reply.payload.clone()) {
        Ok(payload) => Ok((reply, payload)),
        Err(_) if reply.payload.len() > bytes_max => Err(too_large(task)),
        Err(error) => {
            let cause = format!("The function returned a payload that is not JSON: {error}");
            Err(failed(UNKNOWN_ERROR, &cause))
        }
    }
}

/// An error of the function: its name is the `errorType`, the cause is the whole payload.
fn function_error(reply: &InvokeReply) -> TaskOutcome {
    let cause = String::from_utf8_lossy(&reply.payload);
    let payload = Payload::from_text(reply.payload.clone()).ok();
    let error = payload.as_ref().and_then(|payload| payload.tree().get("errorType")?.as_str());
    failed(error.unwrap_or(UNKNOWN_ERROR), &cause)
}

/// Recorded from AWS.
fn too_large(task: &str) -> TaskOutcome {
    let cause = format!(
        "The state/task '{task}' returned a result with a size exceeding the maximum number of bytes service limit."
    );
    failed("States.DataLimitExceeded", &cause)
}
