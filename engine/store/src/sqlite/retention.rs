//! Removing what is kept no longer: each function is one transaction of the writer.

use rusqlite::{Connection, Transaction, params};
use uuid::Uuid;

use super::connection::write_error;
use super::express;
use super::write::begin;
use crate::retention::DAY_MILLIS;
use crate::sql::row_limit;
use crate::{Error, Removed, Retention, ShardId};

/// Most rows that one transaction removes: commits wait for it. An execution with more goes alone.
const ROWS_MAX: usize = 1_000;

/// Most executions that one transaction removes.
const EXECUTIONS_MAX: usize = 100;

// `CROSS JOIN` keeps the order of the tables: for each machine a seek to those that ended first. Child executions of a
// Map Run stand under `ARN/LABEL`.
const EXPIRED: &str = "SELECT e.rowid, e.execution_id FROM machine m LEFT JOIN state_machine s \
    ON s.arn = substr(m.arn, 1, instr(m.arn || '/', '/') - 1) \
    CROSS JOIN execution e INDEXED BY execution_closed ON e.machine_id = m.machine_id \
    WHERE e.shard_id = ?1 AND coalesce(s.retention_days, ?3) > 0 \
    AND e.stopped_at < ?2 - coalesce(s.retention_days, ?3) * ?4 LIMIT ?5";

const REMOVE_JOURNAL: &str = "DELETE FROM journal WHERE shard_id = ? AND execution_id = ?";

pub(super) const REMOVE_MAP_RUNS: &str =
    "DELETE FROM map_run WHERE shard_id = ? AND execution_id = ?";

const REMOVE_EXECUTION: &str = "DELETE FROM execution WHERE rowid = ?";

const SET_RETENTION: &str = "UPDATE state_machine SET retention_days = ? WHERE arn = ?";

// A slash is followed by a zero: what is between them are labels.
const UNUSED_REVISIONS: &str = "SELECT r.revision_id FROM revision r \
    WHERE NOT EXISTS (SELECT 1 FROM state_machine s WHERE s.arn = r.state_machine_arn) \
    AND NOT EXISTS (SELECT 1 FROM machine m CROSS JOIN execution e USING (machine_id) \
        WHERE m.arn = r.state_machine_arn \
        OR m.arn > r.state_machine_arn || '/' AND m.arn < r.state_machine_arn || '0') \
    AND NOT EXISTS (SELECT 1 FROM machine m CROSS JOIN express_execution e USING (machine_id) \
        WHERE m.arn = r.state_machine_arn)";

const REMOVE_REVISION: &str = "DELETE FROM revision WHERE revision_id = ?";

/// Removes executions of a shard that ended too long ago, as many as commits may wait for.
pub(super) fn remove_closed(
    connection: &mut Connection,
    shard: ShardId,
    retention: Retention,
    limit: usize,
) -> Result<Removed, Error> {
    let transaction = begin(connection)?;
    let limit = limit.min(EXECUTIONS_MAX);
    let removed = remove_expired(&transaction, shard, retention, limit).map_err(write_error)?;
    transaction.commit().map_err(write_error)?;
    Ok(removed)
}

fn remove_expired(
    transaction: &Transaction<'_>,
    shard: ShardId,
    retention: Retention,
    limit: usize,
) -> rusqlite::Result<Removed> {
    let expired = expired(transaction, shard, retention, limit)?;
    let mut remove_journal = transaction.prepare_cached(REMOVE_JOURNAL)?;
    let mut remove_map_runs = transaction.prepare_cached(REMOVE_MAP_RUNS)?;
    let mut remove_execution = transaction.prepare_cached(REMOVE_EXECUTION)?;
    let (mut executions, mut rows) = (0, 0);
    for (rowid, id) in &expired {
        rows += remove_journal.execute(params![shard.0, id])?;
        rows += remove_map_runs.execute(params![shard.0, id])?;
        rows += remove_execution.execute([rowid])?;
        executions += 1;
        if rows >= ROWS_MAX {
            break;
        }
    }
    if executions < expired.len() {
        return Ok(Removed { executions, has_more: true });
    }
    executions += express::remove_expired(transaction, shard, retention, limit - executions)?;
    Ok(Removed { executions, has_more: executions == limit })
}

fn expired(
    transaction: &Transaction<'_>,
    shard: ShardId,
    retention: Retention,
    limit: usize,
) -> rusqlite::Result<Vec<(i64, Vec<u8>)>> {
    let bound = params![shard.0, retention.now.0, retention.days, DAY_MILLIS, row_limit(limit)];
    let mut query = transaction.prepare_cached(EXPIRED)?;
    query.query_map(bound, |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// False when there is no state machine with that ARN.
pub(super) fn set_retention(
    connection: &mut Connection,
    arn: &str,
    days: Option<u32>,
) -> Result<bool, Error> {
    Ok(connection.execute(SET_RETENTION, params![days, arn]).map_err(write_error)? == 1)
}

/// Removes the known ones of the revisions that nobody needs and returns the others.
pub(super) fn remove_unused_revisions(
    connection: &mut Connection,
    known: &[Uuid],
) -> Result<Vec<Uuid>, Error> {
    let transaction = begin(connection)?;
    let unused = unused_revisions(&transaction).map_err(write_error)?;
    let (removed, found): (Vec<_>, Vec<_>) =
        unused.into_iter().partition(|revision| known.contains(revision));
    for revision in removed {
        let id = &revision.as_bytes()[..];
        transaction.execute(REMOVE_REVISION, [id]).map_err(write_error)?;
    }
    transaction.commit().map_err(write_error)?;
    Ok(found)
}

fn unused_revisions(transaction: &Transaction<'_>) -> rusqlite::Result<Vec<Uuid>> {
    let mut query = transaction.prepare_cached(UNUSED_REVISIONS)?;
    let ids = query.query_map([], |row| row.get::<_, [u8; 16]>(0))?;
    ids.map(|id| Ok(Uuid::from_bytes(id?))).collect()
}
