//! A world: some nodes on one database, with clients and workers, in a time of its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stepyard_asl::{Random, Timestamp};
use stepyard_machine::Event;
use stepyard_runtime::planted;
use stepyard_store::{ExecutionRow, Store, codec};
use tokio::sync::Notify;

use crate::bugs::Bug;
use crate::canceller::Canceller;
use crate::client::{Book, Client};
use crate::database::Database;
use crate::director;
use crate::faults::{Counts, Fault, Faults};
use crate::host::Host;
use crate::network::Network;
use crate::node::Process;
use crate::outside::{self, Outside};
use crate::redriver::Redriver;
use crate::scenario::{self, Machine};
use crate::time::Time;
use crate::witness::{Checker, Violation, Witness};
use crate::worker::Works;

/// More moments than any world needs.
const MOMENTS_MAX: u64 = 2_000_000;

/// What a world is made of.
#[derive(Clone, Copy, Default)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) bug: Option<Bug>,
    /// No faults but a crash at that commit.
    pub(crate) only_crash: Option<(u64, Fault)>,
    /// Executions that end badly are redriven.
    pub(crate) redrives: bool,
    pub(crate) keeps_trace: bool,
    /// Whether somebody outside ends tasks.
    pub(crate) outside: bool,
    /// Whether executions start others.
    pub(crate) families: bool,
}

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) seed: u64,
    pub(crate) hash: u64,
    pub(crate) trace: String,
    pub(crate) violation: Option<Violation>,
    pub(crate) faults: Counts,
    pub(crate) commits: u64,
    pub(crate) executions: usize,
    pub(crate) started_by_others: usize,
    pub(crate) redrives: u64,
    /// Milliseconds that have passed in the world.
    pub(crate) millis: i64,
}

/// Everything in a world can reach everything else.
#[derive(Clone)]
pub(crate) struct World(Arc<Inner>);

impl std::ops::Deref for World {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

pub(crate) struct Inner {
    pub(crate) seed: u64,
    pub(crate) bug: Option<Bug>,
    /// Whether executions are redriven.
    redrives: bool,
    /// Whether executions start others.
    families: bool,
    pub(crate) time: Time,
    pub(crate) faults: Faults,
    pub(crate) witness: Witness,
    pub(crate) database: Arc<Database>,
    /// State machines, and the names of executions that clients use.
    pub(crate) scenario: Vec<(Machine, Vec<Arc<str>>)>,
    /// That of the executions which tasks start.
    inner: Option<Machine>,
    pub(crate) hosts: Vec<Arc<Host>>,
    pub(crate) network: Network,
    pub(crate) works: Works,
    pub(crate) book: Book,
    pub(crate) outside: Outside,
    processes: AtomicU64,
    /// When a process has begun or ended last.
    disturbed: Mutex<Duration>,
}

/// Runs a world to its end.
pub(crate) fn run(plan: Plan) -> Outcome {
    let idle = Arc::new(Notify::new());
    let parks = idle.clone();
    // Everything in the world runs on this thread. When nothing can go on, the thread would park: then
    // it is time to let time pass.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .on_thread_park(move || parks.notify_waiters())
        .build()
        .unwrap();
    runtime.block_on(live(plan, &idle))
}

async fn live(plan: Plan, idle: &Notify) -> Outcome {
    planted::plant(match plan.bug {
        Some(Bug::Inside(mistake)) => Some(mistake),
        _ => None,
    });
    let world = World::new(plan);
    for machine in world.machines() {
        world.database.tables.create_state_machine(machine.stored(), None).await.unwrap();
    }
    if plan.outside {
        outside::begin(&world).await;
    }
    for host in &world.hosts {
        tokio::spawn(host.clone().run(world.clone()));
    }
    let director = tokio::spawn(director::run(world.clone(), plan.only_crash.is_some()));
    for moment in 0.. {
        idle.notified().await;
        if director.is_finished() || world.witness.found().is_some() {
            break;
        }
        if moment > MOMENTS_MAX || !world.time.wake_next() {
            let text = "the world does not come to its end".to_owned();
            world.witness.violation(Checker::Liveness, text);
        }
    }
    if director.is_finished()
        && let Err(error) = director.await
    {
        world.witness.violation(Checker::Liveness, format!("a checker has panicked: {error}"));
    }
    world.outcome().await
}

impl World {
    fn new(plan: Plan) -> World {
        let mut random = Random::from_seed(plan.seed);
        // One node on a database of its own, or several that share one.
        let nodes = [1, 1, 2, 3, 3, 5][random.below(6) as usize];
        let lanes = (nodes > 1).then(|| [1, 4][random.below(2) as usize]);
        let time = Time::new(random.next_u64());
        let witness = Witness::new(time.clone(), plan.keeps_trace);
        let faults = Faults::new(random.next_u64());
        if plan.only_crash.is_some() {
            faults.end();
        }
        let database =
            Database::new((time.clone(), faults.clone(), witness.clone()), lanes, plan.bug);
        if let Some((commit, when)) = plan.only_crash {
            database.crash_at(commit, when);
        }
        let scenario = (0..1 + random.below(3)).map(|number| {
            let machine = Machine::random(&mut random, number, &plan);
            let names = scenario::names(&mut random, &machine);
            (machine, names)
        });
        let scenario = scenario.collect();
        World(Arc::new(Inner {
            seed: plan.seed,
            bug: plan.bug,
            redrives: plan.redrives,
            families: plan.families,
            scenario,
            inner: plan.families.then(|| Machine::inner(&mut random)),
            hosts: (0..nodes).map(|number| Arc::new(Host::new(number))).collect(),
            network: Network::default(),
            time,
            faults,
            witness,
            database: Arc::new(database),
            works: Works::default(),
            book: Book::default(),
            outside: Outside::default(),
            processes: AtomicU64::new(0),
            disturbed: Mutex::default(),
        }))
    }

    /// A process has begun or ended.
    pub(crate) fn disturbed(&self) {
        *self.disturbed.lock().unwrap() = self.time.elapsed();
    }

    /// For how long no process has begun or ended.
    pub(crate) fn calm_for(&self) -> Duration {
        self.time.elapsed() - *self.disturbed.lock().unwrap()
    }

    pub(crate) fn new_process(&self, host: &Host) -> Process {
        let number = self.processes.fetch_add(1, Ordering::Relaxed);
        Process::new(number, self.time.clone(), host.skew.clone())
    }

    /// Clients of this world, each with what it will do.
    pub(crate) fn clients(&self) -> Vec<Client> {
        let mut random = Random::from_seed(self.seed ^ 0xc11e);
        let clients = 1 + random.below(4);
        let client = |number| {
            let random = Random::from_seed(random.next_u64());
            Client { world: self.clone(), number, random }
        };
        (0..clients).map(client).collect()
    }

    /// Clients that redrive, if there are any in this world.
    pub(crate) fn redrivers(&self) -> Vec<Redriver> {
        let mut random = Random::from_seed(self.seed ^ 0x4ed1);
        let redrivers = if self.redrives { 1 + random.below(2) } else { 0 };
        let redriver = |number| {
            let random = Random::from_seed(random.next_u64());
            Redriver(Client { world: self.clone(), number, random })
        };
        // Their numbers are behind those of all other clients.
        (100..100 + redrivers).map(redriver).collect()
    }

    /// Clients that stop executions which have started others, if there are any in this world.
    pub(crate) fn cancellers(&self) -> Vec<Canceller> {
        let mut random = Random::from_seed(self.seed ^ 0xca4c);
        let cancellers = if self.families { random.below(3) } else { 0 };
        let canceller = |number| {
            let random = Random::from_seed(random.next_u64());
            Canceller(Client { world: self.clone(), number, random })
        };
        (200..200 + cancellers).map(canceller).collect()
    }

    fn machines(&self) -> impl Iterator<Item = &Machine> {
        self.scenario.iter().map(|(machine, _)| machine).chain(&self.inner)
    }

    /// The state machine of that ARN, that of the parent for child executions of Map Runs (`ARN/LABEL`).
    pub(crate) fn machine(&self, arn: &str) -> &Machine {
        let whole = arn.split('/').next().unwrap();
        self.machines().find(|machine| *machine.arn == *whole).unwrap()
    }

    /// The state machine of the executions that tasks start.
    pub(crate) fn inner(&self) -> Option<&Machine> {
        self.inner.as_ref()
    }

    /// Whether an execution was started by another one, not by a client.
    pub(crate) fn is_started_by_others(&self, row: &ExecutionRow) -> bool {
        let is_inner = self.inner.as_ref().is_some_and(|inner| inner.arn == row.state_machine_arn);
        row.child.is_some() || is_inner
    }

    /// The events of an execution, as they are durable. Gaps and overlaps are found.
    pub(crate) async fn journal(&self, row: &ExecutionRow) -> Vec<Event> {
        let mut journal = Vec::new();
        let mut visible = 0;
        for chunk in self.database.tables.load_journal(row.shard, row.id).await.unwrap() {
            let events = codec::decode(&chunk.body).unwrap();
            let follows = chunk.first_event == journal.len() as u64
                && chunk.first_visible_id == visible + 1
                && chunk.events as usize == events.len();
            self.witness.must(Checker::History, follows, || {
                format!("the journal of {} has a gap or an overlap", row.name)
            });
            visible += events.iter().filter(|event| event.kind.is_visible()).count() as u64;
            journal.extend(events);
        }
        journal
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.time.wall()
    }

    async fn outcome(&self) -> Outcome {
        let executions = self.database.executions().await;
        let redrives = executions.iter().filter_map(|row| row.redriven);
        Outcome {
            seed: self.seed,
            hash: self.witness.hash(),
            trace: self.witness.lines(),
            violation: self.witness.found(),
            faults: self.faults.counts(),
            commits: self.database.commits(),
            executions: executions.len(),
            started_by_others: executions
                .iter()
                .filter(|row| self.is_started_by_others(row))
                .count(),
            redrives: redrives.map(|redriven| u64::from(redriven.count)).sum(),
            millis: i64::try_from(self.time.elapsed().as_millis()).unwrap(),
        }
    }
}
