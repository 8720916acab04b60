//! Whose shards are whose.

use std::time::Duration;

use stepyard_asl::Timestamp;
use stepyard_store::{
    CommitGroup, Error, MemoryStore, NodeId, ShardId, ShardLease, Store, all_shards,
};
use uuid::Uuid;

use crate::fixtures::{NODE, SHARD, sqlite};
use crate::support::postgres;

const MINUTE: Duration = Duration::from_secs(60);

fn node(number: u128) -> NodeId {
    NodeId(Uuid::from_u128(number))
}

async fn owner(store: &dyn Store, asking: NodeId, shard: ShardId) -> Option<NodeId> {
    let membership = store.renew_node(asking, false, MINUTE).await.unwrap().unwrap();
    membership.shards[usize::from(shard.0)].owner
}

async fn shards_belong_to_nodes_that_live(store: &dyn Store) {
    let (one, two) = (node(1), node(2));
    let shards = all_shards();
    store.register_node(one, "one", MINUTE).await.unwrap();
    store.register_node(two, "two", MINUTE).await.unwrap();
    let held = store.claim_shards(one, &shards).await.unwrap();
    assert_eq!(held.len(), shards.len());
    assert_eq!(store.claim_shards(two, &shards).await.unwrap(), []);
    assert_eq!(owner(store, two, SHARD).await, Some(one));

    // Given to a successor, given back, and not given by somebody who does not hold it.
    let [first, second] = [held[3], held[4]];
    store.release_shards(two, &held, None).await.unwrap();
    let stale = ShardLease { epoch: 0, ..first };
    store.release_shards(one, &[stale], None).await.unwrap();
    assert_eq!(owner(store, two, SHARD).await, Some(one));
    store.release_shards(one, &[first], Some(two)).await.unwrap();
    store.release_shards(one, &[second], None).await.unwrap();
    let taken = store.claim_shards(two, &shards).await.unwrap();
    assert_eq!(taken.len(), 2);
    let fenced = CommitGroup { leases: vec![first], ..CommitGroup::default() };
    assert!(matches!(store.commit(&fenced).await, Err(Error::Fenced { shard: SHARD })));

    // One whose lease has run out loses what it has; it hears of the others all the same.
    let late = store.renew_node(one, false, Duration::ZERO).await.unwrap().unwrap();
    let living: Vec<_> = late.nodes.iter().map(|node| node.id).collect();
    assert_eq!(living, [two]);
    assert_eq!(store.claim_shards(two, &shards).await.unwrap().len(), shards.len());
    assert_eq!(store.claim_shards(one, &shards).await.unwrap(), []);

    // Another process at its address, and one that says good-bye.
    let again = node(3);
    store.register_node(again, "one", MINUTE).await.unwrap();
    assert_eq!(store.renew_node(one, false, MINUTE).await.unwrap(), None);
    let present = store.renew_node(again, true, MINUTE).await.unwrap().unwrap();
    let seen: Vec<_> =
        present.nodes.iter().map(|node| (node.id, &*node.address, node.draining)).collect();
    assert_eq!(seen, [(two, "two", false), (again, "one", true)]);
    assert!(present.nodes.iter().all(|node| node.alive_for <= MINUTE));
    store.deregister_node(two).await.unwrap();
    assert_eq!(store.claim_shards(again, &[SHARD]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn shards_of_a_shared_memory_belong_to_nodes_that_live() {
    shards_belong_to_nodes_that_live(&MemoryStore::shared(|| Timestamp(7))).await;
}

#[tokio::test]
async fn shards_in_postgres_belong_to_nodes_that_live() {
    if let Some((_, store)) = postgres().await {
        shards_belong_to_nodes_that_live(&store).await;
    }
}

#[tokio::test]
async fn a_store_of_one_process_has_one_node() {
    let (_folder, store) = sqlite().await;
    store.claim_shards(NODE, &[SHARD]).await.unwrap();
    let membership = store.renew_node(NODE, false, MINUTE).await.unwrap().unwrap();
    assert_eq!(membership.nodes.len(), 1);
    assert!(membership.shards.iter().all(|shard| shard.owner == Some(NODE)));
    assert_eq!(membership.shards[3].lease.epoch, 1);
}

/// What an owner in a lost future holds does not hold any more.
async fn raised_epochs_fence_every_owner(store: &dyn Store) {
    let shards = all_shards();
    store.register_node(NODE, "one", MINUTE).await.unwrap();
    let held = store.claim_shards(NODE, &shards).await.unwrap();
    store.raise_epochs(1_000).await.unwrap();
    for (lease, raised) in held.iter().zip(store.read_leases(&shards).await.unwrap()) {
        assert_eq!(raised, ShardLease { epoch: lease.epoch + 1_000, ..*lease });
    }
    let fenced = CommitGroup { leases: vec![held[3]], ..CommitGroup::default() };
    assert!(matches!(store.commit(&fenced).await, Err(Error::Fenced { shard: SHARD })));
}

#[tokio::test]
async fn epochs_of_a_shared_memory_can_be_raised() {
    raised_epochs_fence_every_owner(&MemoryStore::shared(|| Timestamp(7))).await;
}

#[tokio::test]
async fn epochs_in_postgres_can_be_raised() {
    if let Some((_, store)) = postgres().await {
        raised_epochs_fence_every_owner(&store).await;
    }
}
