//! The handle by which everything else uses the runtime.

use std::sync::Arc;
use std::time::Duration;

use stepyard_asl::{Program, Timestamp};
use stepyard_json::Payload;
use stepyard_machine::{Event, StartContext, Text};
use stepyard_store::{Error, ExecutionRow, NodeId, SHARD_COUNT, ShardId, Store, all_shards};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::committer::{Batch, Committer};
use crate::dispatch::Dispatches;
use crate::recent::Recent;
use crate::retention::{RETENTION_DAYS, Remover};
use crate::shard::{MAILBOX_MAX, Message, Shard, Shared, Start, Stop};
use crate::{Clock, Entropy, ExecutionView, MetricsSnapshot, StartError, StopError, TaskRunner};

/// Tasks that run at the same time when nothing else is said.
const TASKS_MAX: usize = 1_000;

/// Bytes of inputs whose starts are not durable yet, in all: with more, starts are throttled.
const START_BYTES_MAX: usize = 256 << 20;

/// What an input takes at least of [`START_BYTES_MAX`], for what is kept beside it.
const START_BYTES_MIN: usize = 1 << 10;

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
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where chance comes from.
    pub entropy: Arc<dyn Entropy>,
    /// How many tasks run at the same time; more wait for a place.
    pub tasks_max: usize,
    /// Days for which executions are kept after their end, unless their state machine says otherwise; 0
    /// is for ever.
    pub retention_days: u32,
}

impl RuntimeOptions {
    /// The usual options: the time of this machine, the entropy of its system.
    pub fn new(store: Arc<dyn Store>, runner: Arc<dyn TaskRunner>) -> RuntimeOptions {
        RuntimeOptions {
            store,
            runner,
            clock: Arc::new(crate::SystemClock::new()),
            entropy: Arc::new(crate::OsEntropy::default()),
            tasks_max: TASKS_MAX,
            retention_days: RETENTION_DAYS,
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

/// A running runtime: it owns all shards of its store.
pub struct Runtime {
    shared: Arc<Shared>,
    mailboxes: Vec<mpsc::Sender<Message>>,
    /// Places for starts that are not durable yet, by the byte.
    starts: Arc<Semaphore>,
    /// Shards and committer. Dropped without [`Runtime::shutdown`], they end wherever they are, as in
    /// a crash.
    tasks: tokio::sync::Mutex<JoinSet<()>>,
}

impl Runtime {
    /// Claims all shards and takes up the executions that were left in progress.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn start(options: RuntimeOptions) -> Result<Runtime, Error> {
        let places = Arc::new(Semaphore::new(options.tasks_max));
        let node = NodeId(uuid::Builder::from_random_bytes(options.entropy.draw()).into_uuid());
        let shared = Arc::new(Shared {
            node,
            store: options.store,
            clock: options.clock,
            entropy: options.entropy,
            programs: Arc::default(),
            metrics: Arc::default(),
            outage: Arc::default(),
            recent: Recent::default(),
            news: broadcast::Sender::new(NEWS_MAX),
            draining: CancellationToken::new(),
            stopping: CancellationToken::new(),
        });
        let leases = shared.store.claim_shards(node, &all_shards()).await?;
        let mut tasks = JoinSet::new();
        let lanes: Vec<_> =
            (0..shared.store.lanes()).map(|_| start_committer(&shared, &mut tasks)).collect();
        let (mut mailboxes, mut recovered) = (Vec::new(), Vec::new());
        let mut taken_up = 0;
        for lease in leases {
            let (mailbox, messages) = mpsc::channel(MAILBOX_MAX);
            let dispatches = Dispatches::new(
                options.runner.clone(),
                places.clone(),
                mailbox.downgrade(),
                shared.metrics.clone(),
            );
            let committer = lanes[usize::from(lease.shard.0) % lanes.len()].clone();
            let mut shard = Shard::new(shared.clone(), lease, messages, committer, dispatches);
            taken_up += shard.recover().await?;
            recovered.push(shard);
            mailboxes.push(mailbox);
        }
        if taken_up > 0 {
            tracing::info!(executions = taken_up, "took up the executions in progress");
        }
        for shard in recovered {
            tasks.spawn(shard.run());
        }
        let owned = Box::new(all_shards);
        let remover = Remover { shared: shared.clone(), owned, days: options.retention_days };
        tasks.spawn(remover.run());
        let starts = Arc::new(Semaphore::new(START_BYTES_MAX));
        Ok(Runtime { shared, mailboxes, starts, tasks: tokio::sync::Mutex::new(tasks) })
    }

    /// Starts an execution; returns when its start is durable. A name in progress with the same input
    /// gives the execution that has it.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start_execution(&self, start: StartExecution) -> Result<ExecutionRow, StartError> {
        if self.shared.draining.is_cancelled() {
            return Err(StartError::Unavailable("the server is shutting down".into()));
        }
        if let Some(reason) = self.shared.outage.reason() {
            return Err(StartError::Unavailable(reason.to_string()));
        }
        let shard = ShardId::of(&start.context.state_machine_arn, &start.context.execution_name);
        let (reply, answer) = oneshot::channel();
        let message = Message::Start(Box::new(Start {
            place: self.place(start.input.len())?,
            context: start.context,
            name_is_chosen: start.name_is_chosen,
            revision: start.revision,
            program: start.program,
            input: start.input,
            reply,
        }));
        self.mailboxes[usize::from(shard.0)].try_send(message).map_err(|error| match error {
            TrySendError::Full(_) => StartError::Throttled,
            TrySendError::Closed(_) => StartError::Unavailable(gone()),
        })?;
        tokio::select! {
            biased;
            answer = answer => answer.unwrap_or_else(|_| Err(StartError::Unavailable(gone()))),
            reason = self.shared.outage.begun() => Err(StartError::Unavailable(reason.to_string())),
        }
    }

    /// A place for an input among the starts that are not durable yet.
    fn place(&self, bytes: usize) -> Result<OwnedSemaphorePermit, StartError> {
        let bytes = u32::try_from(bytes.max(START_BYTES_MIN)).unwrap_or(u32::MAX);
        self.starts.clone().try_acquire_many_owned(bytes).map_err(|_| StartError::Throttled)
    }

    /// Stops an execution; returns the time of its end when that is durable.
    ///
    /// # Errors
    /// See [`StopError`].
    pub async fn stop_execution(
        &self,
        state_machine_arn: Arc<str>,
        name: Arc<str>,
        error: Text,
        cause: Text,
    ) -> Result<Timestamp, StopError> {
        let shard = ShardId::of(&state_machine_arn, &name);
        let (reply, answer) = oneshot::channel();
        let stop = Message::Stop(Box::new(Stop { state_machine_arn, name, error, cause, reply }));
        let stopped = async {
            let sent = self.mailboxes[usize::from(shard.0)].send(stop).await;
            sent.map_err(|_| StopError::Unavailable(gone()))?;
            answer.await.unwrap_or_else(|_| Err(StopError::Unavailable(gone())))
        };
        tokio::select! {
            biased;
            stopped = stopped => stopped,
            reason = self.shared.outage.begun() => Err(StopError::Unavailable(reason.to_string())),
        }
    }

    /// Why executions can be neither started nor go on; `None` when all is well.
    pub fn fault(&self) -> Option<Arc<str>> {
        if self.mailboxes.iter().any(mpsc::Sender::is_closed) {
            return Some("a shard has stopped; see the log".into());
        }
        self.shared.outage.reason()
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
        let shard = ShardId::of(state_machine_arn, name);
        if let Some(view) = self.shared.recent.get(shard, execution_arn) {
            return Ok(Some(view));
        }
        let store = &*self.shared.store;
        match store.find_execution(shard, state_machine_arn, name).await? {
            Some(row) => ExecutionView::load(store, row).await.map(|view| Some(Arc::new(view))),
            None => Ok(None),
        }
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
        let waiting = |mailbox: &mpsc::Sender<Message>| mailbox.max_capacity() - mailbox.capacity();
        MetricsSnapshot {
            mailbox: self.mailboxes.iter().map(waiting).sum(),
            ..self.shared.metrics.snapshot()
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

/// What somebody is told whose answer will not come.
fn gone() -> String {
    "the server is shutting down, or a part of it has failed; try again".into()
}

async fn join_all(tasks: &mut JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a shard has failed");
        }
    }
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
