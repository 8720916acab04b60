//! What nodes say to each other.

use std::sync::Arc;

use async_trait::async_trait;
use stepyard_asl::Timestamp;
use stepyard_json::Payload;
use stepyard_machine::{StartContext, Text};
use stepyard_store::{ExecutionId, ExecutionRow};
use uuid::Uuid;

use crate::{
    ActivityTask, CallbackError, CallbackRequest, MapRunProgress, MapRunRequest,
    MapRunRequestError, RedriveError, StartError, StopError,
};

/// A start on its way to the owner of its shard. Sent again, it is still one start: the id tells.
#[derive(Clone, Debug)]
pub struct StartRequest {
    /// The execution that begins if its name is free.
    pub id: ExecutionId,
    /// ARNs and names.
    pub context: Arc<StartContext>,
    /// Whether the client chose the name. One that was made up at random is not looked up.
    pub name_is_chosen: bool,
    /// Revision that it runs.
    pub revision: Uuid,
    /// Input.
    pub input: Payload,
    /// It may have reached an owner before, which did not answer.
    pub is_repeat: bool,
}

/// A stop on its way to the owner of its shard.
#[derive(Clone, Debug)]
pub struct StopRequest {
    /// ARN of the state machine.
    pub state_machine_arn: Arc<str>,
    /// Name of the execution.
    pub name: Arc<str>,
    /// The error that the client names.
    pub error: Text,
    /// The cause that the client names.
    pub cause: Text,
}

/// A redrive on its way to the owner of its shard. Sent again, it is still one redrive: the token tells.
#[derive(Clone, Debug)]
pub struct RedriveRequest {
    /// ARN of the state machine.
    pub state_machine_arn: Arc<str>,
    /// Name of the execution.
    pub name: Arc<str>,
    /// Names the request.
    pub client_token: Arc<str>,
}

/// How this node reaches others. A call without an answer is not repeated by the implementation.
#[async_trait]
pub trait Peer: Send + Sync {
    /// Starts an execution on the node with that address.
    async fn start_execution(
        &self,
        address: &str,
        request: &StartRequest,
    ) -> Result<Result<ExecutionRow, StartError>, PeerError>;

    /// Stops an execution there.
    async fn stop_execution(
        &self,
        address: &str,
        request: &StopRequest,
    ) -> Result<Result<Timestamp, StopError>, PeerError>;

    /// Says something of a task to the owner of its shard there.
    async fn call_back(
        &self,
        address: &str,
        request: &CallbackRequest,
    ) -> Result<Result<(), CallbackError>, PeerError>;

    /// Takes a task of an activity that waits there for a worker, without waiting for one. One whose answer is lost has
    /// been taken all the same.
    async fn take_activity_task(
        &self,
        address: &str,
        activity: &str,
        worker: Option<&str>,
    ) -> Result<Option<ActivityTask>, PeerError>;

    /// Redrives an execution there; the answer is the time of the redrive.
    async fn redrive_execution(
        &self,
        address: &str,
        request: &RedriveRequest,
    ) -> Result<Result<Timestamp, RedriveError>, PeerError>;

    /// Asks there how a Map Run stands, after a change of its limits if there is one.
    async fn ask_map_run(
        &self,
        address: &str,
        request: &MapRunRequest,
    ) -> Result<Result<MapRunProgress, MapRunRequestError>, PeerError>;

    /// Tells the node that something has changed in the database which concerns it. That it is lost
    /// only costs time.
    async fn poke(&self, address: &str);
}

/// Why another node gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// It does not own the shard.
    #[error(transparent)]
    NotOwner(#[from] NotOwner),
    /// What became of the request is unknown.
    #[error("{0}")]
    Unreachable(String),
}

/// This node does not own the shard of a request.
#[derive(Debug, thiserror::Error)]
#[error("another node owns the shard")]
pub struct NotOwner;

/// For a process that is alone with its store.
#[derive(Debug)]
pub struct NoPeers;

#[async_trait]
impl Peer for NoPeers {
    async fn start_execution(
        &self,
        address: &str,
        _request: &StartRequest,
    ) -> Result<Result<ExecutionRow, StartError>, PeerError> {
        Err(unreachable(address))
    }

    async fn stop_execution(
        &self,
        address: &str,
        _request: &StopRequest,
    ) -> Result<Result<Timestamp, StopError>, PeerError> {
        Err(unreachable(address))
    }

    async fn call_back(
        &self,
        address: &str,
        _request: &CallbackRequest,
    ) -> Result<Result<(), CallbackError>, PeerError> {
        Err(unreachable(address))
    }

    async fn take_activity_task(
        &self,
        address: &str,
        _activity: &str,
        _worker: Option<&str>,
    ) -> Result<Option<ActivityTask>, PeerError> {
        Err(unreachable(address))
    }

    async fn redrive_execution(
        &self,
        address: &str,
        _request: &RedriveRequest,
    ) -> Result<Result<Timestamp, RedriveError>, PeerError> {
        Err(unreachable(address))
    }

    async fn ask_map_run(
        &self,
        address: &str,
        _request: &MapRunRequest,
    ) -> Result<Result<MapRunProgress, MapRunRequestError>, PeerError> {
        Err(unreachable(address))
    }

    async fn poke(&self, _address: &str) {}
}

fn unreachable(address: &str) -> PeerError {
    PeerError::Unreachable(format!("this node has no way to {address}"))
}
