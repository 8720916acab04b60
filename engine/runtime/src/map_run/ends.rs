//! How the child executions of a Map Run have ended, read from the journal.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use stepyard_machine::{EndedChild, Event, EventKind, ExecutionStatus, FrameId, MapRunId};
use stepyard_store::{Chunk, Error, ExecutionId, ReadLimit, ShardId, codec};

use crate::shard::Shared;

/// The journal that tells of a Map Run.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) shared: Arc<Shared>,
    pub(super) shard: ShardId,
    pub(super) execution: ExecutionId,
    pub(super) run: MapRunId,
}

impl Source {
    /// The ends of all its child executions. One that ran again after a redrive has several.
    pub(super) fn ends(&self) -> Ends {
        Ends { source: self.clone(), from: 0, frame: None, counts: false, read: VecDeque::new() }
    }

    /// The positions of ends that do not count, because the child execution has ended once more.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) async fn superseded(&self) -> Result<BTreeSet<u64>, Error> {
        let (mut unsuccessful, mut superseded) = (BTreeMap::new(), BTreeSet::new());
        let mut ends = self.ends();
        while let Some((position, child)) = ends.next().await? {
            let earlier = match child.end.status {
                ExecutionStatus::Succeeded => unsuccessful.remove(&child.number),
                _ => unsuccessful.insert(child.number, position),
            };
            superseded.extend(earlier);
        }
        Ok(superseded)
    }

    /// Part of the journal.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) async fn chunks(&self, from: u64) -> Result<Vec<Chunk>, Error> {
        let store = &*self.shared.store;
        store.journal_from(self.shard, self.execution, from, ReadLimit::PIECE).await
    }
}

/// Ends of child executions, in the order in which they were written.
pub(super) struct Ends {
    source: Source,
    /// Position of the next event to read.
    from: u64,
    /// The frame of the Map Run, known since its start.
    frame: Option<FrameId>,
    /// Whether the last Map Run of that frame is this one.
    counts: bool,
    read: VecDeque<(u64, Arc<EndedChild>)>,
}

impl Ends {
    /// The next one, with its position in the journal.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) async fn next(&mut self) -> Result<Option<(u64, Arc<EndedChild>)>, Error> {
        while self.read.is_empty() {
            let chunks = self.source.chunks(self.from).await?;
            let Some(last) = chunks.last() else { return Ok(None) };
            self.from = last.end();
            for chunk in &chunks {
                for (position, event) in (chunk.first_event..).zip(codec::decode(&chunk.body)?) {
                    self.take(position, event);
                }
            }
        }
        Ok(self.read.pop_front())
    }

    fn take(&mut self, position: u64, event: Event) {
        match event.kind {
            EventKind::MapRunStarted { .. } if event.id == self.source.run.0 => {
                (self.frame, self.counts) = (Some(event.frame), true);
            }
            EventKind::MapRunStarted { .. } if self.frame == Some(event.frame) => {
                self.counts = false;
            }
            EventKind::MapRunChildEnded(child)
                if self.counts && self.frame == Some(event.frame) =>
            {
                self.read.push_back((position, child));
            }
            _ => {}
        }
    }
}
