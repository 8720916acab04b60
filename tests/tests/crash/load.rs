//! The load: clients that start executions, and start them again by name when a connection breaks.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

use stepyard_tests::{ApiError, Client};

/// Clients at work at the same time.
const CLIENTS: usize = 2;

/// Pause of a client between two starts, and before it tries again.
const PAUSE: Duration = Duration::from_millis(30);

/// A state machine of the load.
pub(crate) struct Machine {
    pub(crate) name: &'static str,
    definition: &'static str,
}

/// Chains, a retried task, branches with tasks and waits, and iterations.
pub(crate) const MACHINES: [Machine; 4] = [
    Machine { name: "chain", definition: include_str!("machines/chain.asl.json") },
    Machine { name: "retry", definition: include_str!("machines/retry.asl.json") },
    Machine { name: "parallel", definition: include_str!("machines/parallel.asl.json") },
    Machine { name: "map", definition: include_str!("machines/map.asl.json") },
];

/// Creates the machines and returns their ARNs.
pub(crate) fn create_machines(client: &Client) -> Vec<String> {
    let create =
        |machine: &Machine| client.create_state_machine(machine.name, machine.definition).unwrap();
    MACHINES.iter().map(create).collect()
}

/// Clients at work.
pub(crate) struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<BTreeSet<String>>>,
}

struct Shared {
    machines: Vec<String>,
    client: Mutex<Client>,
    stop: AtomicBool,
    faults: Mutex<Vec<String>>,
}

impl Load {
    pub(crate) fn start(machines: Vec<String>, client: Client) -> Load {
        let shared = Arc::new(Shared {
            machines,
            client: Mutex::new(client),
            stop: AtomicBool::new(false),
            faults: Mutex::default(),
        });
        let spawn = |number| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.work(number))
        };
        let threads = (0..CLIENTS).map(spawn).collect();
        Load { shared, threads }
    }

    /// The server has come back elsewhere.
    pub(crate) fn redirect(&self, client: Client) {
        *self.shared.client.lock().unwrap() = client;
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
    fn work(&self, number: usize) -> BTreeSet<String> {
        let mut acknowledged = BTreeSet::new();
        for turn in 0.. {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let name = format!("client-{number}-{turn}");
            if self.start_until_acknowledged(&self.machines[turn % self.machines.len()], &name) {
                acknowledged.insert(name);
            }
            sleep(PAUSE);
        }
        acknowledged
    }

    fn start_until_acknowledged(&self, machine: &str, name: &str) -> bool {
        let mut repeated = false;
        loop {
            let client = self.client.lock().unwrap().clone();
            match client.start_execution(machine, name, r#"{"items":[0,1,2,3]}"#) {
                Ok(_) => return true,
                Err(ApiError::Connection(_)) => repeated = true,
                // It takes up what was in progress.
                Err(ApiError::Answer { name, .. }) if name == "ServiceUnavailable" => {
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
    }
}
