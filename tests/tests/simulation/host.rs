//! A node over its life: it is started, runs until it dies or is told to stop, and is started again.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stepyard_runtime::{ClusterOptions, Runtime, RuntimeOptions, SeededEntropy};
use stepyard_store::Store;
use tokio::sync::Notify;

use crate::network::SimulatedPeer;
use crate::node::{Condition, Process};
use crate::witness::Checker;
use crate::worker::Worker;
use crate::world::World;

/// How long a node that is told to stop waits for its tasks.
const GRACE: Duration = Duration::from_secs(5);

/// A node that is told to stop has stopped after this time, when nothing goes wrong.
const STOP_PATIENCE: Duration = Duration::from_secs(60);

/// A place where processes run, one after the other.
pub(crate) struct Host {
    pub(crate) number: u64,
    /// By how many milliseconds its wall clock is ahead.
    pub(crate) skew: Arc<AtomicI64>,
    running: Mutex<Option<Running>>,
    stays_down: AtomicBool,
}

/// A process that takes requests.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) process: Process,
    pub(crate) runtime: Arc<Runtime>,
    told_to_stop: Arc<Notify>,
}

impl Host {
    pub(crate) fn new(number: u64) -> Host {
        Host {
            number,
            skew: Arc::default(),
            running: Mutex::default(),
            stays_down: AtomicBool::new(false),
        }
    }

    /// Where other nodes reach it.
    pub(crate) fn address(&self) -> String {
        format!("node{}", self.number)
    }

    /// What runs there now.
    pub(crate) fn running(&self) -> Option<Running> {
        self.running.lock().unwrap().clone()
    }

    /// Asks the process, if it runs, and waits so long for its answer.
    pub(crate) async fn ask<T>(
        &self,
        world: &World,
        patience_millis: i64,
        question: impl AsyncFnOnce(&Running) -> T,
    ) -> Option<T> {
        let running = self.running()?;
        let process = running.process.clone();
        let asked = async {
            process.pass().await;
            let answer = question(&running).await;
            process.pass().await;
            answer
        };
        tokio::select! {
            biased;
            () = process.died() => None,
            answer = asked => Some(answer),
            () = world.time.sleep_millis(patience_millis) => None,
        }
    }

    /// Tells the process to stop; a new one follows.
    pub(crate) fn stop(&self) {
        if let Some(running) = self.running() {
            running.told_to_stop.notify_one();
        }
    }

    /// Tells the process to stop; none follows.
    pub(crate) fn stop_for_good(&self) {
        self.stays_down.store(true, Ordering::Relaxed);
        self.stop();
    }

    /// Runs processes until it is told to stop for good.
    pub(crate) async fn run(self: Arc<Host>, world: World) {
        while !self.stays_down.load(Ordering::Relaxed) {
            let process = world.new_process(&self);
            world.witness.note(format_args!("process {} starts", process.number));
            tokio::select! {
                biased;
                () = process.died() => {}
                () = self.live(&world, &process) => {}
            }
            process.set(Condition::Dead);
            world.disturbed();
            *self.running.lock().unwrap() = None;
            world.witness.note(format_args!("process {} is gone", process.number));
            if !self.stays_down.load(Ordering::Relaxed) {
                world.time.sleep_millis(world.faults.millis(10, 8_000)).await;
            }
        }
    }

    /// One life: from the start to a shutdown.
    async fn live(&self, world: &World, process: &Process) {
        let runtime = match Runtime::start(self.options(world, process)).await {
            Ok(runtime) => Arc::new(runtime),
            Err(error) => return world.witness.note(format_args!("it cannot start: {error}")),
        };
        world.disturbed();
        let told_to_stop = Arc::new(Notify::new());
        *self.running.lock().unwrap() = Some(Running {
            process: process.clone(),
            runtime: runtime.clone(),
            told_to_stop: told_to_stop.clone(),
        });
        told_to_stop.notified().await;
        world.witness.note(format_args!("process {} is to stop", process.number));
        let begun = world.time.elapsed();
        let calm = !world.faults.is_chaos();
        runtime.shutdown(GRACE).await;
        let took = world.time.elapsed() - begun;
        world.witness.must(Checker::Liveness, !calm || took < STOP_PATIENCE, || {
            format!("a node that was told to stop took {took:?}")
        });
    }

    fn options(&self, world: &World, process: &Process) -> RuntimeOptions {
        let worker =
            Worker { world: world.clone(), process: process.clone(), earlier: Mutex::default() };
        let store = Arc::new(world.database.connect(process));
        let peer =
            SimulatedPeer { world: world.clone(), host: self.number, process: process.clone() };
        let cluster = ClusterOptions { address: self.address().into(), peer: Arc::new(peer) };
        RuntimeOptions {
            clock: Arc::new(process.clock.clone()),
            entropy: Arc::new(SeededEntropy::new(world.seed ^ (process.number << 32))),
            // Clocks run years ahead, and the checkers want to see everything.
            retention_days: 0,
            cluster: store.is_shared().then_some(cluster),
            ..RuntimeOptions::new(store, Arc::new(worker))
        }
    }
}
