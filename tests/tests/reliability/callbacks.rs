//! Tasks that are ended by their tokens: each token is sent several times at once, by way of two nodes where there are
//! more than one, some of them after the time limit, after the end of their execution or with an error in them.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::scope;
use std::time::Duration;

use serde_json::{Value, json};
use stepyard_asl::Random;
use stepyard_machine::{EventKind, ExecutionStatus};
use stepyard_tests::{ApiError, Client, LambdaStub, Reply, Stopwatch, TestDatabase};

use crate::checks::await_rest;
use crate::cluster::{Cluster, NODES};
use crate::load::{Machine, create_machines};
use crate::{journals, seeded, setting};

/// How many tasks, unless `STEPYARD_TASKS` says otherwise.
const TASKS: u64 = 700;

/// A token is sent at most so often.
const SENT_MAX: u64 = 5;

/// Clients that start executions, and clients that end tasks.
const STARTERS: u64 = 8;
const ANSWERERS: u64 = 16;

/// How long a client looks for the next token before it asks whether there will be any.
const LOOK: Duration = Duration::from_millis(100);

/// What is said of a task that does not wait any more, and of a token that nobody has given out.
const OVER: &str = "TaskTimedOut";
const INVALID: &str = "InvalidToken";

const MACHINE: Machine = Machine {
    name: "by-hand",
    definition: r#"{"StartAt":"Hand","States":{
        "Hand":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters":{"FunctionName":"Hand","Payload":{"execution.$":"$$.Execution.Id","token.$":"$$.Task.Token"}},
            "TimeoutSecondsPath":"$.timeout","Catch":[{"ErrorEquals":["States.ALL"],"Next":"Caught"}],"End":true},
        "Caught":{"Type":"Pass","End":true}}}"#,
};

/// Longer than a run takes, and the time limit of those tasks that are ended after it, in seconds.
const NO_TIMEOUT: u64 = 86_400;
const TIMEOUT: u64 = 1;

/// When a task is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    AtOnce,
    /// Somebody tries with a token that has an error in it, then it is ended.
    AfterNonsense,
    AfterTimeout,
    /// After its execution was stopped.
    AfterEnd,
}

impl When {
    /// Of a hundred, five have an error, ten come after the end and twenty after the time limit.
    fn draw(random: &mut Random) -> When {
        match random.below(100) {
            0..5 => When::AfterNonsense,
            5..15 => When::AfterEnd,
            15..35 => When::AfterTimeout,
            _ => When::AtOnce,
        }
    }
}

/// A token that somebody has got.
struct Handed {
    execution: String,
    token: String,
}

/// What came of the task of an execution: which of those who sent its token were told that it was heard.
struct Sent {
    when: When,
    heard: Vec<u64>,
}

struct Shared {
    clients: Vec<Client>,
    machine: String,
    /// Of each execution, by its number.
    whens: Vec<When>,
    started: AtomicU64,
    handed: Mutex<Receiver<Handed>>,
    /// Tokens that wait until all executions have ended.
    late: Mutex<Vec<Handed>>,
    random: Mutex<Random>,
    /// By ARN of the execution.
    sent: Mutex<BTreeMap<String, Sent>>,
    sent_count: AtomicU64,
    has_rest: AtomicBool,
}

#[test]
fn one_word_ends_a_task_on_sqlite() {
    end_tasks(&TestDatabase::Sqlite, 1);
}

#[test]
fn one_word_ends_a_task_on_postgres() {
    if let Some(database) = TestDatabase::postgres() {
        end_tasks(&database, 1);
    }
}

#[test]
fn one_word_ends_a_task_that_two_of_three_nodes_are_told_of() {
    if let Some(database) = TestDatabase::postgres() {
        end_tasks(&database, NODES);
    }
}

fn end_tasks(database: &TestDatabase, nodes: usize) {
    let mut random = seeded();
    let tasks = setting("STEPYARD_TASKS").unwrap_or(TASKS);
    let whens = (0..tasks).map(|_| When::draw(&mut random)).collect();
    let (sender, handed) = mpsc::channel();
    let for_answers = Mutex::new(Random::from_seed(random.next_u64()));
    let cluster = Cluster::start_on(database, nodes, ("Hand", hand(sender)), random);
    let clients = cluster.clients();
    let machine = create_machines(&clients[0], &[MACHINE]).remove(0);
    let shared = Shared {
        clients,
        machine,
        whens,
        started: AtomicU64::new(0),
        handed: Mutex::new(handed),
        late: Mutex::default(),
        random: for_answers,
        sent: Mutex::default(),
        sent_count: AtomicU64::new(0),
        has_rest: AtomicBool::new(false),
    };
    let began = Stopwatch::start();
    shared.run();
    println!(
        "{tasks} tasks, their tokens sent {} times, in {:.1?}",
        shared.sent_count.load(Ordering::Relaxed),
        began.elapsed()
    );
    let (executions, _) = cluster.stop();
    check(&executions, &shared);
}

/// A function that passes tokens on.
fn hand(tokens: Sender<Handed>) -> LambdaStub {
    LambdaStub::start(move |run| {
        let text = |name: &str| run.event[name].as_str().unwrap().to_owned();
        let handed = Handed { execution: text("execution"), token: text("token") };
        // After the test nobody wants it.
        let _ = tokens.send(handed);
        (Duration::ZERO, Reply::Return(Value::Null))
    })
}

impl Shared {
    fn run(&self) {
        scope(|threads| {
            let starters: Vec<_> =
                (0..STARTERS).map(|_| threads.spawn(|| self.start_all())).collect();
            let answerers: Vec<_> =
                (0..ANSWERERS).map(|_| threads.spawn(|| self.answer_all())).collect();
            starters.into_iter().for_each(|starter| starter.join().unwrap());
            await_rest(&self.clients[0], &[MACHINE]);
            self.has_rest.store(true, Ordering::Relaxed);
            answerers.into_iter().for_each(|answerer| answerer.join().unwrap());
        });
        for handed in self.late.lock().unwrap().drain(..) {
            self.send(&handed, When::AfterTimeout);
        }
    }

    fn start_all(&self) {
        loop {
            let number = self.started.fetch_add(1, Ordering::Relaxed);
            let Some(when) = usize::try_from(number).ok().and_then(|at| self.whens.get(at)) else {
                return;
            };
            let timeout = if *when == When::AfterTimeout { TIMEOUT } else { NO_TIMEOUT };
            let input = json!({ "timeout": timeout }).to_string();
            let client = self.client(number);
            client.start_execution(&self.machine, &number.to_string(), &input).unwrap();
        }
    }

    fn answer_all(&self) {
        while !self.has_rest.load(Ordering::Relaxed) {
            let next = self.handed.lock().unwrap().recv_timeout(LOOK);
            let Ok(handed) = next else { continue };
            match self.when(&handed.execution) {
                When::AfterTimeout => self.late.lock().unwrap().push(handed),
                when => self.send(&handed, when),
            }
        }
    }

    fn when(&self, execution: &str) -> When {
        let number: usize = execution.rsplit(':').next().unwrap().parse().unwrap();
        self.whens[number]
    }

    /// Sends a token from several clients at once, each with a word of its own.
    fn send(&self, handed: &Handed, when: When) {
        let (times, first) = (1 + self.draw(SENT_MAX), self.draw(self.clients.len() as u64));
        match when {
            When::AfterNonsense => self.send_nonsense(&handed.token),
            When::AfterEnd => {
                let stop = json!({ "executionArn": handed.execution });
                self.client(first).call("StopExecution", &stop).unwrap();
            }
            When::AtOnce | When::AfterTimeout => {}
        }
        let heard = scope(|threads| {
            let send = |word| {
                // Two nodes, where there are more than one.
                let client = self.client(first + word % 2);
                (word, threads.spawn(move || say(client, &handed.token, word)))
            };
            let sent: Vec<_> = (0..times).map(send).collect();
            let answers = sent.into_iter().map(|(word, answer)| (word, answer.join().unwrap()));
            let heard = answers.filter(|(_, answer)| {
                let error = answer.as_ref().err();
                assert!(error.is_none_or(|name| name == OVER), "{when:?}: {answer:?}");
                error.is_none()
            });
            heard.map(|(word, _)| word).collect()
        });
        self.sent_count.fetch_add(times, Ordering::Relaxed);
        self.sent.lock().unwrap().insert(handed.execution.clone(), Sent { when, heard });
    }

    fn send_nonsense(&self, token: &str) {
        let at = usize::try_from(self.draw(token.len() as u64)).unwrap();
        let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
        let mut wrong = token.to_owned();
        wrong.replace_range(at..=at, other);
        for word in 0..SENT_MAX {
            let said = say(self.client(word), &wrong, word);
            assert_eq!(said.unwrap_err(), INVALID, "{wrong} instead of {token}");
        }
    }

    fn client(&self, number: u64) -> &Client {
        &self.clients[usize::try_from(number).unwrap() % self.clients.len()]
    }

    fn draw(&self, below: u64) -> u64 {
        self.random.lock().unwrap().below(below)
    }
}

/// Ends a task, well or badly, or is told the name of an error.
fn say(client: &Client, token: &str, word: u64) -> Result<(), String> {
    let said = match word % 3 {
        0 => client
            .call("SendTaskFailure", &json!({ "taskToken": token, "error": word.to_string() })),
        _ => client
            .call("SendTaskSuccess", &json!({ "taskToken": token, "output": word.to_string() })),
    };
    match said {
        Ok(_) => Ok(()),
        Err(ApiError::Answer { name, .. }) => Err(name),
        Err(fault) => panic!("{fault:?}"),
    }
}

/// Each task has ended once, by the word of the one who was told so.
fn check(executions: &[journals::Execution], shared: &Shared) {
    assert_eq!(executions.len(), shared.whens.len());
    let sent = shared.sent.lock().unwrap();
    for journals::Execution { row, events } in executions {
        let arn = format!("arn:aws:states:us-east-1:000000000000:execution:by-hand:{}", row.name);
        let when = shared.when(&arn);
        let heard = sent.get(&arn).map_or(&[][..], |sent| {
            assert_eq!(sent.when, when);
            &sent.heard
        });
        let ends = events.iter().filter_map(|event| match &event.kind {
            EventKind::TaskSucceeded { output, .. } => Some(output.to_string()),
            EventKind::TaskFailed { error, .. } => Some(error.as_deref().unwrap().to_owned()),
            EventKind::TaskTimedOut { .. } => Some("timed out".into()),
            _ => None,
        });
        let ends: Vec<String> = ends.collect();
        let (expected, status) = match when {
            When::AtOnce | When::AfterNonsense => {
                assert_eq!(heard.len(), 1, "{arn} {when:?}: heard from {heard:?}");
                (vec![heard[0].to_string()], ExecutionStatus::Succeeded)
            }
            When::AfterTimeout => (vec!["timed out".into()], ExecutionStatus::Succeeded),
            When::AfterEnd => (vec![], ExecutionStatus::Aborted),
        };
        assert_eq!((ends, row.status), (expected, status), "{arn} {when:?}: heard from {heard:?}");
        assert!(heard.len() <= 1, "{arn} {when:?}: heard from {heard:?}");
    }
    for when in [When::AtOnce, When::AfterNonsense, When::AfterTimeout, When::AfterEnd] {
        println!("{:>6} {when:?}", sent.values().filter(|sent| sent.when == when).count());
    }
}
