//! Express executions of which a history is kept. In a path the name of one is `NAME:UUID`, as in its ARN.

use std::sync::Arc;

use stepyard_machine::history::project;
use stepyard_runtime::ExecutionView;
use stepyard_store::{ClosedExpress, ExecutionQuery, StateMachineType, codec};

use crate::actions::HistoryPage;
use crate::app::App;
use crate::arn::ExpressExecution;
use crate::wire::ApiError;

/// Whether a query asks for executions of an EXPRESS state machine.
pub(super) async fn is_asked_for(app: &App, query: &ExecutionQuery) -> Result<bool, ApiError> {
    let Some(arn) = &query.state_machine_arn else { return Ok(false) };
    let machine = app.store.get_state_machine(arn).await?;
    Ok(machine.is_some_and(|machine| machine.machine_type == StateMachineType::Express))
}

/// How one was started, and how it has ended.
pub(super) async fn view(
    app: &App,
    asked: &ExpressExecution,
) -> Result<Arc<ExecutionView>, ApiError> {
    Ok(Arc::new(ExecutionView::of_express(find(app, asked).await?)?))
}

/// A page of the history of one, from the event with that id.
pub(super) async fn history(
    app: &App,
    asked: &ExpressExecution,
    from: u64,
    descending: bool,
    size: usize,
) -> Result<HistoryPage, ApiError> {
    let closed = find(app, asked).await?;
    let program = app.runtime.program(closed.row.revision).await?;
    let mut decoded = codec::decode(&closed.journal)?;
    if descending {
        decoded.reverse();
    }
    let mut events: Vec<_> = decoded
        .iter()
        .filter_map(|event| project(&program, &app.identity.region, event))
        .filter(|event| if descending { event.id.0 <= from } else { event.id.0 >= from })
        .take(size + 1)
        .collect();
    let next = events.get(size).map(|event| event.id.0);
    events.truncate(size);
    Ok(HistoryPage { events, next })
}

async fn find(app: &App, asked: &ExpressExecution) -> Result<ClosedExpress, ApiError> {
    let found = app.store.find_express(asked.shard(), asked.id).await?;
    found.ok_or_else(|| {
        let message = format!(
            "No history is kept of the Express execution '{}': it has not ended, the setting express-history leaves it out, or it has been removed",
            asked.arn
        );
        ApiError::new("ExecutionDoesNotExist", message)
    })
}
