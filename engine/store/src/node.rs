//! Nodes: the processes that share a database and divide its shards among themselves.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::{SHARD_COUNT, ShardId, ShardLease};

/// One run of a process that uses a store. A process that starts again is another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub Uuid);

/// A node whose lease has not run out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Which one.
    pub id: NodeId,
    /// Where other nodes reach it.
    pub address: Arc<str>,
    /// It is about to stop: it gives its shards away and takes none.
    pub draining: bool,
    /// How long its lease still lasts when it is not renewed, by the database's clock.
    pub alive_for: Duration,
}

/// A shard and the node that it belongs to, as the database has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardOwner {
    /// Epoch and commit number.
    pub lease: ShardLease,
    /// Its owner, which may have died since; `None` when it was given back.
    pub owner: Option<NodeId>,
}

/// Who is there, and what belongs to whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    /// Nodes that are alive, in the order of their ids.
    pub nodes: Vec<Node>,
    /// All shards, in order.
    pub shards: Vec<ShardOwner>,
}

impl Membership {
    /// Whether this node is the only one that is alive.
    pub fn is_alone(&self, id: NodeId) -> bool {
        matches!(&*self.nodes, [node] if node.id == id)
    }

    /// The membership of a store that only one process can open.
    pub(crate) fn alone(id: NodeId, draining: bool, leases: &[ShardLease]) -> Membership {
        let node = Node { id, address: "".into(), draining, alive_for: Duration::MAX };
        let owned = |lease: &ShardLease| ShardOwner { lease: *lease, owner: Some(id) };
        Membership { nodes: vec![node], shards: leases.iter().map(owned).collect() }
    }
}

/// All shards of a database.
pub fn all_shards() -> Vec<ShardId> {
    (0..SHARD_COUNT).map(ShardId).collect()
}
