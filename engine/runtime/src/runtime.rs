//! The handle by which everything else uses the runtime.

use std::sync::Arc;
use std::time::Duration;

use stepyard_asl::{Program, Timestamp};
use stepyard_json::Payload;
use stepyard_machine::{Event, StartContext, Text};
use stepyard_store::{
    Error, ExecutionId, ExecutionRow, Membership, NodeId, SHARD_COUNT, ShardId, Store,
};
use tokio::sync::{Notify, Semaphore, broadcast, mpsc};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::activities::Activities;
use crate::cluster::{
    ClusterOptions, Hosting, Keeper, LocalLease, Members, NoPeers, NotOwner, RedriveRequest,
    Routes, Seen, StartRequest, StopRequest, Witness,
};
use crate::committer::{Batch, Committer};
use crate::delivery::Delivery;
use crate::end_watch::EndWatchers;
use crate::express::{
    Express, ExpressEnd, ExpressHistory, ExpressSnapshot, StartExpress, histories,
};
use crate::map_run::{Children, MapRunData, MapRunHost, NoMapRunData};
use crate::notices::{EventTarget, Forgetter, Notices};
use crate::polling::{self, Poll};
use crate::recent::Recent;
use crate::retention::{RETENTION_DAYS, Remover};
use crate::shard::Shared;
use crate::thinking::{Question, Thinkers, Thought};
use crate::token::TokenKey;
use crate::{
    ActivityTask, CallbackError, CallbackRequest, Clock, Entropy, ExecutionView, MapRunProgress,
    MapRunRequest, MapRunRequestError, MetricsSnapshot, PollError, RedriveError, StartError,
    StopError, TaskPlace, TaskRunner, Word,
};

/// Tasks that run at the same time when nothing else is said.
const TASKS_MAX: usize = 1_000;

/// How long a shutdown waits for the store after it has stopped waiting for tasks.
const STORE_GRACE: Duration = Duration::from_secs(5);

/// Pieces of news kept for a listener that is slow; beyond them it misses some, and knows it.
const NEWS_MAX: usize = 4_096;

/// What the runtime is made of.
pub struct RuntimeOptions {
    /// Where executions are kept.
    pub store: Arc<dyn Store>,
    /// What runs tasks.
    pub runner: Arc<dyn TaskRunner>,
    /// What reads items and writes results of Map Runs.
    pub map_run_data: Arc<dyn MapRunData>,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where chance comes from.
    pub entropy: Arc<dyn Entropy>,
    /// How many tasks run at the same time; more wait for a place.
    pub tasks_max: usize,
    /// Days for which executions are kept after their end, unless their state machine says otherwise; 0
    /// is for ever.
    pub retention_days: u32,
    /// How this process takes part in a cluster; needed when others share its store.
    pub cluster: Option<ClusterOptions>,
    /// What the store must have.
    pub witness: Witness,
    /// Who is told of status changes of Standard executions; no two have the same number.
    pub event_targets: Vec<Arc<dyn EventTarget>>,
    /// Which Express executions leave a history in the store.
    pub express_history: ExpressHistory,
}

impl RuntimeOptions {
    /// The usual options: the time of this machine, the entropy of its system.
    pub fn new(store: Arc<dyn Store>, runner: Arc<dyn TaskRunner>) -> RuntimeOptions {
        RuntimeOptions {
            store,
            runner,
            map_run_data: Arc::new(NoMapRunData),
            clock: Arc::new(crate::SystemClock::new()),
            entropy: Arc::new(crate::OsEntropy::default()),
            tasks_max: TASKS_MAX,
            retention_days: RETENTION_DAYS,
            cluster: None,
            witness: Witness::default(),
            event_targets: Vec::new(),
            express_history: ExpressHistory::default(),
        }
    }
}

/// A start of an execution.
pub struct StartExecution {
    /// ARNs and names.
    pub context: Arc<StartContext>,
    /// Whether the client chose the name. One that was made up at random is not looked up.
    pub name_is_chosen: bool,
    /// Revision that it runs.
    pub revision: Uuid,
    /// The program of that revision.
    pub program: Arc<Program>,
    /// Input.
    pub input: Payload,
}

/// Events of one execution that have become durable, for those who watch.
#[derive(Debug)]
pub struct Committed {
    /// ARN of the execution.
    pub execution_arn: Arc<str>,
    /// The program that it runs.
    pub program: Arc<Program>,
    /// The events, in order.
    pub events: Vec<Event>,
}

/// A running runtime: it owns shards of its store, all of them when it is alone.
pub struct Runtime {
    shared: Arc<Shared>,
    delivery: Arc<Delivery>,
    express: Arc<Express>,
    /// The ways to the committers, which end when nobody else has one.
    lanes: Vec<mpsc::WeakSender<Batch>>,
    /// Keeper, with its shards, and committers. Dropped without [`Runtime::shutdown`], they end wherever
    /// they are, as in a crash.
    tasks: tokio::sync::Mutex<JoinSet<()>>,
}

impl Runtime {
    /// Claims the shards that nobody has and takes up the executions that were left in progress there.
    ///
    /// # Errors
    /// Those of the store; [`Error::Unusable`] when it has not what it had acknowledged before.
    pub async fn start(options: RuntimeOptions) -> Result<Runtime, Error> {
        let node = NodeId(uuid::Builder::from_random_bytes(options.entropy.draw()).into_uuid());
        let cluster = options.cluster.unwrap_or_else(|| ClusterOptions {
            address: node.0.to_string().into(),
            peer: Arc::new(NoPeers),
        });
        let token_key = options.store.token_key(options.entropy.draw_key()).await?;
        let shared = Arc::new(Shared {
            node,
            store: options.store.clone(),
            clock: options.clock.clone(),
            entropy: options.entropy,
            programs: Arc::default(),
            metrics: Arc::default(),
            outage: Arc::default(),
            recent: Recent::default(),
            end_watchers: EndWatchers::default(),
            thinkers: Thinkers::new(options.clock.clone(), options.store),
            token_key: Arc::new(TokenKey::new(&token_key)),
            activities: Arc::new(Activities::default()),
            news: broadcast::Sender::new(NEWS_MAX),
            notices: Notices::new(options.event_targets),
            routes: Routes::default(),
            members: Members::default(),
            lease: LocalLease::default(),
            seen: Seen::default(),
            look: Notify::new(),
            draining: CancellationToken::new(),
            stopping: CancellationToken::new(),
            closed: CancellationToken::new(),
        });
        options.witness.examine(&shared).await?;
        let mut tasks = JoinSet::new();
        let lanes = (0..shared.store.lanes()).map(|_| start_committer(&shared, &mut tasks));
        let lanes: Vec<_> = lanes.collect();
        let weak_lanes = lanes.iter().map(mpsc::Sender::downgrade).collect();
        let places = Arc::new(Semaphore::new(options.tasks_max));
        let (histories, recorder) = histories(shared.clone(), options.express_history);
        tasks.spawn(recorder.run());
        let express = Arc::new(Express::new(
            shared.clock.clone(),
            shared.entropy.clone(),
            options.runner.clone(),
            places.clone(),
            shared.metrics.clone(),
            shared.thinkers.clone(),
            histories,
        ));
        let delivery = Arc::new(Delivery::new(shared.clone(), cluster.peer.clone()));
        let children = Children {
            shared: shared.clone(),
            express: express.clone(),
            delivery: delivery.clone(),
        };
        let map_runs = MapRunHost { children: Arc::new(children), data: options.map_run_data };
        let hosting = Hosting::new(shared.clone(), options.runner, places, map_runs, lanes);
        let mut keeper = Keeper::new(hosting, cluster);
        let claimed = keeper.join().await?;
        start_to_forget(&shared, &mut tasks).await?;
        tasks.spawn(keeper.run());
        taken_up(&shared, &claimed).await?;
        let remover = Remover { shared: shared.clone(), days: options.retention_days };
        tasks.spawn(remover.run());
        let tasks = tokio::sync::Mutex::new(tasks);
        Ok(Runtime { shared, delivery, express, lanes: weak_lanes, tasks })
    }

    /// Starts an execution; returns when its start is durable. A name in progress with the same input
    /// gives the execution that has it.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start_execution(&self, start: StartExecution) -> Result<ExecutionRow, StartError> {
        if self.shared.draining.is_cancelled() && !self.shared.store.is_shared() {
            return Err(StartError::Unavailable("the server is shutting down".into()));
        }
        let drawn = self.shared.entropy.draw();
        let entropy = drawn.first_chunk::<10>().copied().unwrap_or_default();
        let request = StartRequest {
            id: ExecutionId::new(self.shared.clock.now(), entropy),
            context: start.context,
            name_is_chosen: start.name_is_chosen,
            revision: start.revision,
            input: start.input,
            is_repeat: false,
        };
        self.delivery.start(request, start.program).await
    }

    /// Starts an Express execution and leaves it to itself; returns the time of its start. At most once: nothing
    /// of it is written before its end.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start_express(&self, start: StartExpress) -> Result<Timestamp, StartError> {
        self.express.start(start)
    }

    /// Starts an Express execution and returns how it has ended. It goes on to its end also when this future is
    /// dropped.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn run_express(&self, start: StartExpress) -> Result<ExpressEnd, StartError> {
        self.express.run(start).await
    }

    /// Takes no new Express executions, gives those that run that long to end, and cuts them off then.
    pub async fn end_express(&self, grace: Duration) {
        self.express.end(grace).await;
    }

    /// Stops an execution; returns the time of its end when that is durable.
    ///
    /// # Errors
    /// See [`StopError`].
    pub async fn stop_execution(&self, request: StopRequest) -> Result<Timestamp, StopError> {
        self.delivery.stop(request).await
    }

    /// The task that a token names.
    ///
    /// # Errors
    /// [`CallbackError::InvalidToken`] when it is none of this database.
    pub fn open_token(&self, token: &str) -> Result<TaskPlace, CallbackError> {
        self.shared.token_key.open(token).ok_or(CallbackError::InvalidToken)
    }

    /// Says something of a task; returns when what follows is durable.
    ///
    /// # Errors
    /// See [`CallbackError`].
    pub async fn call_back(&self, place: TaskPlace, word: Word) -> Result<(), CallbackError> {
        self.delivery.call_back(CallbackRequest { place, word }).await
    }

    /// Waits for a task of an activity, for a minute; its start is durable then.
    ///
    /// # Errors
    /// See [`PollError`].
    pub async fn poll_activity(
        &self,
        activity: Arc<str>,
        worker: Text,
    ) -> Result<Option<ActivityTask>, PollError> {
        let (shared, peer) = (&*self.shared, self.delivery.peer());
        Poll { shared, peer, activity, worker }.wait().await
    }

    /// Takes a task of an activity that waits here, for a worker of another node. It does not wait for one.
    pub async fn take_activity_task(
        &self,
        activity: &Arc<str>,
        worker: Text,
    ) -> Option<ActivityTask> {
        while let Some(reserved) = self.shared.activities.next(activity) {
            if let Some(task) = polling::take(reserved, worker.clone()).await {
                return Some(task);
            }
        }
        None
    }

    /// Hears what is said of a task for another node.
    ///
    /// # Errors
    /// [`NotOwner`] when the shard is not here.
    pub async fn call_back_forwarded(
        &self,
        request: CallbackRequest,
    ) -> Result<Result<(), CallbackError>, NotOwner> {
        self.delivery.call_back_forwarded(request).await
    }

    /// Has an execution that ended badly go on; returns the time of that when it is durable. A request that is repeated
    /// with its token gives the time of the first one.
    ///
    /// # Errors
    /// See [`RedriveError`].
    pub async fn redrive_execution(
        &self,
        request: RedriveRequest,
    ) -> Result<Timestamp, RedriveError> {
        self.delivery.redrive(request).await
    }

    /// How a Map Run stands that runs, after a change of its limits if there is one. What it tells is durable.
    ///
    /// # Errors
    /// See [`MapRunRequestError`].
    pub async fn ask_map_run(
        &self,
        request: MapRunRequest,
    ) -> Result<MapRunProgress, MapRunRequestError> {
        self.delivery.ask_map_run(request).await
    }

    /// The same for another node.
    ///
    /// # Errors
    /// [`NotOwner`] when the shard is not here.
    pub async fn ask_map_run_forwarded(
        &self,
        request: MapRunRequest,
    ) -> Result<Result<MapRunProgress, MapRunRequestError>, NotOwner> {
        self.delivery.ask_map_run_forwarded(request).await
    }

    /// Starts an execution for another node.
    ///
    /// # Errors
    /// [`NotOwner`] when the shard is not here.
    pub async fn start_forwarded(
        &self,
        request: StartRequest,
    ) -> Result<Result<ExecutionRow, StartError>, NotOwner> {
        match self.program(request.revision).await {
            Ok(program) => self.delivery.start_forwarded(request, program).await,
            Err(error) => Ok(Err(StartError::Unavailable(error.to_string()))),
        }
    }

    /// Stops an execution for another node.
    ///
    /// # Errors
    /// [`NotOwner`] when the shard is not here.
    pub async fn stop_forwarded(
        &self,
        request: StopRequest,
    ) -> Result<Result<Timestamp, StopError>, NotOwner> {
        self.delivery.stop_forwarded(request).await
    }

    /// Redrives an execution for another node.
    ///
    /// # Errors
    /// [`NotOwner`] when the shard is not here.
    pub async fn redrive_forwarded(
        &self,
        request: RedriveRequest,
    ) -> Result<Result<Timestamp, RedriveError>, NotOwner> {
        self.delivery.redrive_forwarded(request).await
    }

    /// Who is there and what belongs to whom, as this node saw it last.
    pub fn membership(&self) -> Arc<Membership> {
        self.shared.members.get()
    }

    /// Which of the nodes this one is.
    pub fn node(&self) -> NodeId {
        self.shared.node
    }

    /// Another node says that something in the database concerns this one.
    pub fn poked(&self) {
        self.shared.look.notify_one();
    }

    /// Whether this process is about to stop.
    pub fn is_leaving(&self) -> bool {
        self.shared.draining.is_cancelled()
    }

    /// Why executions can be neither started nor go on; `None` when all is well.
    pub fn fault(&self) -> Option<Arc<str>> {
        if let Some(reason) = self.shared.outage.reason() {
            return Some(reason);
        }
        if self.shared.closed.is_cancelled() {
            return Some("the server has shut down".into());
        }
        let holds = self.shared.lease.is_valid(self.shared.clock.monotonic());
        (!holds).then(|| "the lease of this node has run out; it cannot renew it".into())
    }

    /// What is committed of an execution; `None` when there is none of that name.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn describe_execution(
        &self,
        state_machine_arn: &str,
        name: &str,
        execution_arn: &str,
    ) -> Result<Option<Arc<ExecutionView>>, Error> {
        self.shared.describe(state_machine_arn, name, execution_arn).await
    }

    /// The program of a revision.
    ///
    /// # Errors
    /// Those of the store; [`Error::Corrupt`] when it does not compile.
    pub async fn program(&self, revision: Uuid) -> Result<Arc<Program>, Error> {
        self.shared.programs.get(&*self.shared.store, revision).await
    }

    /// Committed events of all executions from now on.
    pub fn watch(&self) -> broadcast::Receiver<Arc<Committed>> {
        self.shared.news.subscribe()
    }

    /// Counters.
    pub fn metrics(&self) -> MetricsSnapshot {
        let mailboxes: Vec<_> = self.shared.routes.mailboxes().collect();
        let batches = self.lanes.iter().filter_map(mpsc::WeakSender::upgrade);
        let counted = self.shared.metrics.snapshot();
        let (running, data_bytes) = (self.express.count(), self.express.data_bytes());
        MetricsSnapshot {
            express: ExpressSnapshot { running, data_bytes, ..counted.express },
            mailbox: mailboxes.iter().map(waiting).sum(),
            batches: batches.map(|lane| waiting(&lane)).sum(),
            shards: mailboxes.len(),
            nodes: self.shared.members.get().nodes.len(),
            targets: self.shared.notices.snapshot(self.shared.clock.now()),
            ..counted
        }
    }

    /// The highest commit number that the store has acknowledged, by shard: for the [`Witness`] of the next
    /// start.
    pub fn commit_numbers(&self) -> Vec<u64> {
        self.shared.seen.snapshot()
    }

    /// Makes one decision for an execution that nobody else has, at once or on a thread that may take its time.
    ///
    /// # Errors
    /// When the machine panics.
    pub async fn decide(&self, question: Question) -> Result<Thought, JoinError> {
        match question.answer_at_once() {
            Ok(thought) => Ok(thought),
            Err(question) => {
                self.shared.metrics.thought();
                self.shared.thinkers.clone().think(*question).await
            }
        }
    }

    /// The clock of this runtime.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.clock
    }

    /// The entropy of this runtime.
    pub fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.shared.entropy
    }

    /// Takes no new executions, gives running tasks that long to end, and returns when everything
    /// decided is durable, or when the store does not answer for too long. Tasks that are cut off
    /// are handed out again after the next start.
    pub async fn shutdown(&self, grace: Duration) {
        tokio::join!(self.express.end(grace), self.end_shards(grace));
    }

    /// Lets all workers go who wait for tasks of activities; whoever comes later is not kept waiting.
    pub fn let_workers_go(&self) {
        self.shared.activities.close();
    }

    async fn end_shards(&self, grace: Duration) {
        self.let_workers_go();
        self.shared.draining.cancel();
        let mut tasks = self.tasks.lock().await;
        tokio::select! {
            biased;
            () = join_all(&mut tasks) => return,
            () = self.shared.clock.sleep(grace) => self.shared.stopping.cancel(),
        }
        tokio::select! {
            biased;
            () = join_all(&mut tasks) => return,
            () = self.shared.clock.sleep(STORE_GRACE) => {}
        }
        tracing::error!(
            "the store does not answer; what it has not confirmed is repeated after the next start"
        );
        tasks.shutdown().await;
    }
}

/// How many wait in a queue.
fn waiting<T>(queue: &mpsc::Sender<T>) -> usize {
    queue.max_capacity() - queue.capacity()
}

async fn join_all(tasks: &mut JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a part of the runtime has failed");
        }
    }
}

/// Waits until those shards have taken up what was in progress.
async fn taken_up(shared: &Shared, shards: &[ShardId]) -> Result<(), Error> {
    let all = async {
        for shard in shards {
            shared.routes.known(*shard).await;
        }
    };
    tokio::select! {
        biased;
        () = all => {}
        reason = shared.outage.begun() => return Err(Error::Unavailable(reason.to_string())),
    }
    match shared.metrics.snapshot().in_memory {
        0 => {}
        executions => tracing::info!(executions, "took up the executions in progress"),
    }
    Ok(())
}

/// Removes notices that nobody waits for: those of targets that are told nothing any more, and later those that have been
/// dealt with. A node that knows no target removes none while there are others, which may know some.
async fn start_to_forget(shared: &Arc<Shared>, tasks: &mut JoinSet<()>) -> Result<(), Error> {
    if !shared.notices.is_empty() || shared.members.get().is_alone(shared.node) {
        let removed = shared.store.remove_notices_of_others(&shared.notices.targets()).await?;
        if removed > 0 {
            tracing::warn!(
                notices = removed,
                "removed notices of status changes that event targets have not taken: this node has no such targets in its settings"
            );
        }
    }
    if !shared.notices.is_empty() {
        tasks.spawn(Forgetter { shared: shared.clone() }.run());
    }
    Ok(())
}

fn start_committer(shared: &Shared, tasks: &mut JoinSet<()>) -> mpsc::Sender<Batch> {
    // A shard has at most one batch under way, so this queue is never full.
    let (batches, queue) = mpsc::channel(usize::from(SHARD_COUNT));
    let committer = Committer {
        store: shared.store.clone(),
        clock: shared.clock.clone(),
        metrics: shared.metrics.clone(),
        outage: shared.outage.clone(),
    };
    tasks.spawn(committer.run(queue));
    batches
}
