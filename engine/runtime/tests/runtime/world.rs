//! Everything around a runtime: clock, chance, runners that are watched, a reader of journals.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use stepyard_asl::{Program, Resource, Timestamp, compile};
use stepyard_json::{Json, Payload};
use stepyard_machine::{EventKind, Execution, ExecutionKind, StartContext};
use stepyard_runtime::{
    Clock, ClusterOptions, Entropy, EventTarget, ExecutionView, ExpressEnd, ExpressHistory,
    Invocation, LogLevel, Logging, ManualClock, Runtime, RuntimeOptions, SeededEntropy, StartError,
    StartExecution, StartExpress, TaskOutcome, TaskRunner, Witness,
};
use stepyard_store::{
    ClosedExpress, Error, ExecutionId, ExecutionQuery, ExecutionRow, MemoryStore, Revision,
    ShardId, StateMachine, StateMachineType, Store, Tags, codec,
};
use uuid::Uuid;

use crate::faulty::FaultyStore;
use crate::network::Network;
use crate::shelf::Shelf;

/// Turns of the scheduler after which everything that can go on has gone on.
const TURNS: usize = 300;

/// Moves of the clock after which something must have gone wrong.
const PATIENCE: usize = 2_000;

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) store: FaultyStore,
    program: Arc<Program>,
    definition: Arc<str>,
    clock: ManualClock,
    runner: Arc<Runner>,
    seed: u64,
    processes: Arc<AtomicU64>,
    express_starts: Arc<AtomicU64>,
    /// Who is told of status changes.
    pub(crate) event_targets: Vec<Arc<dyn EventTarget>>,
    express_history: ExpressHistory,
    /// What Map Runs have exported.
    pub(crate) shelf: Shelf,
}

/// Answers tasks and keeps each run's idempotency key.
#[derive(Default)]
struct Runner {
    runs: Mutex<Vec<Arc<str>>>,
    tokens: Mutex<Vec<Arc<str>>>,
    failures: Mutex<BTreeMap<Arc<str>, u32>>,
}

#[async_trait]
impl TaskRunner for Runner {
    async fn run(&self, mut invocation: Invocation) -> TaskOutcome {
        self.runs.lock().unwrap().push(invocation.idempotency_key.clone());
        invocation.started.fire();
        tokio::task::yield_now().await;
        let Resource::Lambda(function) = &invocation.resource else {
            // Whatever else there is hands its token to somebody.
            let token = invocation.parameters.tree().get("token").and_then(Json::as_str).unwrap();
            self.tokens.lock().unwrap().push(token.into());
            return TaskOutcome::Submitted(Json::from("handed over").into());
        };
        match &*function.name {
            "hangs" => std::future::pending().await,
            "echo" => TaskOutcome::Succeeded(invocation.parameters),
            "fail-twice" => self.fail_twice(&invocation),
            _ => panic!("on purpose"),
        }
    }
}

impl Runner {
    /// The first two tasks of an execution fail, however often each of them is handed out.
    fn fail_twice(&self, invocation: &Invocation) -> TaskOutcome {
        let mut failures = self.failures.lock().unwrap();
        let execution: Arc<str> =
            invocation.idempotency_key.split(':').next().unwrap_or_default().into();
        let known = failures.contains_key(&invocation.idempotency_key);
        let count = failures.entry(execution).or_default();
        if known || *count < 2 {
            *count += u32::from(!known);
            failures.insert(invocation.idempotency_key.clone(), 0);
            return TaskOutcome::Failed { error: Some("Flaky".into()), cause: None };
        }
        TaskOutcome::Succeeded(invocation.parameters.clone())
    }
}

/// When each world begins.
const BEGINNING: Timestamp = Timestamp(1_700_000_000_000);

const MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:m";

/// Names and ARNs of an execution.
pub(crate) fn chosen(name: &str) -> Arc<StartContext> {
    Arc::new(StartContext {
        execution_arn: format!("arn:aws:states:us-east-1:000000000000:execution:m:{name}").into(),
        execution_name: name.into(),
        state_machine_arn: MACHINE.into(),
        state_machine_name: "m".into(),
        role_arn: "role".into(),
        qualifier: None,
        child_of: None,
        kind: Default::default(),
        limits: Default::default(),
    })
}

impl World {
    pub(crate) fn new(definition: &str, store: FaultyStore) -> World {
        World::seeded(definition, store, 1)
    }

    pub(crate) fn seeded(definition: &str, store: FaultyStore, seed: u64) -> World {
        World::at(ManualClock::at(BEGINNING), definition, store, seed)
    }

    /// One whose store may be shared by several nodes; its time is that of the database.
    pub(crate) fn of_nodes(definition: &str) -> World {
        let clock = ManualClock::at(BEGINNING);
        let database_clock = clock.clone();
        let store = FaultyStore::over(MemoryStore::shared(move || database_clock.now()));
        World::at(clock, definition, store, 1)
    }

    fn at(clock: ManualClock, definition: &str, store: FaultyStore, seed: u64) -> World {
        World {
            store,
            program: compile(definition).program.unwrap(),
            definition: definition.into(),
            clock,
            runner: Arc::default(),
            seed,
            processes: Arc::default(),
            express_starts: Arc::default(),
            event_targets: Vec::new(),
            express_history: ExpressHistory::default(),
            shelf: Shelf::default(),
        }
    }

    /// The same, but other Express executions leave a history.
    pub(crate) fn keeping(self, express_history: ExpressHistory) -> World {
        World { express_history, ..self }
    }

    /// The same, but executions run another program than the revision in the store.
    pub(crate) fn running(&self, definition: &str) -> World {
        World { program: compile(definition).program.unwrap(), ..self.clone() }
    }

    /// The same, so many days later.
    pub(crate) fn later(&self, days: i64) -> World {
        let now = self.clock.now().plus_seconds(days.unsigned_abs() * 86_400);
        World { clock: ManualClock::at(now), ..self.clone() }
    }

    /// Starts a runtime as a new process would, however often the store fails meanwhile.
    pub(crate) async fn start_runtime(&self) -> Runtime {
        // No process draws what another has drawn.
        let process = self.processes.fetch_add(1, Ordering::Relaxed);
        self.start_runtime_drawing(self.seed + (process << 32)).await
    }

    /// Starts a runtime whose entropy comes from that seed.
    pub(crate) async fn start_runtime_drawing(&self, seed: u64) -> Runtime {
        self.start_runtime_with(SeededEntropy::new(seed)).await
    }

    pub(crate) async fn start_runtime_with(&self, entropy: impl Entropy + 'static) -> Runtime {
        self.start_in(entropy, None).await
    }

    /// Starts a runtime as a node that others reach over the network.
    pub(crate) async fn start_node(&self, network: &Network, address: &str) -> Arc<Runtime> {
        let process = self.processes.fetch_add(1, Ordering::Relaxed);
        let entropy = SeededEntropy::new(self.seed + (process << 32));
        let peer = Arc::new(network.clone());
        let cluster = ClusterOptions { address: address.into(), peer };
        let runtime = Arc::new(self.start_in(entropy, Some(cluster)).await);
        network.attach(address, &runtime);
        runtime
    }

    /// Starts a node that expects what a witness has seen.
    pub(crate) async fn start_witness(&self, witness: Witness) -> Result<Runtime, Error> {
        let process = self.processes.fetch_add(1, Ordering::Relaxed);
        let entropy = SeededEntropy::new(self.seed + (process << 32));
        Runtime::start(RuntimeOptions { witness, ..self.options(entropy, None).await }).await
    }

    async fn start_in(
        &self,
        entropy: impl Entropy + 'static,
        cluster: Option<ClusterOptions>,
    ) -> Runtime {
        Runtime::start(self.options(entropy, cluster).await).await.unwrap()
    }

    async fn options(
        &self,
        entropy: impl Entropy + 'static,
        cluster: Option<ClusterOptions>,
    ) -> RuntimeOptions {
        let revision = Revision {
            id: Uuid::from_u128(1),
            definition: self.definition.clone(),
            role_arn: "role".into(),
            configuration: "{}".into(),
            created_at: Timestamp(0),
        };
        let machine = StateMachine {
            arn: MACHINE.into(),
            name: "m".into(),
            machine_type: StateMachineType::Standard,
            created_at: Timestamp(0),
            revision,
            retention_days: None,
            tags: Tags::default(),
            deleting_since: None,
        };
        self.store.create_state_machine(machine, None).await.unwrap();
        RuntimeOptions {
            clock: Arc::new(self.clock.clone()),
            entropy: Arc::new(entropy),
            cluster,
            event_targets: self.event_targets.clone(),
            express_history: self.express_history,
            map_run_data: Arc::new(self.shelf.clone()),
            ..RuntimeOptions::new(Arc::new(self.store.clone()), self.runner.clone())
        }
    }

    pub(crate) async fn start(
        &self,
        runtime: &Runtime,
        name: &str,
        input: &str,
    ) -> Result<ExecutionRow, StartError> {
        let mut starting = std::pin::pin!(runtime.start_execution(self.request(name, input)));
        self.passing_time(&mut starting).await
    }

    /// A start of an Express execution; each one is another one.
    pub(crate) fn express(&self, name: &str, kind: ExecutionKind, input: &str) -> StartExpress {
        let number = self.express_starts.fetch_add(1, Ordering::Relaxed);
        let id = ExecutionId(Uuid::from_u128(u128::from(number)));
        let arn = format!("arn:aws:states:us-east-1:000000000000:express:m:{name}:{}", id.0);
        StartExpress {
            id,
            context: Arc::new(StartContext {
                execution_arn: arn.into(),
                kind,
                ..StartContext::clone(&chosen(name))
            }),
            revision: Uuid::from_u128(1),
            program: self.program.clone(),
            input: Payload::from(Json::parse(input).unwrap()),
            logging: Logging { level: LogLevel::All, include_execution_data: false },
            cancellation: tokio_util::sync::CancellationToken::new(),
        }
    }

    /// Runs an Express execution to its end.
    pub(crate) async fn run_express(&self, runtime: &Runtime, input: &str) -> ExpressEnd {
        let start = self.express("x", ExecutionKind::SyncExpress, input);
        self.passing_time(std::pin::pin!(runtime.run_express(start))).await.unwrap()
    }

    pub(crate) fn request(&self, name: &str, input: &str) -> StartExecution {
        StartExecution {
            context: chosen(name),
            name_is_chosen: true,
            revision: Uuid::from_u128(1),
            program: self.program.clone(),
            input: Payload::from(Json::parse(input).unwrap()),
        }
    }

    /// Moves the clock on until there is an answer.
    pub(crate) async fn passing_time<T>(&self, mut answer: impl Future<Output = T> + Unpin) -> T {
        for _ in 0..PATIENCE {
            tokio::select! {
                biased;
                answer = &mut answer => return answer,
                () = self.settle() => { self.clock.advance_to_next(); }
            }
        }
        panic!("there is no answer");
    }

    /// As a client that tries again by name until it has an answer.
    pub(crate) async fn start_or_find(
        &self,
        runtime: &Runtime,
        name: &str,
        input: &str,
    ) -> ExecutionRow {
        for _ in 0..PATIENCE {
            match self.start(runtime, name, input).await {
                Ok(row) => return row,
                Err(StartError::AlreadyExists { .. }) => {
                    let shard = ShardId::of(MACHINE, name);
                    return self.store.find_execution(shard, MACHINE, name).await.unwrap().unwrap();
                }
                Err(StartError::Throttled | StartError::Unavailable(_)) => {
                    self.clock.advance_to_next();
                }
            }
        }
        panic!("{name} cannot be started");
    }

    /// Lets everything go on that can go on without the clock.
    pub(crate) async fn settle(&self) {
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
    }

    /// Moves the clock on until so many executions have ended.
    pub(crate) async fn until_closed(&self, count: usize) {
        for _ in 0..PATIENCE {
            self.settle().await;
            if self.closed(count).await == count {
                return;
            }
            self.clock.advance_to_next();
        }
        panic!("not all executions end");
    }

    /// Moves the clock on until the store fails; false when an execution has ended before.
    pub(crate) async fn until_failed_or_closed(&self, store: &FaultyStore) -> bool {
        for _ in 0..PATIENCE {
            self.settle().await;
            if store.is_failing() {
                return true;
            }
            if self.closed(1).await == 1 {
                return false;
            }
            self.clock.advance_to_next();
        }
        panic!("nothing happens");
    }

    /// Moves the clock on until that holds.
    pub(crate) async fn until(&self, condition: impl Fn() -> bool) {
        for _ in 0..PATIENCE {
            self.settle().await;
            if condition() {
                return;
            }
            self.clock.advance_to_next();
        }
        panic!("it never holds");
    }

    /// Moves the clock on until every execution has ended.
    pub(crate) async fn until_all_closed(&self) {
        for _ in 0..PATIENCE {
            self.settle().await;
            let query = ExecutionQuery { limit: usize::MAX, ..ExecutionQuery::default() };
            let rows = self.store.list_executions(&query).await.unwrap();
            if rows.iter().all(|row| row.stopped_at.is_some()) {
                return;
            }
            self.clock.advance_to_next();
        }
        panic!("not all executions end");
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The Express executions of which a history is kept, newest first.
    pub(crate) async fn kept_express(&self) -> Vec<ExecutionView> {
        let query = ExecutionQuery {
            state_machine_arn: Some(MACHINE.into()),
            limit: usize::MAX,
            ..ExecutionQuery::default()
        };
        let mut views = Vec::new();
        for row in self.store.list_express(&query).await.unwrap() {
            let closed = self.closed_express(row.shard, row.id).await;
            views.push(ExecutionView::of_express(closed).unwrap());
        }
        views
    }

    /// What is kept of an Express execution.
    pub(crate) async fn closed_express(&self, shard: ShardId, id: ExecutionId) -> ClosedExpress {
        self.store.find_express(shard, id).await.unwrap().unwrap()
    }

    /// All executions.
    pub(crate) async fn rows(&self) -> Vec<ExecutionRow> {
        let query = ExecutionQuery { limit: usize::MAX, ..ExecutionQuery::default() };
        self.store.list_executions(&query).await.unwrap()
    }

    async fn closed(&self, most: usize) -> usize {
        let query = ExecutionQuery { limit: most + 1, ..ExecutionQuery::default() };
        let rows = self.store.list_executions(&query).await.unwrap();
        rows.iter().filter(|row| row.stopped_at.is_some()).count()
    }

    /// The idempotency keys of all runs of tasks.
    pub(crate) fn runs(&self) -> Vec<Arc<str>> {
        self.runner.runs.lock().unwrap().clone()
    }

    /// The tokens that tasks have handed to somebody.
    pub(crate) fn tokens(&self) -> Vec<Arc<str>> {
        self.runner.tokens.lock().unwrap().clone()
    }

    /// Lets so much time pass, step by step.
    pub(crate) async fn pass(&self, seconds: u64) {
        let over = std::pin::pin!(self.clock.sleep(Duration::from_secs(seconds)));
        self.passing_time(over).await;
        self.settle().await;
    }

    pub(crate) fn keys(&self) -> BTreeSet<Arc<str>> {
        self.runs().into_iter().collect()
    }

    /// Folds a journal, checking that it is whole: no gap, no overlap, and an end, which only a redrive follows.
    pub(crate) async fn journal(&self, row: &ExecutionRow) -> Execution {
        let mut execution = Execution::new();
        let mut has_ended = false;
        for chunk in self.store.load_journal(row.shard, row.id).await.unwrap() {
            assert_eq!(chunk.first_event, execution.event_count(), "a gap or an overlap");
            assert_eq!(chunk.first_visible_id, execution.last_event_id().0 + 1);
            for event in codec::decode(&chunk.body).unwrap() {
                let is_redrive = matches!(event.kind, EventKind::ExecutionRedriven { .. });
                assert_eq!(has_ended, is_redrive, "an event after the end");
                has_ended = event.kind.is_terminal();
                execution.apply(&event);
            }
        }
        assert!(has_ended, "an end");
        execution
    }
}
