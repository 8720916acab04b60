//! Mistakes that the simulation plants, to see whether its checkers find them. Without the feature
//! `planted-bugs` nobody can make one.

use stepyard_machine::Command;

/// A mistake that only the runtime itself can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// Tasks are handed out when they are decided, not when that is durable.
    EffectsBeforeCommit,
    /// Clients are answered when it is decided, not when that is durable.
    RepliesBeforeCommit,
    /// Tasks that were out are not handed out again when an execution is taken up.
    PendingTasksForgotten,
    /// Timers are not armed again when an execution is taken up.
    PendingTimersForgotten,
    /// A timer rings some seconds early.
    TimerEarly,
    /// Views of recent executions stay when their shard is lost.
    RecentKept,
    /// Executions leave memory that are not loaded again in time.
    SleeperLost,
    /// A task that is handed out by another owner gets another idempotency key.
    NewKey,
    /// Memory is kept when a commit was refused.
    MemoryKept,
    /// Executions that leave memory are still counted.
    GaugeLeaks,
    /// A stop is answered and not carried out.
    StopForgotten,
    /// A redrive is answered and not carried out.
    RedriveForgotten,
    /// A redrive that is asked for again with its token is carried out again.
    TokenForgotten,
    /// What is in memory is shown though the lease of the node has run out.
    LeaseIgnored,
    /// What is said of a task is answered and not carried out.
    WordForgotten,
    /// Who speaks of a task that has ended is told that it was heard.
    WordHeardTwice,
    /// A worker gets a task of an activity, and that is not written.
    TakeForgotten,
    /// Nobody waits for signs of life.
    HeartbeatsForgotten,
    /// A sign of life is answered, and the next one is due as if there had been none.
    SignOfLifeForgotten,
    /// A nested execution is not stopped with its task.
    NestedNotStopped,
    /// Child executions are not stopped with their Map Run.
    ChildrenNotStopped,
    /// A Map Run that goes on elsewhere passes over a child execution that has not ended.
    ChildSkipped,
}

impl Planted {
    /// All of them.
    pub const ALL: [Planted; 22] = [
        Planted::EffectsBeforeCommit,
        Planted::RepliesBeforeCommit,
        Planted::PendingTasksForgotten,
        Planted::PendingTimersForgotten,
        Planted::TimerEarly,
        Planted::RecentKept,
        Planted::SleeperLost,
        Planted::NewKey,
        Planted::MemoryKept,
        Planted::GaugeLeaks,
        Planted::StopForgotten,
        Planted::RedriveForgotten,
        Planted::TokenForgotten,
        Planted::LeaseIgnored,
        Planted::WordForgotten,
        Planted::WordHeardTwice,
        Planted::TakeForgotten,
        Planted::HeartbeatsForgotten,
        Planted::SignOfLifeForgotten,
        Planted::NestedNotStopped,
        Planted::ChildrenNotStopped,
        Planted::ChildSkipped,
    ];
}

/// Milliseconds by which a mistake shifts a time.
pub(crate) fn shift(mistake: Planted) -> i64 {
    if makes(mistake) { 5_000 } else { 0 }
}

/// What is added to the number in a task's idempotency key.
pub(crate) fn key_shift(epoch: u64) -> u64 {
    if makes(Planted::NewKey) { epoch - 1 } else { 0 }
}

/// How many child executions too many are passed over when a Map Run goes on whose first ones have ended.
pub(crate) fn skipped(ended: u64) -> u64 {
    if makes(Planted::ChildSkipped) { ended.min(1) } else { 0 }
}

/// Whether a command is forgotten when an execution is taken up.
pub(crate) fn forgets(command: &Command) -> bool {
    match command {
        Command::InvokeTask(_)
        | Command::RunChildren { .. }
        | Command::ExportResults { .. }
        | Command::AwaitExecution { .. } => makes(Planted::PendingTasksForgotten),
        Command::StartTimer { .. } => makes(Planted::PendingTimersForgotten),
        Command::CancelTask { .. }
        | Command::LimitChildren { .. }
        | Command::CancelMapRun { .. }
        | Command::Continue => false,
    }
}

#[cfg(feature = "planted-bugs")]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Planted>> = const { std::cell::Cell::new(None) };
}

/// Makes the runtimes of this thread make a mistake from now on, or none.
#[cfg(feature = "planted-bugs")]
pub fn plant(mistake: Option<Planted>) {
    PLANTED.set(mistake);
}

/// Whether this mistake is to be made.
#[cfg(feature = "planted-bugs")]
pub(crate) fn makes(mistake: Planted) -> bool {
    PLANTED.get() == Some(mistake)
}

#[cfg(not(feature = "planted-bugs"))]
pub(crate) const fn makes(_: Planted) -> bool {
    false
}
