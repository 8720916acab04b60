//! Connections to Postgres that break in the middle of a commit.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use stepyard_asl::Random;
use stepyard_tests::{Action, Deadline, Meddler, Meddlers, Proxy, Sender, Target, TestDatabase};

use crate::trial::{Setup, Trial};
use crate::{seed, setting};

/// Commits that are cut, unless `STEPYARD_KILLS` says otherwise.
const CUTS: u64 = 300;

/// One commit in so many is cut.
const ONE_IN: u64 = 3;

/// A commit that comes late comes within that time, in milliseconds.
const LATE_MILLIS: u64 = 300;

/// What the statement that commits begins with.
const COMMIT: &[u8] = b"\nWITH lease AS (";

/// What a conversation begins with: version 3.0 of the protocol.
const VERSION: [u8; 4] = [0, 3, 0, 0];

/// Types of messages (PostgreSQL documentation, "Message Formats").
const PARSE: u8 = b'P';
const BIND: u8 = b'B';
const SYNC: u8 = b'S';

/// What ends each answer of the server: it is ready for the next query, in no transaction.
const READY: &[u8] = b"Z\0\0\0\x05I";

/// Where a commit is cut.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// It does not reach the database.
    Before,
    /// A part of it reaches the database.
    Inside,
    /// It reaches the database after the connection has broken.
    Late,
    /// Its answer is lost.
    After,
}

const ALL: [Cut; 4] = [Cut::Before, Cut::Inside, Cut::Late, Cut::After];

/// What is shared by all connections.
struct Plan {
    random: Mutex<Random>,
    is_on: AtomicBool,
    counts: [AtomicU64; ALL.len()],
}

impl Plan {
    fn draw(&self, below: u64) -> u64 {
        self.random.lock().unwrap().below(below)
    }

    fn next_cut(&self) -> Option<Cut> {
        if !self.is_on.load(Ordering::Relaxed) || self.draw(ONE_IN) > 0 {
            return None;
        }
        let cut = ALL[usize::try_from(self.draw(ALL.len() as u64)).unwrap()];
        self.counts[cut as usize].fetch_add(1, Ordering::Relaxed);
        Some(cut)
    }

    fn counts(&self) -> [u64; ALL.len()] {
        std::array::from_fn(|at| self.counts[at].load(Ordering::Relaxed))
    }
}

/// Reads what the client sends, message by message.
struct CommitCutter {
    plan: Arc<Plan>,
    /// Not yet passed on: what has come since the last message that asks for an answer.
    held: Vec<u8>,
    /// How much of that has been looked at.
    parsed: usize,
    has_begun: bool,
    /// Prepared statements that commit.
    commits: BTreeSet<Vec<u8>>,
    holds_commit: bool,
    loses_answer: bool,
}

impl CommitCutter {
    fn new(plan: Arc<Plan>) -> CommitCutter {
        CommitCutter {
            plan,
            held: Vec::new(),
            parsed: 0,
            has_begun: false,
            commits: BTreeSet::new(),
            holds_commit: false,
            loses_answer: false,
        }
    }

    fn take_from_client(&mut self, bytes: &[u8]) -> Action {
        self.held.extend_from_slice(bytes);
        let mut ready = Vec::new();
        while let Some((kind, end)) = self.next_message() {
            self.note(kind, end);
            self.parsed = end;
            if matches!(kind, PARSE | BIND) || (kind != SYNC && self.holds_commit) {
                continue;
            }
            let piece: Vec<u8> = self.held.drain(..end).collect();
            self.parsed = 0;
            if std::mem::take(&mut self.holds_commit)
                && let Some(cut) = self.plan.next_cut()
            {
                return self.cut(cut, ready, &piece);
            }
            ready.extend(piece);
        }
        Action::Pass(ready)
    }

    /// The type of the next whole message, and where it ends. The first ones have no type.
    fn next_message(&mut self) -> Option<(u8, usize)> {
        let rest = &self.held[self.parsed..];
        let head = usize::from(self.has_begun);
        let length = u32::from_be_bytes(rest.get(head..head + 4)?.try_into().unwrap());
        let end = head + usize::try_from(length).unwrap();
        if rest.len() < end {
            return None;
        }
        let (kind, end) = (if self.has_begun { rest[0] } else { 0 }, self.parsed + end);
        // After a request for encryption, which is refused, the client begins again.
        self.has_begun = self.has_begun || rest[4..].starts_with(&VERSION);
        Some((kind, end))
    }

    fn note(&mut self, kind: u8, end: usize) {
        let body = &self.held[self.parsed..end];
        let mut texts = body.get(5..).unwrap_or_default().split(|byte| *byte == 0);
        let (first, second) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
        match kind {
            PARSE if second.starts_with(COMMIT) => drop(self.commits.insert(first.to_vec())),
            BIND => self.holds_commit |= self.commits.contains(second),
            _ => {}
        }
    }

    fn cut(&mut self, cut: Cut, mut ready: Vec<u8>, commit: &[u8]) -> Action {
        match cut {
            Cut::Before => Action::Cut(ready),
            Cut::Inside => {
                let part = usize::try_from(self.plan.draw(commit.len() as u64)).unwrap();
                ready.extend_from_slice(&commit[..part]);
                Action::Cut(ready)
            }
            Cut::Late => {
                ready.extend_from_slice(commit);
                let delay = Duration::from_millis(self.plan.draw(LATE_MILLIS));
                Action::PassLater(ready, delay)
            }
            Cut::After => {
                self.loses_answer = true;
                ready.extend_from_slice(commit);
                Action::Pass(ready)
            }
        }
    }
}

impl Meddler for CommitCutter {
    fn take(&mut self, sender: Sender, bytes: &[u8]) -> Action {
        match sender {
            Sender::Client => self.take_from_client(bytes),
            Sender::Target if !self.loses_answer => Action::Pass(bytes.to_vec()),
            Sender::Target if bytes.ends_with(READY) => Action::Cut(Vec::new()),
            Sender::Target => Action::Pass(Vec::new()),
        }
    }
}

#[test]
fn commits_that_are_cut_are_neither_lost_nor_repeated() {
    let Some(database) = TestDatabase::postgres() else { return };
    let TestDatabase::Postgres(url) = &database else { return };
    let plan = Arc::new(Plan {
        random: Mutex::new(Random::from_seed(seed())),
        is_on: false.into(),
        counts: Default::default(),
    });
    let meddlers: Meddlers = {
        let plan = plan.clone();
        Box::new(move || Box::new(CommitCutter::new(plan.clone())))
    };
    let direct: PgConnectOptions = url.parse().unwrap();
    let socket = direct.get_socket().unwrap().join(".s.PGSQL.5432");
    let proxy = Proxy::start(Target::Unix(socket), Some(meddlers));
    let name = direct.get_database().unwrap();
    let through = format!("postgres://stepyard@{}/{name}", proxy.address());
    let setup =
        Setup { reached_by: TestDatabase::Postgres(through), ..Setup::new(database.clone()) };
    let trial = Trial::start(setup);
    plan.is_on.store(true, Ordering::Relaxed);
    let wanted = setting("STEPYARD_KILLS").unwrap_or(CUTS);
    let patience = Deadline::after(Duration::from_secs(60 + wanted));
    patience.wait_for("enough cuts", || {
        sleep(Duration::from_millis(50));
        (plan.counts().iter().sum::<u64>() >= wanted).then_some(())
    });
    plan.is_on.store(false, Ordering::Relaxed);
    println!("{ALL:?}: {:?}", plan.counts());
    trial.finish();
}
