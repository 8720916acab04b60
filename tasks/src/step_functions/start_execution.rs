//! `arn:aws:states:::states:startExecution`: an execution within an execution.

use std::sync::Arc;

use md5::{Digest, Md5};
use stepyard_asl::Timestamp;
use stepyard_json::{Json, Object, Payload};
use stepyard_runtime::TaskOutcome;
use uuid::Builder;

use super::{ApiReply, StepFunctionsApi, error_code};
use crate::lambda::failed;

/// Starts an execution for a task. Without a `Name` it has one that follows from the idempotency key of the task, so
/// that a call which is repeated after a crash finds what the first one has started.
pub(crate) async fn start_execution(
    api: &dyn StepFunctionsApi,
    parameters: &Payload,
    idempotency_key: &str,
) -> TaskOutcome {
    let parameters_text = parameters.text();
    let parameters = parameters.tree();
    let Some(state_machine_arn) = parameters.get("StateMachineArn").and_then(Json::as_str) else {
        let cause = format!(
            "The Parameters '{parameters_text}' could not be used to start the Task: [The field \
             'StateMachineArn' is required but was missing]"
        );
        return failed("States.Runtime", &cause);
    };
    let chosen = parameters.get("Name").and_then(Json::as_str);
    let name = chosen.map_or_else(|| made_up(idempotency_key), str::to_owned);
    let mut request = Object::new();
    request.insert("stateMachineArn", state_machine_arn);
    request.insert("name", &*name);
    request.insert("input", input(parameters));
    if let Some(trace) = parameters.get("TraceHeader").and_then(Json::as_str) {
        request.insert("traceHeader", trace);
    }
    let mut reply = api.call("StartExecution", Json::from(request).to_string().into()).await;
    if chosen.is_none() && error_code(&reply).as_deref() == Some("ExecutionAlreadyExists") {
        reply = describe(api, state_machine_arn, &name).await;
    }
    outcome(&reply)
}

/// `Input` as JSON text, in which the API has it; nothing is an empty object (recorded).
fn input(parameters: &Json) -> String {
    match parameters.get("Input") {
        None | Some(Json::Null) => "{}".into(),
        Some(Json::String(text)) => text.to_string(),
        Some(input) => input.to_string(),
    }
}

fn made_up(idempotency_key: &str) -> String {
    let digest = Md5::digest(idempotency_key.as_bytes());
    Builder::from_random_bytes(digest.into()).into_uuid().to_string()
}

/// What an earlier call has started.
async fn describe(api: &dyn StepFunctionsApi, state_machine_arn: &str, name: &str) -> ApiReply {
    // Without the version or alias behind the name.
    let unqualified: Vec<&str> = state_machine_arn.splitn(8, ':').take(7).collect();
    let arn = unqualified.join(":").replacen(":stateMachine:", ":execution:", 1);
    let mut request = Object::new();
    request.insert("executionArn", format!("{arn}:{name}"));
    api.call("DescribeExecution", Json::from(request).to_string().into()).await
}

fn outcome(reply: &ApiReply) -> TaskOutcome {
    let answer = reply.json();
    if reply.status != 200 {
        let code = error_code(reply).unwrap_or_else(|| "InternalFailure".into());
        let error = format!("StepFunctions.{}Exception", code.trim_end_matches("Exception"));
        let cause = format!(
            "{} (Service: AWSStepFunctions; Status Code: {}; Error Code: {code}; Request ID: {}; \
             Proxy: null)",
            answer.get("message").and_then(Json::as_str).unwrap_or_default(),
            reply.status,
            reply.request_id
        );
        return failed(&error, &cause);
    }
    let arn: Arc<str> =
        answer.get("executionArn").and_then(Json::as_str).unwrap_or_default().into();
    let seconds = answer.get("startDate").and_then(Json::as_f64).unwrap_or_default();
    // Conversion saturates.
    let started = Timestamp((seconds * 1_000.0).round() as i64);
    let mut result = Object::new();
    result.insert("ExecutionArn", arn.clone());
    result.insert("SdkHttpMetadata", http_metadata(&arn, started, &reply.request_id));
    let mut metadata = Object::new();
    metadata.insert("RequestId", &*reply.request_id);
    result.insert("SdkResponseMetadata", metadata);
    result.insert("StartDate", started.0);
    TaskOutcome::Succeeded(Json::from(result).into())
}

/// What AWS shows of the HTTP response (recorded).
fn http_metadata(arn: &str, started: Timestamp, request_id: &str) -> Json {
    // AWS writes times as 1.764403441123E9.
    let length = format!(r#"{{"executionArn":"{arn}","startDate":1.764403441123E9}}"#).len();
    let headers = [
        ("x-amzn-RequestId", request_id.to_owned()),
        ("connection", "keep-alive".to_owned()),
        ("Content-Length", length.to_string()),
        ("Date", http_date(started)),
        ("Content-Type", "application/x-amz-json-1.0".to_owned()),
    ];
    let all: Object =
        headers.iter().map(|(name, value)| (*name, vec![Json::from(&**value)])).collect();
    let mut sorted: Vec<_> = headers.iter().collect();
    sorted.sort_by_key(|(name, _)| name.to_ascii_lowercase());
    let single: Object = sorted.into_iter().map(|(name, value)| (*name, &**value)).collect();
    let mut metadata = Object::new();
    metadata.insert("AllHttpHeaders", all);
    metadata.insert("HttpHeaders", single);
    metadata.insert("HttpStatusCode", 200);
    metadata.into()
}

/// As RFC 9110, section 5.6.7, has it.
fn http_date(time: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(time.0).unwrap_or_default();
    let written = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time);
    written.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use bytes::Bytes;
    use stepyard_json::{Json, Payload};
    use stepyard_runtime::TaskOutcome;

    use super::{ApiReply, StepFunctionsApi, start_execution};
    use crate::testing::error_and_cause;

    /// Answers one after the other, and keeps what it was asked.
    struct Api {
        replies: Mutex<Vec<(u16, &'static str)>>,
        asked: Mutex<Vec<String>>,
    }

    #[async_trait]
    impl StepFunctionsApi for Api {
        async fn call(&self, operation: &str, request: Bytes) -> ApiReply {
            let request = String::from_utf8(request.to_vec()).unwrap();
            self.asked.lock().unwrap().push(format!("{operation} {request}"));
            let (status, body) = self.replies.lock().unwrap().remove(0);
            ApiReply { status, request_id: "id".into(), body: body.into() }
        }
    }

    async fn start(
        parameters: &'static str,
        replies: &[(u16, &'static str)],
    ) -> (Vec<String>, TaskOutcome) {
        let api = Api { replies: Mutex::new(replies.to_vec()), asked: Mutex::default() };
        let outcome = start_execution(&api, &Payload::from_text(parameters).unwrap(), "e/4").await;
        (api.asked.into_inner().unwrap(), outcome)
    }

    const STARTED: (u16, &str) =
        (200, r#"{"executionArn":"a:execution:m:n","startDate":1700000000.25}"#);

    #[tokio::test]
    async fn the_answer_is_shown_with_its_headers() {
        let parameters = r#"{"StateMachineArn":"a:stateMachine:m","Name":"n","Input":{"x":1.0}}"#;
        let (asked, outcome) = start(parameters, &[STARTED]).await;
        let request = r#"{"stateMachineArn":"a:stateMachine:m","name":"n","input":"{\"x\":1.0}"}"#;
        assert_eq!(asked, [format!("StartExecution {request}")]);
        let TaskOutcome::Succeeded(result) = outcome else { panic!("{outcome:?}") };
        insta::assert_snapshot!(result, @r#"{"ExecutionArn":"a:execution:m:n","SdkHttpMetadata":{"AllHttpHeaders":{"x-amzn-RequestId":["id"],"connection":["keep-alive"],"Content-Length":["63"],"Date":["Tue, 14 Nov 2023 22:13:20 GMT"],"Content-Type":["application/x-amz-json-1.0"]},"HttpHeaders":{"connection":"keep-alive","Content-Length":"63","Content-Type":"application/x-amz-json-1.0","Date":"Tue, 14 Nov 2023 22:13:20 GMT","x-amzn-RequestId":"id"},"HttpStatusCode":200},"SdkResponseMetadata":{"RequestId":"id"},"StartDate":1700000000250}"#);
    }

    #[tokio::test]
    async fn a_repeated_call_finds_what_the_first_has_started() {
        let exists = (400, r#"{"__type":"ExecutionAlreadyExists","message":"m"}"#);
        let parameters =
            r#"{"StateMachineArn":"arn:aws:states:r:a:stateMachine:m:PROD","Input":null}"#;
        let (asked, outcome) = start(parameters, &[exists, STARTED]).await;
        let (again, _) = start(parameters, &[STARTED]).await;
        assert_eq!(asked[0], again[0], "the name follows from the task");
        assert!(asked[0].contains(r#""input":"{}""#), "{asked:?}");
        assert!(
            asked[1].starts_with(
                r#"DescribeExecution {"executionArn":"arn:aws:states:r:a:execution:m:"#
            )
        );
        let TaskOutcome::Succeeded(result) = outcome else { panic!("{outcome:?}") };
        assert_eq!(result.tree().get("ExecutionArn"), Some(&Json::from("a:execution:m:n")));
    }

    #[tokio::test]
    async fn errors_have_the_names_of_the_service() {
        let tail = "(Service: AWSStepFunctions; Status Code: 400; Error Code: StateMachineDoesNotExist; Request ID: id; Proxy: null)";
        let missing = (400, r#"{"__type":"StateMachineDoesNotExist","message":"none"}"#);
        let (_, outcome) = start(r#"{"StateMachineArn":"m","Name":"n"}"#, &[missing]).await;
        let error = "StepFunctions.StateMachineDoesNotExistException";
        assert_eq!(error_and_cause(outcome), (error.into(), format!("none {tail}")));
        let (asked, outcome) = start(r#"{"Name":"n"}"#, &[]).await;
        assert_eq!((asked.len(), error_and_cause(outcome).0), (0, "States.Runtime".into()));
    }
}
