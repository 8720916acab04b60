//! Express executions: in memory, for five minutes at most, and but for a history nothing is left of them.

use std::sync::Arc;
use std::time::Duration;

use stepyard_machine::{ExecutionKind, ExecutionStatus};
use stepyard_runtime::{Billing, StartError};

use super::faulty::FaultyStore;
use super::world::World;
use super::{INPUT, WORKFLOW};

const PASS: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;

/// Waits for a task that never ends.
const HANGS: &str = r#"{"StartAt":"T","States":{
    "T":{"Type":"Task","Resource":"arn:aws:lambda:r:a:function:hangs","End":true}}}"#;

/// Never comes to rest by itself.
const LOOP: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","Next":"Q"},
    "Q":{"Type":"Choice","Choices":[{"Variable":"$.end","IsPresent":true,"Next":"S"}],"Default":"P"},
    "S":{"Type":"Succeed"}}}"#;

fn context_object() -> World {
    let definition = r#"{"StartAt":"P","States":{
        "P":{"Type":"Pass","Parameters":{"of.$":"$$.Execution"},"OutputPath":"$.of","End":true}}}"#;
    World::new(definition, FaultyStore::sound())
}

#[tokio::test]
async fn it_runs_to_its_end_and_is_written_nowhere() {
    let world = World::new(WORKFLOW, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let end = world.run_express(&runtime, INPUT).await;
    assert_eq!(end.status, ExecutionStatus::Succeeded);
    let expected =
        r#"{"items":[1,2,3],"both":[{"items":[1,2,3]},{"items":[1,2,3]}],"each":[1,2,3]}"#;
    assert_eq!(end.output.unwrap().to_string(), expected);
    // Waits of 30 and 5 seconds, and pauses of 3 and 6 before another try.
    assert_eq!(end.stopped_at.millis_since(end.started_at), 44_000);
    assert_eq!(end.billing, Billing { duration_millis: 44_000, memory_mb: 64 });
    assert_eq!(world.keys().len(), 8, "each task has a key of its own");
    assert!(world.rows().await.is_empty());
    let counted = runtime.metrics();
    assert_eq!((counted.commits, counted.started, counted.events), (0, 0, 0));
    assert_eq!((counted.transitions, counted.dispatches), (10, 8));
    assert_eq!((counted.express.started, counted.express.running), (1, 0));
    assert_eq!(counted.express.data_bytes, 0);
    assert!(counted.express.closed.contains(&(ExecutionStatus::Succeeded, 1)));
}

#[tokio::test]
async fn what_needs_nothing_from_outside_ends_at_once() {
    let world = World::new(PASS, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let start = world.express("x", ExecutionKind::SyncExpress, r#"{"a":1.0}"#);
    let end = futures::FutureExt::now_or_never(runtime.run_express(start)).unwrap().unwrap();
    assert_eq!(end.output.unwrap().to_string(), r#"{"a":1.0}"#);
    assert_eq!(end.billing, Billing { duration_millis: 100, memory_mb: 64 });
}

#[tokio::test]
async fn a_name_may_run_again_at_the_same_time() {
    let world = World::new(HANGS, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    for _ in 0..3 {
        runtime.start_express(world.express("same", ExecutionKind::Express, INPUT)).unwrap();
    }
    world.settle().await;
    assert_eq!(runtime.metrics().express.running, 3);
    assert_eq!(world.keys().len(), 3);
}

#[tokio::test]
async fn five_minutes_are_the_most() {
    let longer = HANGS.replacen('{', r#"{"TimeoutSeconds":400,"#, 1);
    let shorter = HANGS.replacen('{', r#"{"TimeoutSeconds":2,"#, 1);
    for (definition, seconds) in [(HANGS, 300), (&*longer, 300), (&*shorter, 2)] {
        let world = World::new(definition, FaultyStore::sound());
        let runtime = world.start_runtime().await;
        let end = world.run_express(&runtime, "{}").await;
        assert_eq!(end.status, ExecutionStatus::TimedOut);
        assert_eq!(end.error.as_deref(), Some("States.Timeout"));
        assert_eq!(end.stopped_at.millis_since(end.started_at), seconds * 1_000);
        world.settle().await;
        assert_eq!(runtime.metrics().tasks_running, 0, "its task is dropped");
    }
}

/// Events are not counted as in Standard executions: only time ends a loop.
#[tokio::test]
async fn a_loop_runs_until_time_is_over_and_keeps_nobody_waiting() {
    let world = World::new(LOOP, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    runtime.start_express(world.express("x", ExecutionKind::Express, "{}")).unwrap();
    while runtime.metrics().transitions < 30_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(runtime.metrics().express.running, 1);
    world.until(|| runtime.metrics().express.running == 0).await;
    assert!(runtime.metrics().express.closed.contains(&(ExecutionStatus::TimedOut, 1)));
}

#[tokio::test]
async fn the_context_object_tells_how_it_was_started() {
    let world = context_object();
    let runtime = world.start_runtime().await;
    let mut shown = Vec::new();
    for kind in [ExecutionKind::SyncExpress, ExecutionKind::Express] {
        let end = runtime.run_express(world.express("x", kind, "{}")).await.unwrap();
        shown.push(end.output.unwrap());
    }
    let members = |at: usize| {
        let members = shown[at].tree().as_object().unwrap();
        members.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(members(0), ["Id", "Input", "StartTime", "Name", "RoleArn"]);
    assert_eq!(members(1), ["Id", "Input", "StartTime", "Name", "RoleArn", "RedriveCount"]);
}

#[tokio::test]
async fn more_than_there_is_room_for_is_throttled() {
    let world = World::new(HANGS, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let start =
        |input: &str| runtime.start_express(world.express("x", ExecutionKind::Express, input));
    for _ in 0..10_000 {
        start("{}").unwrap();
    }
    assert!(matches!(start("{}"), Err(StartError::Throttled)));
    let counted = runtime.metrics().express;
    assert_eq!((counted.running, counted.throttled), (10_000, 1));
    // The time of all of them passes.
    world.until(|| runtime.metrics().express.running == 0).await;
    start("{}").unwrap();
}

#[tokio::test]
async fn so_is_more_data_than_there_is_room_for() {
    let world = World::new(HANGS, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let input = format!("\"{}\"", "x".repeat(260_000));
    let start = || runtime.start_express(world.express("x", ExecutionKind::Express, &input));
    let started = (0..10_000).take_while(|_| start().is_ok()).count();
    // The execution, its state and its task hold the same text.
    assert!((900..1_100).contains(&started), "{started}");
    world.until(|| runtime.metrics().express.running == 0).await;
    assert_eq!(runtime.metrics().express.data_bytes, 0);
    start().unwrap();
}

#[tokio::test]
async fn one_that_grows_beyond_all_room_is_ended() {
    // Each branch makes data of its own of the input: together they are too much.
    let waits = HANGS.replace(
        r#""StartAt":"T","States":{"#,
        r#""StartAt":"M","States":{"M":{"Type":"Pass","Parameters":{"of.$":"$"},"Next":"T"},"#,
    );
    assert_ne!(waits, HANGS);
    let named = |name: &str, number| (format!("\"{name}\""), format!("\"{name}{number}\""));
    let branch = |number: usize| {
        let names = [named("T", number), named("M", number)];
        names.iter().fold(waits.clone(), |text, (from, to)| text.replace(from, to))
    };
    let branches = (0..2_300).map(branch).collect::<Vec<_>>().join(",");
    let definition = format!(
        r#"{{"StartAt":"P","States":{{"P":{{"Type":"Parallel","Branches":[{branches}],"End":true}}}}}}"#
    );
    let world = World::new(&definition, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let end = world.run_express(&runtime, &format!("\"{}\"", "x".repeat(250_000))).await;
    assert_eq!(end.status, ExecutionStatus::Aborted);
    assert_eq!(end.error.as_deref(), Some("States.Runtime"));
    assert!(end.billing.memory_mb >= 512, "{:?}", end.billing);
    assert_eq!(runtime.metrics().express.data_bytes, 0);
}

#[tokio::test]
async fn a_shutdown_lets_them_end_and_then_cuts_them_off() {
    let wait = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":5,"End":true}}}"#;
    for (definition, status) in
        [(wait, ExecutionStatus::Succeeded), (HANGS, ExecutionStatus::Aborted)]
    {
        let world = World::new(definition, FaultyStore::sound());
        let runtime = Arc::new(world.start_runtime().await);
        let start = world.express("x", ExecutionKind::SyncExpress, "{}");
        let running = {
            let runtime = runtime.clone();
            tokio::spawn(async move { runtime.run_express(start).await })
        };
        world.settle().await;
        let mut ending = std::pin::pin!(runtime.shutdown(Duration::from_secs(10)));
        assert!(futures::poll!(&mut ending).is_pending());
        let refused = runtime.start_express(world.express("y", ExecutionKind::Express, "{}"));
        assert!(matches!(refused, Err(StartError::Unavailable(_))));
        world.passing_time(ending).await;
        assert_eq!(running.await.unwrap().unwrap().status, status);
    }
}

#[tokio::test]
async fn nobody_has_to_wait_for_its_end() {
    let world = World::new(WORKFLOW, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    {
        let start = world.express("x", ExecutionKind::SyncExpress, INPUT);
        let mut running = std::pin::pin!(runtime.run_express(start));
        assert!(futures::poll!(&mut running).is_pending());
    }
    world.until(|| runtime.metrics().express.running == 0).await;
    assert_eq!(world.keys().len(), 8);
}

#[tokio::test]
async fn they_go_with_their_process() {
    let world = World::new(HANGS, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    runtime.start_express(world.express("x", ExecutionKind::Express, "{}")).unwrap();
    world.settle().await;
    drop(runtime);
    world.settle().await;
    let runtime = world.start_runtime().await;
    world.settle().await;
    assert_eq!(runtime.metrics().tasks_running, 0);
    assert_eq!(world.runs().len(), 1, "nothing is taken up again");
}
