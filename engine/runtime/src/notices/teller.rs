//! Telling one target of the changes in one shard.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use stepyard_machine::StatusChange;
use stepyard_store::{Error, Notice, NoticePlace, ShardId, Told};

use super::changes::changes;
use super::target::Target;
use super::{KEPT, News, TellError};
use crate::Clock;
use crate::shard::Shared;

/// Notices that are read at a time.
const PAGE: usize = 64;

/// First and longest pause before a target is told again, or the store asked again.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// Tells one target of the changes in one shard, as long as that belongs to this process.
pub(super) struct Teller {
    shared: Arc<Shared>,
    target: Arc<Target>,
    shard: ShardId,
    news: Arc<News>,
    /// The last notice that has been dealt with.
    after: Option<NoticePlace>,
}

impl Teller {
    pub(super) fn new(
        shared: Arc<Shared>,
        target: Arc<Target>,
        shard: ShardId,
        news: Arc<News>,
    ) -> Teller {
        Teller { shared, target, shard, news, after: None }
    }

    /// Runs until it is dropped.
    pub(super) async fn run(mut self) {
        let mut pause = Pause::default();
        loop {
            // Whatever is announced from here on is looked for again.
            let count = self.news.count();
            match self.round().await {
                Ok(has_more) => {
                    pause = Pause::default();
                    if !has_more {
                        self.target.is_even(self.shard);
                        self.news.beyond(count).await;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, shard = self.shard.0, "cannot read what is to be told; trying again");
                    pause.wait(&*self.shared.clock).await;
                }
            }
        }
    }

    /// Deals with a page of notices; whether there may be more behind it.
    async fn round(&mut self) -> Result<bool, Error> {
        let store = &self.shared.store;
        let page = store.notices(self.shard, self.target.id(), self.after, PAGE).await?;
        for notice in &page {
            self.deal_with(notice).await?;
            self.after = Some(notice.place());
            let told = Told { shard: self.shard, target: self.target.id(), up_to: notice.place() };
            self.shared.notices.told.note(told);
        }
        Ok(page.len() == PAGE)
    }

    async fn deal_with(&self, notice: &Notice) -> Result<(), Error> {
        match changes(&*self.shared.store, notice).await {
            Ok(changes) => {
                for change in &changes {
                    self.tell(notice, change).await;
                }
                Ok(())
            }
            Err(error @ Error::Corrupt { .. }) => {
                let execution = notice.execution.0.to_string();
                self.target.dropped(&execution, &error.to_string());
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Tells of a change until it is taken, refused or too old.
    async fn tell(&self, notice: &Notice, change: &StatusChange) {
        let Shared { clock, .. } = &*self.shared;
        let arn = &*change.context.execution_arn;
        self.target.begin(self.shard, change.at);
        let mut pause = Pause::default();
        while !is_too_old(change, &**clock) {
            let told = self.try_to_tell(notice, change).await;
            match told {
                Ok(()) => return self.target.succeeded(clock.monotonic()),
                Err(TellError::Refused(reason)) => return self.target.dropped(arn, &reason),
                Err(TellError::Unavailable(reason)) => {
                    self.target.failed(&reason, clock.monotonic(), clock.now());
                }
            }
            pause.wait(&**clock).await;
        }
        self.target.dropped(arn, "it has become too old");
    }

    async fn try_to_tell(&self, notice: &Notice, change: &StatusChange) -> Result<(), TellError> {
        let Shared { lease, clock, .. } = &*self.shared;
        // Otherwise another node may be telling already.
        if !lease.is_valid(clock.monotonic()) {
            return Err(TellError::Unavailable("the lease of this node has run out".into()));
        }
        let told = AssertUnwindSafe(self.target.port().tell(notice.execution, change));
        // A panic is a fault of this program: it may cost one change, not those behind it.
        let panicked = |_| Err(TellError::Refused("telling of it makes this program panic".into()));
        told.catch_unwind().await.unwrap_or_else(panicked)
    }
}

/// What it was telling is the concern of the next owner.
impl Drop for Teller {
    fn drop(&mut self) {
        self.target.is_even(self.shard);
    }
}

fn is_too_old(change: &StatusChange, clock: &dyn Clock) -> bool {
    let age = u64::try_from(clock.now().millis_since(change.at)).unwrap_or(0);
    Duration::from_millis(age) > KEPT
}

/// A pause that doubles each time.
struct Pause(Duration);

impl Default for Pause {
    fn default() -> Pause {
        Pause(PAUSE_MIN)
    }
}

impl Pause {
    async fn wait(&mut self, clock: &dyn Clock) {
        clock.sleep(self.0).await;
        self.0 = (self.0 * 2).min(PAUSE_MAX);
    }
}
