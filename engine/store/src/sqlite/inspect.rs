//! Reading a file for the doctor, also while a server works on it.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::query::Query;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteRow,
};
use sqlx::{ConnectOptions, Row, Sqlite};
use stepyard_asl::Timestamp;
use uuid::Uuid;

use super::connection::BUSY_TIMEOUT;
use super::open::{cannot_open, refuse_foreign};
use super::{publication, read};
use crate::doctor::{Inspect, Keyed, StoredExecution, assemble};
use crate::sql::{
    Columns, PUBLICATION_FAULTS, check_version, database_error, keyed, migrations, row_limit,
};
use crate::{
    ClosedExpress, Error, ExecutionId, Revision, ShardId, ShardLease, Version, all_shards,
};

/// At most a hundred faults of the file are told.
const INTEGRITY: &str = "PRAGMA integrity_check(100)";

const VERSION: &str = "SELECT max(version) FROM _sqlx_migrations";

const IDS: &str = "SELECT execution_id FROM (SELECT execution_id FROM execution \
        WHERE shard_id = ?1 AND execution_id > ?2 ORDER BY execution_id LIMIT ?3) \
    UNION SELECT execution_id FROM (SELECT DISTINCT execution_id FROM journal \
        WHERE shard_id = ?1 AND execution_id > ?2 ORDER BY execution_id LIMIT ?3) \
    UNION SELECT execution_id FROM (SELECT DISTINCT execution_id FROM map_run \
        WHERE shard_id = ?1 AND execution_id > ?2 ORDER BY execution_id LIMIT ?3) \
    ORDER BY 1 LIMIT ?3";

const ROWS: &str = "SELECT e.*, coalesce(m.arn, '') AS state_machine_arn \
    FROM execution e LEFT JOIN machine m USING (machine_id) \
    WHERE e.shard_id = ?1 AND e.execution_id BETWEEN ?2 AND ?3 ORDER BY e.execution_id";

const CHUNKS: &str = "SELECT * FROM journal \
    WHERE shard_id = ?1 AND execution_id BETWEEN ?2 AND ?3 ORDER BY execution_id, first_event";

const MAP_RUNS: &str = "SELECT * FROM map_run \
    WHERE shard_id = ?1 AND execution_id BETWEEN ?2 AND ?3 ORDER BY execution_id, started_event";

const NOTICES: &str = "SELECT * FROM notice WHERE shard_id = ?1 AND execution_id BETWEEN ?2 AND ?3 \
    ORDER BY execution_id, commit_seq, target";

const EXPRESS: &str = "SELECT e.*, coalesce(m.arn, '') AS state_machine_arn \
    FROM express_execution e LEFT JOIN machine m USING (machine_id) \
    WHERE e.shard_id = ?1 AND e.execution_id > ?2 ORDER BY e.execution_id LIMIT ?3";

const REVISIONS_OF: &str =
    "SELECT revision_id, created_at FROM revision WHERE state_machine_arn = ?";

const MACHINES_WITHOUT_REVISION: &str = "SELECT arn FROM state_machine m \
    WHERE NOT EXISTS (SELECT 1 FROM revision r WHERE r.revision_id = m.revision_id) ORDER BY arn";

/// A file that is only read.
pub struct SqliteInspector {
    pool: SqlitePool,
}

impl SqliteInspector {
    /// Opens an existing file of this program's schema.
    ///
    /// # Errors
    /// [`Error::Unusable`] when there is none, or when its schema is not that of this program.
    pub async fn open(path: &Path) -> Result<SqliteInspector, Error> {
        if !path.exists() {
            return Err(Error::Unusable(format!("there is no database at {}", path.display())));
        }
        refuse_foreign(path).await?;
        let reading = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(reading).await;
        let pool = pool.map_err(|error| cannot_open(path, &error))?;
        let version: Result<i64, _> = sqlx::query_scalar(VERSION).fetch_one(&pool).await;
        check_version(&migrations::SQLITE, version.map_err(|error| cannot_open(path, &error))?)?;
        Ok(SqliteInspector { pool })
    }

    pub(super) fn pool(&self) -> &SqlitePool {
        &self.pool
    }
}

fn page_after(
    sql: &'static str,
    shard: ShardId,
    after: Option<ExecutionId>,
    limit: usize,
) -> Query<'static, Sqlite, SqliteArguments> {
    sqlx::query(sql)
        .bind(shard.0)
        .bind(after.map_or(Vec::new(), |id| id.0.as_bytes().to_vec()))
        .bind(row_limit(limit))
}

#[async_trait]
impl Inspect for SqliteInspector {
    async fn database_faults(&self) -> Result<Vec<String>, Error> {
        let told = sqlx::query_scalar(INTEGRITY).fetch_all(&self.pool).await;
        let told: Vec<String> = told.map_err(database_error)?;
        Ok(told.into_iter().filter(|line| line != "ok").collect())
    }

    async fn leases(&self) -> Result<Vec<ShardLease>, Error> {
        read::leases(&self.pool, &all_shards()).await
    }

    async fn executions(
        &self,
        shard: ShardId,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<StoredExecution>, Error> {
        // A transaction sees one moment.
        let mut snapshot = self.pool.begin().await.map_err(database_error)?;
        let ids = page_after(IDS, shard, after, limit)
            .fetch_all(&mut *snapshot)
            .await
            .map_err(database_error)?;
        let ids = ids.iter().map(|row| Columns(row).id()).collect::<Result<Vec<_>, _>>()?;
        let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return Ok(Vec::new()) };
        let page = |sql| {
            let (first, last) = (first.0.as_bytes(), last.0.as_bytes());
            sqlx::query(sql).bind(shard.0).bind(&first[..]).bind(&last[..])
        };
        let rows = page(ROWS).fetch_all(&mut *snapshot).await.map_err(database_error)?;
        let chunks = page(CHUNKS).fetch_all(&mut *snapshot).await.map_err(database_error)?;
        let map_runs = page(MAP_RUNS).fetch_all(&mut *snapshot).await.map_err(database_error)?;
        let notices = page(NOTICES).fetch_all(&mut *snapshot).await.map_err(database_error)?;
        snapshot.rollback().await.map_err(database_error)?;
        let rows = keyed(&rows, Columns::execution)?;
        let chunks = keyed(&chunks, Columns::chunk)?;
        let map_runs = keyed(&map_runs, Columns::map_run)?;
        let notices = keyed(&notices, Columns::notice)?;
        Ok(assemble(shard, ids, rows, chunks, map_runs, notices))
    }

    async fn express(
        &self,
        shard: ShardId,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Keyed<ClosedExpress>, Error> {
        let rows = page_after(EXPRESS, shard, after, limit).fetch_all(&self.pool).await;
        keyed(&rows.map_err(database_error)?, Columns::closed_express)
    }

    async fn revision(&self, id: Uuid) -> Result<Option<Arc<Revision>>, Error> {
        read::revision(&self.pool, id).await
    }

    async fn revisions_of(&self, arn: &str) -> Result<Vec<(Uuid, Timestamp)>, Error> {
        let rows = sqlx::query(REVISIONS_OF).bind(arn).fetch_all(&self.pool).await;
        rows.map_err(database_error)?.iter().map(|row| Columns(row).revision_key()).collect()
    }

    async fn version(&self, arn: &str, number: u64) -> Result<Option<Version>, Error> {
        publication::version(&self.pool, arn, number).await
    }

    async fn publication_faults(&self) -> Result<Vec<String>, Error> {
        let faults = sqlx::query_scalar(PUBLICATION_FAULTS).fetch_all(&self.pool).await;
        faults.map_err(database_error)
    }

    async fn machines_without_revision(&self) -> Result<Vec<String>, Error> {
        let rows = sqlx::query(MACHINES_WITHOUT_REVISION).fetch_all(&self.pool).await;
        let arn = |row: &SqliteRow| row.try_get("arn").map_err(database_error);
        rows.map_err(database_error)?.iter().map(arn).collect()
    }
}
