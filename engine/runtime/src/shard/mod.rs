//! A shard: one task that owns its executions in memory.
//!
//! Stimuli come in through a bounded mailbox, are decided at once, and run ahead of the disk. What is
//! decided is handed to the committer as one batch; while that is under way, the next one gathers.
//! Commands, replies and news leave only after the commit that holds their cause.

mod callbacks;
mod committing;
mod map_runs;
mod message;
mod redriving;
mod setback;
mod sleep;
mod starting;
mod thinking;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use committing::UnderWay;
use futures::FutureExt;
use message::{Answer, Reply};
pub(crate) use message::{AskMapRun, Callback, Message, Redrive, Start, Stop, Take};
use sleep::BEFORE_ALL;
use stepyard_machine::{Moment, StartContext, Stimulus, TaskTokens};
use stepyard_store::{
    DuePlace, Error, ExecutionId, ExecutionRow, NodeId, ShardId, ShardLease, Store,
};
use thinking::Thinking;
use tokio::sync::{Notify, broadcast, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::active::Active;
use crate::activities::{Activities, Offers};
use crate::awaiting::Awaits;
use crate::cluster::{LocalLease, Members, Route, Routes, Seen};
use crate::committer::Batch;
use crate::dispatch::{Dispatches, Report};
use crate::end_watch::EndWatchers;
use crate::map_run::MapRuns;
use crate::notices::{News, Notices};
use crate::outage::Outage;
use crate::planted::{self, Planted};
use crate::programs::Programs;
use crate::recent::Recent;
use crate::thinking::Thinkers;
use crate::timers::Timers;
use crate::token::{ExecutionTokens, TokenKey};
use crate::watches::Watches;
use crate::{Clock, Committed, Entropy, Metrics};

/// Messages that may wait for a shard.
pub(crate) const MAILBOX_MAX: usize = 4_096;

/// Messages that are taken before what they led to is handed over.
const MESSAGES_AT_ONCE: usize = 256;

/// Executions with something to hand over; with more, the mailbox waits for the committer.
const BACKLOG_MAX: usize = 1_024;

/// Replies that wait for a commit; with more, the mailbox waits for the committer.
const REPLIES_MAX: usize = 4_096;

/// Decisions that may be under way elsewhere, each with a copy of its execution; with more, the mailbox waits.
const THOUGHTS_MAX: usize = 256;

type Name = (Arc<str>, Arc<str>);

/// What all shards share.
pub(crate) struct Shared {
    /// This process.
    pub(crate) node: NodeId,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) programs: Arc<Programs>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) outage: Arc<Outage>,
    pub(crate) recent: Recent,
    pub(crate) end_watchers: EndWatchers,
    pub(crate) thinkers: Thinkers,
    /// Makes the tokens of tasks.
    pub(crate) token_key: Arc<TokenKey>,
    /// Tasks of activities that wait for a worker here.
    pub(crate) activities: Arc<Activities>,
    pub(crate) news: broadcast::Sender<Arc<Committed>>,
    /// Who is told of status changes.
    pub(crate) notices: Notices,
    pub(crate) routes: Routes,
    pub(crate) members: Members,
    /// The lease of this node.
    pub(crate) lease: LocalLease,
    pub(crate) seen: Seen,
    /// Asks the keeper to look what belongs to whom.
    pub(crate) look: Notify,
    /// Set when this node is to give its shards away.
    pub(crate) draining: CancellationToken,
    /// Set when running tasks are not waited for any more.
    pub(crate) stopping: CancellationToken,
    /// Set when no shard is left.
    pub(crate) closed: CancellationToken,
}

impl Shared {
    /// What gives the tasks of an execution their tokens.
    pub(crate) fn tokens(&self, shard: ShardId, execution: ExecutionId) -> Arc<dyn TaskTokens> {
        Arc::new(ExecutionTokens { key: self.token_key.clone(), shard, execution })
    }
}

/// How a shard is told to end.
pub(crate) struct Ends {
    /// Hand out no more tasks, and end when those that run have ended.
    pub(crate) leaving: CancellationToken,
    /// Do not wait for tasks.
    pub(crate) stopping: CancellationToken,
}

/// What is done for a shard elsewhere in this process.
pub(crate) struct Outside {
    pub(crate) dispatches: Dispatches,
    pub(crate) map_runs: MapRuns,
    pub(crate) awaits: Awaits,
    pub(crate) offers: Offers,
    pub(crate) notice_news: Arc<News>,
}

/// What a shard leaves behind.
pub(crate) struct ShardEnd {
    /// Its lease, with the number of its last commit.
    pub(crate) lease: ShardLease,
    /// Whether it has found another owner in its place.
    pub(crate) is_lost: bool,
}

/// A shard and everything that it owns.
pub(crate) struct Shard {
    shared: Arc<Shared>,
    lease: ShardLease,
    mailbox: mpsc::Receiver<Message>,
    committer: mpsc::Sender<Batch>,
    executions: BTreeMap<ExecutionId, Active>,
    names: BTreeMap<Name, ExecutionId>,
    timers: Timers,
    watches: Watches,
    dispatches: Dispatches,
    map_runs: MapRuns,
    awaits: Awaits,
    /// Tasks that wait for a worker.
    offers: Offers,
    /// Asks its tellers to look for notices.
    notice_news: Arc<News>,
    ends: Ends,
    /// Executions with something to hand over.
    dirty: BTreeSet<ExecutionId>,
    /// Rows of executions whose start has not been handed over.
    starts: BTreeMap<ExecutionId, ExecutionRow>,
    replies: Vec<Reply>,
    under_way: Option<UnderWay>,
    /// Decisions that are being made elsewhere.
    thoughts: JoinSet<Thinking>,
    /// What can be answered only when a decision that is made elsewhere is known.
    postponed: Vec<(ExecutionId, Message)>,
    /// The execution that is being decided; still there after a panic.
    deciding: Option<ExecutionId>,
    /// Executions that sleep up to this place are in memory.
    loaded_to: DuePlace,
    /// When to load further, by the monotonic clock: the time of day may be set back.
    next_load: Duration,
    /// Executions that were taken up out of their sleep because somebody asked for them.
    woken: Vec<ExecutionId>,
    /// Executions that made this program panic: they are left as they are until the next start.
    set_aside: BTreeSet<ExecutionId>,
    /// Times that everything had to be read anew since the last commit.
    setbacks: u32,
    /// Whether it has been noticed that it is to end.
    is_leaving: bool,
    /// Whether it belongs to another node by now.
    is_lost: bool,
}

impl Shard {
    pub(crate) fn new(
        shared: Arc<Shared>,
        lease: ShardLease,
        mailbox: mpsc::Receiver<Message>,
        committer: mpsc::Sender<Batch>,
        outside: Outside,
        ends: Ends,
    ) -> Shard {
        let Outside { dispatches, map_runs, awaits, offers, notice_news } = outside;
        Shard {
            shared,
            lease,
            mailbox,
            committer,
            executions: BTreeMap::new(),
            names: BTreeMap::new(),
            timers: Timers::default(),
            watches: Watches::default(),
            dispatches,
            map_runs,
            awaits,
            offers,
            notice_news,
            ends,
            dirty: BTreeSet::new(),
            starts: BTreeMap::new(),
            replies: Vec::new(),
            under_way: None,
            thoughts: JoinSet::new(),
            postponed: Vec::new(),
            deciding: None,
            loaded_to: BEFORE_ALL,
            next_load: Duration::ZERO,
            woken: Vec::new(),
            set_aside: BTreeSet::new(),
            setbacks: 0,
            is_leaving: false,
            is_lost: false,
        }
    }

    fn id(&self) -> ShardId {
        self.lease.shard
    }

    /// Takes up the executions that were left in progress, but for those that sleep for longer.
    async fn recover(&mut self) -> Result<usize, Error> {
        self.loaded_to = BEFORE_ALL;
        let mut count = 0;
        while {
            count += self.load_ahead().await?;
            self.next_load <= self.shared.clock.monotonic()
        } {
            tracing::info!(shard = self.id().0, executions = count, "taking up executions");
        }
        self.wind_up_map_runs().await?;
        self.hand_over().await;
        Ok(count)
    }

    /// Takes up what was in progress, then runs until it is told to stop and everything decided is durable,
    /// or until it has another owner.
    pub(crate) async fn run(mut self, mailbox: mpsc::Sender<Message>) -> ShardEnd {
        if let Err(error) = self.recover().await {
            tracing::warn!(%error, shard = self.id().0, "cannot take executions up; trying again");
            self.start_over().await;
        }
        if !self.is_lost {
            self.shared.routes.set(self.id(), Route::Here(mailbox));
        }
        while !self.is_finished() {
            // A panic is a fault of this program: it may cost one execution, not the others.
            let turn = AssertUnwindSafe(self.turn()).catch_unwind();
            if turn.await.is_err() {
                self.set_panicking_aside().await;
            }
        }
        self.shared.metrics.in_memory_changed(-(self.executions.len() as i64));
        ShardEnd { lease: self.lease, is_lost: self.is_lost }
    }

    async fn turn(&mut self) {
        let is_full = self.dirty.len() >= BACKLOG_MAX
            || self.replies.len() + self.postponed.len() >= REPLIES_MAX
            || self.thoughts.len() >= THOUGHTS_MAX;
        // Who asks a shard that is about to leave asks its next owner.
        let is_ending = self.is_leaving && self.has_nothing_out();
        let clock = self.shared.clock.clone();
        let load_in = self.next_load.saturating_sub(clock.monotonic());
        let timer_due = self.timers.next_due();
        let life_due = self.watches.next_due();
        let life_in = life_due.unwrap_or_default().saturating_sub(clock.monotonic());
        tokio::select! {
            biased;
            outcome = UnderWay::outcome(&mut self.under_way) => self.finish(outcome).await,
            Some(thought) = self.thoughts.join_next(), if !self.thoughts.is_empty() => self.take_in(thought),
            () = self.ends.stopping.cancelled() => self.drain().await,
            () = self.ends.leaving.cancelled(), if !self.is_leaving => self.begin_to_leave(),
            () = clock.sleep_until(timer_due.unwrap_or_default()), if timer_due.is_some() => self.fire_timers(),
            () = clock.sleep(life_in), if life_due.is_some() => self.miss_signs_of_life(),
            () = clock.sleep(load_in) => self.wake_those_due().await,
            Some(message) = self.mailbox.recv(), if !is_full && !is_ending => self.receive(message).await,
        }
        self.hand_over().await;
        self.let_woken_sleep();
    }

    fn is_finished(&self) -> bool {
        let quiet = self.has_nothing_out() && self.dirty.is_empty() && self.under_way.is_none();
        self.is_lost
            || (self.ends.leaving.is_cancelled() && quiet)
            || (self.ends.stopping.is_cancelled() && self.under_way.is_none())
    }

    /// Whether nothing is done for it elsewhere in this process.
    fn has_nothing_out(&self) -> bool {
        self.dispatches.is_empty() && self.map_runs.is_empty() && self.thoughts.is_empty()
    }

    /// Tasks that wait for a worker are offered by the next owner.
    fn begin_to_leave(&mut self) {
        self.is_leaving = true;
        self.offers.clear();
    }

    /// The end: running tasks are dropped, what is under way is waited for.
    async fn drain(&mut self) {
        self.dispatches.stop_all();
        self.map_runs.stop_all();
        self.awaits.stop_all();
        self.offers.clear();
        if self.under_way.is_some() {
            let outcome = UnderWay::outcome(&mut self.under_way).await;
            self.finish(outcome).await;
        }
    }

    /// Takes this message and those that wait behind it.
    async fn receive(&mut self, message: Message) {
        let mut messages = vec![message];
        while messages.len() < MESSAGES_AT_ONCE {
            match self.mailbox.try_recv() {
                Ok(message) => messages.push(message),
                Err(_) => break,
            }
        }
        let mut found = self.look_up_names(&messages).await;
        self.wake_found(found.values_mut()).await;
        let mut called = self.look_up_called(&messages).await;
        self.wake_found(called.values_mut()).await;
        let closed = self.load_closed(&messages, &mut found).await;
        for message in messages {
            match message {
                Message::Start(start) => self.start(*start, &found),
                Message::Stop(stop) => self.stop(*stop, &found),
                Message::Callback(callback) => self.call_back(callback, &called),
                Message::Take(take) => self.take(take),
                Message::Redrive(redrive) => self.redrive(*redrive, &found),
                Message::AskMapRun(ask) => self.ask_map_run(ask),
                Message::Report(report) => self.report(report),
                Message::MapRun(report) => {
                    let execution = report.execution;
                    if let Some(stimulus) = self.map_runs.receive(report) {
                        self.decide(execution, stimulus);
                    }
                }
                Message::AwaitedEnd(end) => {
                    let execution = end.execution;
                    if let Some(stimulus) = self.awaits.receive(*end) {
                        self.decide(execution, stimulus);
                    }
                }
            }
        }
        self.unload_closed(closed);
    }

    fn report(&mut self, report: Report) {
        let execution = report.execution;
        if let Some(stimulus) = self.dispatches.receive(report) {
            self.decide(execution, stimulus);
        }
    }

    fn fire_timers(&mut self) {
        let now = self.shared.clock.now().plus_millis(planted::shift(Planted::TimerEarly));
        while let Some((due, execution, timer)) = self.timers.pop_due(now) {
            if let Some(active) = self.executions.get_mut(&execution) {
                active.armed.retain(|(_, armed)| *armed != timer);
                let late = u64::try_from(now.millis_since(due)).unwrap_or(0);
                self.shared.metrics.timer_rang(Duration::from_millis(late));
            }
            self.decide(execution, Stimulus::TimerDue { timer });
        }
    }

    fn decide(&mut self, execution: ExecutionId, stimulus: Stimulus) {
        let moment = self.moment();
        let Some(active) = self.executions.get_mut(&execution) else { return };
        self.deciding = Some(execution);
        let question = active.decide(moment, stimulus);
        self.deciding = None;
        if active.is_dirty() {
            self.dirty.insert(execution);
        }
        if let Some((number, question)) = question {
            self.think(execution, number, question);
        }
    }

    fn moment(&self) -> Moment {
        Moment { now: self.shared.clock.now(), entropy: self.shared.entropy.draw() }
    }

    fn insert(&mut self, mut active: Active) {
        active.logging = self.shared.programs.logging(active.revision);
        if let Some(context) = active.context() {
            self.names.insert(name_of(context), active.id);
        }
        self.executions.insert(active.id, active);
    }
}

fn name_of(context: &StartContext) -> Name {
    (context.state_machine_arn.clone(), context.execution_name.clone())
}
