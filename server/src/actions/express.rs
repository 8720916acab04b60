//! What StartExecution and StartSyncExecution have in common for EXPRESS state machines.

use std::sync::Arc;

use serde::Deserialize;
use stepyard_json::Payload;
use stepyard_machine::{ExecutionKind, StartContext};
use stepyard_runtime::{LogLevel, Logging, StartExpress};
use stepyard_store::ExecutionId;
use tokio_util::sync::CancellationToken;

use super::start_execution::random_name;
use crate::app::App;
use crate::arn::Arn;
use crate::target::Target;
use crate::wire::ApiError;

/// A start of an EXPRESS state machine, under a name that others may have, too.
pub(super) async fn express_start(
    app: &App,
    Target { machine, qualifier }: &Target,
    kind: ExecutionKind,
    name: Option<String>,
    input: Payload,
) -> Result<StartExpress, ApiError> {
    let program = app.runtime.program(machine.revision.id).await?;
    let name = name.unwrap_or_else(|| random_name(app));
    let drawn = app.runtime.entropy().draw();
    let entropy = drawn.first_chunk::<10>().copied().unwrap_or_default();
    let id = ExecutionId::new(app.runtime.clock().now(), entropy);
    let context = Arc::new(StartContext {
        execution_arn: Arn::parse(&machine.arn)?.express_execution(&name, id.0)?.into(),
        execution_name: name.into(),
        state_machine_arn: machine.arn.clone(),
        state_machine_name: machine.name.clone(),
        role_arn: machine.revision.role_arn.clone(),
        qualifier: qualifier.clone(),
        child_of: None,
        kind,
    });
    let logging = logging(&machine.revision.configuration, &app.identity.region);
    let cancellation = CancellationToken::new();
    Ok(StartExpress { id, context, program, input, logging, cancellation })
}

/// The part of a revision's configuration that matters here.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Configuration {
    logging_configuration: Option<LoggingConfiguration>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LoggingConfiguration {
    level: Option<String>,
    include_execution_data: Option<bool>,
}

/// What a revision wants to be logged; nothing, when it does not say.
fn logging(configuration: &str, region: &str) -> Logging {
    let configuration: Configuration = serde_json::from_str(configuration).unwrap_or_default();
    let Some(said) = configuration.logging_configuration else { return Logging::default() };
    Logging {
        level: match said.level.as_deref() {
            Some("ALL") => LogLevel::All,
            Some("ERROR") => LogLevel::Error,
            Some("FATAL") => LogLevel::Fatal,
            _ => LogLevel::Off,
        },
        include_execution_data: said.include_execution_data.unwrap_or(false),
        region: region.into(),
    }
}

#[cfg(test)]
mod tests {
    use stepyard_runtime::{LogLevel, Logging};

    use super::logging;

    #[test]
    fn what_is_not_said_is_not_logged() {
        for configuration in ["", "{}", r#"{"loggingConfiguration":null}"#] {
            assert_eq!(logging(configuration, "r"), Logging::default());
        }
        let said = r#"{"loggingConfiguration":{"level":"ERROR","includeExecutionData":true}}"#;
        let expected =
            Logging { level: LogLevel::Error, include_execution_data: true, region: "r".into() };
        assert_eq!(logging(said, "r"), expected);
    }
}
