//! Executions that end badly and are redriven.

use std::sync::Arc;

use stepyard_asl::Timestamp;
use stepyard_machine::{ExecutionStatus, NotRedrivable, Redriven};
use stepyard_runtime::{ExecutionView, RedriveError, RedriveRequest, Runtime, StartError};
use stepyard_store::{ExecutionRow, Retention, Store};

use crate::faulty::FaultyStore;
use crate::network::Network;
use crate::world::{World, chosen};

/// Three tasks that are done, and one that fails twice, at first and after one redrive. After it there is a pause.
const WORKFLOW: &str = r#"{"StartAt":"First","States":{
    "First":{"Type":"Task","Resource":"arn:aws:lambda:r:a:function:echo","Next":"Both"},
    "Both":{"Type":"Parallel","End":true,"Branches":[
        {"StartAt":"Each","States":{"Each":{"Type":"Map","ItemProcessor":{"StartAt":"I","States":{
            "I":{"Type":"Task","Resource":"arn:aws:lambda:r:a:function:echo","End":true}}},"End":true}}},
        {"StartAt":"Pause","States":{"Pause":{"Type":"Wait","Seconds":30,"Next":"Flaky"},
            "Flaky":{"Type":"Task","Resource":"arn:aws:lambda:r:a:function:fail-twice","Next":"Rest"},
            "Rest":{"Type":"Wait","Seconds":20,"End":true}}}]}}}"#;

const INPUT: &str = "[1,2]";

/// It fails at once, each time.
const FAILS: &str = r#"{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"E"}}}"#;

fn request(name: &str, token: &str) -> RedriveRequest {
    RedriveRequest {
        state_machine_arn: chosen(name).state_machine_arn.clone(),
        name: name.into(),
        client_token: token.into(),
    }
}

impl World {
    pub(crate) async fn redrive(
        &self,
        runtime: &Runtime,
        name: &str,
        token: &str,
    ) -> Result<Timestamp, RedriveError> {
        let mut asking = std::pin::pin!(runtime.redrive_execution(request(name, token)));
        self.passing_time(&mut asking).await
    }

    async fn row(&self) -> ExecutionRow {
        self.rows().await.pop().unwrap()
    }

    async fn describe(&self, runtime: &Runtime, name: &str) -> ExecutionRow {
        let context = chosen(name);
        let arn = &context.execution_arn;
        let view = runtime.describe_execution(&context.state_machine_arn, name, arn).await;
        view.unwrap().unwrap().row.clone()
    }
}

#[tokio::test]
async fn what_failed_is_done_again_and_nothing_else() {
    let world = World::new(WORKFLOW, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    world.start(&runtime, "one", INPUT).await.unwrap();
    for count in 1..=2 {
        world.until_closed(1).await;
        let failed = world.describe(&runtime, "one").await;
        assert_eq!(failed.status, ExecutionStatus::Failed);
        let at = world.redrive(&runtime, "one", &format!("token {count}")).await.unwrap();
        assert_eq!(world.row().await.redriven, Some(Redriven { count, at }));
        let shown = world.describe(&runtime, "one").await;
        assert_eq!(shown.redriven, Some(Redriven { count, at }));
        assert_eq!(shown.stopped_at.is_none(), count == 2, "the first time it fails at once");
    }
    world.until_closed(1).await;
    let journal = world.journal(&world.row().await).await;
    assert_eq!(journal.output().unwrap().text(), "[[1,2],[1,2]]");
    assert_eq!(world.runs().len(), 3 + 3, "three tasks, and one that was tried three times");
    assert_eq!(world.keys().len(), world.runs().len(), "each with a key of its own");
    let counted = runtime.metrics();
    assert_eq!((counted.started, counted.redriven, counted.in_memory), (1, 2, 0));
    let ends: Vec<_> = counted.closed.iter().filter(|(_, count)| *count > 0).collect();
    let expected = [(ExecutionStatus::Succeeded, 1), (ExecutionStatus::Failed, 2)];
    assert_eq!(ends, expected.iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_repeated_request_redrives_once() {
    let world = World::new(WORKFLOW, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    world.start(&runtime, "one", INPUT).await.unwrap();
    world.until_closed(1).await;
    let first = world.redrive(&runtime, "one", "a").await.unwrap();
    assert_eq!(world.redrive(&runtime, "one", "a").await.unwrap(), first, "it has failed again");
    assert_eq!(world.describe(&runtime, "one").await.status, ExecutionStatus::Failed);
    assert_eq!(runtime.metrics().in_memory, 0, "who only asked has left memory");
    let at = world.redrive(&runtime, "one", "t").await.unwrap();
    assert_eq!(world.redrive(&runtime, "one", "t").await.unwrap(), at, "it runs");
    let running = world.redrive(&runtime, "one", "u").await;
    let refused = NotRedrivable::Status(ExecutionStatus::Running);
    assert!(matches!(running, Err(RedriveError::NotRedrivable(reason)) if reason == refused));
    world.until_closed(1).await;
    assert_eq!(world.redrive(&runtime, "one", "t").await.unwrap(), at, "it has succeeded");
    drop(runtime);
    // Another process knows it from the journal.
    let runtime = world.start_runtime().await;
    assert_eq!(world.redrive(&runtime, "one", "t").await.unwrap(), at);
    assert_eq!(world.redrive(&runtime, "one", "a").await.unwrap(), first);
    assert_eq!(world.row().await.redriven, Some(Redriven { count: 2, at }));
}

#[tokio::test]
async fn what_cannot_be_redriven_is_refused() {
    let world = World::new(FAILS, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let unknown = world.redrive(&runtime, "none", "t").await;
    assert!(matches!(unknown, Err(RedriveError::DoesNotExist)));
    world.start(&runtime, "one", INPUT).await.unwrap();
    drop(runtime);
    // It ends a second time on the fourteenth day.
    let world = world.later(14);
    let runtime = world.start_runtime().await;
    world.redrive(&runtime, "one", "t").await.unwrap();
    drop(runtime);
    let world = world.later(15);
    let runtime = world.start_runtime().await;
    let late = world.redrive(&runtime, "one", "u").await;
    let refused = NotRedrivable::ClosedTooLong;
    assert!(matches!(late, Err(RedriveError::NotRedrivable(reason)) if reason == refused));
    assert_eq!(runtime.metrics().in_memory, 0);

    let world = World::new(
        r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#,
        FaultyStore::sound(),
    );
    let runtime = world.start_runtime().await;
    world.start(&runtime, "one", INPUT).await.unwrap();
    let refused = world.redrive(&runtime, "one", "t").await;
    let status = NotRedrivable::Status(ExecutionStatus::Succeeded);
    assert!(matches!(refused, Err(RedriveError::NotRedrivable(reason)) if reason == status));
}

/// Its row is read, and then it is redriven: once it has ended once more by the time its journal is read, once it runs.
#[tokio::test]
async fn what_is_shown_of_an_execution_is_of_one_moment() {
    let world = World::new(WORKFLOW, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    world.start(&runtime, "one", INPUT).await.unwrap();
    world.until_closed(1).await;
    for token in ["a", "b"] {
        let before = world.row().await;
        world.pass(1).await;
        world.redrive(&runtime, "one", token).await.unwrap();
        let view = ExecutionView::load(&world.store, before).await.unwrap().unwrap();
        assert_eq!(view.row, world.row().await);
        assert_eq!(view.error.is_some(), view.row.stopped_at.is_some());
    }
}

#[tokio::test]
async fn what_is_removed_while_it_is_read_is_not_there() {
    let world = World::new(FAILS, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let started = world.start(&runtime, "one", INPUT).await.unwrap();
    world.until_closed(1).await;
    let row = world.row().await;
    let now = world.later(2).now();
    world.store.remove_closed(row.shard, Retention { now, days: 1 }, 1).await.unwrap();
    for row in [started, row] {
        assert!(ExecutionView::load(&world.store, row).await.unwrap().is_none());
    }
}

/// As after a restore that mixed two backups.
#[tokio::test]
async fn a_journal_without_the_end_that_the_row_tells_of_is_named() {
    let world = World::new(WORKFLOW, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let row = world.start(&runtime, "one", INPUT).await.unwrap();
    drop(runtime);
    world.store.end_row(&row).await;
    let error = ExecutionView::load(&world.store, world.row().await).await.unwrap_err();
    let expected =
        format!("corrupt journal of execution {}: it does not end as its row tells", row.id.0);
    assert_eq!(error.to_string(), expected);
}

/// The name of an execution that was redriven is still taken.
#[tokio::test]
async fn a_start_does_not_take_a_redriven_execution_for_its_own() {
    let world = World::new(WORKFLOW, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let row = world.start(&runtime, "one", INPUT).await.unwrap();
    world.until_closed(1).await;
    let taken = world.start(&runtime, "one", INPUT).await;
    assert!(matches!(taken, Err(StartError::AlreadyExists { .. })));
    world.redrive(&runtime, "one", "t").await.unwrap();
    world.redrive(&runtime, "one", "u").await.unwrap();
    // Running with the same input it is what the start asks for, as on AWS.
    assert_eq!(world.start(&runtime, "one", INPUT).await.unwrap().id, row.id);
}

#[tokio::test]
async fn an_end_that_is_not_durable_yet_can_be_taken_back() {
    let store = FaultyStore::sound();
    let world = World::new(FAILS, store.clone());
    let runtime = Arc::new(world.start_runtime().await);
    let held = store.hold();
    let starting = {
        let (request, runtime) = (world.request("one", INPUT), runtime.clone());
        tokio::spawn(async move { runtime.start_execution(request).await })
    };
    world.settle().await;
    let redriving = {
        let runtime = runtime.clone();
        tokio::spawn(async move { runtime.redrive_execution(request("one", "t")).await })
    };
    world.settle().await;
    assert!(!starting.is_finished() && !redriving.is_finished());
    drop(held);
    let row = starting.await.unwrap().unwrap();
    let at = redriving.await.unwrap().unwrap();
    world.until_closed(1).await;
    let row = world.store.find_execution(row.shard, &row.state_machine_arn, "one").await.unwrap();
    let row = row.unwrap();
    let found = (row.redriven, row.status);
    assert_eq!(found, (Some(Redriven { count: 1, at }), ExecutionStatus::Failed));
    assert_eq!(world.describe(&runtime, "one").await, row);
    world.journal(&row).await;
}

/// It had not been removed when it was looked up.
#[tokio::test]
async fn what_is_removed_meanwhile_does_not_exist() {
    let store = FaultyStore::sound();
    let world = World::new(WORKFLOW, store.clone());
    let runtime = Arc::new(world.start_runtime().await);
    let row = world.start(&runtime, "one", INPUT).await.unwrap();
    world.until_closed(1).await;
    let held = store.hold();
    let mut redriving = {
        let runtime = runtime.clone();
        tokio::spawn(async move { runtime.redrive_execution(request("one", "t")).await })
    };
    world.settle().await;
    let retention = Retention { now: Timestamp(i64::MAX / 2), days: 1 };
    let removed = store.remove_closed(row.shard, retention, 9).await.unwrap();
    assert_eq!(removed.executions, 1);
    drop(held);
    let answer = world.passing_time(&mut redriving).await.unwrap();
    assert!(matches!(answer, Err(RedriveError::DoesNotExist)), "{answer:?}");
    assert_eq!(store.load_journal(row.shard, row.id).await.unwrap(), []);
    assert_eq!(runtime.metrics().in_memory, 0);
}

/// Cuts the process off after each commit in turn; the client asks again until it has an answer.
#[tokio::test]
async fn a_crash_at_any_commit_redrives_once() {
    let mut crashes = 0;
    for crash_at in 0.. {
        let store = FaultyStore::sound();
        let world = World::new(WORKFLOW, store.clone());
        let runtime = world.start_runtime().await;
        let row = world.start(&runtime, "one", INPUT).await.unwrap();
        world.until_closed(1).await;
        world.redrive(&runtime, "one", "a").await.unwrap();
        world.until_closed(1).await;
        store.fail_after(crash_at);
        let asked = tokio::select! {
            biased;
            asked = world.redrive(&runtime, "one", "b") => asked.ok(),
            () = store.has_failed() => None,
        };
        if !world.until_failed_or_closed(&store).await {
            break;
        }
        crashes += 1;
        drop(runtime);
        store.recover();
        let runtime = world.start_runtime().await;
        let again = world.redrive(&runtime, "one", "b").await.unwrap();
        assert!(asked.is_none_or(|at| at == again), "crash at {crash_at}");
        world.until_closed(1).await;
        let journal = world.journal(&row).await;
        assert_eq!(journal.status(), Some(ExecutionStatus::Succeeded), "crash at {crash_at}");
        assert_eq!(journal.redriven(), Some(Redriven { count: 2, at: again }));
        assert_eq!(world.keys().len(), 6, "crash at {crash_at}");
    }
    assert!(crashes >= 2, "{crashes}");
}

#[tokio::test]
async fn any_node_redrives() {
    let (world, network) = (World::of_nodes(WORKFLOW), Network::default());
    let first = world.start_node(&network, "one").await;
    let second = world.start_node(&network, "two").await;
    world.until(|| second.metrics().shards > 20 && first.metrics().shards > 20).await;
    for number in 0..8 {
        world.start_or_find(&first, &format!("e{number}"), INPUT).await;
    }
    world.until_closed(8).await;
    let before = network.forwarded();
    for number in 0..8 {
        world.redrive(&second, &format!("e{number}"), "t").await.unwrap();
    }
    assert!(network.forwarded() > before);
    world.until_closed(8).await;
    for row in world.rows().await {
        assert_eq!(row.redriven.unwrap().count, 1);
        world.journal(&row).await;
    }
}
