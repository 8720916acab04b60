//! Removing what is kept no longer: each removal is one statement for each kind of executions.

use sqlx::Row;
use uuid::Uuid;

use super::express;
use super::pool::Pool;
use crate::retention::DAY_MILLIS;
use crate::sql::{database_error, row_limit};
use crate::{Error, Removed, Retention, ShardId};

// For each machine a seek to those that ended first. The ids go on as an array, so that the rows of the
// journal are found by its key, whatever the planner believes of their number. One that is redriven meanwhile is let go
// once its row can be locked: it has no end any more, or a later one.
const REMOVE_CLOSED: &str = "WITH expired AS MATERIALIZED ( \
        SELECT e.execution_id, e.stopped_at FROM machine m \
        LEFT JOIN state_machine s ON s.arn = split_part(m.arn, '/', 1) \
        CROSS JOIN LATERAL (SELECT execution_id, stopped_at FROM execution \
            WHERE shard_id = $1 AND machine_id = m.machine_id \
            AND stopped_at < $2 - coalesce(s.retention_days, $3) * $4 \
            ORDER BY stopped_at LIMIT $5) e \
        WHERE coalesce(s.retention_days, $3) > 0 LIMIT $5 \
    ), closed AS MATERIALIZED ( \
        SELECT execution_id FROM execution WHERE shard_id = $1 \
        AND execution_id = ANY (ARRAY (SELECT execution_id FROM expired)) \
        AND stopped_at <= (SELECT max(stopped_at) FROM expired) FOR UPDATE \
    ), chunks AS ( \
        DELETE FROM journal WHERE shard_id = $1 \
        AND execution_id = ANY (ARRAY (SELECT execution_id FROM closed)) \
    ), map_runs AS ( \
        DELETE FROM map_run WHERE shard_id = $1 \
        AND execution_id = ANY (ARRAY (SELECT execution_id FROM closed)) \
    ), removed AS ( \
        DELETE FROM execution WHERE shard_id = $1 \
        AND execution_id = ANY (ARRAY (SELECT execution_id FROM closed)) RETURNING 1 \
    ) SELECT count(*) FROM removed";

const SET_RETENTION: &str = "UPDATE state_machine SET retention_days = $1 WHERE arn = $2";

const REMOVE_UNUSED_REVISIONS: &str = "WITH unused AS ( \
        SELECT r.revision_id FROM revision r \
        WHERE NOT EXISTS (SELECT 1 FROM state_machine s WHERE s.arn = r.state_machine_arn) \
        AND NOT EXISTS (SELECT 1 FROM machine m JOIN execution e USING (machine_id) \
            WHERE m.arn = r.state_machine_arn OR starts_with(m.arn, r.state_machine_arn || '/')) \
        AND NOT EXISTS (SELECT 1 FROM machine m JOIN express_execution e USING (machine_id) \
            WHERE m.arn = r.state_machine_arn) \
    ), removed AS ( \
        DELETE FROM revision r USING unused u \
        WHERE r.revision_id = u.revision_id AND u.revision_id = ANY ($1) \
    ) SELECT revision_id FROM unused WHERE revision_id <> ALL ($1)";

/// Removes executions of a shard that ended too long ago.
pub(super) async fn remove_closed(
    pool: &Pool,
    shard: ShardId,
    retention: Retention,
    limit: usize,
) -> Result<Removed, Error> {
    let query = sqlx::query(REMOVE_CLOSED)
        .bind(i64::from(shard.0))
        .bind(retention.now.0)
        .bind(i64::from(retention.days))
        .bind(DAY_MILLIS)
        .bind(row_limit(limit));
    let row = pool.write_returning(query).await?.pop();
    let count: Option<i64> = row.map(|row| row.try_get(0)).transpose().map_err(database_error)?;
    let mut executions = usize::try_from(count.unwrap_or_default()).unwrap_or_default();
    if executions < limit {
        executions += express::remove_expired(pool, shard, retention, limit - executions).await?;
    }
    Ok(Removed { executions, has_more: executions == limit })
}

/// False when there is no state machine with that ARN.
pub(super) async fn set_retention(
    pool: &Pool,
    arn: &str,
    days: Option<u32>,
) -> Result<bool, Error> {
    let query = sqlx::query(SET_RETENTION).bind(days.map(i64::from)).bind(arn);
    Ok(pool.execute(query).await? == 1)
}

/// Removes the known ones of the revisions that nobody needs and returns the others.
pub(super) async fn remove_unused_revisions(
    pool: &Pool,
    known: &[Uuid],
) -> Result<Vec<Uuid>, Error> {
    let rows = pool.write_returning(sqlx::query(REMOVE_UNUSED_REVISIONS).bind(known)).await?;
    rows.iter().map(|row| row.try_get(0).map_err(database_error)).collect()
}
