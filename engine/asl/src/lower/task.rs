//! Task states.

use super::SECONDS_MAX;
use super::fields::Fields;
use super::number::Numbering;
use super::outcome::outcome;
use crate::{Resource, ScopeId, Seconds, Task};

pub(super) fn task(
    fields: &mut Fields<'_, '_>,
    numbering: &Numbering<'_>,
    scope: ScopeId,
) -> Option<Task> {
    let resource = resource(fields);
    let parameters = fields.template("Parameters");
    let credentials = match fields.get("Credentials") {
        Some(credentials)
            if credentials.get("RoleArn").or(credentials.get("RoleArn.$")).is_none() =>
        {
            fields.fault("Credentials", "The field 'RoleArn' is required but was missing");
            None
        }
        _ => fields.template("Credentials"),
    };
    let timeout = seconds(fields, "TimeoutSeconds", "TimeoutSecondsPath");
    let heartbeat = seconds(fields, "HeartbeatSeconds", "HeartbeatSecondsPath");
    if let (Some(Seconds::Literal(timeout)), Some(Seconds::Literal(heartbeat))) =
        (&timeout, &heartbeat)
        && heartbeat >= timeout
    {
        fields.fault("HeartbeatSeconds", "HeartbeatSeconds must be smaller than TimeoutSeconds");
    }
    let outcome = outcome(fields, numbering, scope);
    Some(Task {
        resource: resource?,
        parameters,
        credentials,
        timeout,
        heartbeat,
        outcome: outcome?,
    })
}

fn resource(fields: &mut Fields<'_, '_>) -> Option<Resource> {
    let text = fields.required_text("Resource")?;
    let resource = Resource::parse(&text);
    if resource.is_none() {
        let message = format!(
            "The resource provided {text} is not recognized. The value is not a valid resource ARN, or the resource is not available in this region."
        );
        fields.fault("Resource", message);
    }
    resource
}

fn seconds(fields: &mut Fields<'_, '_>, literal: &str, by_path: &str) -> Option<Seconds> {
    fields.at_most_one(&[literal, by_path]);
    match fields.has(by_path) {
        true => fields.reference_path(by_path).map(Seconds::Path),
        false => fields.integer(literal, 1..=SECONDS_MAX).map(Seconds::Literal),
    }
}
