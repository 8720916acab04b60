//! The outside: who gets the token of a task ends it, late, twice, at any node, or with a wrong token; and the workers
//! of an activity.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stepyard_asl::{Resource, StateId, StateKind, Timestamp};
use stepyard_json::{Json, Payload};
use stepyard_machine::{Event, EventKind, Execution, TaskId};
use stepyard_runtime::{CallbackError, TaskPlace, Word};
use stepyard_store::{Activity, ExecutionRow, Store, Tags};

use crate::host::Host;
use crate::sketch::{self, ACTIVITY, Answer, Failure};
use crate::witness::Checker;
use crate::world::World;

/// Workers that wait for tasks of the activity.
const WORKERS: u64 = 3;

/// An answer that takes longer is not waited for, in milliseconds.
const PATIENCE_MILLIS: i64 = 20_000;

/// Between two signs of life of a task that is never ended in time, in milliseconds, at most.
const SIGN_MILLIS: u64 = 9_000;

/// Longer than a worker is let wait, in milliseconds.
const POLL_MILLIS: i64 = 70_000;

/// Who outside has what.
#[derive(Default)]
pub(crate) struct Outside(Mutex<Held>);

#[derive(Default)]
struct Held {
    /// The tokens that somebody has got.
    tokens: BTreeSet<Arc<str>>,
    /// How many are about to end a task.
    busy: usize,
}

impl Outside {
    pub(crate) fn is_busy(&self) -> bool {
        self.0.lock().unwrap().busy > 0
    }
}

/// The activity is there, and its workers are at work.
pub(crate) async fn begin(world: &World) {
    let activity = Activity {
        arn: ACTIVITY.into(),
        name: "a".into(),
        created_at: Timestamp(0),
        encryption: "{}".into(),
        tags: Tags::default(),
    };
    world.database.tables.create_activity(activity).await.unwrap();
    for number in 0..WORKERS {
        tokio::spawn(work(world.clone(), number));
    }
}

/// Takes tasks of the activity, one after the other. One whose answer is lost is lost, too.
async fn work(world: World, number: u64) {
    let name: Arc<str> = format!("worker{number}").into();
    loop {
        world.time.sleep_millis(world.faults.millis(10, 3_000)).await;
        let host = any_host(&world);
        let hurries = world.faults.is_chaos() && world.faults.below(6) == 0;
        let patience = if hurries { world.faults.millis(10, 3_000) } else { POLL_MILLIS };
        let worker = Some(name.clone());
        let polled = host
            .ask(&world, patience, async move |node| {
                node.runtime.poll_activity(ACTIVITY.into(), worker).await
            })
            .await;
        let Some(Ok(Some(task))) = polled else { continue };
        world.witness.note(format_args!("{name} gets {}", task.token));
        let found = find(&world, &task.token).await;
        let is_started = found.as_ref().is_some_and(|found| {
            let is_it = |event: &Event| {
                matches!(&event.kind, EventKind::ActivityStarted { worker: Some(worker), .. }
                    if event.previous == found.task.0 && *worker == name)
            };
            found.journal.iter().any(is_it) && found.parameters == task.input
        });
        world.witness.must(Checker::Effects, is_started, || {
            format!("{name} has got {}, which is not in the store", task.token)
        });
        world.hand_over(&task.token, found.is_some_and(|found| found.is_never_ended()));
    }
}

fn any_host(world: &World) -> Arc<Host> {
    world.hosts[world.faults.below(world.hosts.len() as u64) as usize].clone()
}

/// A task, as it is stored.
struct Found {
    name: Arc<str>,
    journal: Vec<Event>,
    task: TaskId,
    parameters: Payload,
}

impl Found {
    fn scheduled(&self) -> &Event {
        self.journal.iter().find(|event| event.id == self.task.0).unwrap()
    }

    /// `HeartbeatSeconds`.
    fn heartbeat_seconds(&self) -> Option<u64> {
        match self.scheduled().kind {
            EventKind::TaskScheduled { heartbeat_seconds, .. } => heartbeat_seconds,
            _ => None,
        }
    }

    fn has_timed_out(&self) -> bool {
        let frame = self.scheduled().frame;
        let later = self.journal.iter().filter(|event| event.frame == frame);
        let mut of_task = later
            .skip_while(|event| event.id != self.task.0)
            .skip(1)
            .take_while(|event| !matches!(event.kind, EventKind::TaskScheduled { .. }));
        of_task.any(|event| matches!(event.kind, EventKind::TaskTimedOut { .. }))
    }

    fn answer(&self) -> Answer {
        let attempt = sketch::attempt(&self.journal, self.task).unwrap();
        sketch::answer(&self.name, sketch::data(&self.name, self.parameters.tree()), attempt)
    }

    /// What somebody says who has it.
    fn word(&self) -> Option<Word> {
        match self.answer() {
            Answer::Succeeds(output) => Some(Word::Success(output.into())),
            Answer::Fails(Failure { error, cause }) | Answer::Panics(Failure { error, cause }) => {
                Some(Word::Failure { error: Some(error.into()), cause: Some(cause.into()) })
            }
            Answer::Hangs => None,
        }
    }

    fn is_never_ended(&self) -> bool {
        matches!(self.answer(), Answer::Hangs)
    }

    fn is_waited_for(&self) -> bool {
        Execution::replay(&self.journal).waits_for(self.task)
    }
}

/// The task whose token that is, by what it was given.
async fn find(world: &World, token: &str) -> Option<Found> {
    for row in world.database.executions().await {
        let journal = world.journal(&row).await;
        let found = scheduled(world, &row, &journal).find(|(said, ..)| *said == token);
        if let Some((_, name, task, parameters)) = found {
            return Some(Found { name, task, parameters, journal });
        }
    }
    None
}

/// The tasks of an execution that have tokens.
fn scheduled<'a>(
    world: &'a World,
    row: &ExecutionRow,
    journal: &'a [Event],
) -> impl Iterator<Item = (&'a str, Arc<str>, TaskId, Payload)> {
    let program = &world.machine(&row.state_machine_arn).program;
    journal.iter().filter_map(move |event| {
        let EventKind::TaskScheduled { state, parameters, .. } = &event.kind else { return None };
        let name = program.state(*state).name.clone();
        let token = sketch::token(&name, parameters.tree())?;
        Some((token, name, TaskId(event.id), parameters.clone()))
    })
}

impl World {
    /// Somebody outside gets a token. Who gets one that he has had already may be too late with it; whose task is never
    /// ended in time, he certainly is.
    pub(crate) fn hand_over(&self, token: &Arc<str>, is_never_ended: bool) {
        let mut held = self.outside.0.lock().unwrap();
        let is_new = held.tokens.insert(token.clone());
        if is_never_ended {
            if is_new {
                tokio::spawn(outlast(self.clone(), token.clone()));
            }
        } else if is_new || self.faults.below(3) == 0 {
            held.busy += 1;
            tokio::spawn(end(self.clone(), token.clone()));
        }
    }

    /// Whether a state's tasks are done by the workers of an activity.
    pub(crate) fn is_of_activity(&self, row: &ExecutionRow, state: StateId) -> bool {
        match &self.machine(&row.state_machine_arn).program.state(state).kind {
            StateKind::Task(task) => matches!(task.resource, Resource::Activity { .. }),
            _ => false,
        }
    }
}

/// Gives some signs of life, then none, and comes with the end of a task when nobody waits for it any more.
async fn outlast(world: World, token: Arc<str>) {
    for _ in 0..world.faults.below(4) {
        let asked = world.time.elapsed();
        let said = say(&world, &token, Word::Heartbeat).await;
        world.time.sleep_millis(world.faults.millis(0, SIGN_MILLIS)).await;
        if said == Some(Ok(())) {
            check_patience(&world, &token, asked).await;
        }
    }
    while find(&world, &token).await.is_some_and(|found| found.is_waited_for()) {
        world.time.sleep_millis(world.faults.millis(1_000, 10_000)).await;
    }
    let said = say(&world, &token, Word::Success(Json::from("late").into())).await;
    world
        .witness
        .must(Checker::Replies, said != Some(Ok(())), || format!("{token} has ended too late"));
}

/// A sign of life that was heard is followed by the whole time for the next one.
async fn check_patience(world: &World, token: &str, asked: Duration) {
    let Some(found) = find(world, token).await else { return };
    let seconds = found.heartbeat_seconds();
    let is_early =
        seconds.is_some_and(|seconds| world.time.elapsed() < asked + Duration::from_secs(seconds));
    world.witness.must(Checker::Effects, !(is_early && found.has_timed_out()), || {
        format!("{token} has timed out, though there was a sign of life at {asked:?}")
    });
}

/// Ends a task, and asks again until there is an answer.
async fn end(world: World, token: Arc<str>) {
    let faults = &world.faults;
    world.time.sleep_millis(faults.millis(0, 6_000)).await;
    if faults.below(4) == 0 {
        say_nonsense(&world, &token).await;
    }
    if faults.below(3) == 0 {
        // Whether it is heard does not matter.
        let _ = say(&world, &token, Word::Heartbeat).await;
    }
    let word = find(&world, &token).await.and_then(|found| found.word());
    let Some(word) = word else {
        return world.witness.violation(Checker::Effects, format!("{token} is of no task"));
    };
    loop {
        let said = say(&world, &token, word.clone()).await;
        match said {
            Some(Ok(())) => {
                check_end(&world, &token, &word).await;
                break;
            }
            Some(Err(CallbackError::TimedOut)) => {
                let waits = find(&world, &token).await.is_some_and(|found| found.is_waited_for());
                world.witness.must(Checker::Replies, !waits, || {
                    format!("{token} is said to have ended, and is waited for")
                });
                break;
            }
            Some(Err(CallbackError::Throttled | CallbackError::Unavailable(_))) | None => {
                world.time.sleep_millis(faults.millis(10, 3_000)).await;
            }
            Some(Err(error @ (CallbackError::InvalidToken | CallbackError::DoesNotExist))) => {
                return world.witness.violation(Checker::Replies, format!("{token}: {error}"));
            }
        }
    }
    if faults.below(4) == 0 {
        // The same word would be told to be heard, when an answer to it is lost between nodes.
        let again = say(&world, &token, Word::Success(Json::from("again").into())).await;
        world
            .witness
            .must(Checker::Replies, again != Some(Ok(())), || format!("{token} has ended twice"));
    }
    world.outside.0.lock().unwrap().busy -= 1;
}

/// Says something of a task at any node.
async fn say(world: &World, token: &Arc<str>, word: Word) -> Option<Result<(), CallbackError>> {
    let host = any_host(world);
    let hurries = world.faults.is_chaos() && world.faults.below(8) == 0;
    let patience = if hurries { world.faults.millis(1, 300) } else { PATIENCE_MILLIS };
    let (said, asked) = (word.clone(), token.clone());
    let answer = host
        .ask(world, patience, async move |node| {
            let place: TaskPlace = node.runtime.open_token(&asked)?;
            node.runtime.call_back(place, said).await
        })
        .await;
    world.witness.note(format_args!("{word:?} of {token} at {}: {answer:?}", host.number));
    answer
}

/// What nobody has given out is refused.
async fn say_nonsense(world: &World, token: &Arc<str>) {
    let at = world.faults.below(token.len() as u64) as usize;
    let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
    let mut wrong = token.to_string();
    wrong.replace_range(at..=at, other);
    let word = Word::Success(Json::from("wrong").into());
    let said = say(world, &wrong.into(), word).await;
    let is_refused = matches!(said, None | Some(Err(CallbackError::InvalidToken)));
    world.witness.must(Checker::Replies, is_refused, || format!("nonsense is heard: {said:?}"));
}

/// An acknowledged end is durable.
async fn check_end(world: &World, token: &str, word: &Word) {
    let found = find(world, token).await;
    let is_there = found.is_some_and(|found| {
        let frame = found.scheduled().frame;
        found.journal.iter().any(|event| {
            event.frame == frame
                && event.id > found.task.0
                && match (&event.kind, word) {
                    (EventKind::TaskSucceeded { output, .. }, Word::Success(said)) => {
                        output == said
                    }
                    (EventKind::TaskFailed { error, .. }, Word::Failure { error: said, .. }) => {
                        error == said
                    }
                    _ => false,
                }
        })
    });
    world.witness.must(Checker::Replies, is_there, || {
        format!("the end of {token} was acknowledged, and is not in the store")
    });
}

/// Tasks whose worker has never learnt that he has them are ended by somebody else.
pub(crate) async fn adopt(world: &World) {
    if !world.scenario.iter().any(|(machine, _)| machine.program.has_activities) {
        return;
    }
    for row in world.database.executions().await {
        if row.stopped_at.is_some() {
            continue;
        }
        let journal = world.journal(&row).await;
        let execution = Execution::replay(&journal);
        let has_worker = |task: TaskId| {
            let of_task = journal.iter().filter(|event| event.previous == task.0);
            of_task.clone().any(|event| matches!(event.kind, EventKind::ActivityStarted { .. }))
        };
        for (token, name, task, parameters) in scheduled(world, &row, &journal) {
            let token = Arc::from(token);
            let is_lost = execution.waits_for(task)
                && has_worker(task)
                && !world.outside.0.lock().unwrap().tokens.contains(&token);
            let found = Found { name, journal: journal.clone(), task, parameters };
            if is_lost && !found.is_never_ended() {
                world.hand_over(&token, false);
            }
        }
    }
}
