//! The simulated network between nodes.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use stepyard_asl::Timestamp;
use stepyard_runtime::{
    ActivityTask, CallbackError, CallbackRequest, MapRunProgress, MapRunRequest,
    MapRunRequestError, NotOwner, Peer, PeerError, RedriveError, RedriveRequest, Runtime,
    StartError, StartRequest, StopError, StopRequest,
};
use stepyard_store::ExecutionRow;

use crate::faults::Fault;
use crate::node::Process;
use crate::world::World;

/// A call that has no answer after this time is given up, in milliseconds.
const TIMEOUT_MILLIS: i64 = 5_000;

/// Which ways are cut, in one direction each, and until when.
#[derive(Default)]
pub(crate) struct Network(Mutex<BTreeMap<(u64, u64), Timestamp>>);

impl Network {
    /// Nothing that the one node sends reaches the other one until then.
    pub(crate) fn cut(&self, from: u64, to: u64, until: Timestamp) {
        self.0.lock().unwrap().insert((from, to), until);
    }

    pub(crate) fn heal(&self) {
        self.0.lock().unwrap().clear();
    }

    fn is_cut(&self, from: u64, to: u64, now: Timestamp) -> bool {
        self.0.lock().unwrap().get(&(from, to)).is_some_and(|until| *until > now)
    }
}

/// How one process reaches the others.
pub(crate) struct SimulatedPeer {
    pub(crate) world: World,
    pub(crate) host: u64,
    pub(crate) process: Process,
}

impl SimulatedPeer {
    /// Asks the process that listens there, and waits for its answer.
    async fn call<T>(
        &self,
        address: &str,
        question: impl AsyncFnOnce(&Runtime) -> Result<T, NotOwner>,
    ) -> Result<T, PeerError> {
        let world = &self.world;
        self.process.pass().await;
        let answer = tokio::select! {
            biased;
            answer = self.ask(address, question) => answer,
            () = world.time.sleep_millis(TIMEOUT_MILLIS) => {
                Err(PeerError::Unreachable("no answer in time".into()))
            }
        };
        self.process.pass().await;
        answer
    }

    async fn ask<T>(
        &self,
        address: &str,
        question: impl AsyncFnOnce(&Runtime) -> Result<T, NotOwner>,
    ) -> Result<T, PeerError> {
        let (world, faults) = (&self.world, &self.world.faults);
        let host = world.hosts.iter().find(|host| host.address() == *address).unwrap();
        self.travel(self.host, host.number).await;
        if faults.strikes(Fault::PeerLost, 12) {
            return Err(PeerError::Unreachable("the request is lost".into()));
        }
        let Some(running) = host.running() else {
            return Err(PeerError::Unreachable("nobody listens".into()));
        };
        running.process.pass().await;
        let answer = tokio::select! {
            biased;
            () = running.process.died() => Err(PeerError::Unreachable("it has died".into())),
            answer = question(&running.runtime) => answer.map_err(PeerError::from),
        };
        running.process.pass().await;
        self.travel(host.number, self.host).await;
        if faults.strikes(Fault::PeerReplyLost, 12) {
            return Err(PeerError::Unreachable("the answer is lost".into()));
        }
        answer
    }

    /// What is sent over a way that is cut never arrives.
    async fn travel(&self, from: u64, to: u64) {
        let world = &self.world;
        let most = if world.faults.strikes(Fault::PeerSlow, 12) { 4_000 } else { 20 };
        world.time.sleep_millis(world.faults.millis(0, most)).await;
        if world.network.is_cut(from, to, world.time.now()) {
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl Peer for SimulatedPeer {
    async fn start_execution(
        &self,
        address: &str,
        request: &StartRequest,
    ) -> Result<Result<ExecutionRow, StartError>, PeerError> {
        let number = self.process.number;
        let name = &request.context.execution_name;
        self.world.witness.note(format_args!("process {number} forwards {name} to {address}"));
        let request = request.clone();
        self.call(address, async move |there| there.start_forwarded(request).await).await
    }

    async fn stop_execution(
        &self,
        address: &str,
        request: &StopRequest,
    ) -> Result<Result<Timestamp, StopError>, PeerError> {
        let request = request.clone();
        self.call(address, async move |there| there.stop_forwarded(request).await).await
    }

    async fn call_back(
        &self,
        address: &str,
        request: &CallbackRequest,
    ) -> Result<Result<(), CallbackError>, PeerError> {
        let request = request.clone();
        self.call(address, async move |there| there.call_back_forwarded(request).await).await
    }

    async fn take_activity_task(
        &self,
        address: &str,
        activity: &str,
        worker: Option<&str>,
    ) -> Result<Option<ActivityTask>, PeerError> {
        let (activity, worker) = (activity.into(), worker.map(Into::into));
        let take =
            async move |there: &Runtime| Ok(there.take_activity_task(&activity, worker).await);
        self.call(address, take).await
    }

    async fn redrive_execution(
        &self,
        address: &str,
        request: &RedriveRequest,
    ) -> Result<Result<Timestamp, RedriveError>, PeerError> {
        let request = request.clone();
        self.call(address, async move |there| there.redrive_forwarded(request).await).await
    }

    async fn ask_map_run(
        &self,
        address: &str,
        request: &MapRunRequest,
    ) -> Result<Result<MapRunProgress, MapRunRequestError>, PeerError> {
        let request = request.clone();
        self.call(address, async move |there| there.ask_map_run_forwarded(request).await).await
    }

    async fn poke(&self, address: &str) {
        // Whether it arrives does not matter.
        let _ = self
            .call(address, async |there| {
                there.poked();
                Ok(())
            })
            .await;
    }
}
