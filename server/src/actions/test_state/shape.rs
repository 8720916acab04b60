//! Whether a mock looks like an answer of the service that the task calls.
//!
//! The files in `response_shapes/` tell what operations answer; `scripts/response-shapes` writes them and tells how they
//! read. Services that have none are not checked.

use serde_json::{Map, Value};
use stepyard_asl::{Pattern, Resource, ServiceCall};

use crate::wire::ApiError;

/// Services by the names that resources give them, and what they answer.
const SERVICES: [(&[&str], &str); 28] = [
    (&["athena"], include_str!("../../../response_shapes/athena.json")),
    (&["batch"], include_str!("../../../response_shapes/batch.json")),
    (&["bedrockruntime"], include_str!("../../../response_shapes/bedrock-runtime.json")),
    (&["cloudwatch"], include_str!("../../../response_shapes/cloudwatch.json")),
    (&["codebuild"], include_str!("../../../response_shapes/codebuild.json")),
    (&["comprehend"], include_str!("../../../response_shapes/comprehend.json")),
    (&["dynamodb"], include_str!("../../../response_shapes/dynamodb.json")),
    (&["ecs"], include_str!("../../../response_shapes/ecs.json")),
    (&["eks"], include_str!("../../../response_shapes/eks.json")),
    (&["emr"], include_str!("../../../response_shapes/emr.json")),
    (&["events", "eventbridge"], include_str!("../../../response_shapes/events.json")),
    (&["glue"], include_str!("../../../response_shapes/glue.json")),
    (&["kinesis"], include_str!("../../../response_shapes/kinesis.json")),
    (&["kms"], include_str!("../../../response_shapes/kms.json")),
    (&["lambda"], include_str!("../../../response_shapes/lambda.json")),
    (&["cloudwatchlogs"], include_str!("../../../response_shapes/logs.json")),
    (&["rekognition"], include_str!("../../../response_shapes/rekognition.json")),
    (&["s3"], include_str!("../../../response_shapes/s3.json")),
    (&["scheduler"], include_str!("../../../response_shapes/scheduler.json")),
    (&["secretsmanager"], include_str!("../../../response_shapes/secretsmanager.json")),
    (&["sesv2"], include_str!("../../../response_shapes/sesv2.json")),
    (&["sns"], include_str!("../../../response_shapes/sns.json")),
    (&["sqs"], include_str!("../../../response_shapes/sqs.json")),
    (&["ssm"], include_str!("../../../response_shapes/ssm.json")),
    (&["states", "sfn"], include_str!("../../../response_shapes/stepfunctions.json")),
    (&["sts"], include_str!("../../../response_shapes/sts.json")),
    (&["textract"], include_str!("../../../response_shapes/textract.json")),
    (&["translate"], include_str!("../../../response_shapes/translate.json")),
];

/// How strictly a mock is compared (`fieldValidationMode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Validation {
    /// Required members must be there; those that are there must be of the right type.
    Strict,
    /// Those that are there must be of the right type.
    Present,
}

/// Compares a mock with what the resource answers.
///
/// # Errors
/// The first difference, in AWS's words.
pub(super) fn check(
    resource: &str,
    result: &Value,
    validation: Validation,
) -> Result<(), ApiError> {
    let Some(Resource::Service(call)) = Resource::parse(resource) else { return Ok(()) };
    let Some(model) = model_of(&call) else { return Ok(()) };
    let operations = model["operations"].as_object();
    // A task that waits for an execution gives what describes it.
    let answers = if call.pattern == Pattern::Sync { "describeExecution" } else { &*call.action };
    let is_called = |(name, _): &(&String, &Value)| name.eq_ignore_ascii_case(answers);
    let Some((_, shape)) = operations.and_then(|all| all.iter().find(is_called)) else {
        return Ok(());
    };
    let Some(result) = result.as_object() else { return Ok(()) };
    Check { shapes: &model["shapes"], validation }
        .structure(shape.as_str().unwrap_or_default(), result)
        .map_err(|difference| {
            ApiError::validation(format!("Mock result schema validation error: {difference}"))
        })
}

/// `None` also where the integration answers something else than an operation: when it waits for a token or for a job of
/// another service, and when it reads the output of an execution or the payload of a Lambda function.
fn model_of(call: &ServiceCall) -> Option<Value> {
    match (call.pattern, &*call.service) {
        (_, "lambda") => return None,
        (Pattern::RequestResponse, _) | (Pattern::Sync, "states") => {}
        _ => return None,
    }
    let service = call.service.strip_prefix("aws-sdk:").unwrap_or(&call.service);
    let (_, text) = SERVICES.iter().find(|(names, _)| names.contains(&service))?;
    serde_json::from_str(text).ok()
}

struct Check<'a> {
    shapes: &'a Value,
    validation: Validation,
}

impl Check<'_> {
    fn structure(&self, name: &str, value: &Map<String, Value>) -> Result<(), String> {
        let Some(members) = self.shapes[name].as_object() else { return Ok(()) };
        for (member, kind) in members {
            let (field, is_required) = match member.strip_suffix('!') {
                Some(field) => (field, true),
                None => (member.as_str(), false),
            };
            match value.get(field) {
                Some(given) if !given.is_null() => self.member(field, kind, given)?,
                _ if is_required && self.validation == Validation::Strict => {
                    return Err(format!("Required field '{field}' is missing"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn member(&self, field: &str, kind: &Value, given: &Value) -> Result<(), String> {
        match kind {
            Value::Array(values) => match given.is_string() {
                false => Err(format!("Field '{field}' must be a string")),
                true if values.contains(given) => Ok(()),
                true => Err(format!("Field '{field}' is not an expected value")),
            },
            Value::Object(bounded) => {
                let kind = bounded["type"].as_str().unwrap_or_default();
                self.typed(field, kind, given)?;
                within(bounded, given).map_err(|broken| format!("Field '{field}' {broken}"))
            }
            _ => self.typed(field, kind.as_str().unwrap_or_default(), given),
        }
    }

    /// Recursion follows the mock, whose depth its parser bounds.
    fn typed(&self, field: &str, kind: &str, given: &Value) -> Result<(), String> {
        if let Some(element) = kind.strip_prefix('[') {
            let Some(given) = given.as_array() else { return Err(must_be(field, "an array")) };
            return given.iter().try_for_each(|given| self.typed(field, element, given));
        }
        if let Some(value) = kind.strip_prefix('{') {
            let Some(given) = given.as_object() else { return Err(must_be(field, "an object")) };
            return given.values().try_for_each(|given| self.typed(field, value, given));
        }
        match kind {
            "any" => Ok(()),
            "string" if given.is_string() => Ok(()),
            "number" if given.is_number() => Ok(()),
            "boolean" if given.is_boolean() => Ok(()),
            "string" | "number" | "boolean" => Err(must_be(field, &format!("a {kind}"))),
            _ => match given.as_object() {
                Some(given) => self.structure(kind, given),
                None => Err(must_be(field, "an object")),
            },
        }
    }
}

/// The length of a text or the value of a number.
fn within(bounds: &Map<String, Value>, given: &Value) -> Result<(), &'static str> {
    let bound = |name: &str| bounds.get(name).and_then(Value::as_f64);
    let (min, max) = (bound("min").unwrap_or(f64::MIN), bound("max").unwrap_or(f64::MAX));
    match given {
        Value::String(text) if (text.chars().count() as f64) < min => {
            Err("is smaller than the minimum length")
        }
        Value::String(text) if text.chars().count() as f64 > max => {
            Err("exceeds the maximum length")
        }
        Value::Number(number) if number.as_f64().is_some_and(|number| number < min) => {
            Err("is less than the minimum value")
        }
        Value::Number(number) if number.as_f64().is_some_and(|number| number > max) => {
            Err("exceeds the maximum value")
        }
        _ => Ok(()),
    }
}

fn must_be(field: &str, what: &str) -> String {
    format!("Field '{field}' must be {what}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{SERVICES, Validation, check};

    fn verdict(resource: &str, result: &Value, validation: Validation) -> Result<(), String> {
        let resource = format!("arn:aws:states:::{resource}");
        check(&resource, result, validation)
            .map_err(|error| error.message.replace("Mock result schema validation error: ", ""))
    }

    #[test]
    fn mocks_are_compared_with_what_services_answer() {
        for (resource, result, difference) in [
            ("dynamodb:getItem", json!({"Item": {"a": {"S": "x"}}}), None),
            (
                "dynamodb:getItem",
                json!({"Item": {"a": {"S": 1}}}),
                Some("Field 'S' must be a string"),
            ),
            ("dynamodb:getItem", json!({"Item": []}), Some("Field 'Item' must be an object")),
            ("dynamodb:getItem", json!({"Item": {"a": 1}}), Some("Field 'Item' must be an object")),
            ("dynamodb:getItem", json!({"Unknown": 1}), None),
            ("dynamodb:getItem", json!({"Item": null}), None),
            ("aws-sdk:kms:enableKey", json!({"x": 1}), None),
            (
                "aws-sdk:s3:listBuckets",
                json!({"Buckets": {}}),
                Some("Field 'Buckets' must be an array"),
            ),
            (
                "aws-sdk:s3:headObject",
                json!({"DeleteMarker": 1}),
                Some("Field 'DeleteMarker' must be a boolean"),
            ),
            (
                "aws-sdk:s3:headObject",
                json!({"StorageClass": 1}),
                Some("Field 'StorageClass' must be a string"),
            ),
            ("sqs:sendMessage", json!("text"), None),
            ("lambda:invoke", json!({"Payload": {}}), None),
            ("states:startExecution.sync:2", json!({"Output": {}}), None),
            (
                "states:startExecution.sync",
                json!({"Output": {}}),
                Some("Required field 'ExecutionArn' is missing"),
            ),
            ("sqs:sendMessage.waitForTaskToken", json!({"MessageId": 1}), None),
            (
                "aws-sdk:kms:encrypt",
                json!({"KeyId": ""}),
                Some("Field 'KeyId' is smaller than the minimum length"),
            ),
            ("aws-sdk:sns:listTopics", json!({"NextToken": "x"}), None),
            ("aws-sdk:nosuch:operation", json!({"a": 1}), None),
            ("sqs:noSuchOperation", json!({"MessageId": 1}), None),
        ] {
            let expected = difference.map_or(Ok(()), |difference| Err(difference.to_owned()));
            assert_eq!(
                verdict(resource, &result, Validation::Strict),
                expected,
                "{resource} {result}"
            );
        }
    }

    #[test]
    fn only_strict_mocks_must_be_complete() {
        let call = "aws-sdk:sfn:startExecution";
        let missing = Err("Required field 'ExecutionArn' is missing".to_owned());
        assert_eq!(verdict(call, &json!({}), Validation::Strict), missing);
        assert_eq!(verdict(call, &json!({}), Validation::Present), Ok(()));
    }

    #[test]
    fn every_file_reads_and_names_shapes_that_it_has() {
        for (names, text) in SERVICES {
            let model: Value = serde_json::from_str(text).unwrap();
            for shape in model["operations"].as_object().unwrap().values() {
                assert!(model["shapes"][shape.as_str().unwrap()].is_object(), "{names:?} {shape}");
            }
        }
    }
}
