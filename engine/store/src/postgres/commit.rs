//! The commit: one statement.

use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{Postgres, Row};
use uuid::Uuid;

use super::machines::Machines;
use super::pool::Pool;
use super::read;
use crate::map_run::detail_text;
use crate::sql::{database_error, merge, signed, status_code};
use crate::{
    Chunk, CommitGroup, Error, ExecutionRow, ExecutionUpdate, MapRunRow, Notice, ShardLease,
};

/// All of it happens if every shard is at the epoch and commit number that its lease names and every execution
/// that is to change is there, and otherwise nothing. The shards' rows are locked in their order, so that commits never
/// deadlock.
macro_rules! commit_statement {
    ($more:literal) => {
        concat!(
            r#"
WITH lease AS (
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS l (shard_id, epoch, commit_seq)
), held AS (
    SELECT s.shard_id FROM shard s JOIN lease USING (shard_id, epoch, commit_seq)
    ORDER BY s.shard_id FOR UPDATE OF s
), present AS (
    SELECT e.execution_id FROM execution e
    JOIN unnest($23::bigint[], $24::uuid[]) AS u (shard_id, execution_id) USING (shard_id, execution_id)
    FOR UPDATE OF e
), fence AS (
    SELECT (SELECT count(*) FROM held) = cardinality($1::bigint[])
        AND (SELECT count(*) FROM present) = cardinality($23::bigint[]) AS holds
), raised AS (
    UPDATE shard s SET commit_seq = l.commit_seq + 1 FROM lease l, fence
    WHERE fence.holds AND s.shard_id = l.shard_id
), started AS (
    INSERT INTO execution (shard_id, execution_id, machine_id, name, revision_id, status,
        started_at, stopped_at, resume_at, version, alias, redrive_count, redriven_at, map_run,
        item_count)
    SELECT e.shard_id, e.execution_id, (SELECT m.machine_id FROM machine m WHERE m.arn = e.arn),
        e.name, e.revision_id, e.status, e.started_at, e.stopped_at, e.resume_at, e.version, e.alias,
        e.redrive_count, e.redriven_at, e.map_run, e.item_count
    FROM unnest($4::bigint[], $5::uuid[], $6::text[], $7::text[], $8::uuid[],
        $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::text[],
        $15::bigint[], $16::bigint[], $30::uuid[], $31::bigint[])
        AS e (shard_id, execution_id, arn, name, revision_id, status, started_at, stopped_at,
            resume_at, version, alias, redrive_count, redriven_at, map_run, item_count), fence
    WHERE fence.holds
), mapped AS (
    INSERT INTO map_run (shard_id, execution_id, started_event, arn, status, started_at, stopped_at,
        detail)
    SELECT r.* FROM unnest($32::bigint[], $33::uuid[], $34::bigint[], $35::text[], $36::bigint[],
        $37::bigint[], $38::bigint[], $39::text[]) AS r, fence WHERE fence.holds
    ON CONFLICT (shard_id, execution_id, started_event) DO UPDATE SET status = excluded.status,
        stopped_at = excluded.stopped_at, detail = excluded.detail,
        wound_up = CASE WHEN excluded.stopped_at IS NOT NULL THEN map_run.wound_up END
), written AS (
    INSERT INTO journal (shard_id, execution_id, first_event, events, first_visible_id, body)
    SELECT c.* FROM unnest($17::bigint[], $18::uuid[], $19::bigint[], $20::bigint[],
        $21::bigint[], $22::bytea[]) AS c, fence WHERE fence.holds
), changed AS (
    UPDATE execution e SET status = u.status, stopped_at = u.stopped_at, resume_at = u.resume_at,
        redrive_count = u.redrive_count, redriven_at = u.redriven_at
    FROM unnest($23::bigint[], $24::uuid[], $25::bigint[], $26::bigint[], $27::bigint[],
        $28::bigint[], $29::bigint[])
        AS u (shard_id, execution_id, status, stopped_at, resume_at, redrive_count, redriven_at), fence
    WHERE fence.holds AND e.shard_id = u.shard_id AND e.execution_id = u.execution_id
)"#,
            $more,
            " SELECT holds FROM fence"
        )
    };
}

const COMMIT: &str = commit_statement!("");

/// The same with notices. Where nobody is told anything, no statement pays for them.
const COMMIT_WITH_NOTICES: &str = commit_statement!(
    r#", noticed AS (
    INSERT INTO notice (shard_id, target, commit_seq, execution_id, first_event, redrives)
    SELECT n.* FROM unnest($40::bigint[], $41::bigint[], $42::bigint[], $43::uuid[], $44::bigint[],
        $45::bigint[]) AS n, fence WHERE fence.holds
)"#
);

pub(super) type Bound<'q> = Query<'q, Postgres, PgArguments>;

pub(super) async fn commit(
    pool: &Pool,
    machines: &Machines,
    group: &CommitGroup,
) -> Result<(), Error> {
    group.check_fences()?;
    let (starts, updates) = merge(group);
    machines.register(pool, starts.iter().map(|row| &row.state_machine_arn)).await?;
    let statement = if group.notices.is_empty() { COMMIT } else { COMMIT_WITH_NOTICES };
    let query = bind_leases(sqlx::query(statement), &group.leases);
    let query = bind_starts(query, &starts);
    let query = bind_chunks(query, &group.chunks);
    let query = bind_updates(query, &updates);
    let query = bind_children(query, &starts);
    let mut query = bind_map_runs(query, &group.map_runs);
    if !group.notices.is_empty() {
        query = bind_notices(query, &group.notices);
    }
    let row = pool.write_returning(query).await?.pop();
    let holds = row.map(|row| row.try_get("holds")).transpose().map_err(database_error)?;
    if holds.unwrap_or(false) {
        return Ok(());
    }
    let present = read::leases(pool, &group.shards()).await?;
    Err(group.fenced(&present))
}

fn bind_leases<'q>(query: Bound<'q>, leases: &[ShardLease]) -> Bound<'q> {
    query
        .bind(column(leases, |lease| i64::from(lease.shard.0)))
        .bind(column(leases, |lease| signed(lease.epoch)))
        .bind(column(leases, |lease| signed(lease.commit_seq)))
}

fn bind_starts<'q>(query: Bound<'q>, rows: &'q [ExecutionRow]) -> Bound<'q> {
    query
        .bind(column(rows, |row| i64::from(row.shard.0)))
        .bind(column(rows, |row| row.id.0))
        .bind(column(rows, |row| &*row.state_machine_arn))
        .bind(column(rows, |row| &*row.name))
        .bind(column::<_, Uuid>(rows, |row| row.revision))
        .bind(column(rows, |row| status_code(row.status)))
        .bind(column(rows, |row| row.started_at.0))
        .bind(column(rows, |row| row.stopped_at.map(|time| time.0)))
        .bind(column(rows, |row| row.resume_at.map(|time| time.0)))
        .bind(column(rows, |row| row.qualifier.as_ref().map(|by| signed(by.version))))
        .bind(column(rows, |row| row.qualifier.as_ref().and_then(|by| by.alias.as_deref())))
        .bind(column(rows, |row| row.redriven.map(|redriven| i64::from(redriven.count))))
        .bind(column(rows, |row| row.redriven.map(|redriven| redriven.at.0)))
}

fn bind_chunks<'q>(query: Bound<'q>, chunks: &'q [Chunk]) -> Bound<'q> {
    query
        .bind(column(chunks, |chunk| i64::from(chunk.shard.0)))
        .bind(column(chunks, |chunk| chunk.execution.0))
        .bind(column(chunks, |chunk| signed(chunk.first_event)))
        .bind(column(chunks, |chunk| i64::from(chunk.events)))
        .bind(column(chunks, |chunk| signed(chunk.first_visible_id)))
        .bind(column(chunks, |chunk| &chunk.body[..]))
}

fn bind_updates<'q>(query: Bound<'q>, updates: &[ExecutionUpdate]) -> Bound<'q> {
    query
        .bind(column(updates, |update| i64::from(update.shard.0)))
        .bind(column(updates, |update| update.id.0))
        .bind(column(updates, |update| status_code(update.status)))
        .bind(column(updates, |update| update.stopped_at.map(|time| time.0)))
        .bind(column(updates, |update| update.resume_at.map(|time| time.0)))
        .bind(column(updates, |update| update.redriven.map(|redriven| i64::from(redriven.count))))
        .bind(column(updates, |update| update.redriven.map(|redriven| redriven.at.0)))
}

fn bind_children<'q>(query: Bound<'q>, rows: &'q [ExecutionRow]) -> Bound<'q> {
    query
        .bind(column::<_, Option<Uuid>>(rows, |row| row.child.map(|child| child.map_run)))
        .bind(column(rows, |row| row.child.map(|child| signed(child.items))))
}

pub(super) fn bind_map_runs<'q>(query: Bound<'q>, rows: &'q [MapRunRow]) -> Bound<'q> {
    query
        .bind(column(rows, |row| i64::from(row.shard.0)))
        .bind(column(rows, |row| row.execution.0))
        .bind(column(rows, |row| signed(row.record.id.0.0)))
        .bind(column(rows, |row| &*row.record.arn))
        .bind(column(rows, |row| status_code(row.record.status)))
        .bind(column(rows, |row| row.record.started_at.0))
        .bind(column(rows, |row| row.record.stopped_at.map(|time| time.0)))
        .bind(column(rows, |row| detail_text(&row.record)))
}

pub(super) fn bind_notices<'q>(query: Bound<'q>, rows: &'q [Notice]) -> Bound<'q> {
    query
        .bind(column(rows, |row| i64::from(row.shard.0)))
        .bind(column(rows, |row| i64::from(row.target.0)))
        .bind(column(rows, |row| signed(row.commit_seq)))
        .bind(column(rows, |row| row.execution.0))
        .bind(column(rows, |row| signed(row.first_event)))
        .bind(column(rows, |row| i64::from(row.redrives)))
}

pub(super) fn column<'q, R, T>(rows: &'q [R], value: impl Fn(&'q R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}
