//! Map Runs: reading them, and noting that they are wound up.

use stepyard_machine::MapRunId;
use uuid::Uuid;

use super::commit::Bound;
use super::pool::Pool;
use super::read::collect;
use crate::sql::{Columns, row_limit, signed};
use crate::{ChildrenOfStatus, Error, ExecutionId, MapRunRow, ShardId, WoundUp};

const MAP_RUN: &str = "SELECT * FROM map_run WHERE arn = $1";

const MAP_RUNS: &str = "SELECT * FROM map_run WHERE shard_id = $1 AND execution_id = $2 \
    AND started_event > $3 ORDER BY started_event LIMIT $4";

// The conditions are those of the index.
const TO_WIND_UP: &str = "SELECT * FROM map_run \
    WHERE shard_id = $1 AND status IN (3, 5) AND wound_up IS DISTINCT FROM stopped_at \
    AND ($2::uuid IS NULL OR (execution_id, started_event) > ($2, $3)) \
    ORDER BY execution_id, started_event LIMIT $4";

const NOTE_WOUND_UP: &str = "UPDATE map_run \
    SET wound_up = $1, exported = CASE WHEN $2::bigint = 1 THEN $1 END \
    WHERE shard_id = $3 AND execution_id = $4 AND started_event = $5 AND stopped_at = $1";

const CHILDREN: &str = "SELECT status, count(*) AS executions, \
    coalesce(sum(item_count), 0)::bigint AS items \
    FROM execution WHERE map_run = $1 GROUP BY status ORDER BY status";

pub(super) async fn find(pool: &Pool, arn: &str) -> Result<Option<MapRunRow>, Error> {
    let row = pool.read_optional(sqlx::query(MAP_RUN).bind(arn)).await?;
    row.map(|row| Columns(&row).map_run()).transpose()
}

pub(super) async fn of_execution(
    pool: &Pool,
    (shard, execution): (ShardId, ExecutionId),
    after: Option<MapRunId>,
    limit: usize,
) -> Result<Vec<MapRunRow>, Error> {
    let query = sqlx::query(MAP_RUNS)
        .bind(i64::from(shard.0))
        .bind(execution.0)
        .bind(signed(after.map_or(0, |after| after.0.0)))
        .bind(row_limit(limit));
    let rows = pool.read_all(query).await?;
    collect(&rows, |row| row.map_run())
}

pub(super) async fn to_wind_up(
    pool: &Pool,
    shard: ShardId,
    after: Option<(ExecutionId, MapRunId)>,
    limit: usize,
) -> Result<Vec<MapRunRow>, Error> {
    let query = sqlx::query(TO_WIND_UP)
        .bind(i64::from(shard.0))
        .bind(after.map(|(execution, _)| execution.0))
        .bind(after.map(|(_, run)| signed(run.0.0)))
        .bind(row_limit(limit));
    let rows = pool.read_all(query).await?;
    collect(&rows, |row| row.map_run())
}

pub(super) async fn note_wound_up(
    pool: &Pool,
    row: &MapRunRow,
    wound_up: WoundUp,
) -> Result<(), Error> {
    pool.execute(noting_wound_up(row, wound_up)).await?;
    Ok(())
}

pub(super) fn noting_wound_up(row: &MapRunRow, wound_up: WoundUp) -> Bound<'static> {
    sqlx::query(NOTE_WOUND_UP)
        .bind(row.record.stopped_at.map(|time| time.0))
        .bind(i64::from(wound_up.is_exported))
        .bind(i64::from(row.shard.0))
        .bind(row.execution.0)
        .bind(signed(row.record.id.0.0))
}

pub(super) async fn count_children(
    pool: &Pool,
    map_run: Uuid,
) -> Result<Vec<ChildrenOfStatus>, Error> {
    let rows = pool.read_all(sqlx::query(CHILDREN).bind(map_run)).await?;
    collect(&rows, |row| row.children_of_status())
}
