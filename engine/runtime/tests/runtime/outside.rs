//! Tasks that somebody outside has: their tokens, and workers that take them.

use std::sync::Arc;

use stepyard_asl::Timestamp;
use stepyard_json::{Json, Payload};
use stepyard_machine::ExecutionStatus;
use stepyard_runtime::{ActivityTask, CallbackError, Runtime, StopRequest, Word};
use stepyard_store::{Activity, ExecutionRow, ReadLimit, Store, Tags};

use crate::faulty::{Fault, FaultyStore};
use crate::network::Network;
use crate::world::World;

/// A call whose answer is not the end.
const CALL: &str = r#"{"StartAt":"Call","States":{"Call":{"Type":"Task","End":true,
    "Resource":"arn:aws:states:::test:call.waitForTaskToken","Parameters":{"token.$":"$$.Task.Token"}}}}"#;

/// The same, which must be heard of every ten seconds.
const WATCHED: &str = r#"{"StartAt":"Call","States":{"Call":{"Type":"Task","End":true,"HeartbeatSeconds":10,
    "Resource":"arn:aws:states:::test:call.waitForTaskToken","Parameters":{"token.$":"$$.Task.Token"}}}}"#;

/// What comes after the token takes long.
const LONG: &str = r#"{"QueryLanguage":"JSONata","StartAt":"Both","States":{"Both":{"Type":"Parallel","End":true,"Branches":[
    {"StartAt":"A","States":{"A":{"Type":"Task","End":true,"Output":"{% $sum($map([1..40000], function($x){ $x })) %}",
        "Resource":"arn:aws:states:::test:call.waitForTaskToken","Arguments":{"token":"{% $states.context.Task.Token %}"}}}},
    {"StartAt":"B","States":{"B":{"Type":"Task","End":true,"Output":"{% $sum($map([1..40000], function($x){ $x })) %}",
        "Resource":"arn:aws:states:::test:call.waitForTaskToken","Arguments":{"token":"{% $states.context.Task.Token %}"}}}}]}}}"#;

const ACTIVITY: &str = "arn:aws:states:us-east-1:000000000000:activity:a";

/// Work for the workers of an activity.
const WORK: &str = r#"{"StartAt":"Work","States":{"Work":{"Type":"Task","End":true,
    "Resource":"arn:aws:states:us-east-1:000000000000:activity:a"}}}"#;

async fn say(runtime: &Runtime, token: &str, word: Word) -> Result<(), CallbackError> {
    runtime.call_back(runtime.open_token(token)?, word).await
}

fn success(output: &str) -> Word {
    Word::Success(Payload::from(Json::parse(output).unwrap()))
}

async fn ended(world: &World, row: &ExecutionRow) -> (ExecutionStatus, Option<String>) {
    let journal = world.journal(row).await;
    (journal.status().unwrap(), journal.output().map(|output| output.text().to_string()))
}

/// Starts an execution and waits until somebody has its token.
async fn called(world: &World, runtime: &Runtime, name: &str) -> (ExecutionRow, Arc<str>) {
    let before = world.tokens().len();
    let row = world.start(runtime, name, "{}").await.unwrap();
    world.until(|| world.tokens().len() > before).await;
    world.settle().await;
    (row, world.tokens()[before].clone())
}

#[tokio::test]
async fn who_waits_for_others_is_not_in_memory() {
    let world = World::new(CALL, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let (row, token) = called(&world, &runtime, "one").await;
    assert_eq!(runtime.metrics().in_memory, 0);
    world.pass(3_600).await;
    assert_eq!(say(&runtime, &token, Word::Heartbeat).await, Ok(()));
    world.settle().await;
    assert_eq!(runtime.metrics().in_memory, 0, "a sign of life changes nothing");
    assert_eq!(say(&runtime, &token, success("7")).await, Ok(()));
    assert_eq!(ended(&world, &row).await, (ExecutionStatus::Succeeded, Some("7".into())));
    world.settle().await;
    assert_eq!(runtime.metrics().in_memory, 0);
    for word in [success("8"), Word::Failure { error: None, cause: None }, Word::Heartbeat] {
        assert_eq!(say(&runtime, &token, word).await, Err(CallbackError::TimedOut));
    }
}

#[tokio::test]
async fn what_was_heard_is_durable() {
    let store = FaultyStore::sound();
    let world = World::new(CALL, store.clone());
    let runtime = Arc::new(world.start_runtime().await);
    let (row, token) = called(&world, &runtime, "one").await;
    let held = store.hold();
    let saying = {
        let (runtime, token) = (runtime.clone(), token.clone());
        tokio::spawn(async move { say(&runtime, &token, success("1")).await })
    };
    world.settle().await;
    assert!(!saying.is_finished());
    // That it has ended is not told either before it is durable.
    let second = {
        let (runtime, token) = (runtime.clone(), token.clone());
        tokio::spawn(async move { say(&runtime, &token, success("2")).await })
    };
    world.settle().await;
    assert!(!second.is_finished());
    drop(held);
    assert_eq!(saying.await.unwrap(), Ok(()));
    assert_eq!(second.await.unwrap(), Err(CallbackError::TimedOut));
    assert_eq!(ended(&world, &row).await.1, Some("1".into()));
}

#[tokio::test]
async fn a_word_whose_answer_was_lost_is_told_to_be_heard() {
    for fault in [Fault::LostBefore, Fault::LostAfter] {
        for word in [success("1"), Word::Failure { error: Some("E".into()), cause: None }] {
            let store = FaultyStore::sound();
            let world = World::new(CALL, store.clone());
            let runtime = world.start_runtime().await;
            let (_, token) = called(&world, &runtime, "one").await;
            store.next_commits(&[fault]);
            let mut saying = std::pin::pin!(say(&runtime, &token, word.clone()));
            assert_eq!(world.passing_time(&mut saying).await, Ok(()), "{fault:?}");
            let again = say(&runtime, &token, word).await;
            assert_eq!(again, Err(CallbackError::TimedOut), "another one has come too late");
        }
    }
}

/// Results of tasks that are as large as they may be, before a call.
fn long_journal(tasks: usize) -> String {
    let echo = |number: usize| {
        let next = if number + 1 < tasks { format!("E{}", number + 1) } else { "Call".into() };
        format!(
            r#""E{number}":{{"Type":"Task","Next":"{next}",
                "Resource":"arn:aws:lambda:us-east-1:000000000000:function:echo"}},"#
        )
    };
    let states: String = (0..tasks).map(echo).collect();
    CALL.replace(r#""StartAt":"Call""#, r#""StartAt":"E0""#)
        .replace(r#""Call":"#, &format!(r#"{states}"Call":"#))
}

#[tokio::test]
async fn a_journal_is_read_in_pieces_that_can_be_held() {
    let store = FaultyStore::sound();
    let world = World::new(&long_journal(60), store.clone());
    let runtime = world.start_runtime().await;
    let input = format!("\"{}\"", "x".repeat(250_000));
    let row = world.start(&runtime, "one", &input).await.unwrap();
    world.until(|| !world.tokens().is_empty()).await;
    world.settle().await;
    assert_eq!(runtime.metrics().in_memory, 0, "it is taken up from its journal");
    store.next_commits(&[Fault::LostAfter]);
    let token = world.tokens()[0].clone();
    let mut saying = std::pin::pin!(say(&runtime, &token, success("7")));
    assert_eq!(world.passing_time(&mut saying).await, Ok(()));
    let largest = store.largest_piece();
    assert!(largest < ReadLimit::PIECE.bytes + 1_000_000, "{largest}");
    let whole = store.load_journal(row.shard, row.id).await.unwrap();
    let bytes: usize = whole.iter().map(|chunk| chunk.body.len()).sum();
    assert!(bytes > ReadLimit::PIECE.bytes * 3 / 2, "{bytes}");
    assert_eq!(ended(&world, &row).await, (ExecutionStatus::Succeeded, Some("7".into())));
}

#[tokio::test]
async fn a_call_that_was_answered_is_not_made_again() {
    let world = World::new(CALL, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let (row, token) = called(&world, &runtime, "one").await;
    drop(runtime);
    let runtime = world.start_runtime().await;
    world.pass(10).await;
    assert_eq!(world.tokens().len(), 1);
    assert_eq!(say(&runtime, &token, success("7")).await, Ok(()));
    assert_eq!(ended(&world, &row).await.1, Some("7".into()));
}

#[tokio::test]
async fn signs_of_life_are_waited_for_anew_after_a_crash() {
    let world = World::new(WATCHED, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let (row, token) = called(&world, &runtime, "one").await;
    for _ in 0..3 {
        world.pass(9).await;
        assert_eq!(say(&runtime, &token, Word::Heartbeat).await, Ok(()));
    }
    world.pass(9).await;
    drop(runtime);
    let runtime = world.start_runtime().await;
    world.pass(9).await;
    assert_eq!(say(&runtime, &token, Word::Heartbeat).await, Ok(()));
    assert_eq!(runtime.metrics().in_memory, 1, "who is watched is in memory");
    world.pass(11).await;
    assert_eq!(world.journal(&row).await.error().map(|error| &**error), Some("States.Timeout"));
    assert_eq!(say(&runtime, &token, Word::Heartbeat).await, Err(CallbackError::TimedOut));
}

#[tokio::test]
async fn what_is_said_during_a_long_decision_waits_for_it() {
    let world = World::new(LONG, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let row = world.start(&runtime, "one", "{}").await.unwrap();
    world.until(|| world.tokens().len() == 2).await;
    world.settle().await;
    let tokens = world.tokens();
    let (first, second, third) = tokio::join!(
        say(&runtime, &tokens[0], success("1")),
        say(&runtime, &tokens[1], success("2")),
        say(&runtime, &tokens[0], success("3")),
    );
    assert_eq!((first, second, third), (Ok(()), Ok(()), Err(CallbackError::TimedOut)));
    world.until_closed(1).await;
    assert_eq!(ended(&world, &row).await.1, Some("[800020000,800020000]".into()));
}

#[tokio::test]
async fn what_a_stop_forestalls_was_not_heard() {
    let world = World::new(LONG, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let row = world.start(&runtime, "one", "{}").await.unwrap();
    world.until(|| world.tokens().len() == 2).await;
    world.settle().await;
    let tokens = world.tokens();
    let stop = StopRequest {
        state_machine_arn: row.state_machine_arn.clone(),
        name: row.name.clone(),
        error: None,
        cause: None,
    };
    let (first, second, stopped) = tokio::join!(
        biased;
        say(&runtime, &tokens[0], success("1")),
        say(&runtime, &tokens[1], success("2")),
        runtime.stop_execution(stop),
    );
    assert!(stopped.is_ok());
    let late = Err(CallbackError::TimedOut);
    assert_eq!((first, second), (late.clone(), late));
    assert_eq!(ended(&world, &row).await.0, ExecutionStatus::Aborted);
}

#[tokio::test]
async fn a_token_of_nothing_is_told_so() {
    let world = World::new(CALL, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    assert_eq!(say(&runtime, "nonsense", success("1")).await, Err(CallbackError::InvalidToken));
    let (_, token) = called(&world, &runtime, "one").await;
    say(&runtime, &token, success("1")).await.unwrap();
    drop(runtime);
    // Its execution is removed in the course of time.
    let world = world.later(200);
    let runtime = world.start_runtime().await;
    world.pass(2 * 3_600).await;
    assert!(world.rows().await.is_empty());
    assert_eq!(say(&runtime, &token, success("1")).await, Err(CallbackError::DoesNotExist));
}

fn activity() -> Activity {
    Activity {
        arn: ACTIVITY.into(),
        name: "a".into(),
        created_at: Timestamp(0),
        encryption: "{}".into(),
        tags: Tags::default(),
    }
}

async fn poll(world: &World, runtime: &Runtime) -> Option<ActivityTask> {
    let mut polling = std::pin::pin!(runtime.poll_activity(ACTIVITY.into(), Some("w".into())));
    world.passing_time(&mut polling).await.unwrap()
}

#[tokio::test]
async fn a_worker_gets_a_task_when_that_is_durable() {
    let store = FaultyStore::sound();
    let world = World::new(WORK, store.clone());
    world.store.create_activity(activity()).await.unwrap();
    let runtime = Arc::new(world.start_runtime().await);
    let row = world.start(&runtime, "one", "[1]").await.unwrap();
    world.settle().await;
    let held = store.hold();
    let polling = {
        let runtime = runtime.clone();
        tokio::spawn(async move { runtime.poll_activity(ACTIVITY.into(), None).await })
    };
    world.settle().await;
    assert!(!polling.is_finished());
    drop(held);
    let task = polling.await.unwrap().unwrap().unwrap();
    assert_eq!(task.input.text(), "[1]");
    world.settle().await;
    assert_eq!(runtime.metrics().in_memory, 0, "the worker has it");
    assert_eq!(say(&runtime, &task.token, success("2")).await, Ok(()));
    assert_eq!(ended(&world, &row).await.1, Some("2".into()));
    assert!(world.runs().is_empty(), "it is none of the runner's");
}

#[tokio::test]
async fn a_worker_waits_for_a_minute() {
    let world = World::new(WORK, FaultyStore::sound());
    world.store.create_activity(activity()).await.unwrap();
    let runtime = world.start_runtime().await;
    let before = world.now();
    assert_eq!(poll(&world, &runtime).await, None);
    assert_eq!(world.now().millis_since(before), 60_000);
}

#[tokio::test]
async fn a_task_that_nobody_has_taken_is_offered_after_a_crash() {
    let world = World::new(WORK, FaultyStore::sound());
    world.store.create_activity(activity()).await.unwrap();
    let runtime = world.start_runtime().await;
    let row = world.start(&runtime, "one", "1").await.unwrap();
    drop(runtime);
    let runtime = world.start_runtime().await;
    let task = poll(&world, &runtime).await.unwrap();
    assert_eq!(say(&runtime, &task.token, success("1")).await, Ok(()));
    assert_eq!(ended(&world, &row).await.0, ExecutionStatus::Succeeded);
}

#[tokio::test]
async fn a_worker_that_has_gone_away_gets_no_task() {
    let store = FaultyStore::sound();
    let world = World::new(WORK, store.clone());
    world.store.create_activity(activity()).await.unwrap();
    let runtime = world.start_runtime().await;
    {
        let gone = std::pin::pin!(runtime.poll_activity(ACTIVITY.into(), None));
        assert!(futures::poll!(gone).is_pending());
    }
    world.start(&runtime, "one", "1").await.unwrap();
    assert_eq!(poll(&world, &runtime).await.unwrap().input.text(), "1");
}

#[tokio::test]
async fn an_activity_must_exist_when_its_task_is_scheduled() {
    let world = World::new(WORK, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let row = world.start(&runtime, "early", "1").await.unwrap();
    world.until_closed(1).await;
    let journal = world.journal(&row).await;
    assert_eq!(journal.error().map(|error| &**error), Some("States.Runtime"));
    assert!(journal.cause().unwrap().ends_with("activity:a does not exist."));
    world.store.create_activity(activity()).await.unwrap();
    world.start(&runtime, "late", "1").await.unwrap();
    world.settle().await;
    // A task that is scheduled stays so.
    world.store.delete_activity(ACTIVITY).await.unwrap();
    assert!(poll(&world, &runtime).await.is_some());
}

#[tokio::test]
async fn any_node_hears_and_serves() {
    let (world, network) = (World::of_nodes(WORK), Network::default());
    world.store.create_activity(activity()).await.unwrap();
    let mut nodes = Vec::new();
    for address in ["one", "two", "three"] {
        nodes.push(world.start_node(&network, address).await);
    }
    world.until(|| nodes.iter().all(|node| node.metrics().shards > 10)).await;
    for number in 0..12 {
        let name = format!("e{number}");
        world.start_or_find(&nodes[number % 3], &name, &number.to_string()).await;
    }
    world.settle().await;
    let mut inputs = Vec::new();
    for number in 0..12 {
        // One worker asks one node, and speaks to another one.
        let task = poll(&world, &nodes[0]).await.unwrap();
        inputs.push(task.input.text().parse::<usize>().unwrap());
        let mut saying =
            std::pin::pin!(say(&nodes[number % 3], &task.token, Word::Success(task.input.clone())));
        assert_eq!(world.passing_time(&mut saying).await, Ok(()));
    }
    inputs.sort_unstable();
    assert_eq!(inputs, (0..12).collect::<Vec<_>>());
    world.until_all_closed().await;
}
