use std::sync::Mutex;

use stepyard_json::Json;

use super::*;
use crate::functions::{ErrorType, FunctionError};
use crate::testing::{error_and_cause, invocation};

/// Answers with its event, or fails when the event has a member `fail`.
struct Echo;

#[async_trait]
impl Function for Echo {
    async fn call(&self, mut call: FunctionCall) -> Result<Json, FunctionError> {
        call.started.fire();
        if call.event.tree().get("fail").is_some() {
            let message = "as asked".to_owned();
            return Err(FunctionError { error_type: ErrorType::InvalidImage, message });
        }
        Ok(call.event.tree().clone())
    }
}

/// Keeps what it was asked.
#[derive(Default)]
struct FakeLambda(Mutex<Vec<InvokeRequest>>);

#[async_trait]
impl LambdaService for FakeLambda {
    async fn invoke(&self, request: InvokeRequest) -> Result<InvokeReply, InvokeFailure> {
        self.0.lock().unwrap().push(request);
        Ok(InvokeReply { status: 200, payload: "\"from Lambda\"".into(), ..InvokeReply::default() })
    }
}

fn echo() -> TaskRegistry {
    TaskRegistry::new().with_function("Echo", Arc::new(Echo))
}

async fn run(registry: &TaskRegistry, resource: &str, parameters: &str) -> TaskOutcome {
    registry.run(invocation(resource, parameters)).await
}

const INVOKE: &str = "arn:aws:states:::lambda:invoke";

fn succeeded(outcome: TaskOutcome) -> String {
    match outcome {
        TaskOutcome::Succeeded(payload) | TaskOutcome::Submitted(payload) => payload.to_string(),
        TaskOutcome::Failed { error, cause } => panic!("{error:?}: {cause:?}"),
    }
}

#[tokio::test]
async fn in_process_functions_answer_in_every_region_and_account() {
    let registry = echo();
    for arn in [
        "arn:aws:lambda:region:acct:function:Echo",
        "arn:aws:lambda:eu-west-1:123456789012:function:Echo:live",
    ] {
        assert_eq!(succeeded(run(&registry, arn, r#"{"n":1.0}"#).await), r#"{"n":1.0}"#);
    }
    for name in
        ["Echo", "Echo:1", "123456789012:function:Echo", "arn:aws:lambda:r:a:function:Echo:$LATEST"]
    {
        let parameters = format!(r#"{{"FunctionName":"{name}","Payload":{{"n":1.0}}}}"#);
        let result = succeeded(run(&registry, INVOKE, &parameters).await);
        let result = Json::parse(&result).unwrap();
        assert_eq!(result.get("Payload").unwrap().to_string(), r#"{"n":1.0}"#, "{name}");
    }
}

#[tokio::test]
async fn lambda_invoke_has_the_shape_of_aws() {
    let parameters = r#"{"FunctionName":"Echo","Payload":null,"Unknown":1}"#;
    let result = succeeded(run(&echo(), INVOKE, parameters).await);
    insta::assert_snapshot!(result, @r#"{"ExecutedVersion":"$LATEST","Payload":{},"SdkHttpMetadata":{"AllHttpHeaders":{"X-Amz-Executed-Version":["$LATEST"],"x-amzn-RequestId":["e/4"],"Content-Length":["2"],"Content-Type":["application/json"]},"HttpHeaders":{"Content-Length":"2","Content-Type":"application/json","X-Amz-Executed-Version":"$LATEST","x-amzn-RequestId":"e/4"},"HttpStatusCode":200},"SdkResponseMetadata":{"RequestId":"e/4"},"StatusCode":200}"#);
}

#[tokio::test]
async fn asynchronous_and_dry_calls_have_no_result() {
    for (invocation_type, status) in [("Event", 202), ("DryRun", 204)] {
        let parameters = format!(
            r#"{{"FunctionName":"Echo","InvocationType":"{invocation_type}","Payload":{{"fail":1}}}}"#
        );
        let result = Json::parse(&succeeded(run(&echo(), INVOKE, &parameters).await)).unwrap();
        assert_eq!(result.get("StatusCode").unwrap().as_i64(), Some(status));
        assert_eq!(result.get("Payload").unwrap().as_str(), Some(""));
    }
}

#[tokio::test]
async fn errors_of_functions_have_name_and_payload() {
    let direct = run(&echo(), "arn:aws:lambda:r:a:function:Echo", r#"{"fail":1}"#).await;
    let invoke = r#"{"FunctionName":"Echo","Payload":{"fail":1}}"#;
    for outcome in [direct, run(&echo(), INVOKE, invoke).await] {
        let (error, cause) = error_and_cause(outcome);
        assert_eq!(error, "InvalidImage");
        assert_eq!(cause, r#"{"errorMessage":"as asked","errorType":"InvalidImage"}"#);
    }
}

#[tokio::test]
async fn routes_send_functions_to_lambda() {
    let lambda = Arc::<FakeLambda>::default();
    let with_lambda = || echo().with_lambda(lambda.clone());
    let echo_arn = "arn:aws:lambda:r:a:function:Echo";
    let other_arn = "arn:aws:lambda:r:a:function:Other";
    let from_lambda = "\"from Lambda\"";
    assert_eq!(succeeded(run(&with_lambda(), echo_arn, "1").await), "1");
    assert_eq!(succeeded(run(&with_lambda(), other_arn, "1").await), from_lambda);
    let routed = with_lambda().with_route("Echo", Route::Lambda);
    assert_eq!(succeeded(run(&routed, echo_arn, "1").await), from_lambda);
    let all = with_lambda().with_default_route(Route::Lambda);
    assert_eq!(succeeded(run(&all, echo_arn, "1").await), from_lambda);
    let but_one = all.with_route("Echo", Route::InProcess);
    assert_eq!(succeeded(run(&but_one, echo_arn, "1").await), "1");
    let requests = lambda.0.lock().unwrap();
    let names: Vec<_> = requests.iter().map(|request| &*request.function_name).collect();
    assert_eq!(names, [other_arn, echo_arn, echo_arn]);
    assert_eq!(requests[0].payload.as_deref(), Some(b"1".as_slice()));
    // {"custom":{"idempotency_key":"e/4"}}
    let context = "eyJjdXN0b20iOnsiaWRlbXBvdGVuY3lfa2V5IjoiZS80In19";
    assert_eq!(requests[0].client_context.as_deref(), Some(context));
}

#[tokio::test]
async fn a_function_nobody_has_says_what_to_do() {
    let (error, cause) =
        error_and_cause(run(&echo(), "arn:aws:lambda:r:a:function:Other", "{}").await);
    assert_eq!(error, "Lambda.ResourceNotFoundException");
    insta::assert_snapshot!(cause, @"Function not found: arn:aws:lambda:r:a:function:Other. No function of this process has that name, and no Lambda endpoint is configured: set AWS_ENDPOINT_URL_LAMBDA to the URL of one, or AWS credentials to use AWS Lambda");
}

#[tokio::test]
async fn what_nobody_runs_fails_with_a_cause() {
    for resource in [
        "arn:aws:states:us-east-1:000000000000:activity:a",
        "arn:aws:states:::sqs:sendMessage",
        "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
    ] {
        let (error, cause) = error_and_cause(run(&echo(), resource, "{}").await);
        assert_eq!(error, "States.Runtime");
        assert!(cause.contains(resource), "{cause}");
    }
    for parameters in
        ["{}", "[]", r#"{"FunctionName":7}"#, r#"{"FunctionName":"E","Qualifier":[]}"#]
    {
        let (error, cause) = error_and_cause(run(&echo(), INVOKE, parameters).await);
        assert_eq!(error, "States.Runtime");
        assert!(cause.contains("could not be used to start the Task"), "{cause}");
    }
    let not_json = r#"{"FunctionName":"Echo","Payload":"hello"}"#;
    let (error, _) = error_and_cause(run(&echo(), INVOKE, not_json).await);
    assert_eq!(error, "Lambda.InvalidRequestContentException");
}

#[tokio::test]
async fn the_answer_to_a_call_with_a_token_is_not_the_result() {
    let registry = echo();
    let parameters = r#"{"FunctionName":"Echo","Payload":{"token":"t"}}"#;
    let outcome = run(&registry, &format!("{INVOKE}.waitForTaskToken"), parameters).await;
    let TaskOutcome::Submitted(reply) = outcome else { panic!("{outcome:?}") };
    assert_eq!(reply.tree().get("Payload").unwrap().to_string(), r#"{"token":"t"}"#);
    let failing = r#"{"FunctionName":"Echo","Payload":{"fail":true}}"#;
    let outcome = run(&registry, &format!("{INVOKE}.waitForTaskToken"), failing).await;
    assert!(matches!(outcome, TaskOutcome::Failed { .. }));
    let outcome = run(&registry, &format!("{INVOKE}.sync"), parameters).await;
    assert!(matches!(outcome, TaskOutcome::Failed { .. }));
}
