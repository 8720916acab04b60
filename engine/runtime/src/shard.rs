//! A shard: one task that owns its executions in memory.
//!
//! Stimuli come in through a bounded mailbox, are decided at once, and run ahead of the disk. What is
//! decided is handed to the committer as one batch; while that is under way, the next one gathers.
//! Commands, replies and news leave only after the commit that holds their cause.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::join_all;
use stepyard_asl::Program;
use stepyard_json::Payload;
use stepyard_machine::{Command, ExecutionStatus, Moment, StartContext, Stimulus, Text};
use stepyard_store::{Error, ExecutionId, ExecutionRow, ShardId, ShardLease, Store};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::active::{Active, Released};
use crate::committer::{Batch, Outcome};
use crate::dispatch::{Dispatches, Report};
use crate::programs::Programs;
use crate::timers::Timers;
use crate::{Clock, Committed, Entropy, Invocation, Metrics, StartError, StopError, recovery};

/// Messages that may wait for a shard.
pub(crate) const MAILBOX_MAX: usize = 4_096;

/// Messages that are taken before what they led to is handed over.
const MESSAGES_AT_ONCE: usize = 256;

/// Executions with something to hand over; with more, the mailbox waits for the committer.
const BACKLOG_MAX: usize = 1_024;

/// What reaches a shard.
pub(crate) enum Message {
    Start(Box<Start>),
    Stop(Box<Stop>),
    Report(Report),
}

/// A request to start an execution.
pub(crate) struct Start {
    pub(crate) context: Arc<StartContext>,
    /// A name that the server made up is new; one that a client chose is looked up.
    pub(crate) name_is_chosen: bool,
    pub(crate) revision: Uuid,
    pub(crate) program: Arc<Program>,
    pub(crate) input: Payload,
    pub(crate) reply: oneshot::Sender<Result<ExecutionRow, StartError>>,
}

/// A request to stop an execution.
pub(crate) struct Stop {
    pub(crate) state_machine_arn: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) error: Text,
    pub(crate) cause: Text,
    pub(crate) reply: oneshot::Sender<Result<stepyard_asl::Timestamp, StopError>>,
}

type Name = (Arc<str>, Arc<str>);

/// A reply that waits for a commit.
enum Reply {
    Started(oneshot::Sender<Result<ExecutionRow, StartError>>, Box<ExecutionRow>),
    Stopped(oneshot::Sender<Result<stepyard_asl::Timestamp, StopError>>, stepyard_asl::Timestamp),
}

impl Reply {
    /// A client that has gone away does not want its answer.
    fn send(self) {
        match self {
            Reply::Started(reply, row) => drop(reply.send(Ok(*row))),
            Reply::Stopped(reply, stopped_at) => drop(reply.send(Ok(stopped_at))),
        }
    }

    /// What it would have told may not have happened.
    fn retract(self) {
        let text = "the shard has changed its owner; try again".to_owned();
        match self {
            Reply::Started(reply, _) => drop(reply.send(Err(StartError::Unavailable(text)))),
            Reply::Stopped(reply, _) => drop(reply.send(Err(StopError::Unavailable(text)))),
        }
    }
}

/// A batch that is under way.
struct UnderWay {
    outcome: oneshot::Receiver<Outcome>,
    released: Vec<Released>,
    replies: Vec<Reply>,
}

/// What all shards share.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) programs: Arc<Programs>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) news: broadcast::Sender<Arc<Committed>>,
    /// Set when no new work is to be taken.
    pub(crate) draining: CancellationToken,
    /// Set when running tasks are not waited for any more.
    pub(crate) stopping: CancellationToken,
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
    dispatches: Dispatches,
    dirty: BTreeSet<ExecutionId>,
    starts: Vec<ExecutionRow>,
    replies: Vec<Reply>,
    under_way: Option<UnderWay>,
    /// Whether it has been noticed that no new work is to be taken.
    draining: bool,
}

impl Shard {
    pub(crate) fn new(
        shared: Arc<Shared>,
        lease: ShardLease,
        mailbox: mpsc::Receiver<Message>,
        committer: mpsc::Sender<Batch>,
        dispatches: Dispatches,
    ) -> Shard {
        Shard {
            shared,
            lease,
            mailbox,
            committer,
            executions: BTreeMap::new(),
            names: BTreeMap::new(),
            timers: Timers::default(),
            dispatches,
            dirty: BTreeSet::new(),
            starts: Vec::new(),
            replies: Vec::new(),
            under_way: None,
            draining: false,
        }
    }

    fn id(&self) -> ShardId {
        self.lease.shard
    }

    /// Takes up the executions that were left in progress.
    pub(crate) async fn recover(&mut self) -> Result<usize, Error> {
        let folded = recovery::open_executions(&self.shared, self.id()).await?;
        let count = folded.len();
        for active in folded {
            let id = active.id;
            let pending = active.execution().pending();
            self.shared.metrics.open_changed(1);
            self.insert(active);
            self.release_commands(id, pending);
        }
        self.hand_over().await;
        Ok(count)
    }

    /// Runs until it is told to stop and everything decided is durable.
    pub(crate) async fn run(mut self) {
        while !self.is_finished() {
            let accepts = self.dirty.len() < BACKLOG_MAX;
            let timer = self.timers.next_due();
            let clock = self.shared.clock.clone();
            let next_timer = async move {
                match timer {
                    Some(due) => clock.sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                outcome = outcome_of(&mut self.under_way) => self.finish(outcome).await,
                () = self.shared.stopping.cancelled() => self.drain().await,
                () = self.shared.draining.cancelled(), if !self.draining => self.draining = true,
                () = next_timer => self.fire_timers(),
                Some(message) = self.mailbox.recv(), if accepts => self.receive(message).await,
            }
            self.hand_over().await;
        }
    }

    fn is_finished(&self) -> bool {
        let quiet = self.dispatches.is_empty() && self.dirty.is_empty() && self.under_way.is_none();
        (self.shared.draining.is_cancelled() && quiet)
            || (self.shared.stopping.is_cancelled() && self.under_way.is_none())
    }

    /// The end: running tasks are dropped, what is under way is waited for.
    async fn drain(&mut self) {
        self.dispatches.stop_all();
        if self.under_way.is_some() {
            let outcome = outcome_of(&mut self.under_way).await;
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
        let found = self.look_up_names(&messages).await;
        for message in messages {
            match message {
                Message::Start(start) => self.start(*start, &found),
                Message::Stop(stop) => self.stop(*stop),
                Message::Report(report) => self.report(report),
            }
        }
    }

    /// Which of the names that clients chose are taken by executions that are not in memory. What is
    /// in memory or under way is not asked for: nothing else can take a name of this shard meanwhile.
    async fn look_up_names(
        &self,
        messages: &[Message],
    ) -> BTreeMap<Name, Result<Option<ExecutionRow>, Error>> {
        let names: BTreeSet<Name> = messages
            .iter()
            .filter_map(|message| match message {
                Message::Start(start) if start.name_is_chosen => Some(name_of(&start.context)),
                _ => None,
            })
            .filter(|name| !self.names.contains_key(name))
            .collect();
        let look_up = |name: Name| async {
            let found = self.shared.store.find_execution(self.id(), &name.0, &name.1).await;
            (name, found)
        };
        join_all(names.into_iter().map(look_up)).await.into_iter().collect()
    }

    fn start(&mut self, start: Start, found: &BTreeMap<Name, Result<Option<ExecutionRow>, Error>>) {
        let name = name_of(&start.context);
        if let Some(id) = self.names.get(&name).copied() {
            return self.start_again(id, start);
        }
        let refusal = match found.get(&name) {
            None | Some(Ok(None)) => None,
            Some(Ok(Some(_))) => {
                Some(StartError::AlreadyExists { arn: start.context.execution_arn.clone() })
            }
            Some(Err(error)) => Some(StartError::Unavailable(error.to_string())),
        };
        match refusal {
            // A client that has gone away does not want its answer.
            Some(refusal) => drop(start.reply.send(Err(refusal))),
            None => self.start_new(name, start),
        }
    }

    fn start_new(&mut self, name: Name, start: Start) {
        let moment = self.moment();
        let entropy = moment.entropy.first_chunk::<10>().copied().unwrap_or_default();
        let id = ExecutionId::new(moment.now, entropy);
        let row = ExecutionRow {
            shard: self.id(),
            id,
            state_machine_arn: name.0,
            name: name.1,
            revision: start.revision,
            status: ExecutionStatus::Running,
            started_at: moment.now,
            stopped_at: None,
            resume_at: None,
        };
        let mut active = Active::new(id, start.revision, start.program);
        active.decide(moment, Stimulus::Start { context: start.context, input: start.input });
        self.shared.metrics.open_changed(1);
        self.insert(active);
        self.dirty.insert(id);
        self.starts.push(row.clone());
        self.replies.push(Reply::Started(start.reply, Box::new(row)));
    }

    /// A start whose name is in progress: the same reply for the same input, as AWS gives it.
    fn start_again(&mut self, id: ExecutionId, start: Start) {
        let Some(active) = self.executions.get(&id) else { return };
        let execution = active.execution();
        if execution.is_closed() || execution.input() != Some(&start.input) {
            let arn = start.context.execution_arn.clone();
            return drop(start.reply.send(Err(StartError::AlreadyExists { arn })));
        }
        let (state_machine_arn, name) = name_of(&start.context);
        let row = ExecutionRow {
            shard: self.id(),
            id,
            state_machine_arn,
            name,
            revision: active.revision,
            status: ExecutionStatus::Running,
            started_at: execution.started_at().unwrap_or_default(),
            stopped_at: None,
            resume_at: None,
        };
        // The first start may not be durable yet: this reply waits for the next commit, too.
        self.replies.push(Reply::Started(start.reply, Box::new(row)));
    }

    fn stop(&mut self, stop: Stop) {
        let id = self.names.get(&(stop.state_machine_arn, stop.name)).copied();
        let moment = self.moment();
        let active = id.and_then(|id| self.executions.get_mut(&id));
        let Some(active) = active.filter(|active| !active.execution().is_closed()) else {
            return drop(stop.reply.send(Err(StopError::NotRunning)));
        };
        active.decide(moment, Stimulus::Stop { error: stop.error, cause: stop.cause });
        let stopped_at = active.execution().stopped_at().unwrap_or(moment.now);
        self.dirty.insert(active.id);
        self.replies.push(Reply::Stopped(stop.reply, stopped_at));
    }

    fn report(&mut self, report: Report) {
        let execution = report.execution;
        if let Some(stimulus) = self.dispatches.receive(report) {
            self.decide(execution, stimulus);
        }
    }

    fn fire_timers(&mut self) {
        let now = self.shared.clock.now();
        while let Some((execution, timer)) = self.timers.pop_due(now) {
            if let Some(active) = self.executions.get_mut(&execution) {
                active.armed.retain(|(_, armed)| *armed != timer);
            }
            self.decide(execution, Stimulus::TimerDue { timer });
        }
    }

    fn decide(&mut self, execution: ExecutionId, stimulus: Stimulus) {
        let moment = self.moment();
        if let Some(active) = self.executions.get_mut(&execution)
            && active.decide(moment, stimulus)
        {
            self.dirty.insert(execution);
        }
    }

    fn moment(&self) -> Moment {
        Moment { now: self.shared.clock.now(), entropy: self.shared.entropy.draw() }
    }

    fn insert(&mut self, active: Active) {
        if let Some(context) = active.context() {
            self.names.insert(name_of(context), active.id);
        }
        self.executions.insert(active.id, active);
    }

    /// Hands what has gathered to the committer, unless a batch is under way.
    async fn hand_over(&mut self) {
        if self.under_way.is_some() {
            return;
        }
        if self.dirty.is_empty() {
            // Everything is durable, so what these replies tell is.
            return std::mem::take(&mut self.replies).into_iter().for_each(Reply::send);
        }
        let (done, outcome) = oneshot::channel();
        let mut batch = Batch {
            lease: self.lease,
            starts: std::mem::take(&mut self.starts),
            chunks: Vec::new(),
            updates: Vec::new(),
            done,
        };
        let mut released = Vec::new();
        for id in std::mem::take(&mut self.dirty) {
            let Some(active) = self.executions.get_mut(&id).filter(|active| active.is_dirty())
            else {
                continue;
            };
            let (chunk, release) = active.hand_over(self.lease.shard);
            batch.chunks.extend(chunk);
            batch.updates.extend(active.update(self.lease.shard));
            released.push(release);
        }
        let replies = std::mem::take(&mut self.replies);
        self.under_way = Some(UnderWay { outcome, released, replies });
        // The committer lives as long as any shard; if it is gone, the outcome says so.
        let _ = self.committer.send(batch).await;
    }

    async fn finish(&mut self, outcome: Outcome) {
        let Some(under_way) = self.under_way.take() else { return };
        match outcome {
            Outcome::Committed => {
                self.lease.commit_seq += 1;
                self.release(under_way);
            }
            Outcome::Refused => self.start_over(under_way.replies).await,
        }
    }

    /// Everything that waited for this commit leaves.
    fn release(&mut self, under_way: UnderWay) {
        under_way.replies.into_iter().for_each(Reply::send);
        for Released { execution, events, commands } in under_way.released {
            self.shared.metrics.committed(&events);
            self.release_commands(execution, commands);
            self.tell(execution, events);
            self.forget_if_closed(execution);
        }
    }

    fn release_commands(&mut self, execution: ExecutionId, commands: Vec<Command>) {
        let cancelled: Vec<_> = commands
            .iter()
            .filter_map(|command| match command {
                Command::CancelTask { task } => Some(*task),
                _ => None,
            })
            .collect();
        for command in commands {
            match command {
                // What is asked for and called off in one commit is not even begun.
                Command::InvokeTask(invoke) if cancelled.contains(&invoke.task) => {}
                Command::InvokeTask(invoke) => self.dispatch(execution, &invoke),
                Command::CancelTask { task } => self.dispatches.cancel(execution, task),
                Command::StartTimer { timer, due } => {
                    if let Some(active) = self.executions.get_mut(&execution) {
                        active.armed.push((due, timer));
                        self.timers.arm(due, execution, timer);
                    }
                }
                Command::Continue => self.decide(execution, Stimulus::Continue),
            }
        }
    }

    fn dispatch(&mut self, execution: ExecutionId, invoke: &stepyard_machine::InvokeTask) {
        if self.shared.draining.is_cancelled() {
            // It is pending, so it is handed out after the next start.
            return;
        }
        let Some(active) = self.executions.get(&execution) else { return };
        let Some(context) = active.context() else { return };
        let state = active.program.state(invoke.state);
        let stepyard_asl::StateKind::Task(task) = &state.kind else { return };
        let event = invoke.task.0.0;
        self.dispatches.dispatch(execution, invoke.task, |started, cancellation| Invocation {
            execution_arn: context.execution_arn.clone(),
            execution_started: active.execution().started_at().unwrap_or_default(),
            state_name: state.name.clone(),
            resource: task.resource.clone(),
            parameters: invoke.parameters.clone(),
            role_arn: invoke.role_arn.clone(),
            idempotency_key: format!("{}:{event}", execution.0).into(),
            started,
            cancellation,
        });
    }

    /// Publishes committed events, when somebody listens.
    fn tell(&self, execution: ExecutionId, events: Vec<stepyard_machine::Event>) {
        if self.shared.news.receiver_count() == 0 {
            return;
        }
        if let Some(active) = self.executions.get(&execution)
            && let Some(context) = active.context()
        {
            let execution_arn = context.execution_arn.clone();
            let program = active.program.clone();
            // Nobody may be left to listen by now.
            let _ = self.shared.news.send(Arc::new(Committed { execution_arn, program, events }));
        }
    }

    fn forget_if_closed(&mut self, execution: ExecutionId) {
        let closed = self
            .executions
            .get(&execution)
            .is_some_and(|active| active.execution().is_closed() && !active.is_dirty());
        if !closed {
            return;
        }
        let Some(active) = self.executions.remove(&execution) else { return };
        if let Some(context) = active.context() {
            self.names.remove(&name_of(context));
        }
        self.timers.disarm(execution, &active.armed);
        self.shared.metrics.open_changed(-1);
        if let Some(status) = active.execution().status() {
            self.shared.metrics.closed(status);
        }
    }

    /// A commit was refused: memory may be ahead of the truth, so it is dropped and read anew.
    async fn start_over(&mut self, mut replies: Vec<Reply>) {
        replies.append(&mut self.replies);
        replies.into_iter().for_each(Reply::retract);
        self.dispatches.stop_all();
        self.shared.metrics.open_changed(-(self.executions.len() as i64));
        self.executions.clear();
        self.names.clear();
        self.timers = Timers::default();
        self.dirty.clear();
        self.starts.clear();
        self.take_over().await;
    }

    async fn take_over(&mut self) {
        loop {
            match self.claim_and_recover().await {
                Ok(count) => {
                    return tracing::info!(
                        shard = self.id().0,
                        executions = count,
                        "shard taken over"
                    );
                }
                Err(error) => {
                    tracing::warn!(%error, shard = self.id().0, "cannot take the shard over; trying again");
                    let pause = self.shared.clock.now().plus_seconds(1);
                    self.shared.clock.sleep_until(pause).await;
                }
            }
        }
    }

    async fn claim_and_recover(&mut self) -> Result<usize, Error> {
        let leases = self.shared.store.claim_shards(&[self.id()]).await?;
        if let Some(lease) = leases.first() {
            self.lease = *lease;
        }
        Box::pin(self.recover()).await
    }
}

fn name_of(context: &StartContext) -> Name {
    (context.state_machine_arn.clone(), context.execution_name.clone())
}

/// The outcome of the batch under way; never, when there is none. A committer that is gone has not
/// committed anything more.
async fn outcome_of(under_way: &mut Option<UnderWay>) -> Outcome {
    match under_way {
        Some(under_way) => (&mut under_way.outcome).await.unwrap_or(Outcome::Refused),
        None => std::future::pending().await,
    }
}
