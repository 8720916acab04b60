//! The event `Step Functions Execution Status Change`, as a JSON text.
//!
//! Members and their order are those of AWS's events; each is there, be it null. (Developer guide, "Automating Step
//! Functions event delivery with EventBridge".)

use ring::digest;
use serde::Serialize;
use stepyard_asl::Timestamp;
use stepyard_json::Payload;
use stepyard_machine::{NotRedrivable, StatusChange, Text};
use stepyard_store::ExecutionId;
use uuid::Uuid;

/// Most bytes of input and output together, and of the output alone, as they stand in the text (AWS: 248 KiB). With more, the
/// input is left out, and then the output.
const DATA_BYTES_MAX: usize = 248 << 10;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Event<'a> {
    version: &'static str,
    id: Uuid,
    detail_type: &'static str,
    source: &'static str,
    account: &'a str,
    time: String,
    region: &'a str,
    resources: [&'a str; 1],
    detail: Detail<'a>,
}

/// What DescribeExecution shows; times are milliseconds since the epoch.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Detail<'a> {
    execution_arn: &'a str,
    state_machine_arn: &'a str,
    name: &'a str,
    status: &'static str,
    start_date: i64,
    stop_date: Option<i64>,
    input: Option<&'a str>,
    output: Option<&'a str>,
    state_machine_version_arn: Option<String>,
    state_machine_alias_arn: Option<String>,
    redrive_count: u32,
    redrive_date: Option<i64>,
    redrive_status: &'static str,
    redrive_status_reason: Option<String>,
    input_details: Included,
    output_details: Option<Included>,
    error: &'a Text,
    cause: &'a Text,
}

#[derive(Serialize)]
struct Included {
    included: bool,
}

/// The text of the event that tells of a change.
pub(super) fn event(execution: ExecutionId, change: &StatusChange) -> String {
    let execution_arn = &*change.context.execution_arn;
    // arn:PARTITION:states:REGION:ACCOUNT:execution:...
    let mut parts = execution_arn.split(':').skip(3);
    let (region, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let event = Event {
        version: "0",
        id: event_id(execution, change.position),
        detail_type: "Step Functions Execution Status Change",
        source: "aws.states",
        account,
        time: whole_seconds(change.at),
        region,
        resources: [execution_arn],
        detail: detail(change),
    };
    // Texts, numbers and nothing else: there is always a JSON for it.
    serde_json::to_string(&event).unwrap_or_default()
}

fn detail(change: &StatusChange) -> Detail<'_> {
    let context = &*change.context;
    let (machine_arn, qualifier) = (&*context.state_machine_arn, context.qualifier.as_ref());
    let (input, output) = shown_data(&change.input, change.output.as_ref());
    Detail {
        execution_arn: &context.execution_arn,
        state_machine_arn: machine_arn,
        name: &context.execution_name,
        status: change.status.as_str(),
        start_date: change.started_at.0,
        stop_date: change.stopped_at.map(|time| time.0),
        input,
        output,
        state_machine_version_arn: qualifier.map(|by| by.version_arn(machine_arn)),
        state_machine_alias_arn: qualifier.and_then(|by| by.alias_arn(machine_arn)),
        redrive_count: change.redriven.map_or(0, |redriven| redriven.count),
        redrive_date: change.redriven.map(|redriven| redriven.at.0),
        redrive_status: redrive_status(change.redrivable, context.child_of.is_some()),
        redrive_status_reason: change.redrivable.err().map(|reason| reason.to_string()),
        input_details: Included { included: input.is_some() },
        output_details: change.output.as_ref().map(|_| Included { included: output.is_some() }),
        error: &change.error,
        cause: &change.cause,
    }
}

fn redrive_status(redrivable: Result<(), NotRedrivable>, is_child: bool) -> &'static str {
    match redrivable {
        Ok(()) if is_child => "REDRIVABLE_BY_MAP_RUN",
        Ok(()) => "REDRIVABLE",
        Err(_) => "NOT_REDRIVABLE",
    }
}

/// Input and output, as far as there is room for them.
fn shown_data<'a>(
    input: &'a Payload,
    output: Option<&'a Payload>,
) -> (Option<&'a str>, Option<&'a str>) {
    let (input, output): (&str, Option<&str>) = (input.text(), output.map(|data| &**data.text()));
    let output_bytes = output.map_or(0, escaped_len);
    let input = Some(input).filter(|input| escaped_len(input) + output_bytes <= DATA_BYTES_MAX);
    (input, output.filter(|_| output_bytes <= DATA_BYTES_MAX))
}

/// Length of a text within a JSON text, in bytes.
fn escaped_len(text: &str) -> usize {
    let byte_len = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(byte_len).sum()
}

/// Whoever is told of a change again sees the same id.
fn event_id(execution: ExecutionId, position: u64) -> Uuid {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(execution.0.as_bytes());
    context.update(&position.to_be_bytes());
    let hash = context.finish();
    let bytes = hash.as_ref().first_chunk::<16>().copied().unwrap_or_default();
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// A time in RFC 3339 without a fraction.
fn whole_seconds(time: Timestamp) -> String {
    let text = time.to_string();
    text.split_once('.').map_or(text.clone(), |(seconds, _)| format!("{seconds}Z"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use stepyard_asl::Timestamp;
    use stepyard_json::Payload;
    use stepyard_machine::{
        ExecutionStatus, NotRedrivable, Qualifier, Redriven, StartContext, StatusChange,
    };
    use stepyard_store::ExecutionId;
    use uuid::Uuid;

    use super::{DATA_BYTES_MAX, escaped_len, event};

    const EXECUTION_ARN: &str =
        "arn:aws:states:us-east-1:012345678912:execution:state-machine-name:execution-name";
    const MACHINE_ARN: &str = "arn:aws:states:us-east-1:012345678912:stateMachine:state-machine";

    fn change(status: ExecutionStatus, stop_date: Option<i64>) -> StatusChange {
        let context = StartContext {
            execution_arn: EXECUTION_ARN.into(),
            execution_name: "execution-name".into(),
            state_machine_arn: MACHINE_ARN.into(),
            state_machine_name: "state-machine".into(),
            role_arn: "r".into(),
            qualifier: None,
            child_of: None,
            kind: Default::default(),
            limits: Default::default(),
        };
        let redrivable = match status {
            ExecutionStatus::Running | ExecutionStatus::Succeeded => {
                Err(NotRedrivable::Status(status))
            }
            _ => Ok(()),
        };
        StatusChange {
            position: 7,
            at: Timestamp(1_551_210_141_999),
            context: context.into(),
            status,
            started_at: Timestamp(1_551_225_271_984),
            stopped_at: stop_date.map(Timestamp),
            input: Payload::empty_object(),
            output: None,
            error: None,
            cause: None,
            redriven: None,
            redrivable,
        }
    }

    fn shown(change: &StatusChange) -> Value {
        serde_json::from_str(&event(ExecutionId(Uuid::from_u128(1)), change)).unwrap()
    }

    /// The examples of the developer guide, with the members that real events have beside theirs.
    fn expected(status: &str, members: &Value) -> Value {
        let mut detail = json!({
            "executionArn": EXECUTION_ARN,
            "stateMachineArn": MACHINE_ARN,
            "name": "execution-name",
            "status": status,
            "startDate": 1_551_225_271_984_u64,
            "stopDate": null,
            "input": "{}",
            "output": null,
            "stateMachineVersionArn": null,
            "stateMachineAliasArn": null,
            "redriveCount": 0,
            "redriveDate": null,
            "redriveStatus": "NOT_REDRIVABLE",
            "redriveStatusReason": format!("Execution is {status} and cannot be redriven"),
            "inputDetails": { "included": true },
            "outputDetails": null,
            "error": null,
            "cause": null,
        });
        for (member, value) in members.as_object().unwrap() {
            assert!(detail.get(member).is_some());
            detail[member] = value.clone();
        }
        json!({
            "version": "0",
            "id": null,
            "detail-type": "Step Functions Execution Status Change",
            "source": "aws.states",
            "account": "012345678912",
            "time": "2019-02-26T19:42:21Z",
            "region": "us-east-1",
            "resources": [EXECUTION_ARN],
            "detail": detail,
        })
    }

    /// Everything but the id, which nobody can foretell; members stand in AWS's order.
    fn assert_shown(change: &StatusChange, status: &str, members: &Value) {
        let mut expected = expected(status, members);
        let shown = shown(change);
        expected["id"] = shown["id"].clone();
        assert_eq!(shown.to_string(), expected.to_string());
    }

    #[test]
    fn events_look_like_those_of_aws() {
        let started = change(ExecutionStatus::Running, None);
        assert_shown(&started, "RUNNING", &json!({}));

        let output = Some(Payload::from_trusted_text("\"Hello World!\"".into()));
        let stop = Some(1_547_148_840_122);
        let succeeded = StatusChange { output, ..change(ExecutionStatus::Succeeded, stop) };
        let members = json!({
            "stopDate": 1_547_148_840_122_u64,
            "output": "\"Hello World!\"",
            "outputDetails": { "included": true },
        });
        assert_shown(&succeeded, "SUCCEEDED", &members);

        let redrivable = json!({
            "stopDate": 1_547_148_840_122_u64,
            "redriveStatus": "REDRIVABLE",
            "redriveStatusReason": null,
        });
        for (status, name) in
            [(ExecutionStatus::TimedOut, "TIMED_OUT"), (ExecutionStatus::Aborted, "ABORTED")]
        {
            assert_shown(&change(status, stop), name, &redrivable);
        }
    }

    #[test]
    fn a_failure_tells_error_and_cause_and_what_was_started_and_redriven() {
        let mut failed = StatusChange {
            error: Some("E".into()),
            cause: Some("C".into()),
            redriven: Some(Redriven { count: 2, at: Timestamp(5) }),
            ..change(ExecutionStatus::Failed, Some(9))
        };
        let mut context = StartContext::clone(&failed.context);
        context.qualifier = Some(Qualifier { version: 3, alias: Some("live".into()) });
        failed.context = context.into();
        let members = json!({
            "stopDate": 9,
            "redriveStatus": "REDRIVABLE",
            "redriveStatusReason": null,
            "redriveCount": 2,
            "redriveDate": 5,
            "stateMachineVersionArn": format!("{MACHINE_ARN}:3"),
            "stateMachineAliasArn": format!("{MACHINE_ARN}:live"),
            "error": "E",
            "cause": "C",
        });
        assert_shown(&failed, "FAILED", &members);
    }

    #[test]
    fn the_same_change_has_the_same_id_and_another_one_another() {
        let id = |position| {
            let change = StatusChange { position, ..change(ExecutionStatus::Running, None) };
            shown(&change)["id"].clone()
        };
        assert_eq!(id(1), id(1));
        assert_ne!(id(1), id(2));
        assert!(id(1).as_str().unwrap().parse::<Uuid>().is_ok());
    }

    /// A JSON text that takes so many bytes within a JSON text.
    fn data(escaped: usize) -> Payload {
        let text = format!("\"{}\"", "x".repeat(escaped - 4));
        assert_eq!(escaped_len(&text), escaped);
        Payload::from_trusted_text(text.into())
    }

    #[test]
    fn what_is_too_large_is_left_out_the_input_first() {
        for (input, output, shows) in [
            (DATA_BYTES_MAX, None, (true, None)),
            (DATA_BYTES_MAX + 1, None, (false, None)),
            (DATA_BYTES_MAX - 10, Some(10), (true, Some(true))),
            (DATA_BYTES_MAX - 9, Some(10), (false, Some(true))),
            (4, Some(DATA_BYTES_MAX), (false, Some(true))),
            (4, Some(DATA_BYTES_MAX + 1), (false, Some(false))),
        ] {
            let detail = shown(&StatusChange {
                input: data(input),
                output: output.map(data),
                ..change(ExecutionStatus::Succeeded, Some(9))
            })["detail"]
                .clone();
            let included = (
                detail["inputDetails"]["included"].as_bool().unwrap(),
                detail["outputDetails"]["included"].as_bool(),
            );
            assert_eq!(included, shows, "{input} {output:?}");
            assert_eq!(detail["input"].is_string(), shows.0);
            assert_eq!(detail["output"].is_string(), shows.1 == Some(true));
        }
    }

    #[test]
    fn lengths_are_those_of_the_text() {
        for text in ["", "é", "\"\\\n\r\t\u{8}\u{c}", "\u{1}\u{1f}\u{7f}", r#"{"a":"b\u0000"}"#] {
            let written = serde_json::to_string(text).unwrap();
            assert_eq!(escaped_len(text), written.len() - 2, "{text:?}");
        }
    }
}
