//! Which faults a seed has, and when they strike.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use stepyard_asl::Random;

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection breaks before a commit is applied.
    CommitLost,
    /// The connection breaks after it is applied.
    CommitLostAfter,
    /// The connection breaks, and the commit is applied later.
    CommitLate,
    /// A commit takes seconds.
    CommitSlow,
    /// A read fails.
    ReadLost,
    /// The database answers nothing for some seconds.
    DatabaseOutage,
    /// The database refuses to write for some seconds.
    DiskFull,
    /// The database crashes: it keeps what it has acknowledged and answers again after a while.
    DatabaseCrash,
    /// A node is killed when it sends a commit.
    CrashBeforeCommit,
    /// A node is killed when a commit of it has been applied, before it learns that.
    CrashAfterCommit,
    /// A node is killed at any time.
    Crash,
    /// A node is told to stop.
    Shutdown,
    /// A node stands still, often for longer than its lease, and goes on.
    Pause,
    /// The wall clock of a node is set forward or back.
    ClockJump,
    /// All wall clocks are set forward.
    Leap,
    /// A node does not reach the database for some seconds.
    DatabaseCut,
    /// A node does not reach another one for some seconds, in one direction.
    NetworkCut,
    /// A request to another node does not arrive.
    PeerLost,
    /// The answer of another node does not arrive.
    PeerReplyLost,
    /// A message between nodes takes seconds.
    PeerSlow,
    /// A task takes a minute or more.
    TaskLong,
    /// A task does not say that it has begun.
    TaskSilent,
    /// A task never answers; its state has a time limit.
    TaskLost,
    /// The answer of a task comes after its time limit.
    TaskLate,
    /// A task runner panics.
    TaskPanic,
    /// A client does not wait for its answer.
    ClientTimeout,
}

impl Fault {
    pub(crate) const ALL: [Fault; 26] = [
        Fault::CommitLost,
        Fault::CommitLostAfter,
        Fault::CommitLate,
        Fault::CommitSlow,
        Fault::ReadLost,
        Fault::DatabaseOutage,
        Fault::DiskFull,
        Fault::DatabaseCrash,
        Fault::CrashBeforeCommit,
        Fault::CrashAfterCommit,
        Fault::Crash,
        Fault::Shutdown,
        Fault::Pause,
        Fault::ClockJump,
        Fault::Leap,
        Fault::DatabaseCut,
        Fault::NetworkCut,
        Fault::PeerLost,
        Fault::PeerReplyLost,
        Fault::PeerSlow,
        Fault::TaskLong,
        Fault::TaskSilent,
        Fault::TaskLost,
        Fault::TaskLate,
        Fault::TaskPanic,
        Fault::ClientTimeout,
    ];
}

/// How often each fault has struck, in the order of [`Fault::ALL`].
pub(crate) type Counts = [u64; Fault::ALL.len()];

/// The faults of one world. Half of the kinds are switched on, so that seeds differ in what they try.
#[derive(Clone)]
pub(crate) struct Faults(Arc<State>);

struct State {
    switched_on: [bool; Fault::ALL.len()],
    counts: [AtomicU64; Fault::ALL.len()],
    random: Mutex<Random>,
    chaos: AtomicBool,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Faults {
        let mut random = Random::from_seed(seed);
        Faults(Arc::new(State {
            switched_on: std::array::from_fn(|_| random.below(2) == 0),
            counts: Default::default(),
            random: Mutex::new(random),
            chaos: AtomicBool::new(true),
        }))
    }

    /// From now on nothing goes wrong.
    pub(crate) fn end(&self) {
        self.0.chaos.store(false, Ordering::Relaxed);
    }

    pub(crate) fn is_chaos(&self) -> bool {
        self.0.chaos.load(Ordering::Relaxed)
    }

    /// Whether a fault strikes now, once in so many times; if so, it is counted.
    pub(crate) fn strikes(&self, fault: Fault, once_in: u64) -> bool {
        let on = self.is_chaos() && self.0.switched_on[fault as usize];
        let strikes = on && self.below(once_in) == 0;
        if strikes {
            self.count(fault);
        }
        strikes
    }

    /// One that has struck by itself.
    pub(crate) fn count(&self, fault: Fault) {
        self.0.counts[fault as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.0.random.lock().unwrap().below(bound)
    }

    /// A time in milliseconds.
    pub(crate) fn millis(&self, from: u64, to: u64) -> i64 {
        i64::try_from(from + self.below(to - from)).unwrap()
    }

    pub(crate) fn counts(&self) -> Counts {
        std::array::from_fn(|at| self.0.counts[at].load(Ordering::Relaxed))
    }
}
