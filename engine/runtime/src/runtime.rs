//! The handle by which everything else uses the runtime.

use std::sync::Arc;

use stepyard_asl::{Program, Timestamp};
use stepyard_json::Payload;
use stepyard_machine::{Event, StartContext, Text};
use stepyard_store::{Error, ExecutionRow, SHARD_COUNT, ShardId, Store};
use tokio::sync::{Semaphore, broadcast, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::committer::Committer;
use crate::dispatch::Dispatches;
use crate::shard::{MAILBOX_MAX, Message, Shard, Shared, Start, Stop};
use crate::{Clock, Entropy, MetricsSnapshot, StartError, StopError, TaskRunner};

/// Tasks that run at the same time when nothing else is said.
const TASKS_MAX: usize = 1_000;

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
    /// Dropped without [`Runtime::shutdown`], they end wherever they are, as in a crash.
    shards: tokio::sync::Mutex<JoinSet<()>>,
}

impl Runtime {
    /// Claims all shards and takes up the executions that were left in progress.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn start(options: RuntimeOptions) -> Result<Runtime, Error> {
        let places = Arc::new(Semaphore::new(options.tasks_max));
        let shared = Arc::new(Shared {
            store: options.store,
            clock: options.clock,
            entropy: options.entropy,
            programs: Arc::default(),
            metrics: Arc::default(),
            news: broadcast::Sender::new(NEWS_MAX),
            draining: CancellationToken::new(),
            stopping: CancellationToken::new(),
        });
        let all: Vec<_> = (0..SHARD_COUNT).map(ShardId).collect();
        let leases = shared.store.claim_shards(&all).await?;
        // One committer, because SQLite has one writer.
        let committer = start_committer(&shared);
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
            let mut shard =
                Shard::new(shared.clone(), lease, messages, committer.clone(), dispatches);
            taken_up += shard.recover().await?;
            recovered.push(shard);
            mailboxes.push(mailbox);
        }
        if taken_up > 0 {
            tracing::info!(executions = taken_up, "took up the executions in progress");
        }
        let shards = recovered.into_iter().map(Shard::run).collect::<JoinSet<()>>();
        Ok(Runtime { shared, mailboxes, shards: tokio::sync::Mutex::new(shards) })
    }

    /// Starts an execution; returns when its start is durable. A name in progress with the same input
    /// gives the execution that has it.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start_execution(&self, start: StartExecution) -> Result<ExecutionRow, StartError> {
        let shard = ShardId::of(&start.context.state_machine_arn, &start.context.execution_name);
        let (reply, answer) = oneshot::channel();
        let message = Message::Start(Box::new(Start {
            context: start.context,
            name_is_chosen: start.name_is_chosen,
            revision: start.revision,
            program: start.program,
            input: start.input,
            reply,
        }));
        if self.shared.draining.is_cancelled() {
            return Err(StartError::Unavailable("the server is shutting down".into()));
        }
        if self.mailboxes[usize::from(shard.0)].try_send(message).is_err() {
            return Err(StartError::Throttled);
        }
        let gone = || StartError::Unavailable("the server is shutting down".into());
        answer.await.map_err(|_| gone())?
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
        let gone = || StopError::Unavailable("the server is shutting down".into());
        self.mailboxes[usize::from(shard.0)].send(stop).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
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

    /// Takes no new executions, gives running tasks until `deadline` to end, and returns when
    /// everything decided is durable. Tasks that are cut off are handed out again after the next
    /// start.
    pub async fn shutdown(&self, deadline: Timestamp) {
        self.shared.draining.cancel();
        let mut shards = self.shards.lock().await;
        tokio::select! {
            biased;
            () = join_all(&mut shards) => return,
            () = self.shared.clock.sleep_until(deadline) => {}
        }
        self.shared.stopping.cancel();
        join_all(&mut shards).await;
    }
}

async fn join_all(shards: &mut JoinSet<()>) {
    while let Some(ended) = shards.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a shard has failed");
        }
    }
}

fn start_committer(shared: &Arc<Shared>) -> mpsc::Sender<crate::committer::Batch> {
    // A shard has at most one batch under way, so this queue is never full.
    let (batches, queue) = mpsc::channel(usize::from(SHARD_COUNT));
    let committer = Committer {
        store: shared.store.clone(),
        clock: shared.clock.clone(),
        metrics: shared.metrics.clone(),
    };
    tokio::spawn(committer.run(queue));
    batches
}
