//! Writing: each function is one transaction.

use std::fmt::Write;
use std::sync::LazyLock;

use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use uuid::Uuid;

use super::read::{self, shard_list};
use super::writer::begin;
use crate::sql::{Columns, database_error, merge, signed, status_code, type_code};
use crate::{
    Chunk, CommitGroup, Error, ExecutionRow, ExecutionUpdate, MetadataItem, Revision, ShardId,
    ShardLease, StateMachine,
};

const CLAIM: &str = "UPDATE shard SET epoch = epoch + 1 \
    WHERE shard_id IN (SELECT value FROM json_each(?)) RETURNING shard_id, epoch, commit_seq";

/// The fence: as many rows change as leases hold.
const FENCE: &str = "UPDATE shard SET commit_seq = commit_seq + 1 \
    WHERE (shard_id, epoch, commit_seq) IN \
        (SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?))";

const CREATE_STATE_MACHINE: &str = "INSERT INTO state_machine VALUES (?, ?, ?, ?, ?) \
    ON CONFLICT (arn) DO NOTHING";

const CREATE_REVISION: &str = "INSERT INTO revision VALUES (?, ?, ?, ?, ?)";

const UPDATE_STATE_MACHINE: &str =
    "UPDATE state_machine SET revision_id = ? WHERE arn = ? AND revision_id = ?";

const DELETE_STATE_MACHINE: &str = "DELETE FROM state_machine WHERE arn = ?";

const PUT_ITEM: &str = "INSERT OR REPLACE INTO image_metadata VALUES (?, ?, ?)";

/// Statements for many rows come in these sizes, so that few are prepared whatever the group.
const BATCH_SIZES: [usize; 3] = [64, 8, 1];

/// One statement in its batch sizes.
struct Batched([String; 3]);

impl Batched {
    fn new(head: &str, row: &str, tail: &str) -> Batched {
        Batched(BATCH_SIZES.map(|size| format!("{head}{}{tail}", vec![row; size].join(", "))))
    }
}

static INSERT_JOURNAL: LazyLock<Batched> =
    LazyLock::new(|| Batched::new("INSERT INTO journal VALUES ", "(?, ?, ?, ?, ?, ?)", ""));

static INSERT_EXECUTION: LazyLock<Batched> = LazyLock::new(|| {
    Batched::new("INSERT INTO execution VALUES ", "(?, ?, ?, ?, ?, ?, ?, ?, ?)", "")
});

static UPDATE_EXECUTION: LazyLock<Batched> = LazyLock::new(|| {
    Batched::new(
        "UPDATE execution SET status = v.column3, stopped_at = v.column4, resume_at = v.column5 \
            FROM (VALUES ",
        "(?, ?, ?, ?, ?)",
        ") AS v WHERE shard_id = v.column1 AND execution_id = v.column2",
    )
});

type Bound<'q> = Query<'q, Sqlite, SqliteArguments>;

/// Runs a batched statement over all rows, in as few statements as the sizes allow.
async fn execute_batched<T>(
    connection: &mut SqliteConnection,
    statement: &'static Batched,
    mut rows: &[T],
    bind: impl for<'q> Fn(Bound<'q>, &'q T) -> Bound<'q>,
) -> Result<(), Error> {
    for (size, sql) in BATCH_SIZES.iter().zip(&statement.0) {
        while rows.len() >= *size {
            let (batch, rest) = rows.split_at(*size);
            let query = batch.iter().fold(sqlx::query(sql.as_str()), &bind);
            query.execute(&mut *connection).await.map_err(database_error)?;
            rows = rest;
        }
    }
    Ok(())
}

/// Takes shards over.
pub(super) async fn claim(
    connection: &mut SqliteConnection,
    shards: &[ShardId],
) -> Result<Vec<ShardLease>, Error> {
    let query = sqlx::query(CLAIM).bind(shard_list(shards));
    let rows = query.fetch_all(connection).await.map_err(database_error)?;
    let mut leases: Vec<_> =
        rows.iter().map(|row| Columns(row).lease()).collect::<Result<_, _>>()?;
    leases.sort_by_key(|lease| lease.shard);
    Ok(leases)
}

/// Writes a group, fenced by its leases.
pub(super) async fn commit(
    connection: &mut SqliteConnection,
    group: &CommitGroup,
) -> Result<(), Error> {
    group.check_fences()?;
    let mut transaction = begin(connection).await?;
    let fence = sqlx::query(FENCE).bind(lease_list(&group.leases));
    let held = fence.execute(&mut *transaction).await.map_err(database_error)?.rows_affected();
    if held != group.leases.len() as u64 {
        transaction.rollback().await.map_err(database_error)?;
        let present = read::leases(connection, &group.shards()).await?;
        return Err(group.fenced(&present));
    }
    let (starts, updates) = merge(group);
    execute_batched(&mut transaction, &INSERT_EXECUTION, &starts, bind_execution).await?;
    execute_batched(&mut transaction, &INSERT_JOURNAL, &group.chunks, bind_chunk).await?;
    execute_batched(&mut transaction, &UPDATE_EXECUTION, &updates, bind_update).await?;
    transaction.commit().await.map_err(database_error)
}

/// `[[shard,epoch,commit_seq],...]`, for `json_each`.
fn lease_list(leases: &[ShardLease]) -> String {
    let mut list = String::from("[");
    for (at, lease) in leases.iter().enumerate() {
        let separator = if at > 0 { "," } else { "" };
        // Writing to a string cannot fail.
        let ShardLease { shard, epoch, commit_seq } = lease;
        let _ = write!(list, "{separator}[{},{epoch},{commit_seq}]", shard.0);
    }
    list.push(']');
    list
}

fn bind_execution<'q>(query: Bound<'q>, row: &'q ExecutionRow) -> Bound<'q> {
    query
        .bind(row.shard.0)
        .bind(&row.id.0.as_bytes()[..])
        .bind(&*row.state_machine_arn)
        .bind(&*row.name)
        .bind(&row.revision.as_bytes()[..])
        .bind(status_code(row.status))
        .bind(row.started_at.0)
        .bind(row.stopped_at.map(|time| time.0))
        .bind(row.resume_at.map(|time| time.0))
}

fn bind_chunk<'q>(query: Bound<'q>, chunk: &'q Chunk) -> Bound<'q> {
    query
        .bind(chunk.shard.0)
        .bind(&chunk.execution.0.as_bytes()[..])
        .bind(signed(chunk.first_event))
        .bind(i64::from(chunk.events))
        .bind(signed(chunk.first_visible_id))
        .bind(&chunk.body[..])
}

fn bind_update<'q>(query: Bound<'q>, update: &'q ExecutionUpdate) -> Bound<'q> {
    query
        .bind(update.shard.0)
        .bind(&update.id.0.as_bytes()[..])
        .bind(status_code(update.status))
        .bind(update.stopped_at.map(|time| time.0))
        .bind(update.resume_at.map(|time| time.0))
}

/// Gives back the one that has that ARN already.
pub(super) async fn create_state_machine(
    connection: &mut SqliteConnection,
    machine: &StateMachine,
) -> Result<Option<StateMachine>, Error> {
    let mut transaction = begin(connection).await?;
    let created = sqlx::query(CREATE_STATE_MACHINE)
        .bind(&*machine.arn)
        .bind(&*machine.name)
        .bind(type_code(machine.machine_type))
        .bind(machine.created_at.0)
        .bind(&machine.revision.id.as_bytes()[..])
        .execute(&mut *transaction)
        .await
        .map_err(database_error)?
        .rows_affected();
    if created == 0 {
        return read::state_machine(&mut *transaction, &machine.arn).await;
    }
    create_revision(&mut transaction, &machine.revision).await?;
    transaction.commit().await.map_err(database_error)?;
    Ok(None)
}

/// False when there is none with that ARN and that present revision.
pub(super) async fn update_state_machine(
    connection: &mut SqliteConnection,
    arn: &str,
    present: Uuid,
    revision: &Revision,
) -> Result<bool, Error> {
    let mut transaction = begin(connection).await?;
    let updated = sqlx::query(UPDATE_STATE_MACHINE)
        .bind(&revision.id.as_bytes()[..])
        .bind(arn)
        .bind(&present.as_bytes()[..])
        .execute(&mut *transaction)
        .await
        .map_err(database_error)?
        .rows_affected();
    if updated == 1 {
        create_revision(&mut transaction, revision).await?;
    }
    transaction.commit().await.map_err(database_error)?;
    Ok(updated == 1)
}

async fn create_revision(
    connection: &mut SqliteConnection,
    revision: &Revision,
) -> Result<(), Error> {
    let query = sqlx::query(CREATE_REVISION)
        .bind(&revision.id.as_bytes()[..])
        .bind(&*revision.definition)
        .bind(&*revision.role_arn)
        .bind(&*revision.configuration)
        .bind(revision.created_at.0);
    query.execute(connection).await.map_err(database_error)?;
    Ok(())
}

/// False when there is none with that ARN.
pub(super) async fn delete_state_machine(
    connection: &mut SqliteConnection,
    arn: &str,
) -> Result<bool, Error> {
    let query = sqlx::query(DELETE_STATE_MACHINE).bind(arn);
    Ok(query.execute(connection).await.map_err(database_error)?.rows_affected() == 1)
}

/// Writes items; one with the same key is replaced.
pub(super) async fn put_items(
    connection: &mut SqliteConnection,
    items: &[MetadataItem],
) -> Result<(), Error> {
    let mut transaction = begin(connection).await?;
    for item in items {
        sqlx::query(PUT_ITEM)
            .bind(&*item.image_id)
            .bind(item.timestamp)
            .bind(item.attributes.text().as_bytes().as_ref())
            .execute(&mut *transaction)
            .await
            .map_err(database_error)?;
    }
    transaction.commit().await.map_err(database_error)
}
