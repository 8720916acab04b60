//! Express executions: read on the pool, written and removed by the writer.

use rusqlite::{Connection, Transaction, params};
use sqlx::sqlite::SqlitePool;

use super::connection::write_error;
use super::read::{AFTER_ALL_IDS, collect};
use super::write::{begin, register_machines};
use crate::retention::DAY_MILLIS;
use crate::sql::{Columns, database_error, row_limit, signed, status_code};
use crate::{
    ClosedExpress, Error, ExecutionId, ExecutionQuery, ExecutionRow, Retention, ShardId, StartedBy,
};

const INSERT: &str = "INSERT INTO express_execution (shard_id, execution_id, machine_id, name, version, \
    alias, revision_id, status, started_at, stopped_at, journal) \
    VALUES (?, ?, (SELECT machine_id FROM machine WHERE arn = ?), ?, ?, ?, ?, ?, ?, ?, ?) \
    ON CONFLICT (shard_id, execution_id) DO NOTHING";

const FIND: &str = "SELECT e.*, m.arn AS state_machine_arn \
    FROM express_execution e JOIN machine m USING (machine_id) \
    WHERE e.shard_id = ? AND e.execution_id = ?";

const LIST: &str = "SELECT e.shard_id, e.execution_id, e.name, e.version, e.alias, e.revision_id, \
    e.status, e.started_at, e.stopped_at, m.arn AS state_machine_arn \
    FROM machine m CROSS JOIN express_execution e INDEXED BY express_execution_by_machine \
        USING (machine_id) \
    WHERE m.arn = ?1 AND e.execution_id < ?2 AND (?3 IS NULL OR e.status = ?3) \
    AND (?4 IS NULL OR substr(e.name, 1, length(?4)) = ?4) \
    AND (?5 IS NULL OR e.version = ?5) AND (?6 IS NULL OR e.alias = ?6) \
    ORDER BY e.execution_id DESC LIMIT ?7";

// `CROSS JOIN` keeps the order of the tables: for each machine a seek to those that ended first.
const REMOVE: &str = "DELETE FROM express_execution WHERE rowid IN ( \
    SELECT e.rowid FROM machine m LEFT JOIN state_machine s ON s.arn = m.arn \
    CROSS JOIN express_execution e INDEXED BY express_execution_by_end ON e.machine_id = m.machine_id \
    WHERE e.shard_id = ?1 AND coalesce(s.retention_days, ?3) > 0 \
    AND e.stopped_at < ?2 - coalesce(s.retention_days, ?3) * ?4 LIMIT ?5)";

pub(super) fn keep(connection: &mut Connection, closed: &[ClosedExpress]) -> Result<(), Error> {
    let transaction = begin(connection)?;
    insert(&transaction, closed).map_err(write_error)?;
    transaction.commit().map_err(write_error)
}

fn insert(transaction: &Transaction<'_>, closed: &[ClosedExpress]) -> rusqlite::Result<()> {
    register_machines(transaction, closed.iter().map(|express| &express.row))?;
    let mut insert = transaction.prepare_cached(INSERT)?;
    for ClosedExpress { row, journal } in closed {
        let qualifier = row.qualifier.as_ref();
        insert.execute(params![
            row.shard.0,
            &row.id.0.as_bytes()[..],
            &*row.state_machine_arn,
            &*row.name,
            qualifier.map(|by| signed(by.version)),
            qualifier.and_then(|by| by.alias.as_deref()),
            &row.revision.as_bytes()[..],
            status_code(row.status),
            row.started_at.0,
            row.stopped_at.map(|time| time.0),
            &journal[..],
        ])?;
    }
    Ok(())
}

pub(super) async fn find(
    pool: &SqlitePool,
    shard: ShardId,
    id: ExecutionId,
) -> Result<Option<ClosedExpress>, Error> {
    let query = sqlx::query(FIND).bind(shard.0).bind(&id.0.as_bytes()[..]);
    let row = query.fetch_optional(pool).await.map_err(database_error)?;
    row.map(|row| Columns(&row).closed_express()).transpose()
}

pub(super) async fn list(
    pool: &SqlitePool,
    query: &ExecutionQuery,
) -> Result<Vec<ExecutionRow>, Error> {
    let started_by = query.started_by.as_ref();
    let bound = sqlx::query(LIST)
        .bind(query.state_machine_arn.as_deref())
        .bind(query.after.map_or(AFTER_ALL_IDS.to_vec(), |id| id.0.as_bytes().to_vec()))
        .bind(query.status.map(status_code))
        .bind(query.name_prefix.as_deref())
        .bind(started_by.and_then(StartedBy::version).map(signed))
        .bind(started_by.and_then(StartedBy::alias))
        .bind(row_limit(query.limit));
    let rows = bound.fetch_all(pool).await.map_err(database_error)?;
    collect(&rows, |row| Columns(row).express_execution())
}

/// Removes those of a shard that ended too long ago, at most so many; how many.
pub(super) fn remove_expired(
    transaction: &Transaction<'_>,
    shard: ShardId,
    retention: Retention,
    limit: usize,
) -> rusqlite::Result<usize> {
    let bound = params![shard.0, retention.now.0, retention.days, DAY_MILLIS, row_limit(limit)];
    transaction.prepare_cached(REMOVE)?.execute(bound)
}
