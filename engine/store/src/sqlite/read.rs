//! Reading, on the pool.

use std::fmt::Write;
use std::sync::Arc;

use sqlx::SqliteExecutor;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use stepyard_asl::Timestamp;
use uuid::Uuid;

use crate::sql::{
    Columns, JOURNAL_DOWN, JOURNAL_FROM, JOURNAL_UP, database_error, row_limit, signed, status_code,
};
use crate::{
    Chunk, DuePlace, Error, ExecutionId, ExecutionQuery, ExecutionRow, MetadataItem, ReadLimit,
    Revision, ShardId, ShardLease, StartedBy, StateMachine, StateMachineSummary,
};

const LEASES: &str = "SELECT shard_id, epoch, commit_seq FROM shard \
    WHERE shard_id IN (SELECT value FROM json_each(?)) ORDER BY shard_id";

// The expressions are those of the index `execution_open`.
const DUE_EXECUTIONS: &str = "SELECT e.*, m.arn AS state_machine_arn \
    FROM execution e INDEXED BY execution_open JOIN machine m USING (machine_id) \
    WHERE e.shard_id = ?1 AND e.stopped_at IS NULL AND coalesce(e.resume_at, 0) <= ?2 \
    AND (coalesce(e.resume_at, 0), e.execution_id) > (?3, ?4) \
    ORDER BY coalesce(e.resume_at, 0), e.execution_id LIMIT ?5";

// `CROSS JOIN` keeps the order of the tables: the machine first.
const FIND_EXECUTION: &str = "SELECT e.*, m.arn AS state_machine_arn \
    FROM machine m CROSS JOIN execution e USING (machine_id) \
    WHERE e.shard_id = ?1 AND m.arn = ?2 AND e.name = ?3";

const EXECUTION: &str = "SELECT e.*, m.arn AS state_machine_arn \
    FROM execution e JOIN machine m USING (machine_id) WHERE e.shard_id = ? AND e.execution_id = ?";

const LIST_ALL: &str = "SELECT e.*, m.arn AS state_machine_arn \
    FROM execution e JOIN machine m USING (machine_id) WHERE e.execution_id < ?1 \
    AND (?2 IS NULL OR e.status = ?2) AND (?3 IS NULL OR substr(e.name, 1, length(?3)) = ?3) \
    ORDER BY e.execution_id DESC LIMIT ?4";

const LIST_OF_MACHINE: &str = "SELECT e.*, m.arn AS state_machine_arn \
    FROM machine m CROSS JOIN execution e INDEXED BY execution_by_machine USING (machine_id) \
    WHERE e.execution_id < ?1 AND ?2 IS NULL AND (?3 IS NULL OR substr(e.name, 1, length(?3)) = ?3) \
    AND m.arn = ?5 ORDER BY e.execution_id DESC LIMIT ?4";

const LIST_OF_MACHINE_WITH_STATUS: &str = "SELECT e.*, m.arn AS state_machine_arn \
    FROM machine m CROSS JOIN execution e INDEXED BY execution_by_status USING (machine_id) \
    WHERE e.execution_id < ?1 AND e.status = ?2 \
    AND (?3 IS NULL OR substr(e.name, 1, length(?3)) = ?3) \
    AND m.arn = ?5 ORDER BY e.execution_id DESC LIMIT ?4";

const LIST_OF_VERSION: &str = "SELECT e.*, m.arn AS state_machine_arn \
    FROM machine m CROSS JOIN execution e INDEXED BY execution_by_version USING (machine_id) \
    WHERE e.execution_id < ?1 AND (?2 IS NULL OR e.status = ?2) \
    AND (?3 IS NULL OR substr(e.name, 1, length(?3)) = ?3) \
    AND m.arn = ?5 AND e.version = ?6 ORDER BY e.execution_id DESC LIMIT ?4";

const LIST_OF_ALIAS: &str = "SELECT e.*, m.arn AS state_machine_arn \
    FROM machine m CROSS JOIN execution e INDEXED BY execution_by_alias USING (machine_id) \
    WHERE e.execution_id < ?1 AND (?2 IS NULL OR e.status = ?2) \
    AND (?3 IS NULL OR substr(e.name, 1, length(?3)) = ?3) \
    AND m.arn = ?5 AND e.alias = ?6 ORDER BY e.execution_id DESC LIMIT ?4";

const LIST_OF_MAP_RUN: &str = "SELECT e.*, m.arn AS state_machine_arn \
    FROM execution e INDEXED BY execution_by_map_run CROSS JOIN machine m USING (machine_id) \
    WHERE e.execution_id < ?1 AND (?2 IS NULL OR e.status = ?2) \
    AND (?3 IS NULL OR substr(e.name, 1, length(?3)) = ?3) \
    AND e.map_run = ?5 ORDER BY e.execution_id DESC LIMIT ?4";

const STATE_MACHINE: &str = "SELECT m.arn, m.name, m.machine_type, m.created_at AS machine_created_at, \
    m.retention_days, m.tags, m.deleting_since, r.* \
    FROM state_machine m JOIN revision r ON r.revision_id = m.revision_id WHERE m.arn = ?";

const STATE_MACHINES: &str = "SELECT m.arn, m.name, m.machine_type, m.created_at, r.created_at AS updated_at \
    FROM state_machine m JOIN revision r ON r.revision_id = m.revision_id \
    WHERE m.arn > ? ORDER BY m.arn LIMIT ?";

const DELETING: &str =
    "SELECT arn FROM state_machine WHERE deleting_since IS NOT NULL ORDER BY arn";

const REVISION: &str = "SELECT * FROM revision WHERE revision_id = ?";

const ITEMS_OF_IMAGE: &str =
    "SELECT * FROM image_metadata WHERE image_id = ? ORDER BY timestamp DESC";

const ITEMS: &str = "SELECT * FROM image_metadata WHERE (image_id, timestamp) > (?, ?) \
    ORDER BY image_id, timestamp LIMIT ?";

/// Beyond every UUID in the order of SQLite's blobs: it is longer.
pub(super) const AFTER_ALL_IDS: [u8; 17] = [0xff; 17];

pub(super) fn collect<T>(
    rows: &[SqliteRow],
    convert: impl Fn(&SqliteRow) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    rows.iter().map(convert).collect()
}

/// The numbers of shards as a JSON array, for `json_each`.
pub(super) fn shard_list(shards: &[ShardId]) -> String {
    let mut list = String::from("[");
    for (at, shard) in shards.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(list, "{}{}", if at > 0 { "," } else { "" }, shard.0);
    }
    list.push(']');
    list
}

pub(super) async fn leases(
    executor: impl SqliteExecutor<'_>,
    shards: &[ShardId],
) -> Result<Vec<ShardLease>, Error> {
    let query = sqlx::query(LEASES).bind(shard_list(shards));
    collect(&query.fetch_all(executor).await.map_err(database_error)?, |row| Columns(row).lease())
}

pub(super) async fn due_executions(
    pool: &SqlitePool,
    shard: ShardId,
    after: Option<DuePlace>,
    until: Timestamp,
    most: usize,
) -> Result<Vec<ExecutionRow>, Error> {
    let after = after.unwrap_or((Timestamp(-1), ExecutionId(Uuid::nil())));
    let query = sqlx::query(DUE_EXECUTIONS)
        .bind(shard.0)
        .bind(until.0)
        .bind(after.0.0)
        .bind(&after.1.0.as_bytes()[..])
        .bind(row_limit(most));
    let rows = query.fetch_all(pool).await.map_err(database_error)?;
    collect(&rows, |row| Columns(row).execution())
}

pub(super) async fn find_execution(
    pool: &SqlitePool,
    shard: ShardId,
    state_machine_arn: &str,
    name: &str,
) -> Result<Option<ExecutionRow>, Error> {
    let query = sqlx::query(FIND_EXECUTION).bind(shard.0).bind(state_machine_arn).bind(name);
    let row = query.fetch_optional(pool).await.map_err(database_error)?;
    row.map(|row| Columns(&row).execution()).transpose()
}

pub(super) async fn execution(
    pool: &SqlitePool,
    shard: ShardId,
    id: ExecutionId,
) -> Result<Option<ExecutionRow>, Error> {
    let query = sqlx::query(EXECUTION).bind(shard.0).bind(&id.0.as_bytes()[..]);
    let row = query.fetch_optional(pool).await.map_err(database_error)?;
    row.map(|row| Columns(&row).execution()).transpose()
}

pub(super) async fn list_executions(
    pool: &SqlitePool,
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
    let before = query.after.map_or(AFTER_ALL_IDS.to_vec(), |id| id.0.as_bytes().to_vec());
    let mut bound = sqlx::query(sql)
        .bind(before)
        .bind(query.status.map(status_code))
        .bind(query.name_prefix.as_deref())
        .bind(row_limit(query.limit));
    if let Some(map_run) = query.map_run {
        bound = bound.bind(map_run.into_bytes().to_vec());
    } else if let Some(arn) = &query.state_machine_arn {
        bound = bound.bind(&**arn);
        bound = match &query.started_by {
            Some(StartedBy::Version(version)) => bound.bind(signed(*version)),
            Some(StartedBy::Alias(name)) => bound.bind(&**name),
            None => bound,
        };
    }
    collect(&bound.fetch_all(pool).await.map_err(database_error)?, |row| Columns(row).execution())
}

pub(super) async fn journal_from(
    pool: &SqlitePool,
    (shard, execution, first_event): (ShardId, ExecutionId, u64),
    limit: ReadLimit,
) -> Result<Vec<Chunk>, Error> {
    let query = sqlx::query(JOURNAL_FROM)
        .bind(shard.0)
        .bind(&execution.0.as_bytes()[..])
        .bind(i64::try_from(first_event).unwrap_or(i64::MAX))
        .bind(row_limit(limit.chunks))
        .bind(row_limit(limit.bytes));
    collect(&query.fetch_all(pool).await.map_err(database_error)?, |row| Columns(row).chunk())
}

pub(super) async fn journal_page(
    pool: &SqlitePool,
    (shard, execution, visible_id): (ShardId, ExecutionId, u64),
    descending: bool,
    limit: ReadLimit,
) -> Result<Vec<Chunk>, Error> {
    let query = sqlx::query(if descending { JOURNAL_DOWN } else { JOURNAL_UP })
        .bind(shard.0)
        .bind(&execution.0.as_bytes()[..])
        .bind(i64::try_from(visible_id).unwrap_or(i64::MAX))
        .bind(row_limit(limit.chunks))
        .bind(row_limit(limit.bytes));
    collect(&query.fetch_all(pool).await.map_err(database_error)?, |row| Columns(row).chunk())
}

pub(super) async fn state_machine(
    executor: impl SqliteExecutor<'_>,
    arn: &str,
) -> Result<Option<StateMachine>, Error> {
    let query = sqlx::query(STATE_MACHINE).bind(arn);
    let row = query.fetch_optional(executor).await.map_err(database_error)?;
    row.map(|row| Columns(&row).state_machine()).transpose()
}

pub(super) async fn state_machines(
    pool: &SqlitePool,
    after: Option<&str>,
    most: usize,
) -> Result<Vec<StateMachineSummary>, Error> {
    let query = sqlx::query(STATE_MACHINES).bind(after.unwrap_or_default()).bind(row_limit(most));
    collect(&query.fetch_all(pool).await.map_err(database_error)?, |row| {
        Columns(row).state_machine_summary()
    })
}

pub(super) async fn deleting_state_machines(pool: &SqlitePool) -> Result<Vec<Arc<str>>, Error> {
    let rows = sqlx::query(DELETING).fetch_all(pool).await.map_err(database_error)?;
    collect(&rows, |row| Columns(row).arn())
}

pub(super) async fn revision(pool: &SqlitePool, id: Uuid) -> Result<Option<Arc<Revision>>, Error> {
    let query = sqlx::query(REVISION).bind(&id.as_bytes()[..]);
    let row = query.fetch_optional(pool).await.map_err(database_error)?;
    Ok(row.map(|row| Columns(&row).revision()).transpose()?.map(Arc::new))
}

pub(super) async fn items_of_image(
    pool: &SqlitePool,
    image_id: &str,
) -> Result<Vec<MetadataItem>, Error> {
    let query = sqlx::query(ITEMS_OF_IMAGE).bind(image_id);
    collect(&query.fetch_all(pool).await.map_err(database_error)?, |row| Columns(row).item())
}

pub(super) async fn items(
    pool: &SqlitePool,
    after: Option<(String, i64)>,
    most: usize,
) -> Result<Vec<MetadataItem>, Error> {
    let (image_id, timestamp) = after.unwrap_or_else(|| (String::new(), i64::MIN));
    let query = sqlx::query(ITEMS).bind(image_id).bind(timestamp).bind(row_limit(most));
    collect(&query.fetch_all(pool).await.map_err(database_error)?, |row| Columns(row).item())
}
