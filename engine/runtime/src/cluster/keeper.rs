//! The keeper of this node: it renews the node's lease, claims shards and gives them away.

use std::sync::Arc;
use std::time::Duration;

use stepyard_store::{Error, Membership, Node, NodeId, ShardId, ShardLease, ShardOwner};
use tokio::task::JoinSet;

use super::assignment::wished_owner;
use super::hosting::Hosting;
use super::{ClusterOptions, Route, Seen};
use crate::shard::{ShardEnd, Shared};

/// How long a node is taken for alive after it has renewed its lease.
const TIME_TO_LIVE: Duration = Duration::from_secs(6);

/// How often it renews it, and looks what belongs to whom.
const RENEWAL: Duration = Duration::from_secs(2);

/// How much earlier a node takes its own lease for ended than others do: clocks run at different rates.
const MARGIN: Duration = Duration::from_millis(500);

/// A renewal that takes longer is not waited for.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// The pause before a look that follows a failure or that others ask for.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// Shards that are given away at the same time, while the node goes on.
const HAND_OVERS_MAX: usize = 8;

/// How long the tasks of a shard that is given away may take to end; later they are handed out again by
/// the new owner.
const HAND_OVER_PATIENCE: Duration = Duration::from_secs(5);

/// Keeps this node in its cluster.
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    hosting: Hosting,
    cluster: ClusterOptions,
    /// As it was at the last look.
    membership: Arc<Membership>,
    next_look: Duration,
    /// Whether it has begun to give everything away.
    is_leaving: bool,
    pokes: JoinSet<()>,
}

impl Keeper {
    pub(crate) fn new(hosting: Hosting, cluster: ClusterOptions) -> Keeper {
        Keeper {
            shared: hosting.shared.clone(),
            hosting,
            cluster,
            membership: Arc::default(),
            next_look: Duration::ZERO,
            is_leaving: false,
            pokes: JoinSet::new(),
        }
    }

    /// Enters the cluster and takes up what nobody has: those shards.
    pub(crate) async fn join(&mut self) -> Result<Vec<ShardId>, Error> {
        self.register().await?;
        self.look().await?;
        Ok(self.hosting.shards().collect())
    }

    /// Runs until the node is told to stop and all of its shards have ended.
    pub(crate) async fn run(mut self) {
        while !self.is_finished() {
            if self.shared.draining.is_cancelled() && !self.is_leaving {
                self.begin_to_leave().await;
                continue;
            }
            let clock = self.shared.clock.clone();
            let next = self.hosting.next_overdue().into_iter().fold(self.next_look, Duration::min);
            let pause = next.saturating_sub(clock.monotonic());
            tokio::select! {
                biased;
                (shard, end) = self.hosting.ended() => self.shard_ended(shard, end).await,
                () = self.shared.look.notified() => self.look_soon(),
                () = clock.sleep(pause), if self.shared.store.is_shared() => self.on_time().await,
                () = self.shared.draining.cancelled(), if !self.is_leaving => {}
            }
        }
        self.leave().await;
    }

    fn is_finished(&self) -> bool {
        self.is_leaving && self.hosting.is_empty()
    }

    /// Others learn that this node takes no more shards, and get those that were on their way to it.
    async fn begin_to_leave(&mut self) {
        self.is_leaving = true;
        if let Err(error) = self.look().await {
            tracing::warn!(%error, "cannot tell the others that this node is about to stop");
        }
        let membership = self.membership.clone();
        let is_mine = |shard: &&ShardOwner| shard.owner == Some(self.shared.node);
        let mine = membership.shards.iter().filter(is_mine).map(|shard| shard.lease);
        let homeless: Vec<_> = mine.filter(|lease| !self.hosting.has(lease.shard)).collect();
        for lease in homeless {
            self.hand_over(lease).await;
        }
    }

    /// The end: nobody has to wait for the lease to run out.
    async fn leave(mut self) {
        self.shared.closed.cancel();
        if let Err(error) = self.shared.store.deregister_node(self.shared.node).await {
            tracing::warn!(%error, "others learn only from the lease of this node that it is gone");
        }
        let told = async { while self.pokes.join_next().await.is_some() {} };
        let clock = self.shared.clock.clone();
        tokio::select! {
            biased;
            () = told => {}
            () = clock.sleep(RENEWAL) => {}
        }
    }

    async fn on_time(&mut self) {
        let now = self.shared.clock.monotonic();
        self.hosting.stop_overdue(now);
        if self.next_look <= now
            && let Err(error) = self.look().await
        {
            tracing::warn!(%error, "cannot renew the lease of this node; trying again");
            self.next_look = self.shared.clock.monotonic() + PAUSE_MIN;
        }
    }

    fn look_soon(&mut self) {
        let soon = self.shared.clock.monotonic() + PAUSE_MIN / 10;
        self.next_look = self.next_look.min(soon);
    }

    async fn register(&self) -> Result<(), Error> {
        let Shared { store, node, .. } = &*self.shared;
        store.register_node(*node, &self.cluster.address, TIME_TO_LIVE).await
    }

    /// Renews the lease, looks what belongs to whom, and does what follows from it.
    async fn look(&mut self) -> Result<(), Error> {
        let asked = self.shared.clock.monotonic();
        let before = self.shared.seen.snapshot();
        let Some(membership) = self.renew().await? else { return self.return_to_cluster().await };
        self.next_look = asked + self.pause(&membership);
        self.membership = Arc::new(membership);
        self.shared.members.set(self.membership.clone());
        self.notice_set_back(&before);
        self.give_up_lost();
        // Not before: what is known of lost shards must not be shown any more.
        self.shared.lease.extend(match self.shared.store.is_shared() {
            true => asked + TIME_TO_LIVE - MARGIN,
            false => Duration::MAX,
        });
        self.show_ways();
        if !self.shared.draining.is_cancelled() && !self.shared.outage.is_final() {
            self.claim().await?;
            self.give_away();
        }
        Ok(())
    }

    async fn renew(&self) -> Result<Option<Membership>, Error> {
        let Shared { store, node, clock, draining, .. } = &*self.shared;
        let renewed = store.renew_node(*node, draining.is_cancelled(), TIME_TO_LIVE);
        tokio::select! {
            biased;
            renewed = renewed => renewed,
            () = clock.sleep(ANSWER_TIMEOUT) => {
                Err(Error::Unavailable("the database does not answer in time".into()))
            }
        }
    }

    /// The row of this node is gone: it was away for very long, or another one has its address.
    async fn return_to_cluster(&mut self) -> Result<(), Error> {
        if self.shared.lease.is_valid(self.shared.clock.monotonic()) {
            let address = &self.cluster.address;
            self.halt(&format!(
                "another node has registered with the address of this one, {address}; give each its own --node-address"
            ));
            self.next_look = Duration::MAX;
            return Ok(());
        }
        tracing::warn!("this node was away for long; it enters the cluster anew");
        self.next_look = self.shared.clock.monotonic();
        self.register().await
    }

    /// When to look again: at the end of a lease that was not renewed, or soon when a shard is on its way.
    fn pause(&self, membership: &Membership) -> Duration {
        let homeless = |shard: &ShardOwner| {
            shard.owner.is_none_or(|owner| membership.nodes.iter().all(|node| node.id != owner))
        };
        if membership.shards.iter().any(homeless) {
            return PAUSE_MIN;
        }
        let leases =
            membership.nodes.iter().map(|node| node.alive_for.saturating_add(PAUSE_MIN / 10));
        leases.chain([RENEWAL]).min().unwrap_or(RENEWAL)
    }

    fn notice_set_back(&mut self, before: &[u64]) {
        let leases: Vec<_> = self.membership.shards.iter().map(|shard| shard.lease).collect();
        if let Some(lost) = leases.iter().find_map(|lease| Seen::lost(before, *lease)) {
            return self.halt(&lost.advice());
        }
        leases.into_iter().for_each(|lease| self.shared.seen.note(lease));
    }

    /// Nothing goes on here, and no other node takes these shards either: the lease is kept.
    fn halt(&self, reason: &str) {
        self.shared.outage.halt(reason);
        self.hosting.stop_all();
    }

    /// Ends shards that have another owner by now, or have had one.
    fn give_up_lost(&self) {
        let recent = &self.shared.recent;
        for ShardOwner { lease, owner } in &self.membership.shards {
            let is_lost =
                *owner != Some(self.shared.node) || recent.epoch(lease.shard) < lease.epoch;
            if is_lost && self.hosting.has(lease.shard) {
                recent.end(lease.shard);
                self.hosting.stop(lease.shard);
            }
        }
    }

    fn show_ways(&self) {
        for shard in &self.membership.shards {
            if !self.hosting.has(shard.lease.shard) {
                let owner = shard.owner.and_then(|owner| self.node(owner));
                let route = match owner.filter(|node| node.id != self.shared.node) {
                    Some(node) => Route::Elsewhere(node.address.clone()),
                    None => Route::Nowhere,
                };
                self.shared.routes.set(shard.lease.shard, route);
            }
        }
    }

    fn node(&self, id: NodeId) -> Option<&Node> {
        self.membership.nodes.iter().find(|node| node.id == id)
    }

    /// Claims what is its own already, and what nobody has if it is the one that should.
    async fn claim(&mut self) -> Result<(), Error> {
        let node = self.shared.node;
        let is_mine = |shard: &&ShardOwner| match shard.owner {
            Some(owner) if owner == node => true,
            Some(owner) if self.node(owner).is_some() => false,
            _ => self.wished_owner(shard.lease.shard).is_some_and(|wished| wished.id == node),
        };
        let mine = self.membership.shards.iter().filter(is_mine).map(|shard| shard.lease.shard);
        let wanted: Vec<_> = mine.filter(|shard| !self.hosting.has(*shard)).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let before = self.shared.seen.snapshot();
        for lease in self.shared.store.claim_shards(node, &wanted).await? {
            if let Some(lost) = Seen::lost(&before, lease) {
                self.halt(&lost.advice());
                return Ok(());
            }
            self.shared.seen.note(lease);
            self.hosting.take_up(lease);
        }
        tracing::debug!(shards = wanted.len(), "claimed");
        Ok(())
    }

    /// Gives away what others should have, some at a time.
    fn give_away(&mut self) {
        let leave_by = self.shared.clock.monotonic() + HAND_OVER_PATIENCE;
        let others: Vec<_> = self
            .hosting
            .shards()
            .filter(|shard| {
                self.wished_owner(*shard).is_some_and(|wished| wished.id != self.shared.node)
            })
            .collect();
        let places = HAND_OVERS_MAX.saturating_sub(self.hosting.leaving());
        for shard in others.into_iter().take(places) {
            self.hosting.give_away(shard, leave_by);
        }
    }

    /// The node that should have a shard.
    fn wished_owner(&self, shard: ShardId) -> Option<&Node> {
        let is_leaving = |node: &Node| {
            node.draining || (node.id == self.shared.node && self.shared.draining.is_cancelled())
        };
        let staying = self.membership.nodes.iter().filter(|node| !is_leaving(node));
        wished_owner(shard, staying.map(|node| node.id)).and_then(|id| self.node(id))
    }

    async fn shard_ended(&mut self, shard: ShardId, end: Option<ShardEnd>) {
        if self.shared.outage.is_final() {
            return self.hosting.stop_all();
        }
        match end {
            Some(ShardEnd { lease, is_lost: false }) => self.hand_over(lease).await,
            _ => self.look_soon(),
        }
        if !self.shared.store.is_shared()
            && !self.shared.draining.is_cancelled()
            && let Err(error) = self.look().await
        {
            tracing::error!(%error, shard = shard.0, "a shard has ended and cannot be taken up again");
        }
    }

    /// Gives a shard that has ended to the node that should have it.
    async fn hand_over(&mut self, lease: ShardLease) {
        let successor = self.wished_owner(lease.shard).cloned();
        let node = self.shared.node;
        let id = successor.as_ref().map(|successor| successor.id);
        if let Err(error) = self.shared.store.release_shards(node, &[lease], id).await {
            tracing::warn!(%error, shard = lease.shard.0, "cannot give a shard away");
            return self.look_soon();
        }
        let Some(successor) = successor.filter(|successor| successor.id != node) else {
            return self.look_soon();
        };
        self.shared.routes.set(lease.shard, Route::Elsewhere(successor.address.clone()));
        let peer = self.cluster.peer.clone();
        self.pokes.spawn(async move { peer.poke(&successor.address).await });
        while self.pokes.try_join_next().is_some() {}
        self.look_soon();
    }
}
