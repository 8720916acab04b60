//! Notices: read on the pool, removed by the writer.

use rusqlite::{Connection, Transaction, params};
use sqlx::sqlite::SqlitePool;

use super::connection::write_error;
use super::read::collect;
use super::write::begin;
use crate::sql::{Columns, database_error, row_limit, signed};
use crate::{Error, Notice, NoticePlace, ShardId, TargetId, Told};

const NOTICES: &str = "SELECT * FROM notice WHERE shard_id = ? AND target = ? \
    AND (commit_seq, execution_id) > (?, ?) ORDER BY commit_seq, execution_id LIMIT ?";

const INSERT_NOTICE: &str = "INSERT INTO notice VALUES (?, ?, ?, ?, ?, ?)";

const REMOVE_TOLD: &str = "DELETE FROM notice WHERE shard_id = ? AND target = ? \
    AND (commit_seq, execution_id) <= (?, ?)";

const REMOVE_OF_OTHERS: &str =
    "DELETE FROM notice WHERE target NOT IN (SELECT value FROM json_each(?))";

pub(super) async fn notices(
    pool: &SqlitePool,
    (shard, target): (ShardId, TargetId),
    after: Option<NoticePlace>,
    limit: usize,
) -> Result<Vec<Notice>, Error> {
    // Before the first commit of a shard there is none.
    let (commit_seq, execution) =
        after.map_or((-1, [0; 16]), |(seq, id)| (signed(seq), id.0.into_bytes()));
    let query = sqlx::query(NOTICES)
        .bind(shard.0)
        .bind(target.0)
        .bind(commit_seq)
        .bind(execution.to_vec())
        .bind(row_limit(limit));
    collect(&query.fetch_all(pool).await.map_err(database_error)?, |row| Columns(row).notice())
}

pub(super) fn insert(transaction: &Transaction<'_>, rows: &[Notice]) -> rusqlite::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut insert = transaction.prepare_cached(INSERT_NOTICE)?;
    for row in rows {
        insert.execute(params![
            row.shard.0,
            row.target.0,
            signed(row.commit_seq),
            &row.execution.0.as_bytes()[..],
            signed(row.first_event),
            row.redrives,
        ])?;
    }
    Ok(())
}

pub(super) fn remove_told(connection: &mut Connection, told: &[Told]) -> Result<(), Error> {
    let transaction = begin(connection)?;
    for Told { shard, target, up_to: (commit_seq, execution) } in told {
        let place = params![shard.0, target.0, signed(*commit_seq), &execution.0.as_bytes()[..]];
        let mut remove = transaction.prepare_cached(REMOVE_TOLD).map_err(write_error)?;
        remove.execute(place).map_err(write_error)?;
    }
    transaction.commit().map_err(write_error)
}

pub(super) fn remove_of_others(
    connection: &mut Connection,
    targets: &[TargetId],
) -> Result<u64, Error> {
    let numbers: Vec<u32> = targets.iter().map(|target| target.0).collect();
    let removed = connection.execute(REMOVE_OF_OTHERS, [serde_json::json!(numbers).to_string()]);
    removed.map(|removed| removed as u64).map_err(write_error)
}
