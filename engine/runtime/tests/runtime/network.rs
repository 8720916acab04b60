//! The network between nodes of one process.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use async_trait::async_trait;
use stepyard_asl::Timestamp;
use stepyard_runtime::{
    ActivityTask, CallbackError, CallbackRequest, MapRunProgress, MapRunRequest,
    MapRunRequestError, Peer, PeerError, RedriveError, RedriveRequest, Runtime, StartError,
    StartRequest, StopError, StopRequest,
};
use stepyard_store::ExecutionRow;

/// Nodes by their addresses. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Network {
    nodes: Arc<Mutex<BTreeMap<Arc<str>, Weak<Runtime>>>>,
    forwarded: Arc<AtomicUsize>,
}

impl Network {
    pub(crate) fn attach(&self, address: &str, runtime: &Arc<Runtime>) {
        self.nodes.lock().unwrap().insert(address.into(), Arc::downgrade(runtime));
    }

    /// Nobody reaches that address any more.
    pub(crate) fn detach(&self, address: &str) {
        self.nodes.lock().unwrap().remove(address);
    }

    /// Requests that one node has sent to another.
    pub(crate) fn forwarded(&self) -> usize {
        self.forwarded.load(Ordering::SeqCst)
    }

    fn find(&self, address: &str) -> Result<Arc<Runtime>, PeerError> {
        self.forwarded.fetch_add(1, Ordering::SeqCst);
        let found = self.nodes.lock().unwrap().get(address).and_then(Weak::upgrade);
        found.ok_or_else(|| PeerError::Unreachable(format!("{address} is gone")))
    }
}

#[async_trait]
impl Peer for Network {
    async fn start_execution(
        &self,
        address: &str,
        request: &StartRequest,
    ) -> Result<Result<ExecutionRow, StartError>, PeerError> {
        Ok(self.find(address)?.start_forwarded(request.clone()).await?)
    }

    async fn stop_execution(
        &self,
        address: &str,
        request: &StopRequest,
    ) -> Result<Result<Timestamp, StopError>, PeerError> {
        Ok(self.find(address)?.stop_forwarded(request.clone()).await?)
    }

    async fn call_back(
        &self,
        address: &str,
        request: &CallbackRequest,
    ) -> Result<Result<(), CallbackError>, PeerError> {
        Ok(self.find(address)?.call_back_forwarded(request.clone()).await?)
    }

    async fn take_activity_task(
        &self,
        address: &str,
        activity: &str,
        worker: Option<&str>,
    ) -> Result<Option<ActivityTask>, PeerError> {
        let there = self.find(address)?;
        Ok(there.take_activity_task(&activity.into(), worker.map(Arc::from)).await)
    }

    async fn redrive_execution(
        &self,
        address: &str,
        request: &RedriveRequest,
    ) -> Result<Result<Timestamp, RedriveError>, PeerError> {
        Ok(self.find(address)?.redrive_forwarded(request.clone()).await?)
    }

    async fn ask_map_run(
        &self,
        address: &str,
        request: &MapRunRequest,
    ) -> Result<Result<MapRunProgress, MapRunRequestError>, PeerError> {
        Ok(self.find(address)?.ask_map_run_forwarded(request.clone()).await?)
    }

    async fn poke(&self, address: &str) {
        if let Ok(runtime) = self.find(address) {
            runtime.poked();
        }
    }
}
