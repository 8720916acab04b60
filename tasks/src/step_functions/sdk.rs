//! `arn:aws:states:::aws-sdk:sfn:ACTION`: any operation of the API, with the names that the AWS SDK for Java gives to
//! members and errors (Step Functions Developer Guide, "AWS SDK service integrations").

use std::sync::Arc;

use stepyard_asl::Timestamp;
use stepyard_json::{Json, Object, Payload};
use stepyard_runtime::TaskOutcome;

use super::{ApiReply, StepFunctionsApi};
use crate::lambda::failed;

/// Members that the API has as JSON text; an object in their place is written as text.
const TEXTS: [&str; 4] = ["Context", "Definition", "Input", "Output"];

/// Errors of the API that have a class of their own in the SDK but no `Exception` at their end.
const UNNAMED: &str = "Sfn.SfnException";

/// Errors that all services have, which the SDK knows by no class of this one.
const COMMON: [&str; 7] = [
    "AccessDeniedException",
    "InternalFailure",
    "SerializationException",
    "ServiceUnavailable",
    "ThrottlingException",
    "UnknownOperationException",
    "UnrecognizedClientException",
];

/// Calls an operation by the name that a resource gives it, such as `sendTaskSuccess`.
pub(crate) async fn call_sdk(
    api: &dyn StepFunctionsApi,
    action: &str,
    parameters: &Payload,
) -> TaskOutcome {
    let request = renamed(parameters.tree(), &as_text, first_lower);
    outcome(api.call(&with_first(action, str::to_uppercase), request.to_string().into()).await)
}

fn outcome(reply: ApiReply) -> TaskOutcome {
    let answer = reply.json();
    let ApiReply { status, request_id, .. } = reply;
    if status == 200 {
        return TaskOutcome::Succeeded(renamed(&answer, &as_time, first_upper).into());
    }
    let said = |member| answer.get(member).and_then(Json::as_str).unwrap_or_default();
    let cause = format!(
        "{} (Service: Sfn, Status Code: {status}, Request ID: {request_id}) (SDK Attempt Count: 1)",
        said("message")
    );
    failed(&error_name(said("__type")), &cause)
}

/// `Sfn.InvalidTokenException`.
fn error_name(code: &str) -> String {
    if code.is_empty() || COMMON.contains(&code) {
        return UNNAMED.into();
    }
    format!("Sfn.{}Exception", code.strip_suffix("Exception").unwrap_or(code))
}

/// With other names of members, at any depth. Members without a value are left out, as the SDK does.
fn renamed(
    value: &Json,
    convert: &dyn Fn(&str, &Json) -> Option<Json>,
    name: fn(&str) -> Arc<str>,
) -> Json {
    match value {
        Json::Object(members) => {
            let members = members.iter().filter(|(_, member)| !member.is_null());
            let renamed = members.map(|(key, member)| {
                let member = convert(key, member).unwrap_or_else(|| renamed(member, convert, name));
                (name(key), member)
            });
            renamed.collect::<Object>().into()
        }
        Json::Array(items) => items.iter().map(|item| renamed(item, convert, name)).collect(),
        other => other.clone(),
    }
}

fn as_text(member: &str, value: &Json) -> Option<Json> {
    let is_text = value.as_str().is_some();
    (TEXTS.contains(&member) && !is_text).then(|| value.to_string().into())
}

/// The API writes times in seconds, the SDK in words.
fn as_time(member: &str, value: &Json) -> Option<Json> {
    let is_time = member.ends_with("Date") || member == "timestamp";
    let seconds = value.as_f64().filter(|_| is_time)?;
    // Conversion saturates.
    Some(Timestamp((seconds * 1_000.0).round() as i64).to_string().into())
}

fn first_lower(name: &str) -> Arc<str> {
    with_first(name, str::to_lowercase).into()
}

fn first_upper(name: &str) -> Arc<str> {
    with_first(name, str::to_uppercase).into()
}

fn with_first(name: &str, change: fn(&str) -> String) -> String {
    let end = name.chars().next().map_or(0, char::len_utf8);
    let (first, rest) = name.split_at(end);
    change(first) + rest
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use bytes::Bytes;

    use super::*;
    use crate::testing::error_and_cause;

    /// Answers the same always, and keeps what it was asked.
    struct Api {
        reply: (u16, &'static str),
        asked: Mutex<Option<(String, String)>>,
    }

    #[async_trait]
    impl StepFunctionsApi for Api {
        async fn call(&self, operation: &str, request: Bytes) -> ApiReply {
            let text = String::from_utf8(request.to_vec()).unwrap();
            *self.asked.lock().unwrap() = Some((operation.into(), text));
            let (status, body) = self.reply;
            ApiReply { status, request_id: "id".into(), body: body.into() }
        }
    }

    async fn call(
        action: &str,
        parameters: &'static str,
        reply: (u16, &'static str),
    ) -> (String, String, TaskOutcome) {
        let api = Api { reply, asked: Mutex::new(None) };
        let outcome = call_sdk(&api, action, &Payload::from_text(parameters).unwrap()).await;
        let (operation, request) = api.asked.lock().unwrap().take().unwrap();
        (operation, request, outcome)
    }

    #[tokio::test]
    async fn members_have_the_names_of_the_sdk() {
        let (operation, request, outcome) = call(
            "startExecution",
            r#"{"StateMachineArn":"m","Input":{"Key":1.0},"Tags":[{"Key":"k"}],"Name":null}"#,
            (200, r#"{"executionArn":"e","startDate":1700000000.25,"list":[{"a":null,"b":1}]}"#),
        )
        .await;
        assert_eq!(operation, "StartExecution");
        assert_eq!(
            request,
            r#"{"stateMachineArn":"m","input":"{\"Key\":1.0}","tags":[{"key":"k"}]}"#
        );
        let expected =
            r#"{"ExecutionArn":"e","StartDate":"2023-11-14T22:13:20.250Z","List":[{"B":1}]}"#;
        assert_eq!(outcome, TaskOutcome::Succeeded(Payload::from_text(expected).unwrap()));
    }

    #[tokio::test]
    async fn texts_stay_as_they_are() {
        let (_, request, outcome) =
            call("sendTaskSuccess", r#"{"Output":"[1]","TaskToken":"t"}"#, (200, "{}")).await;
        assert_eq!(request, r#"{"output":"[1]","taskToken":"t"}"#);
        assert_eq!(outcome, TaskOutcome::Succeeded(Payload::empty_object()));
    }

    #[tokio::test]
    async fn errors_have_the_names_of_the_sdk() {
        let tail = " (Service: Sfn, Status Code: 400, Request ID: id) (SDK Attempt Count: 1)";
        for (body, error, message) in [
            (
                r#"{"__type":"InvalidToken","message":"Invalid Token: 'Invalid token'"}"#,
                "Sfn.InvalidTokenException",
                "Invalid Token: 'Invalid token'",
            ),
            (r#"{"__type":"ValidationException","message":"v"}"#, "Sfn.ValidationException", "v"),
            (r#"{"__type":"ThrottlingException","message":"t"}"#, "Sfn.SfnException", "t"),
            ("no JSON", "Sfn.SfnException", ""),
        ] {
            let (.., outcome) = call("sendTaskFailure", "{}", (400, body)).await;
            assert_eq!(error_and_cause(outcome), (error.into(), format!("{message}{tail}")));
        }
    }
}
