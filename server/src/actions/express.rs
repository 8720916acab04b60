//! What StartExecution and StartSyncExecution have in common for EXPRESS state machines.

use std::sync::Arc;

use stepyard_json::Payload;
use stepyard_machine::{ExecutionKind, StartContext};
use stepyard_runtime::{Logging, StartExpress};
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
        limits: app.limits,
    });
    let logging = Logging::of(&machine.revision.configuration);
    let cancellation = CancellationToken::new();
    let revision = machine.revision.id;
    Ok(StartExpress { id, context, revision, program, input, logging, cancellation })
}
