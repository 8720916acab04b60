//! Events in the log of this server.

use std::sync::Arc;

use async_trait::async_trait;
use stepyard_machine::StatusChange;
use stepyard_runtime::{EventTarget, TellError};
use stepyard_store::{ExecutionId, TargetId};

use super::{event, target_id};

/// The target of log lines that tell events.
const EVENTS: &str = "stepyard::events";

const NAME: &str = "log";

/// Writes each event as a log line. A line that standard error does not take is lost, as all others.
pub(super) struct LogTarget;

#[async_trait]
impl EventTarget for LogTarget {
    fn id(&self) -> TargetId {
        target_id(NAME)
    }

    fn name(&self) -> Arc<str> {
        NAME.into()
    }

    async fn tell(&self, execution: ExecutionId, change: &StatusChange) -> Result<(), TellError> {
        tracing::info!(target: EVENTS, event = event(execution, change));
        Ok(())
    }
}
