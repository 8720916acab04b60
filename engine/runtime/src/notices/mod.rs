//! Telling others of changes of an execution's status: at least once, those of a shard in the order of their commits.
//!
//! The commit that changes a status also writes a notice for each target. The owner of a shard has a teller for each target,
//! which reads the notices, reads from the journal what they stand for, and tells it, one change after the other. The
//! table of notices is the queue: what a target does not take stays there, and memory holds little of it. Where nobody is to
//! be told anything, there are no notices, no tellers and no cost.

mod changes;
mod news;
mod target;
mod teller;
mod told;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use news::News;
use stepyard_asl::Timestamp;
use stepyard_machine::Event;
use stepyard_store::{Chunk, Notice, ShardId, ShardLease, TargetId};
use target::Target;
pub use target::{EventTarget, TargetSnapshot, TellError};
use teller::Teller;
use tokio::task::JoinSet;
pub(crate) use told::Forgetter;
use told::ToldPlaces;

use crate::shard::Shared;

/// How old a change may become before nobody is told of it any more, as on EventBridge.
pub(crate) const KEPT: Duration = Duration::from_secs(86_400);

/// Who is to be told, and what has been told.
#[derive(Default)]
pub(crate) struct Notices {
    targets: Vec<Arc<Target>>,
    told: ToldPlaces,
}

impl Notices {
    pub(crate) fn new(targets: Vec<Arc<dyn EventTarget>>) -> Notices {
        let targets = targets.into_iter().map(|target| Arc::new(Target::new(target))).collect();
        Notices { targets, told: ToldPlaces::default() }
    }

    /// Whether nobody is to be told anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// The numbers of the targets.
    pub(crate) fn targets(&self) -> Vec<TargetId> {
        self.targets.iter().map(|target| target.id()).collect()
    }

    /// What is to be written with a chunk, for each target: nothing, when its events change no status. `redrives`: how often
    /// the execution had been redriven before them.
    pub(crate) fn of(
        &self,
        lease: ShardLease,
        chunk: &Chunk,
        events: &[Event],
        redrives: u32,
    ) -> Vec<Notice> {
        let changes = |event: &Event| event.kind.new_status().is_some();
        if self.is_empty() || !events.iter().any(changes) {
            return Vec::new();
        }
        let notice = |target: &Arc<Target>| Notice {
            shard: chunk.shard,
            target: target.id(),
            commit_seq: lease.commit_seq,
            execution: chunk.execution,
            first_event: chunk.first_event,
            redrives,
        };
        self.targets.iter().map(notice).collect()
    }

    /// Tells of the changes in a shard of this process, until that is dropped.
    pub(crate) fn tell(shared: &Arc<Shared>, shard: ShardId, news: &Arc<News>) -> JoinSet<()> {
        let mut tellers = JoinSet::new();
        for target in &shared.notices.targets {
            let teller = Teller::new(shared.clone(), target.clone(), shard, news.clone());
            tellers.spawn(teller.run());
        }
        tellers
    }

    /// How it stands with each target.
    pub(crate) fn snapshot(&self, now: Timestamp) -> Vec<TargetSnapshot> {
        self.targets.iter().map(|target| target.snapshot(now)).collect()
    }
}
