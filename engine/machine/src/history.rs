//! AWS's history: what `GetExecutionHistory` shows of the journal.

use std::sync::Arc;

use stepyard_asl::{Program, Resource, ServiceCall, StateId, StateKind, Timestamp};
use stepyard_json::{Json, Object, Payload};

use crate::{Event, EventId, EventKind, StartContext, Text};

/// One event as AWS shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEvent {
    /// `id`.
    pub id: EventId,
    /// `previousEventId`.
    pub previous_event_id: EventId,
    /// `timestamp`.
    pub timestamp: Timestamp,
    /// `type`.
    pub event_type: HistoryEventType,
    /// The member that holds the event's details, of the types that have one.
    pub details: Option<Details>,
}

/// `type` of an event, one of AWS's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HistoryEventType(&'static str);

impl HistoryEventType {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

/// Details of an event, by shape; several types share one.
#[derive(Clone, Debug, PartialEq)]
pub enum Details {
    /// Of ExecutionStarted.
    ExecutionStarted {
        /// `input`.
        input: Payload,
        /// `roleArn`.
        role_arn: Arc<str>,
        /// `stateMachineVersionArn`.
        version_arn: Option<Arc<str>>,
        /// `stateMachineAliasArn`.
        alias_arn: Option<Arc<str>>,
    },
    /// Of what ended well: execution, Lambda function, activity.
    Succeeded {
        /// `output`.
        output: Payload,
    },
    /// Of what ended badly: execution, Lambda function, activity.
    Failed {
        /// `error`.
        error: Text,
        /// `cause`.
        cause: Text,
    },
    /// Of ExecutionRedriven.
    ExecutionRedriven {
        /// `redriveCount`.
        redrive_count: u32,
    },
    /// Of all `...StateEntered`.
    StateEntered {
        /// `name`.
        name: Arc<str>,
        /// `input`.
        input: Payload,
    },
    /// Of all `...StateExited`.
    StateExited {
        /// `name`.
        name: Arc<str>,
        /// `output`.
        output: Payload,
        /// `assignedVariables`, the members of an object.
        assigned: Option<Payload>,
    },
    /// Of EvaluationFailed.
    EvaluationFailed {
        /// `state`, its name.
        state: Arc<str>,
        /// `error`.
        error: Text,
        /// `cause`.
        cause: Text,
        /// `location`.
        location: Text,
    },
    /// Of LambdaFunctionScheduled and ActivityScheduled.
    Scheduled {
        /// `resource`.
        resource: Arc<str>,
        /// `input`.
        input: Payload,
        /// Limits and role.
        terms: Terms,
    },
    /// Of TaskScheduled.
    TaskScheduled {
        /// `resourceType` and `resource`.
        service: Service,
        /// `region`.
        region: Arc<str>,
        /// `parameters`.
        parameters: Payload,
        /// Limits and role.
        terms: Terms,
    },
    /// Of TaskStarted.
    TaskStarted {
        /// `resourceType` and `resource`.
        service: Service,
    },
    /// Of ActivityStarted.
    ActivityStarted {
        /// `workerName`.
        worker: Text,
    },
    /// Of TaskSubmitted and TaskSucceeded.
    TaskSucceeded {
        /// `resourceType` and `resource`.
        service: Service,
        /// `output`.
        output: Payload,
    },
    /// Of TaskFailed and TaskTimedOut.
    TaskFailed {
        /// `resourceType` and `resource`.
        service: Service,
        /// `error`.
        error: Text,
        /// `cause`.
        cause: Text,
    },
    /// Of MapStateStarted.
    MapStateStarted {
        /// `length`.
        length: u32,
    },
    /// Of MapRunStarted.
    MapRunStarted {
        /// `mapRunArn`.
        arn: Arc<str>,
    },
    /// Of MapRunRedriven.
    MapRunRedriven {
        /// `mapRunArn`.
        arn: Arc<str>,
        /// `redriveCount`.
        redrive_count: u32,
    },
    /// Of all `MapIteration...`.
    MapIteration {
        /// `name` of the Map state.
        name: Arc<str>,
        /// `index`.
        index: u32,
    },
}

/// On what terms a task was handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// `timeoutInSeconds`.
    pub timeout_seconds: Option<u64>,
    /// `heartbeatInSeconds`.
    pub heartbeat_seconds: Option<u64>,
    /// `taskCredentials.roleArn`.
    pub role_arn: Text,
}

/// How events name a service integration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// `resourceType`, such as `lambda`.
    pub resource_type: Arc<str>,
    /// `resource`, such as `startExecution.sync:2`.
    pub resource: Arc<str>,
}

/// How AWS's history shows an event; `None` for internal ones. `region` is that of the tasks.
pub fn project(program: &Program, region: &str, event: &Event) -> Option<HistoryEvent> {
    let (event_type, details) = shape(program, region, &event.kind)?;
    Some(HistoryEvent {
        id: event.id,
        previous_event_id: event.previous,
        timestamp: event.at,
        event_type: HistoryEventType(event_type),
        details,
    })
}

type Shape = (&'static str, Option<Details>);

fn shape(program: &Program, region: &str, kind: &EventKind) -> Option<Shape> {
    let name = |state: &StateId| program.state(*state).name.clone();
    let iteration = |state, index: &u32| Details::MapIteration { name: name(state), index: *index };
    Some(match kind {
        EventKind::ExecutionStarted { .. }
        | EventKind::ExecutionSucceeded { .. }
        | EventKind::ExecutionFailed { .. }
        | EventKind::ExecutionTimedOut { .. }
        | EventKind::ExecutionAborted { .. }
        | EventKind::ExecutionRedriven { .. } => return shape_of_whole(kind),
        EventKind::StateEntered { state, input } => {
            let details = Details::StateEntered { name: name(state), input: input.clone() };
            (words(program, *state)[0], Some(details))
        }
        EventKind::StateExited { state, output, assigned } => {
            let (output, assigned) = (output.clone(), assigned.clone());
            let details = Details::StateExited { name: name(state), output, assigned };
            (words(program, *state)[1], Some(details))
        }
        EventKind::EvaluationFailed { state, error, cause, location } => {
            let (error, cause, location) = (error.clone(), cause.clone(), location.clone());
            let details = Details::EvaluationFailed { state: name(state), error, cause, location };
            ("EvaluationFailed", Some(details))
        }
        EventKind::StateAborted { state } => (words(program, *state)[2], None),
        EventKind::TaskScheduled { state, .. }
        | EventKind::TaskStarted { state }
        | EventKind::TaskSubmitted { state, .. }
        | EventKind::ActivityStarted { state, .. }
        | EventKind::TaskSucceeded { state, .. }
        | EventKind::TaskFailed { state, .. }
        | EventKind::TaskTimedOut { state, .. } => match &program.state(*state).kind {
            StateKind::Task(task) => task_shape(&task.resource, region, kind)?,
            _ => return None,
        },
        EventKind::ParallelStateStarted { .. } => ("ParallelStateStarted", None),
        EventKind::ParallelStateSucceeded { .. } => ("ParallelStateSucceeded", None),
        EventKind::ParallelStateFailed { .. } => ("ParallelStateFailed", None),
        EventKind::MapStateStarted { length, .. } => {
            ("MapStateStarted", Some(Details::MapStateStarted { length: *length }))
        }
        EventKind::MapIterationStarted { state, index, .. } => {
            ("MapIterationStarted", Some(iteration(state, index)))
        }
        EventKind::MapIterationSucceeded { state, index } => {
            ("MapIterationSucceeded", Some(iteration(state, index)))
        }
        EventKind::MapIterationFailed { state, index } => {
            ("MapIterationFailed", Some(iteration(state, index)))
        }
        EventKind::MapIterationAborted { state, index } => {
            ("MapIterationAborted", Some(iteration(state, index)))
        }
        EventKind::MapStateSucceeded { .. } => ("MapStateSucceeded", None),
        EventKind::MapStateFailed { .. } => ("MapStateFailed", None),
        EventKind::MapRunStarted { .. }
        | EventKind::MapRunRedriven { .. }
        | EventKind::MapRunSucceeded { .. }
        | EventKind::MapRunFailed { .. }
        | EventKind::MapRunAborted { .. } => return shape_of_map_run(kind),
        EventKind::WaitStarted { .. }
        | EventKind::RetryScheduled { .. }
        | EventKind::BranchSucceeded
        | EventKind::ExecutionAwaited { .. }
        | EventKind::MapRunChildEnded(_)
        | EventKind::MapRunTotalsKnown(_)
        | EventKind::MapRunUpdated(_) => return None,
    })
}

/// Events of Map Runs.
fn shape_of_map_run(kind: &EventKind) -> Option<Shape> {
    Some(match kind {
        EventKind::MapRunStarted { plan, .. } => {
            ("MapRunStarted", Some(Details::MapRunStarted { arn: plan.arn.clone() }))
        }
        EventKind::MapRunRedriven { map_run_arn, redrive_count, .. } => {
            let (arn, redrive_count) = (map_run_arn.clone(), *redrive_count);
            ("MapRunRedriven", Some(Details::MapRunRedriven { arn, redrive_count }))
        }
        EventKind::MapRunSucceeded { .. } => ("MapRunSucceeded", None),
        EventKind::MapRunFailed { error, cause, .. } => ("MapRunFailed", failed(error, cause)),
        EventKind::MapRunAborted { .. } => ("MapRunAborted", None),
        _ => return None,
    })
}

/// Events of the execution itself.
fn shape_of_whole(kind: &EventKind) -> Option<Shape> {
    Some(match kind {
        EventKind::ExecutionStarted { context, input, .. } => {
            ("ExecutionStarted", Some(started(context, input)))
        }
        EventKind::ExecutionSucceeded { output } => {
            ("ExecutionSucceeded", Some(Details::Succeeded { output: output.clone() }))
        }
        EventKind::ExecutionFailed { error, cause } => ("ExecutionFailed", failed(error, cause)),
        EventKind::ExecutionTimedOut { error, cause } => {
            ("ExecutionTimedOut", failed(error, cause))
        }
        EventKind::ExecutionAborted { error, cause } => ("ExecutionAborted", failed(error, cause)),
        EventKind::ExecutionRedriven { redrive_count, .. } => {
            let redrive_count = *redrive_count;
            ("ExecutionRedriven", Some(Details::ExecutionRedriven { redrive_count }))
        }
        _ => return None,
    })
}

fn started(context: &StartContext, input: &Payload) -> Details {
    let (machine, qualifier) = (&context.state_machine_arn, context.qualifier.as_ref());
    Details::ExecutionStarted {
        input: input.clone(),
        role_arn: context.role_arn.clone(),
        version_arn: qualifier.map(|qualifier| qualifier.version_arn(machine).into()),
        alias_arn: qualifier.and_then(|qualifier| qualifier.alias_arn(machine)).map(Arc::from),
    }
}

fn failed(error: &Text, cause: &Text) -> Option<Details> {
    Some(Details::Failed { error: error.clone(), cause: cause.clone() })
}

/// How entering, leaving and abandoning a state are called.
fn words(program: &Program, state: StateId) -> [&'static str; 3] {
    match &program.state(state).kind {
        StateKind::Pass(_) => ["PassStateEntered", "PassStateExited", "PassStateAborted"],
        StateKind::Task(_) => ["TaskStateEntered", "TaskStateExited", "TaskStateAborted"],
        StateKind::Choice(_) => ["ChoiceStateEntered", "ChoiceStateExited", "ChoiceStateAborted"],
        StateKind::Wait(_) => ["WaitStateEntered", "WaitStateExited", "WaitStateAborted"],
        StateKind::Succeed => ["SucceedStateEntered", "SucceedStateExited", "SucceedStateAborted"],
        StateKind::Fail(_) => ["FailStateEntered", "FailStateExited", "FailStateAborted"],
        StateKind::Parallel(_) => {
            ["ParallelStateEntered", "ParallelStateExited", "ParallelStateAborted"]
        }
        StateKind::Map(_) => ["MapStateEntered", "MapStateExited", "MapStateAborted"],
    }
}

fn task_shape(resource: &Resource, region: &str, kind: &EventKind) -> Option<Shape> {
    match resource {
        Resource::Service(call) => service_shape(call, region, kind),
        Resource::Lambda(_) => {
            let words = [
                "LambdaFunctionScheduled",
                "LambdaFunctionStarted",
                "LambdaFunctionSucceeded",
                "LambdaFunctionFailed",
                "LambdaFunctionTimedOut",
            ];
            direct_shape(resource, words, kind)
        }
        Resource::Activity { .. } => {
            let words = [
                "ActivityScheduled",
                "ActivityStarted",
                "ActivitySucceeded",
                "ActivityFailed",
                "ActivityTimedOut",
            ];
            direct_shape(resource, words, kind)
        }
    }
}

fn direct_shape(resource: &Resource, words: [&'static str; 5], kind: &EventKind) -> Option<Shape> {
    Some(match kind {
        EventKind::TaskScheduled { parameters, .. } => {
            let (resource, input) = (resource.arn().clone(), parameters.clone());
            (words[0], Some(Details::Scheduled { resource, input, terms: terms(kind)? }))
        }
        EventKind::TaskStarted { .. } => (words[1], None),
        EventKind::ActivityStarted { worker, .. } => {
            (words[1], Some(Details::ActivityStarted { worker: worker.clone() }))
        }
        EventKind::TaskSucceeded { output, .. } => {
            (words[2], Some(Details::Succeeded { output: output.clone() }))
        }
        EventKind::TaskFailed { error, cause, .. } => (words[3], failed(error, cause)),
        EventKind::TaskTimedOut { error, cause, .. } => (words[4], failed(error, cause)),
        _ => return None,
    })
}

fn service_shape(call: &ServiceCall, region: &str, kind: &EventKind) -> Option<Shape> {
    let service = Service {
        resource_type: call.service.clone(),
        resource: format!("{}{}", call.action, call.pattern.suffix()).into(),
    };
    let failed = |service, error: &Text, cause: &Text| {
        Some(Details::TaskFailed { service, error: error.clone(), cause: cause.clone() })
    };
    Some(match kind {
        EventKind::TaskScheduled { parameters, .. } => {
            let (region, parameters, terms) = (region.into(), parameters.clone(), terms(kind)?);
            let details = Details::TaskScheduled { service, region, parameters, terms };
            ("TaskScheduled", Some(details))
        }
        EventKind::TaskStarted { .. } => ("TaskStarted", Some(Details::TaskStarted { service })),
        EventKind::TaskSubmitted { output, .. } => {
            ("TaskSubmitted", Some(Details::TaskSucceeded { service, output: output.clone() }))
        }
        EventKind::TaskSucceeded { output, .. } => {
            ("TaskSucceeded", Some(Details::TaskSucceeded { service, output: output.clone() }))
        }
        EventKind::TaskFailed { error, cause, .. } => ("TaskFailed", failed(service, error, cause)),
        EventKind::TaskTimedOut { error, cause, .. } => {
            ("TaskTimedOut", failed(service, error, cause))
        }
        _ => return None,
    })
}

fn terms(kind: &EventKind) -> Option<Terms> {
    match kind {
        EventKind::TaskScheduled { timeout_seconds, heartbeat_seconds, role_arn, .. } => {
            Some(Terms {
                timeout_seconds: *timeout_seconds,
                heartbeat_seconds: *heartbeat_seconds,
                role_arn: role_arn.clone(),
            })
        }
        _ => None,
    }
}

/// As the API writes it.
impl HistoryEvent {
    /// Name of the member that holds the details, such as `taskFailedEventDetails`.
    pub fn details_key(&self) -> String {
        match &self.details {
            Some(Details::StateEntered { .. }) => "stateEnteredEventDetails".into(),
            Some(Details::StateExited { .. }) => "stateExitedEventDetails".into(),
            _ => {
                let (first, rest) = self.event_type.0.split_at(1);
                format!("{}{rest}EventDetails", first.to_ascii_lowercase())
            }
        }
    }
}

impl Details {
    /// The members in AWS's names; data is JSON text. `with_data` is `includeExecutionData`.
    pub fn to_json(&self, with_data: bool) -> Json {
        self.to_json_within(with_data.then_some(usize::MAX))
    }

    /// The same, with at most so many bytes of each data; none at all when that is absent.
    pub fn to_json_within(&self, data_bytes_max: Option<usize>) -> Json {
        let mut members = Members { object: Object::new(), data_bytes_max };
        members.details(self);
        members.object.into()
    }
}

struct Members {
    object: Object,
    /// Absent when data is not to be shown.
    data_bytes_max: Option<usize>,
}

impl Members {
    fn details(&mut self, details: &Details) {
        match details {
            Details::ExecutionStarted { input, role_arn, version_arn, alias_arn } => {
                self.data("input", input);
                self.object.insert("roleArn", role_arn.clone());
                self.text("stateMachineAliasArn", alias_arn);
                self.text("stateMachineVersionArn", version_arn);
            }
            Details::Succeeded { output } => self.data("output", output),
            Details::Failed { error, cause } => self.failure(error, cause),
            Details::StateEntered { name, input } => {
                self.object.insert("name", name.clone());
                self.data("input", input);
            }
            Details::StateExited { name, output, assigned } => {
                self.object.insert("name", name.clone());
                self.data("output", output);
                self.assigned(assigned.as_ref());
            }
            Details::EvaluationFailed { state, error, cause, location } => {
                self.failure(error, cause);
                self.text("location", location);
                self.object.insert("state", state.clone());
            }
            Details::Scheduled { resource, input, terms } => {
                self.object.insert("resource", resource.clone());
                self.data("input", input);
                self.terms(terms);
            }
            Details::TaskScheduled { service, region, parameters, terms } => {
                self.service(service);
                self.object.insert("region", region.clone());
                if let Some(most) = self.data_bytes_max {
                    self.object.insert("parameters", within(parameters.text(), most));
                }
                self.terms(terms);
            }
            Details::TaskStarted { service } => self.service(service),
            Details::ActivityStarted { worker } => self.text("workerName", worker),
            Details::TaskSucceeded { service, output } => {
                self.service(service);
                self.data("output", output);
            }
            Details::TaskFailed { service, error, cause } => {
                self.service(service);
                self.failure(error, cause);
            }
            Details::MapRunStarted { arn } => self.object.insert("mapRunArn", arn.clone()),
            Details::MapRunRedriven { arn, redrive_count } => {
                self.object.insert("mapRunArn", arn.clone());
                self.object.insert("redriveCount", *redrive_count);
            }
            Details::ExecutionRedriven { redrive_count } => {
                self.object.insert("redriveCount", *redrive_count);
            }
            Details::MapStateStarted { length } => self.object.insert("length", *length),
            Details::MapIteration { name, index } => {
                self.object.insert("name", name.clone());
                self.object.insert("index", *index);
            }
        }
    }

    /// `input` with `inputDetails`, `output` with `outputDetails`.
    fn data(&mut self, name: &str, data: &Payload) {
        let Some(most) = self.data_bytes_max else { return };
        let text = within(data.text(), most);
        let is_cut = text.len() < data.len();
        self.object.insert(name, text);
        let details: Object = [("truncated", Json::from(is_cut))].into_iter().collect();
        self.object.insert(format!("{name}Details"), details);
    }

    /// `assignedVariables`: each value as JSON text.
    fn assigned(&mut self, assigned: Option<&Payload>) {
        let Some(most) = self.data_bytes_max else { return };
        let Some(members) = assigned.and_then(|all| all.tree().as_object()) else { return };
        let (mut texts, mut is_cut) = (Object::new(), false);
        for (name, value) in members.iter() {
            let whole = value.to_string();
            let text = within(&whole, most);
            is_cut |= text.len() < whole.len();
            texts.insert(name.clone(), text);
        }
        self.object.insert("assignedVariables", texts);
        let details: Object = [("truncated", Json::from(is_cut))].into_iter().collect();
        self.object.insert("assignedVariablesDetails", details);
    }

    fn failure(&mut self, error: &Text, cause: &Text) {
        self.text("error", error);
        self.text("cause", cause);
    }

    fn text(&mut self, name: &str, text: &Text) {
        if let Some(text) = text {
            self.object.insert(name, text.clone());
        }
    }

    fn service(&mut self, service: &Service) {
        self.object.insert("resourceType", service.resource_type.clone());
        self.object.insert("resource", service.resource.clone());
    }

    fn terms(&mut self, terms: &Terms) {
        if let Some(seconds) = terms.timeout_seconds {
            self.object.insert("timeoutInSeconds", seconds);
        }
        if let Some(seconds) = terms.heartbeat_seconds {
            self.object.insert("heartbeatInSeconds", seconds);
        }
        if let Some(role) = &terms.role_arn {
            let credentials: Object = [("roleArn", Json::from(role.clone()))].into_iter().collect();
            self.object.insert("taskCredentials", credentials);
        }
    }
}

/// The text, or as much of it as has its place in so many bytes.
fn within(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use stepyard_json::{Json, Object, Payload};

    use super::Details;

    #[test]
    fn data_that_is_too_long_is_cut_between_characters() {
        let output = Payload::from_text("\"aéz\"").expect("it is JSON");
        let details = Details::Succeeded { output };
        let shown = |most| details.to_json_within(most).to_string();
        assert_eq!(shown(Some(3)), r#"{"output":"\"a","outputDetails":{"truncated":true}}"#);
        assert_eq!(shown(Some(6)), r#"{"output":"\"aéz\"","outputDetails":{"truncated":false}}"#);
        assert_eq!(shown(None), "{}");
    }

    #[test]
    fn variables_that_are_too_long_are_cut_each() {
        let assigned =
            Payload::from_text(r#"{"a":"0123","b":"01","c":"0123"}"#).expect("it is JSON");
        let members = |data_bytes_max| super::Members { object: Object::new(), data_bytes_max };
        let mut cut = members(Some(5));
        cut.assigned(Some(&assigned));
        assert_eq!(
            Json::from(cut.object).to_string(),
            r#"{"assignedVariables":{"a":"\"0123","b":"\"01\"","c":"\"0123"},"assignedVariablesDetails":{"truncated":true}}"#
        );
        let mut whole = members(Some(6));
        whole.assigned(Some(&assigned));
        assert!(Json::from(whole.object).to_string().contains(r#"{"truncated":false}"#));
    }
}
