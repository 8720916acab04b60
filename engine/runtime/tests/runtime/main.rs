//! The runtime over a store that fails as stores do, and runners that are cut off.
#![expect(clippy::unwrap_used, reason = "a test")]

mod cluster;
mod express;
mod express_history;
mod faulty;
mod map_run_redrives;
mod map_runs;
mod network;
mod notices;
mod outside;
mod redriving;
mod shelf;
mod thinking;
mod world;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use faulty::{Fault, FaultyStore};
use stepyard_asl::Random;
use stepyard_machine::ExecutionStatus;
use stepyard_runtime::{Entropy, SeededEntropy, StartError, StopError, StopRequest};
use stepyard_store::{ShardId, Store};
use world::{World, chosen};

/// A task, a wait, a Parallel state, a Map state, a task with Retry: all that waits for something.
const WORKFLOW: &str = r#"{"StartAt":"First","States":{
    "First":{"Type":"Task","Resource":"arn:aws:lambda:r:a:function:echo","Next":"Pause"},
    "Pause":{"Type":"Wait","Seconds":30,"Next":"Both"},
    "Both":{"Type":"Parallel","Next":"Each","ResultPath":"$.both","Branches":[
        {"StartAt":"L","States":{"L":{"Type":"Task","Resource":"arn:aws:lambda:r:a:function:echo","End":true}}},
        {"StartAt":"R","States":{"R":{"Type":"Wait","Seconds":5,"End":true}}}]},
    "Each":{"Type":"Map","ItemsPath":"$.items","ResultPath":"$.each","Next":"Flaky",
        "ItemProcessor":{"StartAt":"I","States":{"I":{"Type":"Task","Resource":"arn:aws:lambda:r:a:function:echo","End":true}}}},
    "Flaky":{"Type":"Task","Resource":"arn:aws:lambda:r:a:function:fail-twice","End":true,
        "Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":3}]}}}"#;

const INPUT: &str = r#"{"items":[1,2,3]}"#;

#[tokio::test]
async fn an_execution_runs_to_its_end() {
    let world = World::new(WORKFLOW, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let row = world.start(&runtime, "one", INPUT).await.unwrap();
    world.until_closed(1).await;
    let journal = world.journal(&row).await;
    assert_eq!(journal.status(), Some(ExecutionStatus::Succeeded));
    let expected =
        r#"{"items":[1,2,3],"both":[{"items":[1,2,3]},{"items":[1,2,3]}],"each":[1,2,3]}"#;
    assert_eq!(journal.output().unwrap().tree(), &stepyard_json::Json::parse(expected).unwrap());
    let counted = runtime.metrics();
    // Two waits and two pauses before another try, none of them late.
    assert_eq!(counted.timer_lateness.counts[0], 4);
    assert_eq!(counted.timer_lateness.counts.iter().sum::<u64>(), 4);
    assert_eq!(counted.commit_duration.counts.iter().sum::<u64>(), counted.commits);
    assert_eq!((counted.tasks_waiting, counted.tasks_running, counted.batches), (0, 0, 0));
}

#[tokio::test]
async fn what_waits_is_counted() {
    let store = FaultyStore::sound();
    let world = World::new(WORKFLOW, store.clone());
    let runtime = Arc::new(world.start_runtime().await);
    let held = store.hold();
    let mut starting = Vec::new();
    for number in 0..20 {
        let request = world.request(&format!("e{number}"), INPUT);
        let runtime = runtime.clone();
        starting.push(tokio::spawn(async move { runtime.start_execution(request).await }));
        world.settle().await;
    }
    assert!(runtime.metrics().batches > 5, "one transaction is under way, the others wait");
    drop(held);
    for started in starting {
        started.await.unwrap().unwrap();
    }
    world.until_closed(20).await;
    assert_eq!(runtime.metrics().batches, 0);
}

#[tokio::test]
async fn nothing_leaves_before_its_commit() {
    let store = FaultyStore::sound();
    let world = World::new(WORKFLOW, store.clone());
    let runtime = Arc::new(world.start_runtime().await);
    let held = store.hold();
    let starting = {
        let (request, runtime) = (world.request("one", INPUT), runtime.clone());
        tokio::spawn(async move { runtime.start_execution(request).await })
    };
    world.settle().await;
    assert!(!starting.is_finished());
    assert_eq!(world.runs().len(), 0);
    drop(held);
    starting.await.unwrap().unwrap();
    world.until_closed(1).await;
    assert_eq!(world.runs().len(), 8);
}

/// Cuts the process off after each commit in turn.
#[tokio::test]
async fn a_crash_at_any_commit_loses_and_repeats_nothing() {
    let mut crashes = 0;
    for crash_at in 0.. {
        let store = FaultyStore::sound();
        let world = World::new(WORKFLOW, store.clone());
        let runtime = world.start_runtime().await;
        store.fail_after(crash_at);
        let started = tokio::select! {
            biased;
            started = world.start(&runtime, "one", INPUT) => started.ok(),
            () = store.has_failed() => None,
        };
        if !world.until_failed_or_closed(&store).await {
            break;
        }
        crashes += 1;
        drop(runtime);
        store.recover();
        let runtime = world.start_runtime().await;
        // A client without an answer asks again, by name.
        let row = match started {
            Some(row) => row,
            None => world.start_or_find(&runtime, "one", INPUT).await,
        };
        world.until_closed(1).await;
        let journal = world.journal(&row).await;
        assert_eq!(journal.status(), Some(ExecutionStatus::Succeeded), "crash at {crash_at}");
        assert_eq!(world.keys().len(), 8, "one key for each task, crash at {crash_at}");
    }
    assert!(crashes > 6, "{crashes}");
}

#[tokio::test]
async fn a_storm_of_faults_leaves_every_journal_whole() {
    for seed in 0..60 {
        let store = FaultyStore::seeded(seed);
        let world = World::seeded(WORKFLOW, store.clone(), seed);
        let mut random = Random::from_seed(seed);
        let mut runtime = world.start_runtime().await;
        let mut rows = Vec::new();
        for number in 0..6 {
            rows.push(world.start_or_find(&runtime, &format!("e{number}"), INPUT).await);
            if random.below(3) == 0 {
                drop(runtime);
                runtime = world.start_runtime().await;
            }
        }
        world.until_closed(6).await;
        let distinct: BTreeSet<_> = rows.iter().map(|row| row.id).collect();
        assert_eq!(distinct.len(), 6, "seed {seed}");
        for row in &rows {
            let journal = world.journal(row).await;
            assert_eq!(journal.status(), Some(ExecutionStatus::Succeeded), "seed {seed}");
        }
        assert_eq!(world.keys().len(), 6 * 8, "seed {seed}");
    }
}

#[tokio::test]
async fn a_commit_of_unknown_outcome_is_found_out() {
    for fault in [Fault::LostBefore, Fault::LostAfter] {
        let store = FaultyStore::sound();
        let world = World::new(WORKFLOW, store.clone());
        let runtime = world.start_runtime().await;
        store.next_commits(&[fault, fault]);
        let row = world.start(&runtime, "one", INPUT).await.unwrap();
        world.until_closed(1).await;
        assert_eq!(
            world.journal(&row).await.status(),
            Some(ExecutionStatus::Succeeded),
            "{fault:?}"
        );
        assert_eq!(world.runs().len(), 8, "{fault:?}");
    }
}

#[tokio::test]
async fn a_lost_shard_is_taken_over_again() {
    let store = FaultyStore::sound();
    let world = World::new(WORKFLOW, store.clone());
    let runtime = world.start_runtime().await;
    let row = world.start(&runtime, "one", INPUT).await.unwrap();
    store.claim_all().await;
    world.until_closed(1).await;
    assert_eq!(world.journal(&row).await.status(), Some(ExecutionStatus::Succeeded));
}

/// Two processes draw the same execution id, as virtual machines from one snapshot might.
#[tokio::test]
async fn a_commit_that_contradicts_the_disk_is_given_up() {
    let world = World::new(WORKFLOW, FaultyStore::sound());
    let shard = |name: &str| ShardId::of(&chosen(name).state_machine_arn, name);
    let other = (0..).map(|n| format!("e{n}")).find(|name| shard(name) == shard("one")).unwrap();
    let runtime = world.start_runtime_drawing(1).await;
    let row = world.start(&runtime, "one", INPUT).await.unwrap();
    drop(runtime);
    let runtime = world.start_runtime_drawing(1).await;
    let refused = world.start(&runtime, &other, INPUT).await;
    assert!(matches!(refused, Err(StartError::Unavailable(_))), "{refused:?}");
    world.start(&runtime, &other, INPUT).await.unwrap();
    world.until_closed(2).await;
    assert_eq!(world.journal(&row).await.status(), Some(ExecutionStatus::Succeeded));
}

#[tokio::test]
async fn a_name_is_one_execution() {
    let world = World::new(WORKFLOW, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let starts = (0..50).map(|_| world.start(&runtime, "one", INPUT));
    let rows = futures::future::join_all(starts).await;
    let ids: BTreeSet<_> = rows.into_iter().map(|row| row.unwrap().id).collect();
    assert_eq!(ids.len(), 1);
    let taken =
        |result: Result<_, StartError>| matches!(result, Err(StartError::AlreadyExists { .. }));
    assert!(taken(world.start(&runtime, "one", "{}").await));
    world.until_closed(1).await;
    assert!(taken(world.start(&runtime, "one", INPUT).await));
}

#[tokio::test]
async fn a_stop_ends_what_waits() {
    let store = FaultyStore::sound();
    let world = World::new(WORKFLOW, store.clone());
    let runtime = world.start_runtime().await;
    let row = world.start(&runtime, "one", INPUT).await.unwrap();
    let stop = |why: &str| {
        let context = chosen("one");
        runtime.stop_execution(StopRequest {
            state_machine_arn: context.state_machine_arn.clone(),
            name: context.execution_name.clone(),
            error: Some(why.into()),
            cause: None,
        })
    };
    let held = store.hold();
    let (first, second) = (stop("first"), stop("second"));
    let mut both = std::pin::pin!(futures::future::join(first, second));
    assert!(futures::poll!(&mut both).is_pending());
    world.settle().await;
    assert!(futures::poll!(&mut both).is_pending(), "an end is told before it is durable");
    drop(held);
    let (first, second) = both.await;
    assert_eq!(first.unwrap(), second.unwrap());
    let journal = world.journal(&row).await;
    assert_eq!(journal.status(), Some(ExecutionStatus::Aborted));
    assert_eq!(journal.error().map(|error| &**error), Some("first"));
    assert!(matches!(stop("third").await, Err(StopError::NotRunning)));
}

#[tokio::test]
async fn an_outage_is_told_to_those_who_wait() {
    let store = FaultyStore::sound();
    let world = World::new(WORKFLOW, store.clone());
    let runtime = world.start_runtime().await;
    store.fail_after(0);
    let starts: Vec<_> = (0..300).map(|number| format!("e{number}")).collect();
    let starts = starts.iter().map(|name| world.start(&runtime, name, INPUT));
    for refused in futures::future::join_all(starts).await {
        assert!(matches!(refused, Err(StartError::Unavailable(_))), "{refused:?}");
    }
    assert!(runtime.fault().is_some());
    assert!(world.start(&runtime, "late", INPUT).await.is_err());
    store.recover();
    world.until(|| runtime.fault().is_none()).await;
    let row = world.start(&runtime, "after", INPUT).await.unwrap();
    world.until_all_closed().await;
    assert_eq!(world.journal(&row).await.status(), Some(ExecutionStatus::Succeeded));
}

#[tokio::test]
async fn a_shutdown_ends_though_the_store_does_not_answer() {
    let store = FaultyStore::sound();
    let world = World::new(WORKFLOW, store.clone());
    let runtime = world.start_runtime().await;
    let row = world.start(&runtime, "one", INPUT).await.unwrap();
    store.fail_after(0);
    world.until_failed_or_closed(&store).await;
    world.passing_time(std::pin::pin!(runtime.shutdown(Duration::from_secs(1)))).await;
    store.recover();
    let _runtime = world.start_runtime().await;
    world.until_closed(1).await;
    assert_eq!(world.journal(&row).await.status(), Some(ExecutionStatus::Succeeded));
}

/// Draws that panic once.
struct Panicking(SeededEntropy, AtomicU64);

impl Entropy for Panicking {
    fn draw(&self) -> [u8; 16] {
        assert!(self.1.fetch_add(1, Ordering::Relaxed) != 4, "on purpose");
        self.0.draw()
    }
}

#[tokio::test]
async fn a_shard_that_panics_goes_on_with_what_is_stored() {
    let world = World::new(WORKFLOW, FaultyStore::sound());
    let runtime = world.start_runtime_with(Panicking(SeededEntropy::new(1), 0.into())).await;
    let row = world.start(&runtime, "one", INPUT).await.unwrap();
    world.until_closed(1).await;
    assert_eq!(world.journal(&row).await.status(), Some(ExecutionStatus::Succeeded));
    assert_eq!(world.keys().len(), 8);
}

/// A journal that belongs to another definition, as after a restore that mixed two backups.
#[tokio::test]
async fn an_execution_that_panics_is_set_aside_alone() {
    let store = FaultyStore::sound();
    let stored = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;
    let world = World::new(stored, store.clone());
    let runtime = world.start_runtime().await;
    let strange = world.running(WORKFLOW).start(&runtime, "one", INPUT).await.unwrap();
    world.settle().await;
    drop(runtime);
    let runtime = world.start_runtime().await;
    let names: Vec<_> = (0..100).map(|number| format!("e{number}")).collect();
    for name in &names {
        world.start_or_find(&runtime, name, INPUT).await;
    }
    world.until_closed(100).await;
    world.until(|| runtime.metrics().quarantined == 1).await;
    let found = store.find_execution(strange.shard, &strange.state_machine_arn, "one").await;
    assert_eq!(found.unwrap().unwrap().status, ExecutionStatus::Running);
}

const HOUR: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":3600,"Next":"T"},
    "T":{"Type":"Task","Resource":"arn:aws:lambda:r:a:function:echo","End":true}}}"#;

#[tokio::test]
async fn who_sleeps_leaves_memory_and_goes_on_in_time() {
    let world = World::new(HOUR, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let started = world.now();
    let mut rows = Vec::new();
    for number in 0..300 {
        rows.push(world.start(&runtime, &format!("e{number}"), "{}").await.unwrap());
    }
    world.settle().await;
    assert_eq!(runtime.metrics().in_memory, 0);
    drop(runtime);
    let runtime = world.start_runtime().await;
    assert_eq!(runtime.metrics().in_memory, 0, "a restart loads nobody who sleeps");
    world.until_all_closed().await;
    for row in &rows {
        let journal = world.journal(row).await;
        assert_eq!(journal.status(), Some(ExecutionStatus::Succeeded));
        assert_eq!(
            journal.stopped_at(),
            Some(started.plus_seconds(3_600)),
            "neither early nor late"
        );
    }
    assert_eq!(world.keys().len(), 300);
}

#[tokio::test]
async fn who_sleeps_is_found_by_name() {
    let world = World::new(HOUR, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let row = world.start(&runtime, "one", "{}").await.unwrap();
    world.settle().await;
    assert_eq!(world.start(&runtime, "one", "{}").await.unwrap(), row, "the same start again");
    let other = world.start(&runtime, "one", "[]").await;
    assert!(matches!(other, Err(StartError::AlreadyExists { .. })));
    world.settle().await;
    assert_eq!(runtime.metrics().in_memory, 0, "nothing has happened to it: it sleeps on");
    let (state_machine_arn, name) = (row.state_machine_arn.clone(), row.name.clone());
    let stop = StopRequest { state_machine_arn, name, error: None, cause: None };
    runtime.stop_execution(stop).await.unwrap();
    assert_eq!(world.journal(&row).await.status(), Some(ExecutionStatus::Aborted));
    world.until_all_closed().await;
    assert_eq!(world.runs().len(), 0);
}

#[tokio::test]
async fn what_ended_long_ago_is_removed() {
    let definition = r#"{"StartAt":"C","States":{
        "C":{"Type":"Choice","Choices":[{"Variable":"$.wait","IsPresent":true,"Next":"W"}],"Default":"P"},
        "W":{"Type":"Wait","Seconds":90000000,"End":true},"P":{"Type":"Pass","End":true}}}"#;
    let world = World::new(definition, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let ended = world.start(&runtime, "ended", "{}").await.unwrap();
    let asleep = world.start(&runtime, "asleep", r#"{"wait":1}"#).await.unwrap();
    world.until_closed(1).await;
    drop(runtime);

    let world = world.later(89);
    let runtime = world.start_runtime().await;
    let round_is_over = world.now().plus_seconds(1_200);
    world.until(|| world.now() > round_is_over).await;
    assert_eq!(runtime.metrics().removed, 0);
    drop(runtime);

    let world = world.later(1);
    let runtime = world.start_runtime().await;
    world.until(|| runtime.metrics().removed == 1).await;
    let arn = chosen("ended").execution_arn.clone();
    let found = runtime.describe_execution(&ended.state_machine_arn, "ended", &arn).await;
    assert!(found.unwrap().is_none());
    let again = world.start(&runtime, "ended", "{}").await.unwrap();
    assert_ne!(again.id, ended.id, "its name is free again");
    assert_eq!(world.start(&runtime, "asleep", r#"{"wait":1}"#).await.unwrap(), asleep);
    runtime.shutdown(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_runner_that_panics_fails_its_task_only() {
    let definition = r#"{"StartAt":"T","States":{"T":{"Type":"Task","End":true,
        "Resource":"arn:aws:lambda:r:a:function:panic"}}}"#;
    let world = World::new(definition, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let row = world.start(&runtime, "one", "{}").await.unwrap();
    world.until_closed(1).await;
    let journal = world.journal(&row).await;
    assert_eq!(journal.status(), Some(ExecutionStatus::Failed));
    assert_eq!(journal.cause().map(|cause| &**cause), Some("The task runner panicked: on purpose"));
}

#[tokio::test]
async fn a_thousand_run_side_by_side() {
    let world = World::new(WORKFLOW, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let names: Vec<_> = (0..1_000).map(|number| format!("e{number}")).collect();
    let starts = names.iter().map(|name| world.start(&runtime, name, INPUT));
    let rows = futures::future::join_all(starts).await;
    world.until_closed(1_000).await;
    assert!(rows.iter().all(Result::is_ok));
    assert_eq!(world.keys().len(), 8_000);
    let metrics = runtime.metrics();
    assert_eq!((metrics.started, metrics.in_memory), (1_000, 0));
}

#[tokio::test]
async fn a_shutdown_waits_for_nothing_that_can_be_taken_up_again() {
    let world = World::new(WORKFLOW, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let row = world.start(&runtime, "one", INPUT).await.unwrap();
    world.settle().await;
    runtime.shutdown(Duration::from_secs(1)).await;
    let refused = world.start(&runtime, "two", INPUT).await;
    assert!(matches!(refused, Err(StartError::Unavailable(_))));
    let _runtime = world.start_runtime().await;
    world.until_closed(1).await;
    assert_eq!(world.journal(&row).await.status(), Some(ExecutionStatus::Succeeded));
    assert_eq!(world.keys().len(), 8);
}
