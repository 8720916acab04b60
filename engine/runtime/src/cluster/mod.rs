//! Several nodes on one database: who is there, which shards are whose, and the way to their owners.
//!
//! A node renews its lease in the database, by the database's clock. A shard belongs to its owner as long
//! as that one's lease lasts; afterwards others claim it, which raises its epoch, so that the old owner can
//! write nothing more, however late it wakes up. Which shards a node should have is computed by each from
//! the list of those alive ([`assignment`]); no node leads. A request for a shard of another node is
//! forwarded ([`Peer`]). A process alone with its store is a cluster of one.

mod assignment;
mod hosting;
mod keeper;
mod lease;
mod members;
mod peer;
mod routes;
mod seen;
mod witness;

pub(crate) use hosting::Hosting;
pub(crate) use keeper::Keeper;
pub(crate) use lease::LocalLease;
pub(crate) use members::Members;
pub use peer::{NoPeers, NotOwner, Peer, PeerError, RedriveRequest, StartRequest, StopRequest};
pub(crate) use routes::{Route, Routes};
pub(crate) use seen::Seen;
pub use witness::Witness;

use std::sync::Arc;

/// How this node takes part in a cluster.
#[derive(Clone)]
pub struct ClusterOptions {
    /// Where other nodes reach this one; no two nodes have the same.
    pub address: Arc<str>,
    /// How this node reaches others.
    pub peer: Arc<dyn Peer>,
}
