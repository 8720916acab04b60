//! Where the owner of each shard is.

use std::sync::Arc;

use stepyard_store::{SHARD_COUNT, ShardId, all_shards};
use tokio::sync::{mpsc, watch};

use crate::shard::Message;

/// The way to the owner of a shard.
#[derive(Clone)]
pub(crate) enum Route {
    /// It is in this process.
    Here(mpsc::Sender<Message>),
    /// It is on the node with that address.
    Elsewhere(Arc<str>),
    /// It is on its way, or dead, or not known.
    Nowhere,
}

/// The ways to all shards.
pub(crate) struct Routes {
    shards: Vec<watch::Sender<Route>>,
}

impl Default for Routes {
    fn default() -> Routes {
        Routes { shards: (0..SHARD_COUNT).map(|_| watch::Sender::new(Route::Nowhere)).collect() }
    }
}

impl Routes {
    pub(crate) fn set(&self, shard: ShardId, route: Route) {
        self.of(shard).send_replace(route);
    }

    pub(crate) fn get(&self, shard: ShardId) -> Route {
        self.of(shard).borrow().clone()
    }

    /// The way to a shard, as soon as there is one.
    pub(crate) async fn known(&self, shard: ShardId) -> Route {
        let mut route = self.of(shard).subscribe();
        let is_known = |route: &Route| !matches!(route, Route::Nowhere);
        // The sender lives as long as `self`.
        route.wait_for(is_known).await.map_or(Route::Nowhere, |route| route.clone())
    }

    /// The mailboxes of the shards in this process.
    pub(crate) fn mailboxes(&self) -> impl Iterator<Item = mpsc::Sender<Message>> {
        self.shards.iter().filter_map(|route| match &*route.borrow() {
            Route::Here(mailbox) => Some(mailbox.clone()),
            Route::Elsewhere(_) | Route::Nowhere => None,
        })
    }

    /// The shards in this process.
    pub(crate) fn here(&self) -> Vec<ShardId> {
        let is_here = |shard: &ShardId| matches!(*self.of(*shard).borrow(), Route::Here(_));
        all_shards().into_iter().filter(is_here).collect()
    }

    fn of(&self, shard: ShardId) -> &watch::Sender<Route> {
        &self.shards[usize::from(shard.0)]
    }
}
