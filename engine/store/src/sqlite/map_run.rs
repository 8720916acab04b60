//! Reading Map Runs, on the pool.

use sqlx::sqlite::SqlitePool;
use stepyard_machine::MapRunId;
use uuid::Uuid;

use super::read::collect;
use crate::sql::{Columns, database_error, row_limit, signed};
use crate::{ChildrenOfStatus, Error, ExecutionId, MapRunRow, ShardId};

const MAP_RUN: &str = "SELECT * FROM map_run WHERE arn = ?";

const MAP_RUNS: &str = "SELECT * FROM map_run WHERE shard_id = ? AND execution_id = ? \
    AND started_event > ? ORDER BY started_event LIMIT ?";

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

pub(super) async fn count_children(
    pool: &SqlitePool,
    map_run: Uuid,
) -> Result<Vec<ChildrenOfStatus>, Error> {
    let query = sqlx::query(CHILDREN).bind(map_run.into_bytes().to_vec());
    collect(&query.fetch_all(pool).await.map_err(database_error)?, |row| {
        Columns(row).children_of_status()
    })
}
