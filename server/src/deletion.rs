//! Deleting state machines whose executions are in progress: these are stopped first, as on AWS.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use stepyard_machine::ExecutionStatus;
use stepyard_runtime::{StopError, StopRequest};
use stepyard_store::{ExecutionQuery, ExecutionRow};
use tokio::sync::Notify;

use crate::app::App;
use crate::wire::ApiError;

/// Pause between two looks, unless a deletion begins: what another server has not ended is ended here.
const PAUSE: Duration = Duration::from_secs(5);

/// Executions that are stopped at the same time.
const PAGE: usize = 100;

/// Where a deletion that has begun is told.
#[derive(Default)]
pub(crate) struct Deletions {
    begun: Notify,
}

impl App {
    /// Begins the deletion of a STANDARD state machine. From now on nothing of it starts; without executions in progress it is
    /// gone at once.
    pub(crate) async fn begin_deletion(&self, arn: &str) -> Result<(), ApiError> {
        self.store.begin_deletion(arn, self.runtime.clock().now()).await?;
        self.machines.forget(arn);
        if self.open_executions(arn).await?.is_empty() {
            return self.end_deletion(arn).await;
        }
        self.deletions.begun.notify_one();
        Ok(())
    }

    async fn end_deletion(&self, arn: &str) -> Result<(), ApiError> {
        self.store.delete_state_machine(arn).await?;
        self.machines.forget(arn);
        Ok(())
    }

    async fn open_executions(&self, arn: &str) -> Result<Vec<ExecutionRow>, ApiError> {
        let query = ExecutionQuery {
            state_machine_arn: Some(Arc::from(arn)),
            status: Some(ExecutionStatus::Running),
            limit: PAGE,
            ..ExecutionQuery::default()
        };
        Ok(self.store.list_executions(&query).await?)
    }

    /// Ends deletions, wherever they have begun. Never returns.
    pub(crate) async fn end_deletions(&self) {
        loop {
            if let Err(error) = self.end_those_begun().await {
                let why = &error.message;
                tracing::warn!(why, "cannot end the deletion of a state machine; trying again");
            }
            tokio::select! {
                () = self.deletions.begun.notified() => {}
                () = self.runtime.clock().sleep(PAUSE) => {}
            }
        }
    }

    async fn end_those_begun(&self) -> Result<(), ApiError> {
        for arn in self.store.deleting_state_machines().await? {
            while self.stop_some(&arn).await? {}
            // One that cannot be stopped now is, in the next round.
            if self.open_executions(&arn).await?.is_empty() {
                self.end_deletion(&arn).await?;
                tracing::info!(state_machine = &*arn, "deleted");
            }
        }
        Ok(())
    }

    /// Whether any was stopped.
    async fn stop_some(&self, arn: &str) -> Result<bool, ApiError> {
        let open = self.open_executions(arn).await?;
        let stopped = join_all(open.iter().map(|row| self.stop(row))).await;
        Ok(stopped.contains(&true))
    }

    async fn stop(&self, row: &ExecutionRow) -> bool {
        let request = StopRequest {
            state_machine_arn: row.state_machine_arn.clone(),
            name: row.name.clone(),
            error: None,
            cause: None,
        };
        let stopped = self.runtime.stop_execution(request).await;
        if let Err(StopError::Unavailable(why)) = &stopped {
            tracing::warn!(execution = &*row.name, why, "cannot stop an execution");
        }
        stopped.is_ok()
    }
}
