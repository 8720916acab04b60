//! Those who end tasks from outside: who got a token of a function, and the workers of an activity. They are late, say it
//! twice, at two nodes at once or with an error in the token; some workers die.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, scope, sleep};
use std::time::Duration;

use serde_json::{Value, json};
use stepyard_asl::Random;
use stepyard_tests::{Client, Run};

use crate::asking::ask;

/// How many take tokens of functions, and how many take tasks of the activity.
const HANDS: u64 = 4;
const WORKERS: u64 = 6;

/// How long one waits for a token before it looks whether the test is over, and before a worker asks again who got no
/// answer.
const PAUSE: Duration = Duration::from_millis(100);

/// Between two signs of life of a worker, and how many it gives at most.
const BEAT: Duration = Duration::from_millis(500);
const BEATS_MAX: u64 = 4;

/// Of so many tasks one is ended late, of so many one is dropped by a worker who dies, of so many tokens one is sent with
/// an error in it before.
const ONE_LATE_IN: u64 = 6;
const ONE_DEAD_IN: u64 = 10;
const ONE_WRONG_IN: u64 = 5;

/// Of so many one ends badly, to be retried.
const ONE_FAILED_IN: u64 = 8;

/// The end of a task is said at most so often at once.
const SAID_MAX: u64 = 3;

/// What is said of a task that does not wait any more, and of a token that nobody has given out.
const OVER: &str = "TaskTimedOut";
const INVALID: &str = "InvalidToken";

/// What was heard of tasks: by name of the execution and number of the attempt.
pub(super) type Heard = BTreeMap<(String, u64), BTreeSet<String>>;

/// All of them.
pub(super) struct Outsiders {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// Somebody has got a task.
#[derive(Clone)]
struct Handed {
    execution: String,
    attempt: u64,
    token: String,
}

struct Shared {
    clients: Vec<Client>,
    calls: Mutex<Receiver<Run>>,
    random: Mutex<Random>,
    /// Each word is another one.
    words: AtomicU64,
    /// Tasks that are ended when the next attempt has begun, by name of the execution.
    late: Mutex<BTreeMap<String, Vec<Handed>>>,
    heard: Mutex<Heard>,
    stop: AtomicBool,
}

impl Outsiders {
    pub(super) fn start(clients: Vec<Client>, calls: Receiver<Run>, seed: u64) -> Outsiders {
        let shared = Arc::new(Shared {
            clients,
            calls: Mutex::new(calls),
            random: Mutex::new(Random::from_seed(seed)),
            words: AtomicU64::new(0),
            late: Mutex::default(),
            heard: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let hand = |_| {
            let shared = shared.clone();
            thread::spawn(move || shared.take_calls())
        };
        let worker = |number| {
            let shared = shared.clone();
            thread::spawn(move || shared.work(number))
        };
        let threads = (0..HANDS).map(hand).chain((0..WORKERS).map(worker)).collect();
        Outsiders { shared, threads }
    }

    /// All executions have ended. What was heard.
    pub(super) fn stop(self) -> Heard {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
        let late = std::mem::take(&mut *self.shared.late.lock().unwrap());
        late.values().flatten().for_each(|handed| self.shared.come_too_late(handed));
        std::mem::take(&mut self.shared.heard.lock().unwrap())
    }
}

/// Taking tasks.
impl Shared {
    fn take_calls(&self) {
        while !self.stop.load(Ordering::Relaxed) {
            let next = self.calls.lock().unwrap().recv_timeout(PAUSE);
            let Ok(call) = next else { continue };
            let token = call.event["token"].as_str().unwrap();
            if let Some(handed) = self.take(&call.event, token) {
                self.end(&handed);
            }
        }
    }

    fn work(&self, number: u64) {
        let arn = "arn:aws:states:us-east-1:000000000000:activity:labour";
        let request = json!({ "activityArn": arn, "workerName": number.to_string() });
        while !self.stop.load(Ordering::Relaxed) {
            let first = self.draw(self.clients.len() as u64);
            // Who gets no answer may have got a task and never learns of it.
            let polled = self.client(first).call("GetActivityTask", &request);
            let Ok(task) = polled else {
                sleep(PAUSE);
                continue;
            };
            let Some(token) = task["taskToken"].as_str() else { continue };
            let given: Value = serde_json::from_str(task["input"].as_str().unwrap()).unwrap();
            let Some(handed) = self.take(&given, token) else { continue };
            if self.draw(ONE_DEAD_IN) > 0 && self.shows_life(&handed) {
                self.end(&handed);
            }
        }
    }

    /// Whether a task is to be ended now. Then those of earlier attempts come too late.
    fn take(&self, given: &Value, token: &str) -> Option<Handed> {
        let execution = given["execution"].as_str().unwrap().to_owned();
        let attempt = given["retry"].as_u64().unwrap();
        let handed = Handed { execution, attempt, token: token.to_owned() };
        if attempt == 0 && self.draw(ONE_LATE_IN) == 0 {
            let mut late = self.late.lock().unwrap();
            late.entry(handed.execution.clone()).or_default().push(handed);
            return None;
        }
        if attempt > 0 {
            let late = self.late.lock().unwrap().remove(&handed.execution);
            late.iter().flatten().for_each(|earlier| self.come_too_late(earlier));
        }
        Some(handed)
    }
}

/// Speaking of tasks.
impl Shared {
    /// Ends a task, by several clients at once, each with a word of its own.
    fn end(&self, handed: &Handed) {
        if self.draw(ONE_WRONG_IN) == 0 {
            self.send_nonsense(&handed.token);
        }
        let (times, first) = (1 + self.draw(SAID_MAX), self.draw(self.clients.len() as u64));
        scope(|threads| {
            for number in 0..times {
                threads.spawn(move || self.say(handed, first + number));
            }
        });
        // Each of them was told that it is over, if not that it was heard.
        if self.draw(times) == 0 {
            self.come_too_late(handed);
        }
    }

    /// Says an end. If it was heard, that is kept.
    fn say(&self, handed: &Handed, first: u64) {
        let word = self.words.fetch_add(1, Ordering::Relaxed).to_string();
        let said = match self.draw(ONE_FAILED_IN) {
            0 => {
                let failure = json!({ "taskToken": handed.token, "error": "Again", "cause": word });
                ask(&self.clients, first, "SendTaskFailure", &failure)
            }
            _ => {
                let success = json!({ "taskToken": handed.token, "output": word });
                ask(&self.clients, first, "SendTaskSuccess", &success)
            }
        };
        match said {
            Ok(_) => {
                let key = (handed.execution.clone(), handed.attempt);
                self.heard.lock().unwrap().entry(key).or_default().insert(word);
            }
            Err(error) => assert_eq!(error, OVER, "{}", handed.execution),
        }
    }

    /// The task waits for nothing any more.
    fn come_too_late(&self, handed: &Handed) {
        let request = json!({ "taskToken": handed.token, "output": "\"late\"" });
        let first = self.draw(self.clients.len() as u64);
        let said = ask(&self.clients, first, "SendTaskSuccess", &request);
        assert_eq!(said, Err(OVER.to_owned()), "{} {}", handed.execution, handed.attempt);
    }

    /// Gives some signs of life; whether the task still waits.
    fn shows_life(&self, handed: &Handed) -> bool {
        let request = json!({ "taskToken": handed.token });
        (0..self.draw(BEATS_MAX)).all(|number| {
            sleep(BEAT);
            let beat = ask(&self.clients, number, "SendTaskHeartbeat", &request);
            assert!(
                matches!(beat.as_ref().map_err(|error| &**error), Ok(_) | Err(OVER)),
                "{beat:?}"
            );
            beat.is_ok()
        })
    }

    fn send_nonsense(&self, token: &str) {
        let at = usize::try_from(self.draw(token.len() as u64)).unwrap();
        let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
        let mut wrong = token.to_owned();
        wrong.replace_range(at..=at, other);
        let request = json!({ "taskToken": wrong, "output": "\"nonsense\"" });
        let said = ask(&self.clients, self.draw(2), "SendTaskSuccess", &request);
        assert_eq!(said, Err(INVALID.to_owned()), "{wrong} instead of {token}");
    }

    fn client(&self, number: u64) -> &Client {
        &self.clients[usize::try_from(number).unwrap() % self.clients.len()]
    }

    fn draw(&self, below: u64) -> u64 {
        self.random.lock().unwrap().below(below)
    }
}
