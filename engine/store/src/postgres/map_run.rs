//! Reading Map Runs.

use stepyard_machine::MapRunId;
use uuid::Uuid;

use super::pool::Pool;
use super::read::collect;
use crate::sql::{Columns, row_limit, signed};
use crate::{ChildrenOfStatus, Error, ExecutionId, MapRunRow, ShardId};

const MAP_RUN: &str = "SELECT * FROM map_run WHERE arn = $1";

const MAP_RUNS: &str = "SELECT * FROM map_run WHERE shard_id = $1 AND execution_id = $2 \
    AND started_event > $3 ORDER BY started_event LIMIT $4";

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

pub(super) async fn count_children(
    pool: &Pool,
    map_run: Uuid,
) -> Result<Vec<ChildrenOfStatus>, Error> {
    let rows = pool.read_all(sqlx::query(CHILDREN).bind(map_run)).await?;
    collect(&rows, |row| row.children_of_status())
}
