//! TestState: runs one state, and shows what it makes of its data.

mod context;
mod mock;
mod run;
mod shape;
mod shown;
mod subject;

use serde::{Deserialize, Serialize};
use stepyard_json::{Json, Payload};
use stepyard_machine::{Inspection, Limits, MapMock, Mock};

use self::mock::MockInput;
use self::run::Bench;
use self::shown::InspectionData;
use self::subject::Subject;
use crate::app::App;
use crate::arn::check_role;
use crate::wire::{ApiError, Constraints, required};

/// Longest name of a state, in characters (AWS's model).
const NAME_CHARS_MAX: usize = 80;

/// Request of TestState.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TestStateRequest {
    definition: Option<String>,
    role_arn: Option<String>,
    input: Option<String>,
    inspection_level: Option<String>,
    reveal_secrets: Option<bool>,
    variables: Option<String>,
    state_name: Option<String>,
    mock: Option<MockInput>,
    context: Option<String>,
    state_configuration: Option<StateConfiguration>,
}

/// What has happened to the state before.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StateConfiguration {
    /// Attempts that the matching retrier has granted.
    retrier_retry_count: Option<i64>,
    /// Iterations of a Map state that have failed.
    map_iteration_failure_count: Option<i64>,
    /// JSON text: what the `ItemReader` of a Map state reads.
    map_item_reader_data: Option<String>,
    /// Checked only: whose error that of a Map or Parallel state is.
    error_caused_by_state: Option<String>,
}

impl StateConfiguration {
    /// Adds what AWS's front end looks at.
    fn constrain(&self, constraints: Constraints, limits: Limits) -> Constraints {
        let member = |name: &str| format!("stateConfiguration.{name}");
        let (reader_data, caused_by) = (&self.map_item_reader_data, &self.error_caused_by_state);
        constraints
            .range(&member("retrierRetryCount"), self.retrier_retry_count, 0..=i64::MAX)
            .sensitive_length(
                &member("errorCausedByState"),
                caused_by.as_deref(),
                1..=NAME_CHARS_MAX,
            )
            .range(
                &member("mapIterationFailureCount"),
                self.map_iteration_failure_count,
                0..=i64::MAX,
            )
            .sensitive_length(
                &member("mapItemReaderData"),
                reader_data.as_deref(),
                0..=limits.data_bytes,
            )
    }

    fn map_mock(&self, subject: &Subject) -> Result<MapMock, ApiError> {
        let failed = count(self.map_iteration_failure_count);
        let Some(text) = &self.map_item_reader_data else {
            return Ok(MapMock { items: None, failed });
        };
        if subject.state.get("ItemReader").is_none() {
            let message = "mapItemReaderData needs a Map state with an ItemReader";
            return Err(ApiError::validation(message));
        }
        let items = parse(text, "stateConfiguration.mapItemReaderData")?;
        if items.tree().as_array().is_none() {
            return Err(ApiError::validation("mapItemReaderData must be a JSON array"));
        }
        Ok(MapMock { items: Some(items), failed })
    }
}

/// Answer of TestState.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TestStateResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inspection_data: Option<InspectionData>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_state: Option<String>,
    status: &'static str,
}

/// Tests a state.
pub(crate) async fn test_state(
    app: &App,
    request: TestStateRequest,
) -> Result<TestStateResponse, ApiError> {
    let definition = required(request.definition.as_deref(), "definition")?;
    constraints(&request, app.limits).check()?;
    let level = request.inspection_level.as_deref();
    request.role_arn.as_deref().map_or(Ok(()), check_role)?;
    let subject = Subject::find(definition, request.state_name.as_deref())?;
    let mock = mock_of(&request, &subject)?;
    if mock.is_none() {
        subject.check_testable(request.role_arn.as_deref())?;
    }
    let program = subject.compile(mock.is_some())?;
    let mock = mock.map(|mock| mock.read(&subject)).transpose()?;
    let input = parse(request.input.as_deref().unwrap_or("{}"), "input")?;
    let configuration = request.state_configuration.unwrap_or_default();
    let retries = u32::try_from(count(configuration.retrier_retry_count)).unwrap_or(u32::MAX);
    let context = context(request.context.as_deref(), mock.as_ref())?;
    let variables = variables(request.variables.as_deref())?;
    let map = configuration.map_mock(&subject)?;
    let inspection = Inspection::new(context, variables, mock).with_map(map);
    let bench = Bench { app, program, retries };
    let ended = bench.run(input.clone(), inspection).await?;
    let shows_stages = !matches!(level, None | Some("INFO"));
    let data = shows_stages.then(|| shown::stages(&subject, &input, &ended));
    Ok(ended.response(data))
}

/// What AWS's front end looks at.
fn constraints(request: &TestStateRequest, limits: Limits) -> Constraints {
    let data = |found: Constraints, member: &str, text: &Option<String>| {
        found.sensitive_length(member, text.as_deref(), 0..=limits.data_bytes)
    };
    let levels = &["INFO", "DEBUG", "TRACE"];
    let name = request.state_name.as_deref();
    let mut found = Constraints::default()
        .one_of("inspectionLevel", request.inspection_level.as_deref(), levels)
        .sensitive_length("stateName", name, 1..=NAME_CHARS_MAX);
    found = data(found, "input", &request.input);
    found = data(found, "variables", &request.variables);
    found = data(found, "context", &request.context);
    if let Some(mock) = &request.mock {
        found = mock.constrain(found, limits);
    }
    match &request.state_configuration {
        Some(configuration) => configuration.constrain(found, limits),
        None => found,
    }
}

/// A number of things, none when nothing is said.
fn count(said: Option<i64>) -> u64 {
    said.and_then(|count| u64::try_from(count).ok()).unwrap_or(0)
}

/// `variables`: an object, each member of which is a variable.
fn variables(text: Option<&str>) -> Result<Option<Json>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let variables = parse(text, "variables")?;
    match variables.tree() {
        object @ Json::Object(_) => Ok(Some(object.clone())),
        _ => Err(ApiError::validation("Invalid Variables provided: they must be a JSON object")),
    }
}

fn mock_of<'a>(
    request: &'a TestStateRequest,
    subject: &Subject,
) -> Result<Option<&'a MockInput>, ApiError> {
    let Some(mock) = &request.mock else { return Ok(None) };
    if request.reveal_secrets == Some(true) {
        return Err(ApiError::validation(
            "TestState does not support RevealSecrets when a mock is specified.",
        ));
    }
    mock.check(subject)?;
    Ok(Some(mock))
}

/// The context object that is given, in the shape that AWS allows.
fn context(text: Option<&str>, mock: Option<&Mock>) -> Result<Option<Json>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    if mock.is_none() {
        let message = "A context object can only be given together with a mock";
        return Err(ApiError::validation(message));
    }
    let context = parse(text, "context")?;
    context::check(context.tree()).map_err(|fault| {
        ApiError::validation(format!("Invalid Context object provided: {fault}"))
    })?;
    Ok(Some(context.tree().clone()))
}

fn parse(text: &str, member: &str) -> Result<Payload, ApiError> {
    Payload::from_text(text.to_owned()).map_err(|error| {
        let name = if member == "input" { "InvalidExecutionInput" } else { "ValidationException" };
        ApiError::new(name, format!("Invalid State Machine Execution Input: '{error}'"))
    })
}
