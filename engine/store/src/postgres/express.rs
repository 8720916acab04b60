//! Express executions: written, read and removed, each by one statement.

use uuid::Uuid;

use super::commit::column;
use super::machines::Machines;
use super::pool::Pool;
use super::read::collect;
use crate::retention::DAY_MILLIS;
use crate::sql::{Columns, row_limit, signed, status_code};
use crate::{
    ClosedExpress, Error, ExecutionId, ExecutionQuery, ExecutionRow, Retention, ShardId, StartedBy,
};

const INSERT: &str = "INSERT INTO express_execution (shard_id, execution_id, machine_id, name, version, \
        alias, revision_id, status, started_at, stopped_at, journal) \
    SELECT e.shard_id, e.execution_id, (SELECT m.machine_id FROM machine m WHERE m.arn = e.arn), \
        e.name, e.version, e.alias, e.revision_id, e.status, e.started_at, e.stopped_at, e.journal \
    FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::text[], \
        $7::uuid[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bytea[]) \
        AS e (shard_id, execution_id, arn, name, version, alias, revision_id, status, started_at, \
            stopped_at, journal) \
    ON CONFLICT (shard_id, execution_id) DO NOTHING";

const FIND: &str = "SELECT e.*, m.arn AS state_machine_arn \
    FROM express_execution e JOIN machine m USING (machine_id) \
    WHERE e.shard_id = $1 AND e.execution_id = $2";

const LIST: &str = "SELECT e.shard_id, e.execution_id, e.name, e.version, e.alias, e.revision_id, \
        e.status, e.started_at, e.stopped_at, $1::text AS state_machine_arn \
    FROM express_execution e WHERE e.machine_id = (SELECT machine_id FROM machine WHERE arn = $1) \
    AND e.execution_id < $2 AND ($3::bigint IS NULL OR e.status = $3) \
    AND ($4::text IS NULL OR starts_with(e.name, $4)) \
    AND ($5::bigint IS NULL OR e.version = $5) AND ($6::text IS NULL OR e.alias = $6) \
    ORDER BY e.execution_id DESC LIMIT $7";

// For each machine a seek to those that ended first.
const REMOVE: &str = "DELETE FROM express_execution WHERE shard_id = $1 \
    AND execution_id = ANY (ARRAY ( \
        SELECT e.execution_id FROM machine m LEFT JOIN state_machine s ON s.arn = m.arn \
        CROSS JOIN LATERAL (SELECT execution_id FROM express_execution \
            WHERE shard_id = $1 AND machine_id = m.machine_id \
            AND stopped_at < $2 - coalesce(s.retention_days, $3) * $4 \
            ORDER BY stopped_at LIMIT $5) e \
        WHERE coalesce(s.retention_days, $3) > 0 LIMIT $5))";

pub(super) async fn keep(
    pool: &Pool,
    machines: &Machines,
    closed: &[ClosedExpress],
) -> Result<(), Error> {
    machines.register(pool, closed.iter().map(|express| &express.row.state_machine_arn)).await?;
    let query = sqlx::query(INSERT)
        .bind(column(closed, |express| i64::from(express.row.shard.0)))
        .bind(column(closed, |express| express.row.id.0))
        .bind(column(closed, |express| &*express.row.state_machine_arn))
        .bind(column(closed, |express| &*express.row.name))
        .bind(column(closed, |express| express.row.qualifier.as_ref().map(|by| signed(by.version))))
        .bind(column(closed, |express| {
            express.row.qualifier.as_ref().and_then(|by| by.alias.as_deref())
        }))
        .bind(column::<_, Uuid>(closed, |express| express.row.revision))
        .bind(column(closed, |express| status_code(express.row.status)))
        .bind(column(closed, |express| express.row.started_at.0))
        .bind(column(closed, |express| express.row.stopped_at.map(|time| time.0)))
        .bind(column(closed, |express| &express.journal[..]));
    pool.execute(query).await.map(drop)
}

pub(super) async fn find(
    pool: &Pool,
    shard: ShardId,
    id: ExecutionId,
) -> Result<Option<ClosedExpress>, Error> {
    let query = sqlx::query(FIND).bind(i64::from(shard.0)).bind(id.0);
    let row = pool.read_optional(query).await?;
    row.map(|row| Columns(&row).closed_express()).transpose()
}

pub(super) async fn list(pool: &Pool, query: &ExecutionQuery) -> Result<Vec<ExecutionRow>, Error> {
    let started_by = query.started_by.as_ref();
    let bound = sqlx::query(LIST)
        .bind(query.state_machine_arn.as_deref())
        .bind(query.after.map_or(Uuid::max(), |id| id.0))
        .bind(query.status.map(status_code))
        .bind(query.name_prefix.as_deref())
        .bind(started_by.and_then(StartedBy::version).map(signed))
        .bind(started_by.and_then(StartedBy::alias))
        .bind(row_limit(query.limit));
    collect(&pool.read_all(bound).await?, |row| row.express_execution())
}

/// Removes those of a shard that ended too long ago, at most so many; how many.
pub(super) async fn remove_expired(
    pool: &Pool,
    shard: ShardId,
    retention: Retention,
    limit: usize,
) -> Result<usize, Error> {
    let query = sqlx::query(REMOVE)
        .bind(i64::from(shard.0))
        .bind(retention.now.0)
        .bind(i64::from(retention.days))
        .bind(DAY_MILLIS)
        .bind(row_limit(limit));
    Ok(usize::try_from(pool.execute(query).await?).unwrap_or(usize::MAX))
}
