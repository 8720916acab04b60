//! Executions that were started or have ended lately: most clients ask for nothing else.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stepyard_json::Payload;
use stepyard_store::{SHARD_COUNT, ShardId, ShardLease};

use crate::ExecutionView;
use crate::planted::{Planted, makes};

/// What one shard keeps, in bytes.
const BYTES_MAX: usize = 256 << 10;

/// What an execution takes besides its input and output, about.
const VIEW_BYTES: usize = 1 << 10;

/// Views of executions, as they are committed. The oldest ones make place for new ones. Each shard has views
/// of one epoch only: with another one, somebody else may have written in between.
pub(crate) struct Recent {
    shards: Vec<Mutex<Views>>,
}

#[derive(Default)]
struct Views {
    /// Of the lease under which they were committed; 0 while the shard is not here.
    epoch: u64,
    by_arn: BTreeMap<Arc<str>, Arc<ExecutionView>>,
    in_order: VecDeque<Arc<str>>,
    bytes: usize,
}

impl Default for Recent {
    fn default() -> Recent {
        Recent { shards: (0..SHARD_COUNT).map(|_| Mutex::default()).collect() }
    }
}

impl Recent {
    pub(crate) fn get(&self, shard: ShardId, execution_arn: &str) -> Option<Arc<ExecutionView>> {
        self.views(shard).by_arn.get(execution_arn).cloned()
    }

    /// Keeps what was committed in that epoch of its shard.
    pub(crate) fn put(&self, view: ExecutionView, epoch: u64) {
        let mut views = self.views(view.row.shard);
        if views.epoch != epoch {
            return;
        }
        let arn = view.context.execution_arn.clone();
        views.bytes += size(&view);
        match views.by_arn.insert(arn.clone(), Arc::new(view)) {
            Some(earlier) => views.bytes -= size(&earlier),
            None => views.in_order.push_back(arn),
        }
        while views.bytes > BYTES_MAX
            && let Some(oldest) = views.in_order.pop_front()
        {
            if let Some(view) = views.by_arn.remove(&oldest) {
                views.bytes -= size(&view);
            }
        }
    }

    /// From now on the shard is here, under that lease.
    pub(crate) fn begin(&self, lease: ShardLease) {
        self.reset(lease.shard, lease.epoch);
    }

    /// The shard may belong to somebody else by now.
    pub(crate) fn end(&self, shard: ShardId) {
        self.reset(shard, 0);
    }

    /// Something has been removed from the shard.
    pub(crate) fn forget(&self, shard: ShardId) {
        let epoch = self.epoch(shard);
        self.reset(shard, epoch);
    }

    /// Under which lease the shard is here; 0 when it is not.
    pub(crate) fn epoch(&self, shard: ShardId) -> u64 {
        self.views(shard).epoch
    }

    fn reset(&self, shard: ShardId, epoch: u64) {
        let mut views = self.views(shard);
        if makes(Planted::RecentKept) {
            views.epoch = epoch;
        } else {
            *views = Views { epoch, ..Views::default() };
        }
    }

    fn views(&self, shard: ShardId) -> MutexGuard<'_, Views> {
        // No operation leaves the views half changed.
        self.shards[usize::from(shard.0)].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn size(view: &ExecutionView) -> usize {
    VIEW_BYTES + view.input.len() + view.output.as_ref().map_or(0, Payload::len)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stepyard_asl::Timestamp;
    use stepyard_json::Payload;
    use stepyard_machine::{ExecutionStatus, StartContext};
    use stepyard_store::{ExecutionId, ExecutionRow, ShardId, ShardLease};
    use uuid::Uuid;

    use super::{BYTES_MAX, Recent};
    use crate::ExecutionView;
    use crate::samples::start_context;

    fn view(number: usize, status: ExecutionStatus) -> ExecutionView {
        let row = ExecutionRow {
            shard: ShardId(3),
            id: ExecutionId(Uuid::from_u128(number as u128)),
            state_machine_arn: "m".into(),
            name: "n".into(),
            qualifier: None,
            child: None,
            revision: Uuid::nil(),
            status,
            started_at: Timestamp(0),
            stopped_at: None,
            redriven: None,
            resume_at: None,
        };
        let context = StartContext { execution_arn: format!("{number}").into(), ..start_context() };
        let input = format!("\"{}\"", "x".repeat(10_000));
        ExecutionView::started(row, Arc::new(context), Payload::from_trusted_text(input.into()))
    }

    fn lease(epoch: u64) -> ShardLease {
        ShardLease { shard: ShardId(3), epoch, commit_seq: 0 }
    }

    #[test]
    fn the_latest_view_stands_and_the_oldest_ones_go() {
        let recent = Recent::default();
        let status = |arn: &str| recent.get(ShardId(3), arn).map(|view| view.row.status);
        recent.begin(lease(1));
        recent.put(view(0, ExecutionStatus::Running), 1);
        recent.put(view(0, ExecutionStatus::Succeeded), 1);
        assert_eq!(status("0"), Some(ExecutionStatus::Succeeded));
        assert_eq!(recent.views(ShardId(3)).in_order.len(), 1);
        for number in 1..1_000 {
            recent.put(view(number, ExecutionStatus::Running), 1);
        }
        assert_eq!(status("0"), None);
        assert_eq!(status("999"), Some(ExecutionStatus::Running));
        assert!(recent.views(ShardId(3)).bytes <= BYTES_MAX);
        recent.forget(ShardId(3));
        assert_eq!(status("999"), None);
        assert_eq!(recent.views(ShardId(3)).bytes, 0);
    }

    #[test]
    fn views_of_one_epoch_are_not_shown_in_another() {
        let recent = Recent::default();
        let put = |number, epoch| recent.put(view(number, ExecutionStatus::Running), epoch);
        let shows = |arn: &str| recent.get(ShardId(3), arn).is_some();
        put(0, 1);
        assert!(!shows("0"), "the shard is not here");
        recent.begin(lease(1));
        put(1, 1);
        assert!(shows("1"));
        recent.end(ShardId(3));
        // An answer of the database that was long on its way.
        put(2, 1);
        assert!(!shows("1") && !shows("2"));
        recent.begin(lease(2));
        put(3, 1);
        put(4, 2);
        assert!(!shows("3") && shows("4"));
    }
}
