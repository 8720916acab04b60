//! Clients that stop executions, and clients that redrive what has failed.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, scope, sleep};
use std::time::Duration;

use serde_json::{Value, json};
use stepyard_asl::Random;
use stepyard_tests::Client;

use crate::asking::ask;

/// Pause between two looks at what there is to do.
const PAUSE: Duration = Duration::from_millis(200);

/// A redrive is asked for at most so often at once, by one token.
const ASKED_MAX: u64 = 3;

/// Those clients.
pub(super) struct Controllers {
    shared: Arc<Shared>,
    threads: [JoinHandle<()>; 2],
}

struct Shared {
    clients: Vec<Client>,
    random: Mutex<Random>,
    /// Names of executions.
    redriven: Mutex<BTreeSet<String>>,
    stop: AtomicBool,
}

impl Controllers {
    pub(super) fn start(clients: Vec<Client>, seed: u64) -> Controllers {
        let shared = Arc::new(Shared {
            clients,
            random: Mutex::new(Random::from_seed(seed)),
            redriven: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let [stopper, redriver] = [shared.clone(), shared.clone()];
        let threads = [
            thread::spawn(move || stopper.each("stopped", "RUNNING", Shared::stop)),
            thread::spawn(move || redriver.each("redriven", "FAILED", Shared::redrive)),
        ];
        Controllers { shared, threads }
    }

    /// Names of the executions whose redrive was acknowledged.
    pub(super) fn stop(self) -> BTreeSet<String> {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
        std::mem::take(&mut self.shared.redriven.lock().unwrap())
    }
}

impl Shared {
    /// Does something to each execution of a state machine that has that status.
    fn each(&self, machine: &str, status: &str, act: impl Fn(&Shared, &Value)) {
        let arn = format!("arn:aws:states:us-east-1:000000000000:stateMachine:{machine}");
        let request = json!({ "stateMachineArn": arn, "statusFilter": status });
        while !self.stop.load(Ordering::Relaxed) {
            let listed = self.ask("ListExecutions", &request).unwrap();
            listed["executions"].as_array().unwrap().iter().for_each(|listed| act(self, listed));
            sleep(PAUSE);
        }
    }

    fn stop(&self, listed: &Value) {
        self.ask("StopExecution", &json!({ "executionArn": listed["executionArn"] })).unwrap();
    }

    /// Asks several times at once, maybe at several nodes: it is one redrive all the same.
    fn redrive(&self, listed: &Value) {
        let name = listed["name"].as_str().unwrap();
        let request = json!({ "executionArn": listed["executionArn"], "clientToken": name });
        let ask = || self.ask("RedriveExecution", &request).unwrap();
        scope(|threads| {
            let asked: Vec<_> = (0..1 + self.draw(ASKED_MAX)).map(|_| threads.spawn(ask)).collect();
            let dates =
                asked.into_iter().map(|asked| asked.join().unwrap()["redriveDate"].to_string());
            let dates: BTreeSet<String> = dates.collect();
            assert_eq!(dates.len(), 1, "{name} was redriven at {dates:?}");
        });
        let is_new = self.redriven.lock().unwrap().insert(name.to_owned());
        assert!(is_new, "{name} has failed after its redrive");
    }

    fn ask(&self, operation: &str, request: &Value) -> Result<Value, String> {
        ask(&self.clients, self.draw(self.clients.len() as u64), operation, request)
    }

    fn draw(&self, below: u64) -> u64 {
        self.random.lock().unwrap().below(below)
    }
}
