//! Reading a database for the doctor, also while servers work on it.

use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::postgres::{PgArguments, PgConnectOptions};
use sqlx::query::Query;
use sqlx::{ConnectOptions, Postgres};
use stepyard_asl::Timestamp;
use uuid::Uuid;

use super::pool::Pool;
use super::{publication, read};
use crate::doctor::{Inspect, Keyed, StoredExecution, assemble};
use crate::sql::{
    Columns, PUBLICATION_FAULTS, check_version, database_error, keyed, migrations, row_limit,
};
use crate::{
    ClosedExpress, Error, ExecutionId, Revision, ShardId, ShardLease, Version, all_shards,
};

const VERSION: &str = "SELECT max(version) FROM _sqlx_migrations";

const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

const IDS: &str = "(SELECT execution_id FROM execution \
        WHERE shard_id = $1 AND execution_id > $2 ORDER BY execution_id LIMIT $3) \
    UNION (SELECT DISTINCT execution_id FROM journal \
        WHERE shard_id = $1 AND execution_id > $2 ORDER BY execution_id LIMIT $3) \
    UNION (SELECT DISTINCT execution_id FROM map_run \
        WHERE shard_id = $1 AND execution_id > $2 ORDER BY execution_id LIMIT $3) \
    ORDER BY execution_id LIMIT $3";

const ROWS: &str = "SELECT e.*, coalesce(m.arn, '') AS state_machine_arn \
    FROM execution e LEFT JOIN machine m USING (machine_id) \
    WHERE e.shard_id = $1 AND e.execution_id BETWEEN $2 AND $3 ORDER BY e.execution_id";

const CHUNKS: &str = "SELECT * FROM journal \
    WHERE shard_id = $1 AND execution_id BETWEEN $2 AND $3 ORDER BY execution_id, first_event";

const MAP_RUNS: &str = "SELECT * FROM map_run \
    WHERE shard_id = $1 AND execution_id BETWEEN $2 AND $3 ORDER BY execution_id, started_event";

const NOTICES: &str = "SELECT * FROM notice WHERE shard_id = $1 AND execution_id BETWEEN $2 AND $3 \
    ORDER BY execution_id, commit_seq, target";

const EXPRESS: &str = "SELECT e.*, coalesce(m.arn, '') AS state_machine_arn \
    FROM express_execution e LEFT JOIN machine m USING (machine_id) \
    WHERE e.shard_id = $1 AND e.execution_id > $2 ORDER BY e.execution_id LIMIT $3";

const REVISIONS_OF: &str =
    "SELECT revision_id, created_at FROM revision WHERE state_machine_arn = $1";

const MACHINES_WITHOUT_REVISION: &str = "SELECT arn FROM state_machine m \
    WHERE NOT EXISTS (SELECT 1 FROM revision r WHERE r.revision_id = m.revision_id) ORDER BY arn";

/// A database that is only read.
pub struct PostgresInspector {
    pub(super) pool: Pool,
}

impl PostgresInspector {
    /// Connects to a database of this program's schema.
    ///
    /// # Errors
    /// [`Error::Unusable`] when the URL is wrong or the schema is not that of this program;
    /// [`Error::Unavailable`] when the server does not answer.
    pub async fn open(url: &str) -> Result<PostgresInspector, Error> {
        let settings = PgConnectOptions::from_str(url)
            .map_err(|error| Error::Unusable(format!("the database URL is wrong: {error}")))?
            .application_name("stepyard doctor")
            .disable_statement_logging();
        let pool = Pool::new(&settings, 1);
        let version = sqlx::query_scalar(VERSION).fetch_one(pool.unhurried()).await;
        check_version(&migrations::POSTGRES, version.map_err(database_error)?)?;
        Ok(PostgresInspector { pool })
    }
}

fn page_after(
    sql: &'static str,
    shard: ShardId,
    after: Option<ExecutionId>,
    limit: usize,
) -> Query<'static, Postgres, PgArguments> {
    sqlx::query(sql)
        .bind(i64::from(shard.0))
        .bind(after.map_or(Uuid::nil(), |id| id.0))
        .bind(row_limit(limit))
}

#[async_trait]
impl Inspect for PostgresInspector {
    /// Postgres has tools of its own for this, which need rights that a server has not: `pg_amcheck`.
    async fn database_faults(&self) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
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
        let mut snapshot =
            self.pool.unhurried().begin_with(SNAPSHOT).await.map_err(database_error)?;
        let ids = page_after(IDS, shard, after, limit)
            .fetch_all(&mut *snapshot)
            .await
            .map_err(database_error)?;
        let ids = ids.iter().map(|row| Columns(row).id()).collect::<Result<Vec<_>, _>>()?;
        let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return Ok(Vec::new()) };
        let page = |sql| sqlx::query(sql).bind(i64::from(shard.0)).bind(first.0).bind(last.0);
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
        let query = page_after(EXPRESS, shard, after, limit);
        let rows = query.fetch_all(self.pool.unhurried()).await.map_err(database_error)?;
        keyed(&rows, Columns::closed_express)
    }

    async fn revision(&self, id: Uuid) -> Result<Option<Arc<Revision>>, Error> {
        read::revision(&self.pool, id).await
    }

    async fn revisions_of(&self, arn: &str) -> Result<Vec<(Uuid, Timestamp)>, Error> {
        let rows = sqlx::query(REVISIONS_OF).bind(arn).fetch_all(self.pool.unhurried()).await;
        rows.map_err(database_error)?.iter().map(|row| Columns(row).revision_key()).collect()
    }

    async fn version(&self, arn: &str, number: u64) -> Result<Option<Version>, Error> {
        publication::version(&self.pool, arn, number).await
    }

    async fn publication_faults(&self) -> Result<Vec<String>, Error> {
        let faults = sqlx::query_scalar(PUBLICATION_FAULTS).fetch_all(self.pool.unhurried()).await;
        faults.map_err(database_error)
    }

    async fn machines_without_revision(&self) -> Result<Vec<String>, Error> {
        let arns =
            sqlx::query_scalar(MACHINES_WITHOUT_REVISION).fetch_all(self.pool.unhurried()).await;
        arns.map_err(database_error)
    }
}
