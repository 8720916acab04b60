//! Map Runs: reading them, on the pool, and noting that they are wound up, by the writer.

use rusqlite::{Connection, params};
use sqlx::sqlite::SqlitePool;
use stepyard_machine::MapRunId;
use uuid::Uuid;

use super::connection::write_error;
use super::read::collect;
use crate::sql::{Columns, database_error, row_limit, signed};
use crate::{ChildrenOfStatus, Error, ExecutionId, MapRunRow, ShardId, WoundUp};

const MAP_RUN: &str = "SELECT * FROM map_run WHERE arn = ?";

const MAP_RUNS: &str = "SELECT * FROM map_run WHERE shard_id = ? AND execution_id = ? \
    AND started_event > ? ORDER BY started_event LIMIT ?";

// The conditions are those of the index.
const TO_WIND_UP: &str = "SELECT * FROM map_run INDEXED BY map_run_to_wind_up \
    WHERE shard_id = ?1 AND status IN (3, 5) AND wound_up IS NOT stopped_at \
    AND (?2 IS NULL OR (execution_id, started_event) > (?2, ?3)) \
    ORDER BY execution_id, started_event LIMIT ?4";

const NOTE_WOUND_UP: &str = "UPDATE map_run SET wound_up = ?1, exported = iif(?2, ?1, NULL) \
    WHERE shard_id = ?3 AND execution_id = ?4 AND started_event = ?5 AND stopped_at = ?1";

const CHILDREN: &str = "SELECT status, count(*) AS executions, \
    coalesce(sum(item_count), 0) AS items \
    FROM execution INDEXED BY execution_by_map_run WHERE map_run = ? GROUP BY status ORDER BY status";

pub(super) async fn find(pool: &SqlitePool, arn: &str) -> Result<Option<MapRunRow>, Error> {
    let row = sqlx::query(MAP_RUN).bind(arn).fetch_optional(pool).await.map_err(database_error)?;
    row.map(|row| Columns(&row).map_run()).transpose()
}

pub(super) async fn of_execution(
    pool: &SqlitePool,
    (shard, execution): (ShardId, ExecutionId),
    after: Option<MapRunId>,
    most: usize,
) -> Result<Vec<MapRunRow>, Error> {
    let query = sqlx::query(MAP_RUNS)
        .bind(shard.0)
        .bind(&execution.0.as_bytes()[..])
        .bind(signed(after.map_or(0, |after| after.0.0)))
        .bind(row_limit(most));
    collect(&query.fetch_all(pool).await.map_err(database_error)?, |row| Columns(row).map_run())
}

pub(super) async fn to_wind_up(
    pool: &SqlitePool,
    shard: ShardId,
    after: Option<(ExecutionId, MapRunId)>,
    most: usize,
) -> Result<Vec<MapRunRow>, Error> {
    let query = sqlx::query(TO_WIND_UP)
        .bind(shard.0)
        .bind(after.map(|(execution, _)| execution.0.as_bytes().to_vec()))
        .bind(after.map(|(_, run)| signed(run.0.0)))
        .bind(row_limit(most));
    collect(&query.fetch_all(pool).await.map_err(database_error)?, |row| Columns(row).map_run())
}

pub(super) fn note_wound_up(
    connection: &Connection,
    row: &MapRunRow,
    wound_up: WoundUp,
) -> Result<(), Error> {
    let bound = params![
        row.record.stopped_at.map(|time| time.0),
        wound_up.is_exported,
        row.shard.0,
        &row.execution.0.as_bytes()[..],
        signed(row.record.id.0.0),
    ];
    connection.execute(NOTE_WOUND_UP, bound).map_err(write_error)?;
    Ok(())
}

pub(super) async fn count_children(
    pool: &SqlitePool,
    map_run: Uuid,
) -> Result<Vec<ChildrenOfStatus>, Error> {
    let query = sqlx::query(CHILDREN).bind(map_run.into_bytes().to_vec());
    collect(&query.fetch_all(pool).await.map_err(database_error)?, |row| {
        Columns(row).children_of_status()
    })
}
