//! Clients at work.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::anyhow;
use stepyard_runtime::{Clock, SystemClock};
use tokio::task::JoinSet;

use super::target::{Client, Target};

/// A load that runs until it is stopped.
pub(super) struct Load {
    shared: Arc<Shared>,
    clients: JoinSet<anyhow::Result<()>>,
}

struct Shared {
    clock: SystemClock,
    stop: AtomicBool,
    completed: AtomicUsize,
    /// From start to visible end, of each execution.
    latencies: Mutex<Vec<Duration>>,
    failure: Mutex<Option<String>>,
}

impl Load {
    /// Lets so many clients work.
    pub(super) fn start(target: &Arc<dyn Target>, clients: usize) -> Load {
        let shared = Arc::new(Shared {
            clock: SystemClock::new(),
            stop: AtomicBool::new(false),
            completed: AtomicUsize::new(0),
            latencies: Mutex::default(),
            failure: Mutex::default(),
        });
        let mut running = JoinSet::new();
        for _ in 0..clients {
            running.spawn(work(target.clone(), shared.clone()));
        }
        Load { shared, clients: running }
    }

    /// Executions that have ended.
    pub(super) fn completed(&self) -> usize {
        self.shared.completed.load(Ordering::Relaxed)
    }

    /// Forgets what was measured so far.
    pub(super) fn forget(&self) {
        self.shared.latencies.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Fails when a client has failed.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let failure = self.shared.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.as_ref().map_or(Ok(()), |failure| Err(anyhow!("{failure}")))
    }

    /// Lets each client finish its execution; gives the latencies, sorted.
    pub(super) async fn stop(mut self) -> anyhow::Result<Vec<Duration>> {
        let latencies = std::mem::take(
            &mut *self.shared.latencies.lock().unwrap_or_else(PoisonError::into_inner),
        );
        self.shared.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.clients.join_next().await {
            ended??;
        }
        let mut sorted = latencies;
        sorted.sort_unstable();
        Ok(sorted)
    }
}

async fn work(target: Arc<dyn Target>, shared: Arc<Shared>) -> anyhow::Result<()> {
    let ended = run(&*target, &shared).await;
    if let Err(error) = &ended {
        let mut failure = shared.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert_with(|| format!("{error:#}"));
    }
    ended
}

async fn run(target: &dyn Target, shared: &Shared) -> anyhow::Result<()> {
    let mut client: Box<dyn Client> = target.connect().await?;
    while !shared.stop.load(Ordering::Relaxed) {
        let started = shared.clock.monotonic();
        client.run().await?;
        let latency = shared.clock.monotonic() - started;
        shared.completed.fetch_add(1, Ordering::Relaxed);
        shared.latencies.lock().unwrap_or_else(PoisonError::into_inner).push(latency);
    }
    Ok(())
}
