//! Simulated task runners: slow, silent, panicking, or never to be heard of again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use stepyard_json::Payload;
use stepyard_machine::{EventId, EventKind, TaskId};
use stepyard_runtime::{Invocation, Started, TaskOutcome, TaskRunner};

use crate::bugs::Bug;
use crate::faults::Fault;
use crate::node::Process;
use crate::scenario::arn_of;
use crate::sketch::{self, Answer, Failure, families};
use crate::witness::Checker;
use crate::world::World;

/// A process, and the idempotency key of a task that is out there.
type Place = (u64, Arc<str>);

/// The tasks that are out, each with how often.
#[derive(Clone, Default)]
pub(crate) struct Works(Arc<Mutex<BTreeMap<Place, u64>>>);

impl Works {
    fn begin(&self, process: u64, key: &Arc<str>) -> Work {
        let place = (process, key.clone());
        *self.0.lock().unwrap().entry(place.clone()).or_default() += 1;
        Work { works: self.clone(), place }
    }

    /// The keys of all tasks that are out, in order; one that is out twice stands there twice.
    pub(crate) fn keys(&self) -> Vec<Arc<str>> {
        let works = self.0.lock().unwrap();
        let each = works.iter().flat_map(|((_, key), count)| (0..*count).map(|_| key.clone()));
        let mut keys: Vec<_> = each.collect();
        keys.sort();
        keys
    }
}

/// One task that is out, until this is dropped.
struct Work {
    works: Works,
    place: Place,
}

impl Drop for Work {
    fn drop(&mut self) {
        let mut works = self.works.0.lock().unwrap();
        let count = works.get_mut(&self.place).unwrap();
        *count -= 1;
        if *count == 0 {
            works.remove(&self.place);
        }
    }
}

/// The task runner of one process.
pub(crate) struct Worker {
    pub(crate) world: World,
    pub(crate) process: Process,
    /// What the task before has answered.
    pub(crate) earlier: Mutex<Option<Payload>>,
}

#[async_trait]
impl TaskRunner for Worker {
    async fn run(&self, mut invocation: Invocation) -> TaskOutcome {
        self.process.pass().await;
        let key = invocation.idempotency_key.clone();
        let _work = self.world.works.begin(self.process.number, &key);
        let (process, faults) = (self.process.number, &self.world.faults);
        self.world.witness.note(format_args!("dispatch by {process}: {key}"));
        let Some(attempt) = self.check_cause(&invocation).await else {
            return TaskOutcome::Failed { error: None, cause: None };
        };
        let (name, parameters) = (&invocation.state_name, invocation.parameters.tree());
        let answer = sketch::answer(name, sketch::data(name, parameters), attempt);
        if let Some(token) = sketch::token(name, parameters) {
            return self.hand_over(token.into(), answer, invocation.started).await;
        }
        if families::is_nested(name) && !matches!(answer, Answer::Panics(_)) {
            invocation.started.fire();
            return self.start_nested(&key, parameters).await;
        }
        let hangs = matches!(answer, Answer::Hangs);
        if hangs || !faults.strikes(Fault::TaskSilent, 4) {
            self.work(faults.millis(0, 500)).await;
            invocation.started.fire();
        }
        let outcome = match answer {
            Answer::Succeeds(output) => TaskOutcome::Succeeded(output.into()),
            Answer::Fails(Failure { error, cause }) => {
                TaskOutcome::Failed { error: Some(error.into()), cause: Some(cause.into()) }
            }
            Answer::Panics(_) => {
                faults.count(Fault::TaskPanic);
                panic!("on purpose")
            }
            Answer::Hangs => self.hang().await,
        };
        self.work(self.duration()).await;
        self.spoil(outcome)
    }
}

impl Worker {
    /// Gives a task to somebody outside, who may end it before this is told.
    async fn hand_over(
        &self,
        token: Arc<str>,
        answer: Answer,
        mut started: Started,
    ) -> TaskOutcome {
        let faults = &self.world.faults;
        let is_early = faults.below(2) == 0;
        let is_never_ended = matches!(answer, Answer::Hangs);
        match answer {
            Answer::Panics(_) => panic!("on purpose"),
            Answer::Succeeds(_) | Answer::Fails(_) if is_early => {
                self.world.hand_over(&token, false);
            }
            _ => {}
        }
        self.work(faults.millis(0, 3_000)).await;
        started.fire();
        self.work(faults.millis(0, 3_000)).await;
        self.world.hand_over(&token, is_never_ended);
        TaskOutcome::Submitted(Payload::empty_object())
    }

    pub(crate) async fn work(&self, millis: i64) {
        self.world.time.sleep_millis(millis).await;
        self.process.pass().await;
    }

    fn duration(&self) -> i64 {
        let faults = &self.world.faults;
        match faults.strikes(Fault::TaskLong, 20) {
            true => faults.millis(60_000, 150_000),
            false => faults.millis(0, 2_000),
        }
    }

    /// The time limit of the state passes meanwhile. Clocks may be wrong and nodes may stand still, so that
    /// the answer comes earlier all the same: it says what the time limit would have said.
    async fn hang(&self) -> TaskOutcome {
        let faults = &self.world.faults;
        if faults.below(2) == 0 {
            faults.count(Fault::TaskLate);
            self.work(faults.millis(8_000, 30_000)).await;
            return TaskOutcome::Failed { error: Some("States.Timeout".into()), cause: None };
        }
        faults.count(Fault::TaskLost);
        std::future::pending().await
    }

    fn spoil(&self, outcome: TaskOutcome) -> TaskOutcome {
        let TaskOutcome::Succeeded(output) = outcome else { return outcome };
        let earlier = self.earlier.lock().unwrap().replace(output.clone());
        match earlier.filter(|_| self.world.bug == Some(Bug::ResultOfAnother)) {
            Some(earlier) => TaskOutcome::Succeeded(earlier),
            None => TaskOutcome::Succeeded(output),
        }
    }

    /// A task is handed out when the event that schedules it is durable, with what that event says and
    /// under its number. Which attempt it is.
    async fn check_cause(&self, invocation: &Invocation) -> Option<u64> {
        let found = self.cause(invocation).await;
        self.world.witness.must(Checker::Effects, found.is_some(), || {
            let (key, state) = (&invocation.idempotency_key, &invocation.state_name);
            format!("a task of {state} was handed out as {key}, without its cause in the store")
        });
        found
    }

    async fn cause(&self, invocation: &Invocation) -> Option<u64> {
        let (execution, event) = invocation.idempotency_key.split_once(':')?;
        let task = TaskId(EventId(event.parse().ok()?));
        let rows = self.world.database.executions().await;
        let row = rows.into_iter().find(|row| arn_of(row) == *invocation.execution_arn)?;
        let journal = self.world.journal(&row).await;
        let scheduled = journal.iter().find(|event| event.id == task.0)?;
        let EventKind::TaskScheduled { state, parameters, .. } = &scheduled.kind else {
            return None;
        };
        let program = &self.world.machine(&row.state_machine_arn).program;
        let is_it = row.id.0.to_string() == execution
            && program.state(*state).name == invocation.state_name
            && *parameters == invocation.parameters;
        if is_it { sketch::attempt(&journal, task) } else { None }
    }
}
