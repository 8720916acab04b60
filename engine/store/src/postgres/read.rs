//! Reading.

use std::sync::Arc;
use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::PgRow;
use stepyard_asl::Timestamp;
use uuid::Uuid;

use super::pool::Pool;
use crate::sql::{
    Columns, JOURNAL_DOWN, JOURNAL_FROM, JOURNAL_UP, database_error, row_limit, signed, status_code,
};
use crate::{
    Chunk, DuePlace, Error, ExecutionId, ExecutionQuery, ExecutionRow, MetadataItem, ReadLimit,
    Revision, ShardId, ShardLease, StartedBy, StateMachine, StateMachineSummary,
};

const LEASES: &str = "SELECT shard_id, epoch, commit_seq FROM shard \
    WHERE shard_id = ANY($1) ORDER BY shard_id";

// The expressions are those of the index `execution_open`.
const DUE_EXECUTIONS: &str = "SELECT e.*, m.arn AS state_machine_arn \
    FROM execution e JOIN machine m USING (machine_id) \
    WHERE e.shard_id = $1 AND e.stopped_at IS NULL AND coalesce(e.resume_at, 0) <= $2 \
    AND (coalesce(e.resume_at, 0), e.execution_id) > ($3, $4) \
    ORDER BY coalesce(e.resume_at, 0), e.execution_id LIMIT $5";

const FIND_EXECUTION: &str = "SELECT e.*, m.arn AS state_machine_arn \
    FROM execution e JOIN machine m USING (machine_id) \
    WHERE e.shard_id = $1 AND m.arn = $2 AND e.name = $3";

const EXECUTION: &str = "SELECT e.*, m.arn AS state_machine_arn \
    FROM execution e JOIN machine m USING (machine_id) \
    WHERE e.shard_id = $1 AND e.execution_id = $2";

const LIST_ALL: &str = "SELECT e.*, m.arn AS state_machine_arn \
    FROM execution e JOIN machine m USING (machine_id) WHERE e.execution_id < $1 \
    AND ($2::bigint IS NULL OR e.status = $2) AND ($3::text IS NULL OR starts_with(e.name, $3)) \
    ORDER BY e.execution_id DESC LIMIT $4";

// The machine is looked up first, so that the index of its executions gives them in order.
const LIST_OF_MACHINE: &str = "SELECT e.*, $5::text AS state_machine_arn FROM execution e \
    WHERE e.machine_id = (SELECT machine_id FROM machine WHERE arn = $5) AND e.execution_id < $1 \
    AND $2::bigint IS NULL AND ($3::text IS NULL OR starts_with(e.name, $3)) \
    ORDER BY e.execution_id DESC LIMIT $4";

const LIST_OF_MACHINE_WITH_STATUS: &str = "SELECT e.*, $5::text AS state_machine_arn \
    FROM execution e \
    WHERE e.machine_id = (SELECT machine_id FROM machine WHERE arn = $5) AND e.status = $2 \
    AND e.execution_id < $1 AND ($3::text IS NULL OR starts_with(e.name, $3)) \
    ORDER BY e.execution_id DESC LIMIT $4";

const LIST_OF_VERSION: &str = "SELECT e.*, $5::text AS state_machine_arn FROM execution e \
    WHERE e.machine_id = (SELECT machine_id FROM machine WHERE arn = $5) AND e.version = $6 \
    AND e.execution_id < $1 AND ($2::bigint IS NULL OR e.status = $2) \
    AND ($3::text IS NULL OR starts_with(e.name, $3)) \
    ORDER BY e.execution_id DESC LIMIT $4";

const LIST_OF_ALIAS: &str = "SELECT e.*, $5::text AS state_machine_arn FROM execution e \
    WHERE e.machine_id = (SELECT machine_id FROM machine WHERE arn = $5) AND e.alias = $6 \
    AND e.execution_id < $1 AND ($2::bigint IS NULL OR e.status = $2) \
    AND ($3::text IS NULL OR starts_with(e.name, $3)) \
    ORDER BY e.execution_id DESC LIMIT $4";

const LIST_OF_MAP_RUN: &str = "SELECT e.*, m.arn AS state_machine_arn \
    FROM execution e JOIN machine m USING (machine_id) \
    WHERE e.map_run = $5 AND e.execution_id < $1 AND ($2::bigint IS NULL OR e.status = $2) \
    AND ($3::text IS NULL OR starts_with(e.name, $3)) \
    ORDER BY e.execution_id DESC LIMIT $4";

const STATE_MACHINE: &str = "SELECT m.arn, m.name, m.machine_type, m.created_at AS machine_created_at, \
    m.retention_days, m.tags, m.deleting_since, r.* \
    FROM state_machine m JOIN revision r ON r.revision_id = m.revision_id WHERE m.arn = $1";

const STATE_MACHINES: &str = "SELECT m.arn, m.name, m.machine_type, m.created_at, r.created_at AS updated_at \
    FROM state_machine m JOIN revision r ON r.revision_id = m.revision_id \
    WHERE m.arn > $1 ORDER BY m.arn LIMIT $2";

/// In milliseconds. Of other users' transactions a role sees only with `pg_read_all_stats`.
const OLDEST_TRANSACTION: &str = "SELECT \
    (extract(epoch FROM max(clock_timestamp() - xact_start)) * 1000)::bigint AS age \
    FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";

const DELETING: &str =
    "SELECT arn FROM state_machine WHERE deleting_since IS NOT NULL ORDER BY arn";

const REVISION: &str = "SELECT * FROM revision WHERE revision_id = $1";

const ITEMS_OF_IMAGE: &str =
    "SELECT * FROM image_metadata WHERE image_id = $1 ORDER BY \"timestamp\" DESC";

const ITEMS: &str = "SELECT * FROM image_metadata WHERE (image_id, \"timestamp\") > ($1, $2) \
    ORDER BY image_id, \"timestamp\" LIMIT $3";

pub(super) fn collect<'r, T>(
    rows: &'r [PgRow],
    convert: impl Fn(Columns<'r, PgRow>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    rows.iter().map(|row| convert(Columns(row))).collect()
}

/// The numbers of shards, for `ANY`.
pub(super) fn shard_numbers(shards: &[ShardId]) -> Vec<i64> {
    shards.iter().map(|shard| i64::from(shard.0)).collect()
}

pub(super) async fn leases(pool: &Pool, shards: &[ShardId]) -> Result<Vec<ShardLease>, Error> {
    let query = sqlx::query(LEASES).bind(shard_numbers(shards));
    let rows = pool.read_all(query).await?;
    collect(&rows, |row| row.lease())
}

pub(super) async fn due_executions(
    pool: &Pool,
    shard: ShardId,
    after: Option<DuePlace>,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<ExecutionRow>, Error> {
    let after = after.unwrap_or((Timestamp(-1), ExecutionId(Uuid::nil())));
    let query = sqlx::query(DUE_EXECUTIONS)
        .bind(i64::from(shard.0))
        .bind(until.0)
        .bind(after.0.0)
        .bind(after.1.0)
        .bind(row_limit(limit));
    let rows = pool.read_all(query).await?;
    collect(&rows, |row| row.execution())
}

pub(super) async fn find_execution(
    pool: &Pool,
    shard: ShardId,
    state_machine_arn: &str,
    name: &str,
) -> Result<Option<ExecutionRow>, Error> {
    let query =
        sqlx::query(FIND_EXECUTION).bind(i64::from(shard.0)).bind(state_machine_arn).bind(name);
    let row = pool.read_optional(query).await?;
    row.map(|row| Columns(&row).execution()).transpose()
}

pub(super) async fn execution(
    pool: &Pool,
    shard: ShardId,
    id: ExecutionId,
) -> Result<Option<ExecutionRow>, Error> {
    let query = sqlx::query(EXECUTION).bind(i64::from(shard.0)).bind(id.0);
    let row = pool.read_optional(query).await?;
    row.map(|row| Columns(&row).execution()).transpose()
}

pub(super) async fn list_executions(
    pool: &Pool,
    query: &ExecutionQuery,
) -> Result<Vec<ExecutionRow>, Error> {
    let sql = match (&query.state_machine_arn, &query.started_by, query.status) {
        _ if query.map_run.is_some() => LIST_OF_MAP_RUN,
        (None, ..) => LIST_ALL,
        (Some(_), None, None) => LIST_OF_MACHINE,
        (Some(_), None, Some(_)) => LIST_OF_MACHINE_WITH_STATUS,
        (Some(_), Some(StartedBy::Version(_)), _) => LIST_OF_VERSION,
        (Some(_), Some(StartedBy::Alias(_)), _) => LIST_OF_ALIAS,
    };
    let mut bound = sqlx::query(sql)
        .bind(query.after.map_or(Uuid::max(), |id| id.0))
        .bind(query.status.map(status_code))
        .bind(query.name_prefix.as_deref())
        .bind(row_limit(query.limit));
    if let Some(map_run) = query.map_run {
        bound = bound.bind(map_run);
    } else if let Some(arn) = &query.state_machine_arn {
        bound = bound.bind(&**arn);
        bound = match &query.started_by {
            Some(StartedBy::Version(version)) => bound.bind(signed(*version)),
            Some(StartedBy::Alias(name)) => bound.bind(&**name),
            None => bound,
        };
    }
    let rows = pool.read_all(bound).await?;
    collect(&rows, |row| row.execution())
}

pub(super) async fn journal_from(
    pool: &Pool,
    (shard, execution, first_event): (ShardId, ExecutionId, u64),
    limit: ReadLimit,
) -> Result<Vec<Chunk>, Error> {
    let query = sqlx::query(JOURNAL_FROM)
        .bind(i64::from(shard.0))
        .bind(execution.0)
        .bind(signed(first_event))
        .bind(row_limit(limit.chunks))
        .bind(row_limit(limit.bytes));
    let rows = pool.read_all(query).await?;
    collect(&rows, |row| row.chunk())
}

pub(super) async fn journal_page(
    pool: &Pool,
    (shard, execution, visible_id): (ShardId, ExecutionId, u64),
    descending: bool,
    limit: ReadLimit,
) -> Result<Vec<Chunk>, Error> {
    let query = sqlx::query(if descending { JOURNAL_DOWN } else { JOURNAL_UP })
        .bind(i64::from(shard.0))
        .bind(execution.0)
        .bind(signed(visible_id))
        .bind(row_limit(limit.chunks))
        .bind(row_limit(limit.bytes));
    let rows = pool.read_all(query).await?;
    collect(&rows, |row| row.chunk())
}

pub(super) async fn state_machine(pool: &Pool, arn: &str) -> Result<Option<StateMachine>, Error> {
    let row = pool.read_optional(sqlx::query(STATE_MACHINE).bind(arn)).await?;
    row.map(|row| Columns(&row).state_machine()).transpose()
}

pub(super) async fn state_machines(
    pool: &Pool,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<StateMachineSummary>, Error> {
    let query = sqlx::query(STATE_MACHINES).bind(after.unwrap_or_default()).bind(row_limit(limit));
    let rows = pool.read_all(query).await?;
    collect(&rows, |row| row.state_machine_summary())
}

pub(super) async fn deleting_state_machines(pool: &Pool) -> Result<Vec<Arc<str>>, Error> {
    let rows = pool.read_all(sqlx::query(DELETING)).await?;
    collect(&rows, |row| row.arn())
}

pub(super) async fn revision(pool: &Pool, id: Uuid) -> Result<Option<Arc<Revision>>, Error> {
    let row = pool.read_optional(sqlx::query(REVISION).bind(id)).await?;
    Ok(row.map(|row| Columns(&row).revision()).transpose()?.map(Arc::new))
}

pub(super) async fn items_of_image(
    pool: &Pool,
    image_id: &str,
) -> Result<Vec<MetadataItem>, Error> {
    let query = sqlx::query(ITEMS_OF_IMAGE).bind(image_id);
    let rows = pool.read_all(query).await?;
    collect(&rows, |row| row.item())
}

pub(super) async fn items(
    pool: &Pool,
    after: Option<(String, i64)>,
    limit: usize,
) -> Result<Vec<MetadataItem>, Error> {
    let (image_id, timestamp) = after.unwrap_or_else(|| (String::new(), i64::MIN));
    let query = sqlx::query(ITEMS).bind(image_id).bind(timestamp).bind(row_limit(limit));
    let rows = pool.read_all(query).await?;
    collect(&rows, |row| row.item())
}

pub(super) async fn oldest_transaction(pool: &Pool) -> Result<Option<Duration>, Error> {
    let row = pool.read_optional(sqlx::query(OLDEST_TRANSACTION)).await?;
    let age: Option<i64> = match row {
        Some(row) => row.try_get("age").map_err(database_error)?,
        None => None,
    };
    Ok(Some(Duration::from_millis(age.and_then(|age| u64::try_from(age).ok()).unwrap_or(0))))
}
