//! Running one child execution to its end.

use std::sync::Arc;
use std::time::Duration;

use stepyard_asl::Program;
use stepyard_json::Payload;
use stepyard_machine::{ChildEnd, StartContext};
use stepyard_store::ExecutionId;
use uuid::Uuid;

use crate::cluster::{StartRequest, StopRequest};
use crate::delivery::Delivery;
use crate::end_watch::{Awaited, end_of};
use crate::express::{Express, Logging, StartExpress};
use crate::shard::Shared;
use crate::{StartError, StopError};

/// The pause before a start is tried again that was not taken.
const PAUSE: Duration = Duration::from_millis(20);

/// Runs child executions.
pub(crate) struct Children {
    pub(crate) shared: Arc<Shared>,
    pub(crate) express: Arc<Express>,
    pub(crate) delivery: Arc<Delivery>,
}

/// A child execution.
pub(super) struct Child {
    pub(super) context: Arc<StartContext>,
    pub(super) revision: Uuid,
    pub(super) program: Arc<Program>,
    pub(super) input: Payload,
}

impl Children {
    /// Runs one to its end. It may have been started before: it is the same one then, if its kind is durable.
    /// `None`: this process comes to its end, and somebody else has to see to it.
    pub(super) async fn run(&self, child: Child) -> Option<ChildEnd> {
        match child.context.kind.is_express() {
            true => self.run_express(child).await,
            false => self.run_standard(child).await,
        }
    }

    async fn run_express(&self, child: Child) -> Option<ChildEnd> {
        loop {
            let start = StartExpress {
                id: self.new_id(),
                context: child.context.clone(),
                program: child.program.clone(),
                input: child.input.clone(),
                logging: Logging::default(),
            };
            match self.express.run(start).await {
                _ if self.express.is_ending() => return None,
                Ok(end) => {
                    return Some(ChildEnd {
                        status: end.status,
                        started: end.started_at,
                        stopped: end.stopped_at,
                        output: end.output,
                        error: end.error,
                        cause: end.cause,
                        redrive_count: 0,
                    });
                }
                Err(_) => self.shared.clock.sleep(PAUSE).await,
            }
        }
    }

    async fn run_standard(&self, child: Child) -> Option<ChildEnd> {
        let awaited = Awaited {
            state_machine_arn: child.context.state_machine_arn.clone(),
            name: child.context.execution_name.clone(),
            arn: child.context.execution_arn.clone(),
        };
        let mut request = StartRequest {
            id: self.new_id(),
            context: child.context,
            name_is_chosen: true,
            revision: child.revision,
            input: child.input,
            is_repeat: false,
        };
        loop {
            match self.delivery.start(request.clone(), child.program.clone()).await {
                Ok(_) | Err(StartError::AlreadyExists { .. }) => break,
                Err(StartError::Throttled | StartError::Unavailable(_)) => {
                    request.is_repeat = true;
                    self.shared.clock.sleep(PAUSE).await;
                }
            }
        }
        let view = end_of(&self.shared, &awaited).await.ok()?;
        Some(ChildEnd {
            status: view.row.status,
            started: view.row.started_at,
            stopped: view.row.stopped_at.unwrap_or(view.row.started_at),
            output: view.output.clone(),
            error: view.error.clone(),
            cause: view.cause.clone(),
            redrive_count: 0,
        })
    }

    /// Stops child executions that are not needed any more.
    pub(super) async fn stop(&self, contexts: Vec<Arc<StartContext>>) {
        for context in contexts {
            let request = StopRequest {
                state_machine_arn: context.state_machine_arn.clone(),
                name: context.execution_name.clone(),
                error: None,
                cause: None,
            };
            if let Err(StopError::Unavailable(reason)) = self.delivery.stop(request).await {
                tracing::warn!(execution = %context.execution_arn, reason, "a child execution could not be stopped");
            }
        }
    }

    fn new_id(&self) -> ExecutionId {
        let drawn = self.shared.entropy.draw();
        let entropy = drawn.first_chunk::<10>().copied().unwrap_or_default();
        ExecutionId::new(self.shared.clock.now(), entropy)
    }
}
