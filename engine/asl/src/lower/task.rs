//! Task states.

use std::ops::RangeInclusive;

use super::SECONDS_MAX;
use super::fields::Fields;
use super::number::Numbering;
use super::outcome::outcome;
use crate::jsonata::Place;
use crate::{Pattern, Resource, ScopeId, Seconds, Task, WorkflowType};

pub(super) fn task(
    fields: &mut Fields<'_, '_>,
    numbering: &Numbering<'_>,
    scope: ScopeId,
) -> Option<Task> {
    let resource = resource(fields);
    if let Some(resource) = &resource
        && numbering.workflow == WorkflowType::Express
    {
        check_express(fields, resource);
    }
    let parameters = fields.arguments();
    let credentials = match has_credentials(fields) {
        true => fields.template_in_language("Credentials", Place::Input),
        false => None,
    };
    let timeout = seconds(fields, "TimeoutSeconds", "TimeoutSecondsPath", 1..=SECONDS_MAX);
    let heartbeat = seconds(fields, "HeartbeatSeconds", "HeartbeatSecondsPath", 1..=SECONDS_MAX);
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

/// Whether there are any; those without a role are a fault.
fn has_credentials(fields: &mut Fields<'_, '_>) -> bool {
    let Some(credentials) = fields.get("Credentials") else { return false };
    let has_role = credentials.get("RoleArn").or(credentials.get("RoleArn.$")).is_some();
    if !has_role {
        fields.fault("Credentials", "The field 'RoleArn' is required but was missing");
    }
    has_role
}

fn resource(fields: &mut Fields<'_, '_>) -> Option<Resource> {
    let text = fields.required_text("Resource")?;
    let resource = Resource::parse(&text);
    if resource.is_none() {
        fields.fault_unknown_resource(&text);
    }
    resource
}

/// Express workflows start tasks and wait for their answer, and for nothing else.
fn check_express(fields: &mut Fields<'_, '_>, resource: &Resource) {
    let what = match resource {
        Resource::Activity { .. } => "Activity ARN",
        Resource::Service(call) => match call.pattern {
            Pattern::RequestResponse => return,
            Pattern::Sync | Pattern::Sync2 => "'.sync' service integration",
            // The blank at the end is AWS's.
            Pattern::WaitForTaskToken => "'.waitForTaskToken' service integration ",
        },
        Resource::Lambda(_) => return,
    };
    fields.fault("Resource", format!("Express state machine does not support {what}"));
}

/// A number of seconds: written, at the end of a path, or computed.
pub(super) fn seconds(
    fields: &mut Fields<'_, '_>,
    literal: &str,
    by_path: &str,
    range: RangeInclusive<u64>,
) -> Option<Seconds> {
    fields.at_most_one(&[literal, by_path]);
    if let Some(jsonata) = fields.computed(literal) {
        return jsonata.map(Seconds::Jsonata);
    }
    match fields.has(by_path) {
        true => fields.reference_path(by_path).map(Seconds::Path),
        false => fields.integer(literal, range).map(Seconds::Literal),
    }
}
