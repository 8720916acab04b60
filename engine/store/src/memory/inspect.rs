//! Reading a store in memory for the doctor.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use stepyard_asl::Timestamp;
use uuid::Uuid;

use super::MemoryStore;
use crate::doctor::{Inspect, Keyed, StoredExecution};
use crate::{
    ClosedExpress, Error, ExecutionId, Revision, ShardId, ShardLease, Store, Version, all_shards,
};

#[async_trait]
impl Inspect for MemoryStore {
    async fn database_faults(&self) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }

    async fn leases(&self) -> Result<Vec<ShardLease>, Error> {
        self.read_leases(&all_shards()).await
    }

    async fn executions(
        &self,
        shard: ShardId,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<StoredExecution>, Error> {
        let tables = self.tables();
        let rows = tables.executions.values().filter(|row| row.shard == shard).map(|row| row.id);
        let places = tables.journal.keys().filter(|(of, ..)| *of == shard);
        let runs = tables.map_runs.keys().filter(|(of, ..)| *of == shard);
        let ids: BTreeSet<_> =
            rows.chain(places.map(|(_, id, _)| *id)).chain(runs.map(|(_, id, _)| *id)).collect();
        let later = ids.into_iter().filter(|id| after.is_none_or(|after| *id > after));
        let stored = |id| {
            let row = tables.executions.get(&id).filter(|row| row.shard == shard);
            let chunks = tables.journal.range((shard, id, 0)..=(shard, id, u64::MAX));
            let runs =
                tables.map_runs.values().filter(|row| (row.shard, row.execution) == (shard, id));
            let notices = tables.notices.values();
            let notices = notices.filter(|notice| (notice.shard, notice.execution) == (shard, id));
            StoredExecution {
                shard,
                id,
                row: row.cloned().map(Ok),
                chunks: chunks.map(|(_, chunk)| Ok(chunk.clone())).collect(),
                map_runs: runs.map(|row| Ok(row.clone())).collect(),
                notices: notices.map(|notice| Ok(notice.clone())).collect(),
            }
        };
        Ok(later.take(limit).map(stored).collect())
    }

    async fn express(
        &self,
        shard: ShardId,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Keyed<ClosedExpress>, Error> {
        let tables = self.tables();
        let of_shard = tables.express.values().filter(|closed| closed.row.shard == shard);
        let later = of_shard.filter(|closed| after.is_none_or(|after| closed.row.id > after));
        Ok(later.take(limit).map(|closed| (closed.row.id, Ok(closed.clone()))).collect())
    }

    async fn revision(&self, id: Uuid) -> Result<Option<Arc<Revision>>, Error> {
        self.get_revision(id).await
    }

    async fn revisions_of(&self, arn: &str) -> Result<Vec<(Uuid, Timestamp)>, Error> {
        let tables = self.tables();
        let revisions = tables.revisions.values().filter(|known| &*known.arn == arn);
        Ok(revisions.map(|known| (known.revision.id, known.revision.created_at)).collect())
    }

    async fn version(&self, arn: &str, number: u64) -> Result<Option<Version>, Error> {
        self.find_version(arn, number).await
    }

    async fn publication_faults(&self) -> Result<Vec<String>, Error> {
        // They are only changed together with what they belong to.
        Ok(Vec::new())
    }

    async fn machines_without_revision(&self) -> Result<Vec<String>, Error> {
        // It keeps each state machine together with its revision.
        Ok(Vec::new())
    }
}
