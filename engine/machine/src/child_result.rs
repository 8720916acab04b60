//! What the child executions of a Map Run leave, and how `WriterConfig` has it written (AWS developer guide,
//! "ResultWriter").

use std::sync::Arc;

use stepyard_asl::{OutputType, Timestamp, Transformation, WriterConfig};
use stepyard_json::{Json, Object, Payload};

use crate::{ExecutionStatus, NotRedrivable, Text};

/// Status of a child execution that was never started.
const PENDING: &str = "PENDING";

/// A child execution of a Map Run that is over.
#[derive(Clone, Debug)]
pub struct ChildResult {
    /// Its ARN.
    pub execution_arn: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// The ARN of its state machine, with the label of the Map Run.
    pub state_machine_arn: Arc<str>,
    /// What it was given.
    pub input: Payload,
    /// How it ended; `None` when the Map Run was over before it began.
    pub end: Option<ChildEnd>,
}

/// How a child execution ended.
#[derive(Clone, Debug, PartialEq)]
pub struct ChildEnd {
    /// Any status but that of one that runs.
    pub status: ExecutionStatus,
    /// When it was started.
    pub started: Timestamp,
    /// When it ended.
    pub stopped: Timestamp,
    /// Its output, when it has succeeded.
    pub output: Option<Payload>,
    /// Error name, when it has not.
    pub error: Text,
    /// Cause, when it has not.
    pub cause: Text,
    /// How often it was redriven.
    pub redrive_count: u32,
    /// Why it was not redriven again, when it was to be and cannot.
    pub redrive_refusal: Text,
}

/// The files that results are exported to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResultKind {
    /// Failed, timed out or aborted.
    Failed,
    /// Never started.
    Pending,
    /// Succeeded.
    Succeeded,
}

impl ResultKind {
    /// All, in the order of a manifest.
    pub const ALL: [ResultKind; 3] =
        [ResultKind::Failed, ResultKind::Pending, ResultKind::Succeeded];

    /// The word in the names of files.
    pub fn as_str(self) -> &'static str {
        match self {
            ResultKind::Failed => "FAILED",
            ResultKind::Pending => PENDING,
            ResultKind::Succeeded => "SUCCEEDED",
        }
    }
}

impl ChildResult {
    /// Which file it belongs to.
    pub fn kind(&self) -> ResultKind {
        match self.end.as_ref().map(|end| end.status) {
            None => ResultKind::Pending,
            Some(ExecutionStatus::Succeeded) => ResultKind::Succeeded,
            Some(_) => ResultKind::Failed,
        }
    }

    /// The values that are written of it, in order. Of one that did not succeed that is always the whole record.
    pub fn written(&self, transformation: Transformation) -> Vec<Json> {
        let succeeded = self.end.as_ref().filter(|_| self.kind() == ResultKind::Succeeded);
        let output = succeeded.and_then(|end| end.output.as_ref());
        match (transformation, output) {
            (Transformation::None, _) | (_, None) => vec![self.record()],
            (Transformation::Compact, Some(output)) => vec![output.tree().clone()],
            (Transformation::Flatten, Some(output)) => match output.tree() {
                Json::Array(elements) => elements.to_vec(),
                other => vec![other.clone()],
            },
        }
    }

    /// All that is known of it, with the members in AWS's order, that of the alphabet.
    fn record(&self) -> Json {
        let mut record = Object::new();
        let mut set = |name: &str, value: Option<Json>| {
            if let Some(value) = value {
                record.insert(name, value);
            }
        };
        let end = self.end.as_ref();
        let output = end.and_then(|end| end.output.as_ref());
        set("Cause", end.and_then(|end| end.cause.clone()).map(Json::from));
        set("Error", end.and_then(|end| end.error.clone()).map(Json::from));
        set("ExecutionArn", Some(self.execution_arn.clone().into()));
        set("Input", Some(quoted(&self.input)));
        set("InputDetails", Some(included()));
        set("Name", Some(self.name.clone().into()));
        set("Output", output.map(quoted));
        set("OutputDetails", output.map(|_| included()));
        set("RedriveCount", end.map(|end| end.redrive_count.into()));
        set("RedriveStatus", end.map(|end| redrive_status(end).into()));
        set("RedriveStatusReason", end.and_then(redrive_status_reason));
        set("StartDate", end.map(|end| end.started.to_string().into()));
        set("StateMachineArn", Some(self.state_machine_arn.clone().into()));
        set("Status", Some(end.map_or(PENDING, |end| end.status.as_str()).into()));
        set("StopDate", end.map(|end| end.stopped.to_string().into()));
        record.into()
    }
}

/// JSON as a text within JSON.
fn quoted(payload: &Payload) -> Json {
    Json::from(payload.to_string())
}

fn included() -> Json {
    let mut details = Object::new();
    details.insert("Included", true);
    details.into()
}

fn redrive_status(end: &ChildEnd) -> &'static str {
    match redrive_status_reason(end) {
        Some(_) => "NOT_REDRIVABLE",
        None => "REDRIVABLE",
    }
}

fn redrive_status_reason(end: &ChildEnd) -> Option<Json> {
    match end.status {
        ExecutionStatus::Succeeded | ExecutionStatus::Running => {
            Some(NotRedrivable::Status(end.status).to_string().into())
        }
        ExecutionStatus::Failed | ExecutionStatus::TimedOut | ExecutionStatus::Aborted => {
            end.redrive_refusal.clone().map(Json::from)
        }
    }
}

/// What a Map state leaves whose results are not exported: an array, or JSON Lines as one text.
pub fn state_result<'a>(
    results: impl IntoIterator<Item = &'a ChildResult>,
    config: WriterConfig,
) -> Json {
    let values =
        results.into_iter().flat_map(|result| result.written(config.transformation)).collect();
    match (config.output_type, values) {
        (OutputType::JsonLines, Json::Array(values)) => {
            let lines: Vec<String> = values.iter().map(ToString::to_string).collect();
            lines.join("\n").into()
        }
        (_, values) => values,
    }
}

#[cfg(test)]
mod tests {
    use stepyard_asl::{OutputType, Timestamp, Transformation, WriterConfig};
    use stepyard_json::Payload;

    use super::{ChildEnd, ChildResult, ResultKind, state_result};
    use crate::ExecutionStatus;

    fn child(status: Option<ExecutionStatus>, output: Option<&str>) -> ChildResult {
        let failed = status.is_some_and(|status| status != ExecutionStatus::Succeeded);
        ChildResult {
            execution_arn: "arn:e".into(),
            name: "n".into(),
            state_machine_arn: "arn:m/l".into(),
            input: Payload::from_text(r#"{"a": 1.0}"#).unwrap(),
            end: status.map(|status| ChildEnd {
                status,
                started: Timestamp(0),
                stopped: Timestamp(1_500),
                output: output.map(|text| Payload::from_text(text.to_owned()).unwrap()),
                error: failed.then(|| "E".into()),
                cause: failed.then(|| "why".into()),
                redrive_count: 0,
                redrive_refusal: None,
            }),
        }
    }

    fn written(results: &[ChildResult], output_type: OutputType, how: Transformation) -> String {
        state_result(results, WriterConfig { output_type, transformation: how }).to_string()
    }

    #[test]
    fn records_are_written_as_aws_does() {
        let succeeded = child(Some(ExecutionStatus::Succeeded), Some(r#"{"b":2}"#));
        assert_eq!(
            succeeded.record().to_string(),
            r#"{"ExecutionArn":"arn:e","Input":"{\"a\": 1.0}","InputDetails":{"Included":true},"Name":"n","Output":"{\"b\":2}","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"NOT_REDRIVABLE","RedriveStatusReason":"Execution is SUCCEEDED and cannot be redriven","StartDate":"1970-01-01T00:00:00.000Z","StateMachineArn":"arn:m/l","Status":"SUCCEEDED","StopDate":"1970-01-01T00:00:01.500Z"}"#
        );
        let failed = child(Some(ExecutionStatus::TimedOut), None);
        assert_eq!(
            failed.record().to_string(),
            r#"{"Cause":"why","Error":"E","ExecutionArn":"arn:e","Input":"{\"a\": 1.0}","InputDetails":{"Included":true},"Name":"n","RedriveCount":0,"RedriveStatus":"REDRIVABLE","StartDate":"1970-01-01T00:00:00.000Z","StateMachineArn":"arn:m/l","Status":"TIMED_OUT","StopDate":"1970-01-01T00:00:01.500Z"}"#
        );
        assert_eq!(failed.kind(), ResultKind::Failed);
        let pending = child(None, None);
        assert_eq!(
            pending.record().to_string(),
            r#"{"ExecutionArn":"arn:e","Input":"{\"a\": 1.0}","InputDetails":{"Included":true},"Name":"n","StateMachineArn":"arn:m/l","Status":"PENDING"}"#
        );
        assert_eq!(pending.kind(), ResultKind::Pending);
    }

    #[test]
    fn files_are_named_by_what_they_hold() {
        assert_eq!(ResultKind::ALL.map(ResultKind::as_str), ["FAILED", "PENDING", "SUCCEEDED"]);
    }

    #[test]
    fn outputs_are_compacted_and_flattened() {
        let succeeded = |output| child(Some(ExecutionStatus::Succeeded), Some(output));
        let results = [succeeded("[1,[2]]"), succeeded("{\"x\":1}"), succeeded("[]")];
        let json = OutputType::Json;
        assert_eq!(written(&results, json, Transformation::Compact), r#"[[1,[2]],{"x":1},[]]"#);
        assert_eq!(written(&results, json, Transformation::Flatten), r#"[1,[2],{"x":1}]"#);
        assert_eq!(
            written(&results, OutputType::JsonLines, Transformation::Flatten),
            r#""1\n[2]\n{\"x\":1}""#
        );
        assert_eq!(written(&[], json, Transformation::None), "[]");
    }

    #[test]
    fn what_did_not_succeed_is_written_whole() {
        let failed = child(Some(ExecutionStatus::Failed), None);
        for how in [Transformation::Compact, Transformation::Flatten, Transformation::None] {
            assert_eq!(failed.written(how), [failed.record()]);
        }
    }
}
