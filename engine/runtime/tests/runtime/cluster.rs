//! Several nodes on one store.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use stepyard_machine::ExecutionStatus;
use stepyard_runtime::{Runtime, StartError, StopRequest, Witness};
use stepyard_store::{SHARD_COUNT, Store, all_shards};

use crate::network::Network;
use crate::world::{World, chosen};
use crate::{INPUT, WORKFLOW};

const ADDRESSES: [&str; 3] = ["one", "two", "three"];

struct Cluster {
    world: World,
    network: Network,
    nodes: Vec<Arc<Runtime>>,
}

impl Cluster {
    /// Three nodes that have divided the shards among themselves.
    async fn new() -> Cluster {
        let (world, network) = (World::of_nodes(WORKFLOW), Network::default());
        let mut nodes = Vec::new();
        for address in ADDRESSES {
            nodes.push(world.start_node(&network, address).await);
        }
        let cluster = Cluster { world, network, nodes };
        cluster.until_divided().await;
        cluster
    }

    async fn until_divided(&self) {
        let fair = usize::from(SHARD_COUNT) / self.nodes.len() / 2;
        self.world
            .until(|| {
                let shards = self.nodes.iter().map(|node| node.metrics().shards);
                shards.clone().sum::<usize>() == usize::from(SHARD_COUNT)
                    && shards.min() > Some(fair)
            })
            .await;
    }

    /// Starts executions, one after the other at each node, as a client that tries again.
    async fn start(&self, names: std::ops::Range<usize>) {
        for number in names {
            let node = &self.nodes[number % self.nodes.len()];
            self.world.start_or_find(node, &format!("e{number}"), INPUT).await;
        }
    }

    async fn kill(&mut self, node: usize) {
        self.network.detach(ADDRESSES[node]);
        // Whoever is talking to it holds it a little longer.
        drop(self.nodes.remove(node));
    }

    async fn check(&self, executions: usize) {
        self.world.until_closed(executions).await;
        for row in self.world.rows().await {
            let journal = self.world.journal(&row).await;
            assert_eq!(journal.status(), Some(ExecutionStatus::Succeeded));
        }
        assert_eq!(self.world.keys().len(), executions * 8, "one key for each task");
    }
}

#[tokio::test]
async fn requests_reach_their_owner_from_any_node() {
    let cluster = Cluster::new().await;
    cluster.start(0..60).await;
    assert!(cluster.network.forwarded() > 20);
    let again: BTreeSet<_> = {
        let starts = cluster.nodes.iter().map(|node| cluster.world.start(node, "e7", INPUT));
        let rows = futures::future::join_all(starts).await;
        rows.into_iter().map(|row| row.unwrap().id).collect()
    };
    assert_eq!(again.len(), 1, "a name is one execution, whoever is asked");
    cluster.check(60).await;
    assert_eq!(cluster.world.runs().len(), 60 * 8, "no task is handed out twice");
    for node in &cluster.nodes {
        let arn = chosen("e7");
        let view = node.describe_execution(&arn.state_machine_arn, "e7", &arn.execution_arn);
        assert_eq!(view.await.unwrap().unwrap().row.status, ExecutionStatus::Succeeded);
        let taken = cluster.world.start(node, "e7", INPUT).await;
        assert!(matches!(taken, Err(StartError::AlreadyExists { .. })));
    }
}

#[tokio::test]
async fn a_stop_reaches_its_owner_from_any_node() {
    let cluster = Cluster::new().await;
    cluster.start(0..3).await;
    for (node, name) in cluster.nodes.iter().rev().zip(["e0", "e1", "e2"]) {
        let context = chosen(name);
        let stop = node.stop_execution(StopRequest {
            state_machine_arn: context.state_machine_arn.clone(),
            name: name.into(),
            error: None,
            cause: None,
        });
        cluster.world.passing_time(std::pin::pin!(stop)).await.unwrap();
    }
    let rows = cluster.world.rows().await;
    assert!(rows.iter().all(|row| row.status == ExecutionStatus::Aborted), "{rows:?}");
}

#[tokio::test]
async fn others_go_on_with_what_a_dead_node_had() {
    let mut cluster = Cluster::new().await;
    cluster.start(0..40).await;
    let killed_at = cluster.world.now();
    cluster.kill(1).await;
    cluster.start(40..80).await;
    cluster.until_divided().await;
    let took = cluster.world.now().millis_since(killed_at);
    assert!(took <= 10_000, "{took} ms until all shards have an owner");
    cluster.check(80).await;
}

#[tokio::test]
async fn a_node_that_stops_gives_its_shards_away_at_once() {
    let mut cluster = Cluster::new().await;
    cluster.start(0..40).await;
    let leaving = cluster.nodes.remove(0);
    let began = cluster.world.now();
    let stopped = leaving.shutdown(Duration::from_secs(10));
    cluster.world.passing_time(std::pin::pin!(stopped)).await;
    cluster.until_divided().await;
    let took = cluster.world.now().millis_since(began);
    assert!(took <= 1_000, "{took} ms");
    drop(leaving);
    cluster.start(40..60).await;
    cluster.check(60).await;
    assert_eq!(cluster.world.runs().len(), 60 * 8, "no task is handed out twice");
}

#[tokio::test]
async fn requests_are_answered_while_shards_move() {
    let cluster = Cluster::new().await;
    let names: Vec<_> = (0..90).map(|number| format!("e{number}")).collect();
    let starts = names.iter().enumerate().map(|(number, name)| {
        cluster.nodes[number % 3].start_execution(cluster.world.request(name, INPUT))
    });
    let stopped = cluster.nodes[0].shutdown(Duration::from_secs(10));
    let both = futures::future::join(futures::future::join_all(starts), stopped);
    let (started, ()) = cluster.world.passing_time(std::pin::pin!(both)).await;
    for row in started {
        row.unwrap();
    }
    cluster.check(90).await;
}

#[tokio::test]
async fn a_database_that_goes_back_in_time_stops_everything() {
    let cluster = Cluster::new().await;
    cluster.start(0..20).await;
    cluster.world.store.rewind();
    cluster.world.until(|| cluster.nodes.iter().all(|node| node.fault().is_some())).await;
    for node in &cluster.nodes {
        let fault = node.fault().unwrap();
        assert!(fault.contains("has gone back in time"), "{fault}");
        let refused = cluster.world.start(node, "late", INPUT).await;
        assert!(matches!(refused, Err(StartError::Unavailable(_))), "{refused:?}");
    }
}

/// Each process of the database that is lost has known more commits than the restored one has.
#[tokio::test]
async fn a_database_that_went_back_while_nobody_ran_is_refused_until_the_loss_is_accepted() {
    let (lost, restored) = (World::of_nodes(WORKFLOW), World::of_nodes(WORKFLOW));
    for (world, executions) in [(&lost, 20), (&restored, 5)] {
        let node = world.start_witness(Witness::default()).await.unwrap();
        for number in 0..executions {
            world.start_or_find(&node, &format!("e{number}"), INPUT).await;
        }
    }
    let known = lost.start_witness(Witness::default()).await.unwrap();
    lost.until_all_closed().await;
    let commits = known.commit_numbers();
    drop(known);
    assert!(
        lost.start_witness(Witness { commits: commits.clone(), ..Witness::default() })
            .await
            .is_ok()
    );

    let witness = |accept_data_loss| Witness { commits: commits.clone(), accept_data_loss };
    let refused = restored.start_witness(witness(false)).await.err().unwrap().to_string();
    assert!(refused.contains("has gone back in time: shard "), "{refused}");
    assert!(refused.contains("--accept-data-loss"), "{refused}");
    let before = restored.store.read_leases(&all_shards()).await.unwrap();
    let node = restored.start_witness(witness(true)).await.unwrap();
    restored.start_or_find(&node, "late", INPUT).await;
    restored.until_closed(6).await;
    for (before, now) in before.iter().zip(restored.store.read_leases(&all_shards()).await.unwrap())
    {
        assert!(now.epoch > before.epoch + 1_000, "no owner in the lost future has got so far");
    }
    let known = node.commit_numbers();
    drop(node);
    let again = Witness { commits: known, ..Witness::default() };
    assert!(restored.start_witness(again).await.is_ok(), "what was accepted is the truth now");
}

#[tokio::test]
async fn two_nodes_cannot_have_one_address() {
    let (world, network) = (World::of_nodes(WORKFLOW), Network::default());
    let first = world.start_node(&network, "one").await;
    let _second = world.start_node(&network, "one").await;
    world.until(|| first.fault().is_some()).await;
    let fault = first.fault().unwrap();
    assert!(fault.contains("another node has registered with the address"), "{fault}");
}

/// The store does not answer one node for longer than its lease lasts.
#[tokio::test]
async fn a_node_that_was_away_comes_back() {
    let world = World::of_nodes(WORKFLOW);
    let network = Network::default();
    let node = world.start_node(&network, "one").await;
    world.store.fail_after(0);
    let row = world.start(&node, "one", INPUT).await;
    assert!(row.is_err());
    world.until(|| node.fault().is_some()).await;
    world.store.recover();
    world.until(|| node.fault().is_none()).await;
    world.start_or_find(&node, "two", INPUT).await;
    world.until_all_closed().await;
    assert!(world.store.read_leases(&[]).await.unwrap().is_empty());
}
