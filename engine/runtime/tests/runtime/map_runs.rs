//! What is asked of Map Runs and changed in them while they run.

use std::sync::Arc;

use stepyard_machine::{ExecutionStatus, MapLimitsChange};
use stepyard_runtime::{
    MapRunProgress, MapRunRequest, MapRunRequestError, RunningChildren, Runtime, StopRequest,
};
use stepyard_store::{ExecutionQuery, ExecutionRow, MapRunRow, Store, map_run_key};

use crate::faulty::FaultyStore;
use crate::network::Network;
use crate::world::{World, chosen};

/// The first child execution fails, the others do not end by themselves.
const HANGS: &str = r#"{"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$.items","Label":"l","End":true,
    "MaxConcurrency":2,"ToleratedFailureCount":1,"ItemProcessor":{
        "ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},
        "StartAt":"C","States":{
            "C":{"Type":"Choice","Choices":[{"Variable":"$","NumericEquals":1,"Next":"F"}],"Default":"T"},
            "F":{"Type":"Fail","Error":"E"},
            "T":{"Type":"Task","Resource":"arn:aws:lambda:r:a:function:hangs","End":true}}}}}}"#;

const INPUT: &str = r#"{"items":[1,2,3,4,5,6]}"#;

const NOTHING: MapLimitsChange = MapLimitsChange {
    max_concurrency: None,
    tolerated_failure_count: None,
    tolerated_failure_percentage: None,
};

impl World {
    /// The only Map Run of an execution, as it is stored.
    pub(crate) async fn map_run(&self, execution: &ExecutionRow) -> MapRunRow {
        for _ in 0..100 {
            self.settle().await;
            let listed = self.store.list_map_runs(execution.shard, execution.id, None, 2).await;
            if let [row] = &listed.unwrap()[..] {
                return row.clone();
            }
        }
        panic!("there is no Map Run");
    }

    pub(crate) async fn children(&self, row: &MapRunRow) -> Vec<ExecutionRow> {
        let map_run = map_run_key(&row.record.arn);
        let query = ExecutionQuery { map_run, limit: 99, ..ExecutionQuery::default() };
        self.store.list_executions(&query).await.unwrap()
    }

    async fn ask(
        &self,
        runtime: &Runtime,
        row: &MapRunRow,
        change: MapLimitsChange,
    ) -> Result<MapRunProgress, MapRunRequestError> {
        let (shard, execution, run) = (row.shard, row.execution, row.record.id);
        let request = MapRunRequest { shard, execution, run, change };
        self.passing_time(std::pin::pin!(runtime.ask_map_run(request))).await
    }

    /// Waits until so many child executions run.
    pub(crate) async fn until_running(&self, runtime: &Runtime, row: &MapRunRow, executions: u64) {
        let is_so = |running: &RunningChildren| {
            (running.executions, running.items) == (executions, executions)
        };
        self.until_told(runtime, row, |progress| is_so(&progress.running)).await;
    }

    /// Waits until a Map Run stands so.
    pub(crate) async fn until_told(
        &self,
        runtime: &Runtime,
        row: &MapRunRow,
        condition: impl Fn(&MapRunProgress) -> bool,
    ) {
        for _ in 0..100 {
            self.settle().await;
            if condition(&self.ask(runtime, row, NOTHING).await.unwrap()) {
                return;
            }
        }
        panic!("the Map Run never stands so");
    }
}

#[tokio::test]
async fn limits_change_while_it_runs() {
    let world = World::new(HANGS, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let execution = world.start(&runtime, "one", INPUT).await.unwrap();
    let row = world.map_run(&execution).await;
    world.until_told(&runtime, &row, |told| told.record.executions.failed == 1).await;
    world.until_running(&runtime, &row, 2).await;
    let totals = world.ask(&runtime, &row, NOTHING).await.unwrap().record.totals.unwrap();
    assert_eq!((totals.items, totals.children), (6, 6), "known before all are started");

    let five = MapLimitsChange { max_concurrency: Some(5), ..NOTHING };
    let changed = world.ask(&runtime, &row, five).await.unwrap().record;
    assert_eq!(changed.limits.max_concurrency, 5);
    assert_eq!(world.map_run(&execution).await.record, changed, "it is stored as it was told");
    world.until_running(&runtime, &row, 5).await;

    // Fewer than run: none of them is ended, and none is started for one that ends.
    let one = MapLimitsChange { max_concurrency: Some(1), ..NOTHING };
    world.ask(&runtime, &row, one).await.unwrap();
    let [child, ..] = &world.children(&row).await[..] else { panic!("there are children") };
    let stop = runtime.stop_execution(StopRequest {
        state_machine_arn: child.state_machine_arn.clone(),
        name: child.name.clone(),
        error: None,
        cause: None,
    });
    world.passing_time(std::pin::pin!(stop)).await.unwrap();
    world.until_told(&runtime, &row, |told| told.record.executions.aborted == 1).await;
    world.until_running(&runtime, &row, 4).await;
    assert_eq!(world.children(&row).await.len(), 6);

    // One has failed: that is too many now.
    let none = MapLimitsChange { tolerated_failure_count: Some(0), ..NOTHING };
    let ended = world.ask(&runtime, &row, none).await.unwrap();
    assert_eq!(ended.record.status, ExecutionStatus::Failed);
    assert_eq!(ended.running, RunningChildren::default());
    let stored = world.map_run(&execution).await.record;
    assert_eq!(stored, ended.record);
    assert_eq!((stored.executions.failed, stored.executions.aborted), (1, 1));
    assert_eq!(
        world.ask(&runtime, &row, five).await,
        Err(MapRunRequestError::NotRunning),
        "it has ended"
    );
    world.until_all_closed().await;
    let counted = world.store.count_children(map_run_key(&row.record.arn).unwrap()).await;
    let counted: Vec<_> =
        counted.unwrap().into_iter().map(|counted| (counted.status, counted.executions)).collect();
    assert_eq!(counted, [(ExecutionStatus::Failed, 1), (ExecutionStatus::Aborted, 5)]);
}

#[tokio::test]
async fn an_answer_waits_until_what_it_tells_is_durable() {
    let store = FaultyStore::sound();
    let world = World::new(HANGS, store.clone());
    let runtime = Arc::new(world.start_runtime().await);
    let execution = world.start(&runtime, "one", INPUT).await.unwrap();
    let row = world.map_run(&execution).await;
    world.until_running(&runtime, &row, 2).await;
    let held = store.hold();
    let asking = {
        let runtime = runtime.clone();
        let change = MapLimitsChange { max_concurrency: Some(3), ..NOTHING };
        let (shard, execution, run) = (row.shard, row.execution, row.record.id);
        let request = MapRunRequest { shard, execution, run, change };
        // No time passes meanwhile, so that nobody loses patience.
        tokio::spawn(async move { runtime.ask_map_run(request).await })
    };
    world.settle().await;
    assert!(!asking.is_finished());
    assert_eq!(world.map_run(&execution).await.record.limits.max_concurrency, 2);
    drop(held);
    assert_eq!(asking.await.unwrap().unwrap().record.limits.max_concurrency, 3);
    assert_eq!(world.map_run(&execution).await.record.limits.max_concurrency, 3);
}

#[tokio::test]
async fn limits_last_beyond_a_crash() {
    let world = World::new(HANGS, FaultyStore::sound());
    let runtime = world.start_runtime().await;
    let execution = world.start(&runtime, "one", INPUT).await.unwrap();
    let row = world.map_run(&execution).await;
    let three = MapLimitsChange { max_concurrency: Some(3), ..NOTHING };
    let changed = world.ask(&runtime, &row, three).await.unwrap().record;
    world.until_running(&runtime, &row, 3).await;
    drop(runtime);
    let runtime = world.start_runtime().await;
    world.until_running(&runtime, &row, 3).await;
    assert_eq!(
        world.ask(&runtime, &row, NOTHING).await.unwrap().record,
        world.map_run(&execution).await.record
    );
    assert_eq!(world.map_run(&execution).await.record.limits, changed.limits);
    assert_eq!(world.children(&row).await.len(), 4, "the same child executions");
}

#[tokio::test]
async fn a_question_reaches_its_owner_from_any_node() {
    let (world, network) = (World::of_nodes(HANGS), Network::default());
    let mut nodes = Vec::new();
    for address in ["one", "two", "three"] {
        nodes.push(world.start_node(&network, address).await);
    }
    world.until(|| nodes.iter().all(|node| node.metrics().shards > 10)).await;
    let execution = world.start_or_find(&nodes[0], "e", INPUT).await;
    let row = world.map_run(&execution).await;
    for (limit, node) in (3..).zip(&nodes) {
        let change = MapLimitsChange { max_concurrency: Some(limit), ..NOTHING };
        let told = world.ask(node, &row, change).await.unwrap().record;
        assert_eq!(told.limits.max_concurrency, limit);
        assert_eq!(world.map_run(&execution).await.record.limits, told.limits);
    }
    let context = chosen("e");
    let stop = nodes[0].stop_execution(StopRequest {
        state_machine_arn: context.state_machine_arn.clone(),
        name: "e".into(),
        error: None,
        cause: None,
    });
    world.passing_time(std::pin::pin!(stop)).await.unwrap();
    assert_eq!(world.map_run(&execution).await.record.status, ExecutionStatus::Aborted);
    for node in &nodes {
        let told = world.ask(node, &row, NOTHING).await;
        assert_eq!(told, Err(MapRunRequestError::NotRunning));
    }
}
