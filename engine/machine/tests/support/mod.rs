//! A world around one execution: it carries out commands, and after every stimulus it checks what
//! must always hold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stepyard_asl::{Program, Timestamp, compile};
use stepyard_json::Payload;
use stepyard_machine::{
    Command, Decision, Event, Execution, Facts, InvokeTask, Lack, Limits, MapRunId, Moment,
    StartContext, Stimulus, TaskId, TaskTokens, Timer, Undecided, decide, decide_within,
};

/// 2026-01-01T00:00:00Z.
pub(crate) const EPOCH: Timestamp = Timestamp(1_767_225_600_000);

/// How the ARNs of activities end that do not exist.
const DELETED: &str = ":deleted";

/// Tokens that name their task.
struct Tokens;

impl TaskTokens for Tokens {
    fn token(&self, task: TaskId) -> String {
        format!("token-{}", task.0.0)
    }
}

/// One execution, its journal and what it has asked for.
pub(crate) struct World {
    pub(crate) program: Arc<Program>,
    pub(crate) execution: Execution,
    pub(crate) journal: Vec<Event>,
    pub(crate) tasks: Vec<InvokeTask>,
    /// Tasks that somebody outside has.
    pub(crate) awaited: Vec<InvokeTask>,
    pub(crate) timers: Vec<(Timestamp, Timer)>,
    pub(crate) must_continue: bool,
    /// What is to be done for Map Runs.
    pub(crate) map_runs: BTreeMap<MapRunId, Command>,
    /// Executions that tasks end with.
    pub(crate) executions: BTreeMap<TaskId, Command>,
    pub(crate) now: Timestamp,
    /// Everything that was ever handed out, for late deliveries.
    pub(crate) tasks_ever: Vec<TaskId>,
    pub(crate) timers_ever: Vec<Timer>,
}

pub(crate) fn program(definition: &str) -> Arc<Program> {
    let compilation = compile(definition);
    compilation.program.unwrap_or_else(|| panic!("{:?}\n{definition}", compilation.diagnostics))
}

pub(crate) fn start_context() -> Arc<StartContext> {
    Arc::new(StartContext {
        execution_arn: "arn:aws:states:us-east-1:000000000000:execution:machine:run".into(),
        execution_name: "run".into(),
        state_machine_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:machine".into(),
        state_machine_name: "machine".into(),
        role_arn: "arn:aws:iam::000000000000:role/role".into(),
        qualifier: None,
        child_of: None,
        kind: Default::default(),
        limits: Default::default(),
    })
}

pub(crate) fn start_context_within(limits: Limits) -> Arc<StartContext> {
    Arc::new(StartContext { limits, ..StartContext::clone(&start_context()) })
}

impl World {
    pub(crate) fn start(program: Arc<Program>, input: Payload) -> World {
        World::start_within(Limits::AWS, program, input)
    }

    pub(crate) fn start_within(limits: Limits, program: Arc<Program>, input: Payload) -> World {
        let mut world = World {
            program,
            execution: Execution::new().with_tokens(Arc::new(Tokens)),
            journal: Vec::new(),
            tasks: Vec::new(),
            awaited: Vec::new(),
            timers: Vec::new(),
            must_continue: false,
            map_runs: BTreeMap::new(),
            executions: BTreeMap::new(),
            now: EPOCH,
            tasks_ever: Vec::new(),
            timers_ever: Vec::new(),
        };
        world.deliver(Stimulus::Start { context: start_context_within(limits), input });
        world
    }

    /// Delivers a stimulus and carries out what follows. Returns how many events it made.
    pub(crate) fn deliver(&mut self, stimulus: Stimulus) -> usize {
        match &stimulus {
            Stimulus::TaskSubmitted { task, .. } | Stimulus::ActivityStarted { task, .. } => {
                self.awaited.extend(self.tasks.extract_if(.., |other| other.task == *task));
            }
            Stimulus::TaskSucceeded { task, .. } | Stimulus::TaskFailed { task, .. } => {
                self.tasks.retain(|other| other.task != *task);
            }
            Stimulus::TimerDue { timer } => self.timers.retain(|(_, other)| other != timer),
            Stimulus::Continue => self.must_continue = false,
            _ => {}
        }
        let mut decision = Decision::default();
        let entropy = (self.journal.len() as u128).to_le_bytes();
        let moment = Moment { now: self.now, entropy };
        self.decide(moment, stimulus, &mut decision);
        let made = decision.events.len();
        self.journal.extend(decision.events);
        for command in decision.commands {
            self.carry_out(command);
        }
        self.awaited.retain(|awaited| self.execution.waits_for(awaited.task));
        self.check();
        made
    }

    /// With little to spend and to know at first, as the runtime does. A decision that needs more has not happened.
    fn decide(&mut self, moment: Moment, mut stimulus: Stimulus, decision: &mut Decision) {
        let mut fuel = Some(1 + self.journal.len() as u64 * 37 % 200);
        let mut facts = Facts::default();
        let before = self.execution.clone();
        loop {
            let (program, execution) = (&self.program, &mut self.execution);
            match decide_within(fuel, &facts, program, execution, moment, stimulus, decision) {
                Ok(()) => return,
                Err(Undecided { stimulus: again, lack }) => {
                    assert_eq!(self.execution, before);
                    assert_eq!(*decision, Decision::default());
                    stimulus = again;
                    match lack {
                        Lack::Fuel => fuel = None,
                        Lack::Activity(arn) => {
                            let exists = !arn.ends_with(DELETED);
                            facts.learn(arn, exists);
                        }
                    }
                }
            }
        }
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::InvokeTask(invocation) => {
                self.tasks_ever.push(invocation.task);
                self.tasks.push(invocation);
            }
            Command::CancelTask { task } => {
                let before = self.tasks.len() + self.executions.len();
                self.tasks.retain(|other| other.task != task);
                self.executions.remove(&task);
                let after = self.tasks.len() + self.executions.len();
                assert_eq!(after + 1, before, "cancelled a task that is not out");
            }
            Command::StartTimer { timer, due } => {
                self.timers_ever.push(timer);
                self.timers.push((due, timer));
            }
            Command::Continue => self.must_continue = true,
            Command::AwaitExecution { task, .. } => {
                self.executions.insert(task, command);
            }
            Command::RunChildren { run } | Command::ExportResults { run } => {
                self.map_runs.insert(run, command);
            }
            Command::LimitChildren { run, .. } => assert!(self.map_runs.contains_key(&run)),
            Command::CancelMapRun { run } => {
                assert!(
                    self.map_runs.remove(&run).is_some(),
                    "cancelled a Map Run that is not out"
                );
            }
        }
    }

    /// The state is the fold of the journal, and what is pending is what is outstanding.
    fn check(&mut self) {
        assert_eq!(Execution::replay(&self.journal), self.execution);
        assert_eq!(self.execution.event_count(), self.journal.len() as u64);
        let mut must_continue = false;
        let (mut tasks, mut timers) = (Vec::new(), BTreeSet::new());
        let (mut map_runs, mut executions) = (BTreeMap::new(), BTreeMap::new());
        for command in self.execution.pending() {
            match command {
                Command::InvokeTask(invocation) => tasks.push(invocation),
                Command::StartTimer { timer, due } => {
                    timers.insert((due, timer));
                }
                Command::Continue => must_continue = true,
                Command::RunChildren { run } | Command::ExportResults { run } => {
                    map_runs.insert(run, command);
                }
                Command::AwaitExecution { task, .. } => {
                    executions.insert(task, command);
                }
                Command::CancelTask { .. }
                | Command::CancelMapRun { .. }
                | Command::LimitChildren { .. } => panic!("a change is never pending"),
            }
        }
        tasks.sort_by_key(|invocation| invocation.task);
        self.tasks.sort_by_key(|invocation| invocation.task);
        assert_eq!(tasks, self.tasks);
        // One that has come to its end is not cancelled: its last report says so.
        self.map_runs.retain(|run, _| self.execution.map_run(*run).is_some());
        assert_eq!(map_runs, self.map_runs);
        self.executions.retain(|task, _| self.execution.waits_for(*task));
        assert_eq!(executions, self.executions);
        assert!(self.must_continue || !must_continue, "nobody was asked to go on");
        if self.must_continue && !must_continue {
            // Another stimulus came first and led to rest.
            self.expect_silence(Stimulus::Continue);
            self.must_continue = false;
        }
        let outstanding: BTreeSet<_> = self.timers.iter().copied().collect();
        assert!(timers.is_subset(&outstanding), "a pending timer was never started");
        for (_, timer) in outstanding.difference(&timers) {
            self.expect_silence(Stimulus::TimerDue { timer: *timer });
        }
    }

    /// A stimulus that does not count changes nothing.
    pub(crate) fn expect_silence(&self, stimulus: Stimulus) {
        let mut execution = self.execution.clone();
        let mut decision = Decision::default();
        let moment = Moment { now: Timestamp(i64::MAX / 2), entropy: [0; 16] };
        let words = format!("{stimulus:?}");
        decide(&self.program, &mut execution, moment, stimulus, &mut decision);
        assert_eq!(decision, Decision::default(), "{words}");
        assert_eq!(execution, self.execution, "{words}");
    }
}
