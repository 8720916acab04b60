//! Histories of Express executions: which are kept, and that nobody waits for them.

use std::sync::Arc;
use std::time::Duration;

use stepyard_asl::StateId;
use stepyard_machine::{ChildOf, ExecutionKind, ExecutionStatus, StartContext};
use stepyard_runtime::{ExpressHistory, ExpressSnapshot, Runtime};
use stepyard_store::{ExecutionRow, codec};

use super::faulty::FaultyStore;
use super::world::World;

/// Fails when its input says so.
const CHOICE: &str = r#"{"StartAt":"C","States":{
    "C":{"Type":"Choice","Choices":[{"Variable":"$.fail","BooleanEquals":true,"Next":"F"}],"Default":"S"},
    "F":{"Type":"Fail","Error":"E","Cause":"because"},"S":{"Type":"Succeed"}}}"#;

/// Goes round until time is over, unless its input says that it fails.
const LOOP: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","Next":"C"},
    "C":{"Type":"Choice","Choices":[{"Variable":"$.fail","BooleanEquals":true,"Next":"F"}],"Default":"P"},
    "F":{"Type":"Fail","Error":"E","Cause":"because"}}}"#;

const FAILS: &str = r#"{"fail":true}"#;
const SUCCEEDS: &str = r#"{"fail":false}"#;

fn world(express_history: ExpressHistory) -> World {
    World::new(CHOICE, FaultyStore::sound()).keeping(express_history)
}

fn counted(runtime: &Runtime) -> (u64, u64) {
    let ExpressSnapshot { histories_kept, histories_lost, .. } = runtime.metrics().express;
    (histories_kept, histories_lost)
}

#[tokio::test]
async fn those_are_kept_that_are_wanted() {
    use ExecutionStatus::{Failed, Succeeded};
    for (wanted, kept) in [
        (ExpressHistory::None, vec![]),
        (ExpressHistory::Failures, vec![Failed]),
        (ExpressHistory::All, vec![Failed, Succeeded]),
    ] {
        let world = world(wanted);
        let runtime = world.start_runtime().await;
        for input in [SUCCEEDS, FAILS] {
            world.run_express(&runtime, input).await;
        }
        world.settle().await;
        let statuses: Vec<_> =
            world.kept_express().await.iter().map(|view| view.row.status).collect();
        assert_eq!(statuses, kept, "{wanted:?}");
        assert_eq!(counted(&runtime), (kept.len() as u64, 0));
    }
}

#[tokio::test]
async fn a_history_tells_all() {
    let world = world(ExpressHistory::All);
    let runtime = world.start_runtime().await;
    let end = world.run_express(&runtime, FAILS).await;
    world.settle().await;
    let view = world.kept_express().await.pop().unwrap();
    assert_eq!((&*view.row.name, view.input.to_string().as_str()), ("x", FAILS));
    assert_eq!((view.error.as_deref(), view.cause.as_deref()), (Some("E"), Some("because")));
    assert_eq!((view.row.started_at, view.row.stopped_at), (end.started_at, Some(end.stopped_at)));
    assert_eq!(view.output, None);
    let ExecutionRow { shard, id, .. } = view.row;
    let kept = world.closed_express(shard, id).await;
    let events = codec::decode(&kept.journal).unwrap();
    let ids: Vec<_> = events.iter().map(|event| event.id.0).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5], "started, choice entered and left, fail entered, failed");

    world.run_express(&runtime, SUCCEEDS).await;
    world.settle().await;
    let view = world.kept_express().await.into_iter().find(|view| view.output.is_some()).unwrap();
    assert_eq!(view.output.unwrap().to_string(), SUCCEEDS);
}

#[tokio::test]
async fn child_executions_of_map_runs_leave_none() {
    let world = world(ExpressHistory::All);
    let runtime = world.start_runtime().await;
    let mut start = world.express("child", ExecutionKind::Express, FAILS);
    let child_of =
        ChildOf { map_run_arn: "arn".into(), state: StateId(0), items: 1, redrive_count: 0 };
    start.context =
        Arc::new(StartContext { child_of: Some(child_of), ..StartContext::clone(&start.context) });
    runtime.start_express(start).unwrap();
    world.until(|| runtime.metrics().express.running == 0).await;
    assert!(world.kept_express().await.is_empty());
    assert_eq!(counted(&runtime), (0, 0));
}

#[tokio::test]
async fn an_execution_does_not_wait_for_its_history() {
    let world = world(ExpressHistory::Failures);
    let runtime = world.start_runtime().await;
    let held = world.store.hold();
    for _ in 0..100 {
        let start = world.express("x", ExecutionKind::SyncExpress, FAILS);
        let end = futures::FutureExt::now_or_never(runtime.run_express(start)).unwrap().unwrap();
        assert_eq!(end.status, ExecutionStatus::Failed);
    }
    world.settle().await;
    assert_eq!(counted(&runtime), (0, 0));
    drop(held);
    world.settle().await;
    assert_eq!(counted(&runtime), (100, 0));
    assert_eq!(world.kept_express().await.len(), 100);
}

#[tokio::test]
async fn a_store_that_comes_back_gets_them() {
    let world = world(ExpressHistory::Failures);
    let runtime = world.start_runtime().await;
    world.store.fail();
    world.run_express(&runtime, FAILS).await;
    world.pass(5).await;
    assert_eq!(counted(&runtime), (0, 0));
    world.store.recover();
    world.until(|| counted(&runtime) == (1, 0)).await;
    assert_eq!(world.kept_express().await.len(), 1);
}

/// Those that the store has not taken at the end of a shutdown are lost: it does not wait for ever.
#[tokio::test]
async fn a_shutdown_writes_those_that_wait() {
    for (works, expected) in [(true, (100, 0)), (false, (0, 100))] {
        let world = world(ExpressHistory::Failures);
        let runtime = world.start_runtime().await;
        let held = world.store.hold();
        for _ in 0..100 {
            world.run_express(&runtime, FAILS).await;
        }
        if !works {
            world.store.fail();
        }
        drop(held);
        world.passing_time(std::pin::pin!(runtime.shutdown(Duration::from_secs(10)))).await;
        assert_eq!(counted(&runtime), expected);
    }
}

#[tokio::test]
async fn a_history_without_room_is_lost_and_the_next_one_is_not() {
    let world = World::new(LOOP, FaultyStore::sound()).keeping(ExpressHistory::Failures);
    let runtime = world.start_runtime().await;
    runtime.start_express(world.express("long", ExecutionKind::Express, SUCCEEDS)).unwrap();
    // Each state is entered and left: more than 25,000 events.
    while runtime.metrics().transitions < 13_000 {
        tokio::task::yield_now().await;
    }
    world.until(|| runtime.metrics().express.running == 0).await;
    assert_eq!(counted(&runtime), (0, 1));
    world.run_express(&runtime, FAILS).await;
    world.settle().await;
    assert_eq!(counted(&runtime), (1, 1));
    assert_eq!(world.kept_express().await[0].error.as_deref(), Some("E"));
}
