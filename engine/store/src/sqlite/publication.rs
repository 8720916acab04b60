//! What is published of a state machine.

use rusqlite::{Connection, Transaction, params};
use sqlx::sqlite::SqlitePool;

use super::connection::write_error;
use super::write::begin;
use crate::sql::{Columns, database_error, signed};
use crate::{Alias, Error, Publication, PublicationChange, Version};

const PUBLICATION: &str = "SELECT changes, last_version FROM state_machine WHERE arn = ?";

const VERSIONS: &str =
    "SELECT * FROM state_machine_version WHERE state_machine_arn = ? ORDER BY version DESC";

const ALIASES: &str = "SELECT * FROM state_machine_alias WHERE state_machine_arn = ? ORDER BY name";

const VERSION: &str =
    "SELECT * FROM state_machine_version WHERE state_machine_arn = ? AND version = ?";

const ALIAS: &str = "SELECT * FROM state_machine_alias WHERE state_machine_arn = ? AND name = ?";

/// No change goes through that was made to something else than what is there.
const CLAIM_CHANGE: &str = "UPDATE state_machine SET changes = coalesce(changes, 0) + 1 \
    WHERE arn = ? AND coalesce(changes, 0) = ?";

const SET_LAST_VERSION: &str = "UPDATE state_machine SET last_version = ? WHERE arn = ?";

const ADD_VERSION: &str = "INSERT INTO state_machine_version (version, state_machine_arn, \
    revision_id, description, created_at) VALUES (?, ?, ?, ?, ?)";

const REMOVE_VERSION: &str =
    "DELETE FROM state_machine_version WHERE version = ? AND state_machine_arn = ?";

const PUT_ALIAS: &str = "INSERT OR REPLACE INTO state_machine_alias (name, state_machine_arn, \
    description, first_version, first_weight, second_version, created_at, updated_at) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)";

const REMOVE_ALIAS: &str =
    "DELETE FROM state_machine_alias WHERE name = ? AND state_machine_arn = ?";

/// The number of changes is read first: what is read later may be newer, and then a change of it is refused.
pub(super) async fn publication(
    pool: &SqlitePool,
    arn: &str,
) -> Result<Option<Publication>, Error> {
    let row = sqlx::query(PUBLICATION).bind(arn).fetch_optional(pool).await;
    let Some(row) = row.map_err(database_error)? else { return Ok(None) };
    let versions = sqlx::query(VERSIONS).bind(arn).fetch_all(pool).await.map_err(database_error)?;
    let aliases = sqlx::query(ALIASES).bind(arn).fetch_all(pool).await.map_err(database_error)?;
    Ok(Some(Publication {
        versions: versions.iter().map(|row| Columns(row).version()).collect::<Result<_, _>>()?,
        aliases: aliases.iter().map(|row| Columns(row).alias()).collect::<Result<_, _>>()?,
        ..Columns(&row).publication()?
    }))
}

pub(super) async fn version(
    pool: &SqlitePool,
    arn: &str,
    number: u64,
) -> Result<Option<Version>, Error> {
    let row = sqlx::query(VERSION).bind(arn).bind(signed(number)).fetch_optional(pool).await;
    row.map_err(database_error)?.map(|row| Columns(&row).version()).transpose()
}

pub(super) async fn alias(
    pool: &SqlitePool,
    arn: &str,
    name: &str,
) -> Result<Option<Alias>, Error> {
    let row = sqlx::query(ALIAS).bind(arn).bind(name).fetch_optional(pool).await;
    row.map_err(database_error)?.map(|row| Columns(&row).alias()).transpose()
}

/// False when there have not been so many changes, or when there is no such state machine.
pub(super) fn change(
    connection: &mut Connection,
    arn: &str,
    present: u64,
    change: &PublicationChange,
) -> Result<bool, Error> {
    let transaction = begin(connection)?;
    let claimed = transaction.execute(CLAIM_CHANGE, params![arn, signed(present)]);
    if claimed.map_err(write_error)? == 0 {
        return Ok(false);
    }
    write(&transaction, arn, change).map_err(write_error)?;
    transaction.commit().map_err(write_error)?;
    Ok(true)
}

/// The version with which a state machine is created.
pub(super) fn add_first(
    transaction: &Transaction<'_>,
    arn: &str,
    version: &Version,
) -> rusqlite::Result<()> {
    transaction.execute(CLAIM_CHANGE, params![arn, 0])?;
    add_version(transaction, arn, version)
}

fn write(
    transaction: &Transaction<'_>,
    arn: &str,
    change: &PublicationChange,
) -> rusqlite::Result<()> {
    match change {
        PublicationChange::AddVersion(version) => add_version(transaction, arn, version),
        PublicationChange::RemoveVersion(number) => {
            transaction.execute(REMOVE_VERSION, params![signed(*number), arn]).map(drop)
        }
        PublicationChange::PutAlias(alias) => put_alias(transaction, arn, alias),
        PublicationChange::RemoveAlias(name) => {
            transaction.execute(REMOVE_ALIAS, params![name, arn]).map(drop)
        }
    }
}

fn add_version(
    transaction: &Transaction<'_>,
    arn: &str,
    version: &Version,
) -> rusqlite::Result<()> {
    let row = params![
        signed(version.number),
        arn,
        &version.revision.as_bytes()[..],
        version.description,
        version.created_at.0,
    ];
    transaction.execute(ADD_VERSION, row)?;
    transaction.execute(SET_LAST_VERSION, params![signed(version.number), arn]).map(drop)
}

fn put_alias(transaction: &Transaction<'_>, arn: &str, alias: &Alias) -> rusqlite::Result<()> {
    let row = params![
        alias.name,
        arn,
        alias.description,
        signed(alias.routing.first),
        signed(alias.routing.weight),
        alias.routing.second.map(signed),
        alias.created_at.0,
        alias.updated_at.0,
    ];
    transaction.execute(PUT_ALIAS, row).map(drop)
}
