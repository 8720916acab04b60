//! What the tests of task runners share.

use stepyard_asl::{Resource, Timestamp};
use stepyard_json::Payload;
use stepyard_machine::Limits;
use stepyard_runtime::{Invocation, Started, TaskOutcome};
use tokio_util::sync::CancellationToken;

/// A dispatch of a task.
pub(crate) fn invocation(resource: &str, parameters: &str) -> Invocation {
    Invocation {
        execution_arn: "arn:aws:states:us-east-1:000000000000:execution:m:e".into(),
        execution_started: Timestamp(0),
        state_name: "Resize".into(),
        resource: Resource::parse(resource).unwrap(),
        parameters: Payload::from_text(parameters.to_owned()).unwrap(),
        role_arn: None,
        result_bytes_max: Limits::AWS.data_bytes,
        idempotency_key: "e/4".into(),
        started: Started::channel().0,
        cancellation: CancellationToken::new(),
    }
}

/// Error and cause of a task that has failed.
pub(crate) fn error_and_cause(outcome: TaskOutcome) -> (String, String) {
    match outcome {
        TaskOutcome::Failed { error, cause } => {
            (error.unwrap().to_string(), cause.unwrap().to_string())
        }
        TaskOutcome::Succeeded(payload) | TaskOutcome::Submitted(payload) => panic!("{payload}"),
    }
}
