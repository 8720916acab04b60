//! What all requests share.

use std::sync::Arc;

use stepyard_machine::Limits;
use stepyard_runtime::{ExecutionView, Runtime, TaskRunner};
use stepyard_store::{
    Activity, ExecutionRow, MapRunRow, MetadataStore, ShardId, StateMachine, Store,
};
use stepyard_tasks::objects::ObjectStore;
use tokio::sync::Semaphore;

use crate::arn::{Arn, Resource};
use crate::deletion::Deletions;
use crate::machines::Machines;
use crate::wire::ApiError;
use crate::witness::WitnessFile;

/// The parts of a running server.
pub(crate) struct App {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) metadata: Arc<dyn MetadataStore>,
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) runtime: Runtime,
    /// Runs the tasks of states that are tested.
    pub(crate) runner: Arc<dyn TaskRunner>,
    /// Where the commits that the store has acknowledged are noted, when it outlives this process.
    pub(crate) witness: Option<WitnessFile>,
    pub(crate) machines: Machines,
    pub(crate) deletions: Deletions,
    pub(crate) identity: Identity,
    /// What executions may hold that are started here.
    pub(crate) limits: Limits,
    /// Name of the state machine that an upload starts.
    pub(crate) upload_state_machine: String,
    /// Largest upload, in bytes.
    pub(crate) upload_bytes_max: usize,
    /// Places for uploads, which are held in memory until they are stored.
    pub(crate) uploads: Semaphore,
}

/// Uploads that are taken in at the same time; more wait.
pub(crate) const UPLOADS_AT_ONCE: usize = 16;

/// The account and region that ARNs of this server name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) account: String,
    pub(crate) region: String,
}

impl Identity {
    /// The ARN of a state machine of this server.
    pub(crate) fn state_machine(&self, name: &str) -> Arn {
        self.arn(Resource::StateMachine { name: name.into(), qualifier: None })
    }

    /// The ARN of an activity of this server.
    pub(crate) fn activity(&self, name: &str) -> Arn {
        self.arn(Resource::Activity { name: name.into() })
    }

    fn arn(&self, resource: Resource) -> Arn {
        let (region, account) = (self.region.clone(), self.account.clone());
        Arn { partition: "aws".into(), region, account, resource }
    }
}

impl App {
    /// The state machine with that ARN.
    pub(crate) async fn state_machine(&self, arn: &str) -> Result<StateMachine, ApiError> {
        Arn::parse(arn)?.state_machine_name()?;
        let found = self.store.get_state_machine(arn).await?;
        found.ok_or_else(|| ApiError::state_machine_does_not_exist(arn))
    }

    /// The activity with that ARN.
    pub(crate) async fn activity(&self, arn: &str) -> Result<Activity, ApiError> {
        Arn::parse(arn)?.check_activity()?;
        let found = self.store.get_activity(arn).await?;
        found.ok_or_else(|| ApiError::activity_does_not_exist(arn))
    }

    /// The state machine with that ARN, to change it.
    pub(crate) async fn state_machine_to_change(
        &self,
        arn: &str,
    ) -> Result<StateMachine, ApiError> {
        let machine = self.state_machine(arn).await?;
        match machine.deleting_since {
            None => Ok(machine),
            Some(_) => Err(ApiError::state_machine_deleting(arn)),
        }
    }

    /// Refuses what would change the aliases of a state machine whose deletion has begun.
    pub(crate) async fn check_not_deleting(&self, arn: &str) -> Result<(), ApiError> {
        let machine = self.store.get_state_machine(arn).await?;
        match machine.and_then(|machine| machine.deleting_since) {
            None => Ok(()),
            Some(_) => Err(ApiError::state_machine_deleting(arn)),
        }
    }

    /// The state machine that is to be started, maybe as it was a moment ago.
    pub(crate) async fn state_machine_to_start(
        &self,
        arn: &str,
    ) -> Result<Arc<StateMachine>, ApiError> {
        let now = || self.runtime.clock().monotonic();
        self.machines.known.get(arn, now, async || self.state_machine(arn).await).await
    }

    /// The Map Run with that ARN, committed as it is.
    pub(crate) async fn map_run(&self, arn: &str) -> Result<MapRunRow, ApiError> {
        Arn::parse(arn)?.state_machine_of_map_run()?;
        let found = self.store.find_map_run(arn).await?;
        found.ok_or_else(ApiError::resource_not_found)
    }

    /// What is committed of an execution.
    pub(crate) async fn execution_view(&self, arn: &str) -> Result<Arc<ExecutionView>, ApiError> {
        let parsed = Arn::parse(arn)?;
        let (machine, name) = parsed.state_machine_of_execution()?;
        let found = self.runtime.describe_execution(&machine, name, arn).await?;
        found.ok_or_else(|| ApiError::execution_does_not_exist(arn))
    }

    /// The row of an execution, committed as it is.
    pub(crate) async fn execution(&self, arn: &str) -> Result<ExecutionRow, ApiError> {
        let parsed = Arn::parse(arn)?;
        let (machine, name) = parsed.state_machine_of_execution()?;
        let shard = ShardId::of(&machine, name);
        let found = self.store.find_execution(shard, &machine, name).await?;
        found.ok_or_else(|| ApiError::execution_does_not_exist(arn))
    }
}
