//! Writing: each function is one transaction.

use std::collections::BTreeSet;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use stepyard_asl::Timestamp;
use uuid::Uuid;

use super::connection::write_error;
use super::{notice, publication};
use crate::commit::missing;
use crate::map_run::detail_text;
use crate::sql::{merge, signed, status_code, tags_text, type_code};
use crate::{
    Chunk, CommitGroup, Error, ExecutionRow, ExecutionUpdate, MapRunRow, MetadataItem, Revision,
    ShardId, ShardLease, StateMachine, TOKEN_KEY_BYTES, Tags, Version,
};

const CLAIM: &str = "UPDATE shard SET epoch = epoch + 1 WHERE shard_id = ? \
    RETURNING epoch, commit_seq";

/// The fence: no row changes for a lease that does not hold.
const FENCE: &str = "UPDATE shard SET commit_seq = commit_seq + 1 \
    WHERE shard_id = ? AND epoch = ? AND commit_seq = ?";

const INSERT_MACHINE: &str = "INSERT INTO machine (arn) VALUES (?) ON CONFLICT (arn) DO NOTHING";

const INSERT_EXECUTION: &str = "INSERT INTO execution (shard_id, execution_id, machine_id, name, \
    revision_id, status, started_at, stopped_at, resume_at, version, alias, redrive_count, redriven_at, \
    map_run, item_count) \
    VALUES (?, ?, (SELECT machine_id FROM machine WHERE arn = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

const PUT_MAP_RUN: &str = "INSERT INTO map_run (shard_id, execution_id, started_event, arn, status, \
    started_at, stopped_at, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?) \
    ON CONFLICT (shard_id, execution_id, started_event) DO UPDATE SET \
    status = excluded.status, stopped_at = excluded.stopped_at, detail = excluded.detail, \
    wound_up = iif(excluded.stopped_at IS NULL, NULL, wound_up)";

const INSERT_CHUNK: &str = "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?)";

const UPDATE_EXECUTION: &str = "UPDATE execution SET status = ?, stopped_at = ?, resume_at = ?, \
    redrive_count = ?, redriven_at = ? WHERE shard_id = ? AND execution_id = ?";

const CREATE_STATE_MACHINE: &str = "INSERT INTO state_machine (arn, name, machine_type, created_at, \
    revision_id, retention_days, tags) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (arn) DO NOTHING";

const CREATE_REVISION: &str = "INSERT INTO revision VALUES (?, ?, ?, ?, ?, ?)";

const UPDATE_STATE_MACHINE: &str =
    "UPDATE state_machine SET revision_id = ? WHERE arn = ? AND revision_id = ?";

const SET_TAGS: &str = "UPDATE state_machine SET tags = ? WHERE arn = ? AND tags = ?";

const BEGIN_DELETION: &str =
    "UPDATE state_machine SET deleting_since = coalesce(deleting_since, ?) WHERE arn = ?";

const DELETE_STATE_MACHINE: &str = "DELETE FROM state_machine WHERE arn = ?";

const DELETE_VERSIONS: &str = "DELETE FROM state_machine_version WHERE state_machine_arn = ?";

const DELETE_ALIASES: &str = "DELETE FROM state_machine_alias WHERE state_machine_arn = ?";

const PUT_ITEM: &str = "INSERT OR REPLACE INTO image_metadata VALUES (?, ?, ?)";

const NAME_DATABASE: &str =
    "INSERT INTO identity (place, database_id) VALUES (0, ?) ON CONFLICT (place) DO NOTHING";

const DATABASE_ID: &str = "SELECT database_id FROM identity WHERE place = 0";

const SET_TOKEN_KEY: &str =
    "INSERT INTO task_key (place, secret) VALUES (0, ?) ON CONFLICT (place) DO NOTHING";

const TOKEN_KEY: &str = "SELECT secret FROM task_key WHERE place = 0";

/// Begins a transaction that writes, so that it cannot fail later for want of the lock. Dropped, it is
/// rolled back.
pub(super) fn begin(connection: &mut Connection) -> Result<Transaction<'_>, Error> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(write_error)
}

/// The id of the database, which is `fresh` from now on if it has none yet.
pub(super) fn database_id(connection: &mut Connection, fresh: Uuid) -> Result<Uuid, Error> {
    let transaction = begin(connection)?;
    let named = transaction.execute(NAME_DATABASE, [&fresh.as_bytes()[..]]);
    named.map_err(write_error)?;
    let id: [u8; 16] =
        transaction.query_row(DATABASE_ID, [], |row| row.get(0)).map_err(write_error)?;
    transaction.commit().map_err(write_error)?;
    Ok(Uuid::from_bytes(id))
}

/// The secret of the database, which is `fresh` from now on if it has none yet.
pub(super) fn token_key(
    connection: &mut Connection,
    fresh: [u8; TOKEN_KEY_BYTES],
) -> Result<[u8; TOKEN_KEY_BYTES], Error> {
    let transaction = begin(connection)?;
    transaction.execute(SET_TOKEN_KEY, [&fresh[..]]).map_err(write_error)?;
    let key = transaction.query_row(TOKEN_KEY, [], |row| row.get(0)).map_err(write_error)?;
    transaction.commit().map_err(write_error)?;
    Ok(key)
}

/// Takes shards over.
pub(super) fn claim(
    connection: &mut Connection,
    shards: &[ShardId],
) -> Result<Vec<ShardLease>, Error> {
    let transaction = begin(connection)?;
    let mut leases = shards
        .iter()
        .map(|shard| claim_one(&transaction, *shard))
        .collect::<rusqlite::Result<Vec<_>>>()
        .map_err(write_error)?;
    transaction.commit().map_err(write_error)?;
    leases.sort_by_key(|lease| lease.shard);
    Ok(leases)
}

fn claim_one(transaction: &Transaction<'_>, shard: ShardId) -> rusqlite::Result<ShardLease> {
    transaction.prepare_cached(CLAIM)?.query_row([shard.0], |row| {
        Ok(ShardLease { shard, epoch: row.get(0)?, commit_seq: row.get(1)? })
    })
}

/// Writes a group, fenced by its leases.
pub(super) fn commit(connection: &mut Connection, group: &CommitGroup) -> Result<(), Error> {
    group.check_fences()?;
    let transaction = begin(connection)?;
    if let Some(shard) = raise_fences(&transaction, &group.leases).map_err(write_error)? {
        return Err(Error::Fenced { shard });
    }
    let (starts, updates) = merge(group);
    insert_executions(&transaction, &starts)
        .and_then(|()| insert_chunks(&transaction, &group.chunks))
        .and_then(|()| put_map_runs(&transaction, &group.map_runs))
        .and_then(|()| notice::insert(&transaction, &group.notices))
        .map_err(write_error)?;
    if !update_executions(&transaction, &updates).map_err(write_error)? {
        return Err(missing());
    }
    transaction.commit().map_err(write_error)
}

/// The first shard whose lease does not hold.
fn raise_fences(
    transaction: &Transaction<'_>,
    leases: &[ShardLease],
) -> rusqlite::Result<Option<ShardId>> {
    let mut fence = transaction.prepare_cached(FENCE)?;
    for lease in leases {
        let held =
            fence.execute(params![lease.shard.0, signed(lease.epoch), signed(lease.commit_seq)])?;
        if held == 0 {
            return Ok(Some(lease.shard));
        }
    }
    Ok(None)
}

/// Gives a number to the ARN of each state machine that has none.
pub(super) fn register_machines<'a>(
    transaction: &Transaction<'_>,
    rows: impl Iterator<Item = &'a ExecutionRow>,
) -> rusqlite::Result<()> {
    let machines: BTreeSet<&str> = rows.map(|row| &*row.state_machine_arn).collect();
    for arn in machines {
        transaction.prepare_cached(INSERT_MACHINE)?.execute([arn])?;
    }
    Ok(())
}

pub(super) fn insert_executions(
    transaction: &Transaction<'_>,
    rows: &[ExecutionRow],
) -> rusqlite::Result<()> {
    register_machines(transaction, rows.iter())?;
    let mut insert = transaction.prepare_cached(INSERT_EXECUTION)?;
    for row in rows {
        insert.execute(params![
            row.shard.0,
            &row.id.0.as_bytes()[..],
            row.state_machine_arn,
            row.name,
            &row.revision.as_bytes()[..],
            status_code(row.status),
            row.started_at.0,
            row.stopped_at.map(|time| time.0),
            row.resume_at.map(|time| time.0),
            row.qualifier.as_ref().map(|qualifier| signed(qualifier.version)),
            row.qualifier.as_ref().and_then(|qualifier| qualifier.alias.as_deref()),
            row.redriven.map(|redriven| redriven.count),
            row.redriven.map(|redriven| redriven.at.0),
            row.child.map(|child| child.map_run.into_bytes()),
            row.child.map(|child| signed(child.items)),
        ])?;
    }
    Ok(())
}

pub(super) fn put_map_runs(
    transaction: &Transaction<'_>,
    rows: &[MapRunRow],
) -> rusqlite::Result<()> {
    let mut put = transaction.prepare_cached(PUT_MAP_RUN)?;
    for MapRunRow { shard, execution, record, wound_up: _ } in rows {
        put.execute(params![
            shard.0,
            &execution.0.as_bytes()[..],
            signed(record.id.0.0),
            record.arn,
            status_code(record.status),
            record.started_at.0,
            record.stopped_at.map(|time| time.0),
            detail_text(record),
        ])?;
    }
    Ok(())
}

fn insert_chunks(transaction: &Transaction<'_>, chunks: &[Chunk]) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(INSERT_CHUNK)?;
    for chunk in chunks {
        insert.execute(params![
            chunk.shard.0,
            &chunk.execution.0.as_bytes()[..],
            signed(chunk.first_event),
            chunk.events,
            signed(chunk.first_visible_id),
            &chunk.body[..],
        ])?;
    }
    Ok(())
}

/// False when one of them is not there.
fn update_executions(
    transaction: &Transaction<'_>,
    updates: &[ExecutionUpdate],
) -> rusqlite::Result<bool> {
    let mut change = transaction.prepare_cached(UPDATE_EXECUTION)?;
    for update in updates {
        let changed = change.execute(params![
            status_code(update.status),
            update.stopped_at.map(|time| time.0),
            update.resume_at.map(|time| time.0),
            update.redriven.map(|redriven| redriven.count),
            update.redriven.map(|redriven| redriven.at.0),
            update.shard.0,
            &update.id.0.as_bytes()[..],
        ])?;
        if changed == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// False when there is one with that ARN.
pub(super) fn create_state_machine(
    connection: &mut Connection,
    machine: &StateMachine,
    version: Option<&Version>,
) -> Result<bool, Error> {
    let transaction = begin(connection)?;
    let row = params![
        machine.arn,
        machine.name,
        type_code(machine.machine_type),
        machine.created_at.0,
        &machine.revision.id.as_bytes()[..],
        machine.retention_days,
        tags_text(&machine.tags),
    ];
    let created = transaction.execute(CREATE_STATE_MACHINE, row).map_err(write_error)?;
    if created == 1 {
        create_revision(&transaction, &machine.arn, &machine.revision).map_err(write_error)?;
        if let Some(version) = version {
            publication::add_first(&transaction, &machine.arn, version).map_err(write_error)?;
        }
    }
    transaction.commit().map_err(write_error)?;
    Ok(created == 1)
}

/// False when there is none with that ARN and those present tags.
pub(super) fn set_tags(
    connection: &mut Connection,
    arn: &str,
    present: &Tags,
    tags: &Tags,
) -> Result<bool, Error> {
    let row = params![tags_text(tags), arn, tags_text(present)];
    Ok(connection.execute(SET_TAGS, row).map_err(write_error)? == 1)
}

/// False when there is none with that ARN and that present revision.
pub(super) fn update_state_machine(
    connection: &mut Connection,
    arn: &str,
    present: Uuid,
    revision: &Revision,
) -> Result<bool, Error> {
    let transaction = begin(connection)?;
    let row = params![&revision.id.as_bytes()[..], arn, &present.as_bytes()[..]];
    let updated = transaction.execute(UPDATE_STATE_MACHINE, row).map_err(write_error)?;
    if updated == 1 {
        create_revision(&transaction, arn, revision).map_err(write_error)?;
    }
    transaction.commit().map_err(write_error)?;
    Ok(updated == 1)
}

fn create_revision(
    transaction: &Transaction<'_>,
    arn: &str,
    revision: &Revision,
) -> rusqlite::Result<()> {
    let row = params![
        &revision.id.as_bytes()[..],
        arn,
        revision.definition,
        revision.role_arn,
        revision.configuration,
        revision.created_at.0,
    ];
    transaction.execute(CREATE_REVISION, row).map(drop)
}

/// False when there is none with that ARN.
pub(super) fn begin_deletion(
    connection: &mut Connection,
    arn: &str,
    at: Timestamp,
) -> Result<bool, Error> {
    Ok(connection.execute(BEGIN_DELETION, params![at.0, arn]).map_err(write_error)? == 1)
}

/// False when there is none with that ARN.
pub(super) fn delete_state_machine(connection: &mut Connection, arn: &str) -> Result<bool, Error> {
    let transaction = begin(connection)?;
    let deleted = transaction.execute(DELETE_STATE_MACHINE, [arn]).map_err(write_error)?;
    for rest in [DELETE_VERSIONS, DELETE_ALIASES] {
        transaction.execute(rest, [arn]).map_err(write_error)?;
    }
    transaction.commit().map_err(write_error)?;
    Ok(deleted == 1)
}

/// Writes items; one with the same key is replaced.
pub(super) fn put_items(connection: &mut Connection, items: &[MetadataItem]) -> Result<(), Error> {
    let transaction = begin(connection)?;
    for item in items {
        let attributes = item.attributes.text().as_bytes();
        let row = params![item.image_id, item.timestamp, attributes.as_ref()];
        transaction.execute(PUT_ITEM, row).map_err(write_error)?;
    }
    transaction.commit().map_err(write_error)
}
