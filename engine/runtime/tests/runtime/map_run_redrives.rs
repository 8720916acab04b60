//! Map Runs that end badly and are redriven.

use std::collections::BTreeMap;

use stepyard_machine::{EndCounts, ExecutionStatus, Limits, Redriven, StartContext};
use stepyard_runtime::{Runtime, StartExecution, StopRequest};
use stepyard_store::{ExecutionRow, MapRunRow, ShardId, map_run_key};

use crate::faulty::FaultyStore;
use crate::shelf::Statuses;
use crate::world::{World, chosen};

/// A child execution for each item, one after the other: 1 fails, at first and after one redrive; the others succeed.
const FLAKY: &str = r#"{"StartAt":"M","States":{"M":{"Type":"Map","Label":"l","End":true,"MaxConcurrency":1,
    "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},
        "StartAt":"First","States":{
            "First":{"Type":"Task","Resource":"arn:aws:lambda:r:a:function:echo","Next":"C"},
            "C":{"Type":"Choice","Choices":[{"Variable":"$","NumericEquals":1,"Next":"F"}],"Default":"T"},
            "F":{"Type":"Task","Resource":"arn:aws:lambda:r:a:function:fail-twice","End":true},
            "T":{"Type":"Task","Resource":"arn:aws:lambda:r:a:function:echo","End":true}}}}}}"#;

/// Two child executions at a time that do not end by themselves.
const HANGS: &str = r#"{"StartAt":"M","States":{"M":{"Type":"Map","Label":"l","End":true,"MaxConcurrency":2,
    "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},
        "StartAt":"T","States":{
            "T":{"Type":"Task","Resource":"arn:aws:lambda:r:a:function:hangs","End":true}}}}}}"#;

/// Child executions that take a while.
const WAITS: &str = r#"{"StartAt":"M","States":{"M":{"Type":"Map","Label":"l","End":true,"MaxConcurrency":2,
    "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},
        "StartAt":"W","States":{"W":{"Type":"Wait","Seconds":5,"End":true}}}}}}"#;

/// Child executions succeed, and then a state fails.
const FAILS_AFTERWARDS: &str = r#"{"StartAt":"M","States":{"M":{"Type":"Map","Label":"l","Next":"F",
    "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"},
        "StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}},"F":{"Type":"Fail"}}}"#;

/// The same, with results that are exported.
fn exporting(definition: &str) -> String {
    let writer = r#""ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"b"}},"#;
    definition.replace(r#""MaxConcurrency""#, &format!(r#"{writer}"MaxConcurrency""#))
}

/// The third child execution may have been started before it is known that the second one has failed.
const INPUT: &str = "[0,1,2,3]";

/// Redrives until all succeed.
const ATTEMPTS: u32 = 2;

impl World {
    /// Moves the clock on until the Map Run does not run.
    async fn until_ended(&self, execution: &ExecutionRow) -> MapRunRow {
        for _ in 0..500 {
            let row = self.map_run(execution).await;
            if row.record.stopped_at.is_some() {
                return row;
            }
            self.pass(1).await;
        }
        panic!("the Map Run does not end");
    }

    /// Moves the clock on until the Map Run is wound up.
    async fn until_wound_up(&self, execution: &ExecutionRow) {
        for _ in 0..100 {
            self.pass(1).await;
            if self.map_run(execution).await.wound_up.is_some() {
                return;
            }
        }
        panic!("it is never wound up");
    }

    /// Those of its child executions, newest start first.
    async fn statuses(&self, row: &MapRunRow) -> Vec<ExecutionStatus> {
        self.children(row).await.iter().map(|child| child.status).collect()
    }

    async fn stop(&self, runtime: &Runtime, name: &str) {
        let stop = runtime.stop_execution(StopRequest {
            state_machine_arn: chosen(name).state_machine_arn.clone(),
            name: name.into(),
            error: None,
            cause: None,
        });
        self.passing_time(std::pin::pin!(stop)).await.unwrap();
    }

    /// How often the child executions of a Map Run were redriven, by the output that they have.
    async fn redrives_of_children(&self, row: &MapRunRow) -> BTreeMap<String, u32> {
        let mut redrives = BTreeMap::new();
        for child in self.children(row).await {
            let journal = self.journal(&child).await;
            let output = journal.output().map(ToString::to_string).unwrap_or_default();
            let count = child.redriven.map_or(0, |redriven| redriven.count);
            assert_eq!(journal.redriven().map_or(0, |redriven| redriven.count), count);
            redrives.insert(output, count);
        }
        redrives
    }
}

/// That they were redriven as often as each had ended badly.
fn assert_redriven(redrives: &BTreeMap<String, u32>) {
    let count = |output| redrives.get(output).copied();
    assert_eq!([count("0"), count("1"), count("3")], [Some(0), Some(2), Some(0)], "{redrives:?}");
    assert!(count("2").is_some_and(|count| count <= ATTEMPTS), "{redrives:?}");
}

#[tokio::test]
async fn what_has_not_succeeded_runs_again_and_the_rest_is_started() {
    let world = World::new(FLAKY, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let execution = world.start(&runtime, "one", INPUT).await.unwrap();
    let failed = world.until_ended(&execution).await;
    assert_eq!(failed.record.status, ExecutionStatus::Failed);
    assert!(world.children(&failed).await.len() < 4, "the last one was not started");
    for count in 1..=ATTEMPTS {
        let at = world.redrive(&runtime, "one", &format!("token {count}")).await.unwrap();
        let row = world.until_ended(&execution).await;
        assert_eq!((row.record.id, &row.record.arn), (failed.record.id, &failed.record.arn));
        let redriven = row.record.redriven.unwrap();
        assert_eq!((redriven.count, redriven.at >= at), (count, true));
    }
    let row = world.map_run(&execution).await;
    assert_eq!(row.record.status, ExecutionStatus::Succeeded);
    assert_eq!(row.record.executions, EndCounts { succeeded: 4, ..EndCounts::default() });
    assert_redriven(&world.redrives_of_children(&row).await);
    world.until_all_closed().await;
    let parent = world.rows().await.into_iter().find(|row| row.id == execution.id).unwrap();
    assert_eq!(world.journal(&parent).await.output().unwrap().text(), "[0,1,2,3]");
    assert_eq!(world.keys().len(), world.runs().len(), "no task is handed out twice");
}

/// They may be more than a history has events.
#[tokio::test]
async fn ends_of_children_do_not_count_for_a_redrive() {
    let world = World::new(FAILS_AFTERWARDS, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let limits = Limits { history_events: 20, ..Limits::AWS };
    let context = StartContext { limits, ..StartContext::clone(&chosen("one")) };
    let items = vec!["0"; 100].join(",");
    let request = world.request("one", &format!("[{items}]"));
    let request = StartExecution { context: context.into(), ..request };
    world.passing_time(std::pin::pin!(runtime.start_execution(request))).await.unwrap();
    world.until_all_closed().await;
    let context = chosen("one");
    let (machine, arn) = (&context.state_machine_arn, &context.execution_arn);
    let view = runtime.describe_execution(machine, "one", arn).await.unwrap().unwrap();
    assert_eq!(view.row.status, ExecutionStatus::Failed);
    assert_eq!(view.check_redrive(world.now()), Ok(()));
    world.redrive(&runtime, "one", "t").await.unwrap();
}

#[tokio::test]
async fn express_children_run_from_their_start() {
    let world = World::new(&FLAKY.replace("STANDARD", "EXPRESS"), FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let execution = world.start(&runtime, "one", "[0,1]").await.unwrap();
    let first = world.until_ended(&execution).await;
    let runs = world.runs().len();
    world.redrive(&runtime, "one", "t").await.unwrap();
    let row = world.until_ended(&execution).await;
    assert_eq!((row.record.id, row.record.status), (first.record.id, ExecutionStatus::Failed));
    let expected = EndCounts { succeeded: 1, failed: 1, ..EndCounts::default() };
    assert_eq!(row.record.executions, expected, "another one, which fails as well");
    assert_eq!(world.runs().len(), runs + 2);
}

#[tokio::test]
async fn children_that_were_cut_off_go_on() {
    let world = World::new(HANGS, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let execution = world.start(&runtime, "one", INPUT).await.unwrap();
    let row = world.map_run(&execution).await;
    world.until_running(&runtime, &row, 2).await;
    world.stop(&runtime, "one").await;
    // Asked for at once: it waits until what ran is stopped.
    world.redrive(&runtime, "one", "t").await.unwrap();
    world.until_running(&runtime, &row, 2).await;
    world.settle().await;
    let mut children = world.children(&row).await;
    children.sort_by_key(|child| child.id);
    let redriven: Vec<_> = children.iter().map(|child| child.redriven.map(|by| by.count)).collect();
    assert_eq!(redriven, [Some(1), Some(1)]);
    assert!(children.iter().all(|child| child.status == ExecutionStatus::Running));
    world.stop(&runtime, "one").await;
    world.until_all_closed().await;
    let stopped = world.map_run(&execution).await.record;
    assert_eq!(stopped.status, ExecutionStatus::Aborted);
    assert!(matches!(stopped.redriven, Some(Redriven { count: 1, .. })));
}

/// A crash comes after the end of a Map Run, and before its two child executions are stopped.
async fn after_a_crash() -> (World, ExecutionRow, MapRunRow) {
    let store = FaultyStore::sound();
    let world = World::new(&exporting(HANGS), store.clone());
    let runtime = world.start_runtime().await;
    let execution = world.start(&runtime, "one", INPUT).await.unwrap();
    let row = world.map_run(&execution).await;
    world.until_running(&runtime, &row, 2).await;
    store.fail_after(1);
    world.stop(&runtime, "one").await;
    world.until(|| store.is_failing()).await;
    drop(runtime);
    store.recover();
    assert_eq!(world.statuses(&row).await, [ExecutionStatus::Running; 2]);
    assert_eq!(world.map_run(&execution).await.record.status, ExecutionStatus::Aborted);
    (world, execution, row)
}

#[tokio::test]
async fn children_are_stopped_after_a_crash() {
    let (world, execution, row) = after_a_crash().await;
    let _runtime = world.start_runtime().await;
    world.until_all_closed().await;
    assert_eq!(world.statuses(&row).await, [ExecutionStatus::Aborted; 2]);
    world.until_wound_up(&execution).await;
}

/// One that is set aside keeps nobody from being stopped, and is stopped itself when it is taken up.
#[tokio::test]
async fn a_map_run_is_wound_up_when_no_child_is_set_aside_any_more() {
    let (world, execution, row) = after_a_crash().await;
    let child = world.children(&row).await[0].id;
    world.store.spoil(child);
    let runtime = world.start_runtime().await;
    world.pass(300).await;
    assert!(runtime.metrics().quarantined > 0);
    let expected = [ExecutionStatus::Running, ExecutionStatus::Aborted];
    assert_eq!(world.statuses(&row).await, expected);
    assert_eq!(world.map_run(&execution).await.wound_up, None);
    let lost = Some(ExecutionStatus::Failed);
    let exported = [[Some(ExecutionStatus::Aborted), lost, None, None]];
    assert_eq!(world.shelf.exports(), exported, "once");
    world.store.mend(child);
    world.until_wound_up(&execution).await;
    assert_eq!(world.statuses(&row).await, [ExecutionStatus::Aborted; 2]);
    assert_eq!(world.shelf.exports(), exported, "once");
}

/// It goes on later, and the Map Run with it.
#[tokio::test]
async fn a_redrive_waits_for_a_child_that_is_set_aside_but_not_for_its_being_stopped() {
    let (world, execution, row) = after_a_crash().await;
    let child = world.children(&row).await[0].id;
    world.store.spoil(child);
    let runtime = world.start_runtime().await;
    world.pass(10).await;
    world.redrive(&runtime, "one", "t").await.unwrap();
    world.until_running(&runtime, &row, 2).await;
    assert_eq!(world.statuses(&row).await, [ExecutionStatus::Running; 2]);
    world.pass(10).await;
    let record = world.map_run(&execution).await.record;
    assert_eq!(
        (record.status, record.executions),
        (ExecutionStatus::Running, EndCounts::default())
    );
}

/// As many as are wound up at a time in a shard wait for the store, which refuses something for each of them, and one
/// comes after them.
async fn assert_no_other_is_kept(definition: &str, refuse: impl Fn(&FaultyStore, &[MapRunRow])) {
    let world = World::new(definition, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let machine = chosen("").state_machine_arn.clone();
    let shard = ShardId::of(&machine, "e0");
    let names = (0..).map(|number| format!("e{number}"));
    let names: Vec<_> = names.filter(|name| ShardId::of(&machine, name) == shard).take(5).collect();
    let (mut executions, mut rows) = (Vec::new(), Vec::new());
    for name in &names {
        let execution = world.start(&runtime, name, INPUT).await.unwrap();
        let row = world.map_run(&execution).await;
        world.until_running(&runtime, &row, 2).await;
        rows.push(row);
        executions.push(execution);
    }
    refuse(&world.store, &rows[..4]);
    for name in &names {
        world.stop(&runtime, name).await;
    }
    world.until_wound_up(&executions[4]).await;
    for execution in &executions[..4] {
        assert_eq!(world.map_run(execution).await.wound_up, None);
    }
    refuse(&world.store, &[]);
    for execution in &executions {
        world.until_wound_up(execution).await;
    }
}

#[tokio::test]
async fn map_runs_whose_children_cannot_be_listed_keep_no_other_from_being_wound_up() {
    let refuse = |store: &FaultyStore, rows: &[MapRunRow]| {
        store.refuse_lists_of(rows.iter().filter_map(|row| map_run_key(&row.record.arn)));
    };
    assert_no_other_is_kept(HANGS, refuse).await;
}

#[tokio::test]
async fn map_runs_whose_journals_cannot_be_read_keep_no_other_from_being_wound_up() {
    let refuse = |store: &FaultyStore, rows: &[MapRunRow]| {
        store.withhold(rows.iter().map(|row| row.execution));
    };
    assert_no_other_is_kept(&exporting(HANGS), refuse).await;
}

/// By another node, to which the shard has gone over.
#[tokio::test]
async fn what_was_redriven_meanwhile_is_not_wound_up() {
    let (world, execution, row) = after_a_crash().await;
    world.store.redrive_map_runs_after(Some(1));
    let runtime = world.start_runtime().await;
    world.pass(30).await;
    assert_eq!(world.statuses(&row).await, [ExecutionStatus::Running; 2]);
    drop(runtime);
    world.store.redrive_map_runs_after(None);
    let _runtime = world.start_runtime().await;
    world.until_wound_up(&execution).await;
    assert_eq!(world.statuses(&row).await, [ExecutionStatus::Aborted; 2]);
}

#[tokio::test]
async fn a_child_that_is_set_aside_is_not_redriven_and_the_map_run_ends() {
    let world = World::new(FLAKY, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let execution = world.start(&runtime, "one", "[0,1]").await.unwrap();
    let failed = world.until_ended(&execution).await;
    let children = world.children(&failed).await;
    let child = children.iter().find(|child| child.status == ExecutionStatus::Failed).unwrap();
    world.store.spoil(child.id);
    world.redrive(&runtime, "one", "t").await.unwrap();
    let record = world.until_ended(&execution).await.record;
    assert_eq!(record.status, ExecutionStatus::Failed);
    assert_eq!(record.redriven.map(|redriven| redriven.count), Some(1));
    let expected = EndCounts { succeeded: 1, failed: 1, ..EndCounts::default() };
    assert_eq!(record.executions, expected);
    assert_eq!(record.not_redrivable.children, 1);
}

#[tokio::test]
async fn results_wait_for_a_journal_that_cannot_be_read_now() {
    let world = World::new(&exporting(WAITS), FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let execution = world.start(&runtime, "one", "[0,1]").await.unwrap();
    world.store.withhold([execution.id]);
    world.pass(60).await;
    assert_eq!(world.shelf.exports(), [] as [Statuses; 0]);
    assert_eq!(world.map_run(&execution).await.record.status, ExecutionStatus::Running);
    world.store.withhold([]);
    let record = world.until_ended(&execution).await.record;
    assert_eq!(record.status, ExecutionStatus::Succeeded);
    assert_eq!(world.shelf.exports(), [[Some(ExecutionStatus::Succeeded); 2]]);
}

/// Whatever commit a crash comes before, and whether that had become durable: each attempt happens once.
#[tokio::test]
async fn a_crash_redrives_no_child_twice() {
    let mut crashes = 0;
    for commits in 0.. {
        let store = FaultyStore::sound();
        let world = World::new(FLAKY, store.clone());
        let runtime = world.start_runtime().await;
        let execution = world.start(&runtime, "one", INPUT).await.unwrap();
        world.until_ended(&execution).await;
        store.fail_after(commits);
        let _ = runtime_redrives(&world, &runtime).await;
        let has_crashed = store.is_failing();
        drop(runtime);
        store.fail_after(u32::MAX);
        store.recover();
        let runtime = world.start_runtime().await;
        world.redrive(&runtime, "one", "t").await.unwrap();
        let row = world.until_ended(&execution).await;
        assert_eq!(row.record.status, ExecutionStatus::Failed, "after {commits} commits");
        assert_eq!(row.record.redriven.unwrap().count, 1);
        world.redrive(&runtime, "one", "u").await.unwrap();
        let row = world.until_ended(&execution).await;
        assert_eq!(row.record.status, ExecutionStatus::Succeeded, "after {commits} commits");
        assert_redriven(&world.redrives_of_children(&row).await);
        if !has_crashed {
            break;
        }
        crashes += 1;
    }
    assert!(crashes > 4, "{crashes} crashes");
}

/// The redrive that a crash cuts off: it may have an answer, or none.
async fn runtime_redrives(world: &World, runtime: &Runtime) -> bool {
    let asking = world.redrive(runtime, "one", "t");
    let mut asking = std::pin::pin!(asking);
    let has_failed = world.store.has_failed();
    tokio::select! {
        biased;
        () = has_failed => false,
        answer = &mut asking => {
            // It goes on until it fails, or until it rests.
            world.pass(30).await;
            answer.is_ok()
        }
    }
}
