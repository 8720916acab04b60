//! The load: clients that start executions, and start them again by name when a connection breaks.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

use stepyard_tests::{ApiError, Client, Stopwatch};

use crate::setting;

/// Clients at work at the same time, unless `STEPYARD_CLIENTS` says otherwise.
const CLIENTS: u64 = 2;

/// Pause of a client between two starts, and before it tries again.
const PAUSE: Duration = Duration::from_millis(30);

/// A state machine of the load.
pub(crate) struct Machine {
    pub(crate) name: &'static str,
    pub(crate) definition: &'static str,
}

/// Chains, a retried task, branches with tasks and waits, and iterations.
pub(crate) const MACHINES: [Machine; 4] = [
    Machine { name: "chain", definition: include_str!("machines/chain.asl.json") },
    Machine { name: "retry", definition: include_str!("machines/retry.asl.json") },
    Machine { name: "parallel", definition: include_str!("machines/parallel.asl.json") },
    Machine { name: "map", definition: include_str!("machines/map.asl.json") },
];

/// Creates machines and returns their ARNs.
pub(crate) fn create_machines(client: &Client, machines: &[Machine]) -> Vec<String> {
    let create =
        |machine: &Machine| client.create_state_machine(machine.name, machine.definition).unwrap();
    machines.iter().map(create).collect()
}

/// Clients at work.
pub(crate) struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<BTreeSet<String>>>,
}

struct Shared {
    machines: Vec<String>,
    /// Each server of a cluster, or the only one.
    clients: Mutex<Vec<Client>>,
    patience: Patience,
    /// How long each start has taken, repeats included.
    durations: Mutex<Vec<Duration>>,
    slowest: Mutex<Duration>,
    acknowledged: AtomicU64,
    stop: AtomicBool,
    faults: Mutex<Vec<String>>,
}

/// What a client puts up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// It tries again whatever happens, as servers are killed.
    Endless,
    /// It tries a refused connection once more, elsewhere: servers are stopped in good order.
    OneRefusal,
}

impl Load {
    pub(crate) fn start(machines: Vec<String>, clients: Vec<Client>, patience: Patience) -> Load {
        let shared = Arc::new(Shared {
            machines,
            clients: Mutex::new(clients),
            patience,
            durations: Mutex::default(),
            slowest: Mutex::default(),
            acknowledged: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            faults: Mutex::default(),
        });
        let spawn = |number| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.work(number))
        };
        let clients = setting("STEPYARD_CLIENTS").unwrap_or(CLIENTS);
        let threads = (0..clients).map(spawn).collect();
        Load { shared, threads }
    }

    /// The server has come back elsewhere.
    pub(crate) fn redirect(&self, client: Client) {
        *self.shared.clients.lock().unwrap() = vec![client];
    }

    /// How long the slowest start has taken, repeats included.
    pub(crate) fn slowest(&self) -> Duration {
        *self.shared.slowest.lock().unwrap()
    }

    /// How long the starts since the last call have taken, repeats included.
    pub(crate) fn take_durations(&self) -> Vec<Duration> {
        std::mem::take(&mut self.shared.durations.lock().unwrap())
    }

    /// How many starts have been acknowledged so far.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.shared.acknowledged.load(Ordering::Relaxed)
    }

    /// Answers that a client must not get.
    pub(crate) fn faults(&self) -> Vec<String> {
        self.shared.faults.lock().unwrap().clone()
    }

    /// Lets every client get an answer for its last start; returns the names of all executions.
    pub(crate) fn stop(self) -> BTreeSet<String> {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    }
}

impl Shared {
    fn work(&self, number: u64) -> BTreeSet<String> {
        let mut acknowledged = BTreeSet::new();
        for turn in 0.. {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let name = format!("client-{number}-{turn}");
            let began = Stopwatch::start();
            let machine = &self.machines[turn % self.machines.len()];
            if self.start_until_acknowledged(
                machine,
                &name,
                turn + usize::try_from(number).unwrap(),
            ) {
                acknowledged.insert(name);
                self.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            let took = began.elapsed();
            self.durations.lock().unwrap().push(took);
            let mut slowest = self.slowest.lock().unwrap();
            *slowest = took.max(*slowest);
            drop(slowest);
            sleep(PAUSE);
        }
        acknowledged
    }

    fn start_until_acknowledged(&self, machine: &str, name: &str, first: usize) -> bool {
        let mut repeated = false;
        for attempt in 0.. {
            let clients = self.clients.lock().unwrap().clone();
            let client = &clients[(first + attempt) % clients.len()];
            match client.start_execution(machine, name, r#"{"items":[0,1,2,3]}"#) {
                Ok(_) => return true,
                Err(ApiError::Refused) if self.forgives_refusal(attempt) => {}
                Err(ApiError::Connection(_)) if self.patience == Patience::Endless => {
                    repeated = true;
                }
                // It takes up what was in progress.
                Err(ApiError::Answer { name, .. })
                    if name == "ServiceUnavailable" && self.patience == Patience::Endless =>
                {
                    repeated = true;
                }
                // The first attempt went through, and the execution has ended since.
                Err(ApiError::Answer { name, .. })
                    if repeated && name.ends_with("ExecutionAlreadyExists") =>
                {
                    return true;
                }
                Err(fault) => {
                    self.faults.lock().unwrap().push(format!("{name}: {fault:?}"));
                    return false;
                }
            }
            sleep(PAUSE);
        }
        false
    }

    fn forgives_refusal(&self, attempt: usize) -> bool {
        self.patience == Patience::Endless || attempt == 0
    }
}
