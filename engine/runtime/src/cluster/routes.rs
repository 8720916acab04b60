//! Where the owner of each shard is.

use std::sync::Arc;

use stepyard_store::{SHARD_COUNT, ShardId, all_shards};
use tokio::sync::mpsc;

use crate::shard::Message;
use crate::watched::Watched;

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
    shards: Vec<Watched<Route>>,
}

impl Default for Routes {
    fn default() -> Routes {
        Routes { shards: (0..SHARD_COUNT).map(|_| Watched::new(Route::Nowhere)).collect() }
    }
}

impl Routes {
    pub(crate) fn set(&self, shard: ShardId, route: Route) {
        self.of(shard).set(route);
    }

    pub(crate) fn get(&self, shard: ShardId) -> Route {
        self.of(shard).get()
    }

    /// The way to a shard, as soon as there is one.
    pub(crate) async fn known(&self, shard: ShardId) -> Route {
        self.of(shard).wait_for(|route| !matches!(route, Route::Nowhere)).await
    }

    /// The mailboxes of the shards in this process.
    pub(crate) fn mailboxes(&self) -> impl Iterator<Item = mpsc::Sender<Message>> {
        self.shards.iter().filter_map(|route| match route.get() {
            Route::Here(mailbox) => Some(mailbox),
            Route::Elsewhere(_) | Route::Nowhere => None,
        })
    }

    /// The shards in this process.
    pub(crate) fn here(&self) -> Vec<ShardId> {
        let is_here = |shard: &ShardId| matches!(self.of(*shard).get(), Route::Here(_));
        all_shards().into_iter().filter(is_here).collect()
    }

    fn of(&self, shard: ShardId) -> &Watched<Route> {
        &self.shards[usize::from(shard.0)]
    }
}
