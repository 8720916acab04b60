//! What is published of a state machine.
//!
//! Each change is one statement that raises the number of changes in the row of the state machine from what was
//! read: of two at the same time the second waits for that row, finds another number, and writes nothing. So nodes
//! never give the same number to two versions, and no alias leads to a version that another node removes.

use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{Postgres, Row};

use super::pool::Pool;
use super::read::collect;
use crate::sql::{Columns, database_error, signed};
use crate::{Alias, Error, Publication, PublicationChange, Version};

const PUBLICATION: &str = "SELECT changes, last_version FROM state_machine WHERE arn = $1";

const VERSIONS: &str =
    "SELECT * FROM state_machine_version WHERE state_machine_arn = $1 ORDER BY version DESC";

const ALIASES: &str =
    "SELECT * FROM state_machine_alias WHERE state_machine_arn = $1 ORDER BY name";

const VERSION: &str =
    "SELECT * FROM state_machine_version WHERE state_machine_arn = $1 AND version = $2";

const ALIAS: &str = "SELECT * FROM state_machine_alias WHERE state_machine_arn = $1 AND name = $2";

const ADD_VERSION: &str = "WITH machine AS ( \
        UPDATE state_machine SET changes = $2 + 1, last_version = $3 \
        WHERE arn = $1 AND coalesce(changes, 0) = $2 RETURNING 1 \
    ), changed AS ( \
        INSERT INTO state_machine_version (state_machine_arn, version, revision_id, description, \
            created_at) SELECT $1, $3, $4, $5, $6 FROM machine \
    ) SELECT count(*) FROM machine";

const REMOVE_VERSION: &str = "WITH machine AS ( \
        UPDATE state_machine SET changes = $2 + 1 \
        WHERE arn = $1 AND coalesce(changes, 0) = $2 RETURNING 1 \
    ), changed AS ( \
        DELETE FROM state_machine_version WHERE state_machine_arn = $1 AND version = $3 \
        AND EXISTS (SELECT 1 FROM machine) \
    ) SELECT count(*) FROM machine";

const PUT_ALIAS: &str = "WITH machine AS ( \
        UPDATE state_machine SET changes = $2 + 1 \
        WHERE arn = $1 AND coalesce(changes, 0) = $2 RETURNING 1 \
    ), changed AS ( \
        INSERT INTO state_machine_alias (state_machine_arn, name, description, first_version, \
            first_weight, second_version, created_at, updated_at) \
        SELECT $1, $3, $4, $5, $6, $7, $8, $9 FROM machine \
        ON CONFLICT (state_machine_arn, name) DO UPDATE SET description = excluded.description, \
            first_version = excluded.first_version, first_weight = excluded.first_weight, \
            second_version = excluded.second_version, updated_at = excluded.updated_at \
    ) SELECT count(*) FROM machine";

const REMOVE_ALIAS: &str = "WITH machine AS ( \
        UPDATE state_machine SET changes = $2 + 1 \
        WHERE arn = $1 AND coalesce(changes, 0) = $2 RETURNING 1 \
    ), changed AS ( \
        DELETE FROM state_machine_alias WHERE state_machine_arn = $1 AND name = $3 \
        AND EXISTS (SELECT 1 FROM machine) \
    ) SELECT count(*) FROM machine";

const DELETE_STATE_MACHINE: &str = "WITH machine AS ( \
        DELETE FROM state_machine WHERE arn = $1 AND coalesce(changes, 0) = $2 RETURNING 1 \
    ), versions AS ( \
        DELETE FROM state_machine_version WHERE state_machine_arn = $1 \
        AND EXISTS (SELECT 1 FROM machine) \
    ), aliases AS ( \
        DELETE FROM state_machine_alias WHERE state_machine_arn = $1 \
        AND EXISTS (SELECT 1 FROM machine) \
    ) SELECT count(*) FROM machine";

/// The number of changes is read first: what is read later may be newer, and then a change of it is refused.
pub(super) async fn publication(pool: &Pool, arn: &str) -> Result<Option<Publication>, Error> {
    let Some(counters) = counters(pool, arn).await? else { return Ok(None) };
    let versions = pool.read_all(sqlx::query(VERSIONS).bind(arn)).await?;
    let aliases = pool.read_all(sqlx::query(ALIASES).bind(arn)).await?;
    Ok(Some(Publication {
        versions: collect(&versions, |row| row.version())?,
        aliases: collect(&aliases, |row| row.alias())?,
        ..counters
    }))
}

async fn counters(pool: &Pool, arn: &str) -> Result<Option<Publication>, Error> {
    let row = pool.read_optional(sqlx::query(PUBLICATION).bind(arn)).await?;
    row.map(|row| Columns(&row).publication()).transpose()
}

pub(super) async fn version(pool: &Pool, arn: &str, number: u64) -> Result<Option<Version>, Error> {
    let query = sqlx::query(VERSION).bind(arn).bind(signed(number));
    let row = pool.read_optional(query).await?;
    row.map(|row| Columns(&row).version()).transpose()
}

pub(super) async fn alias(pool: &Pool, arn: &str, name: &str) -> Result<Option<Alias>, Error> {
    let row = pool.read_optional(sqlx::query(ALIAS).bind(arn).bind(name)).await?;
    row.map(|row| Columns(&row).alias()).transpose()
}

/// False when there have not been so many changes, or when there is no such state machine.
pub(super) async fn change(
    pool: &Pool,
    arn: &str,
    present: u64,
    change: &PublicationChange,
) -> Result<bool, Error> {
    let query = |sql: &'static str| sqlx::query(sql).bind(arn).bind(signed(present));
    let query = match change {
        PublicationChange::AddVersion(version) => bind_version(query(ADD_VERSION), version),
        PublicationChange::RemoveVersion(number) => query(REMOVE_VERSION).bind(signed(*number)),
        PublicationChange::PutAlias(alias) => bind_alias(query(PUT_ALIAS), alias),
        PublicationChange::RemoveAlias(name) => query(REMOVE_ALIAS).bind(&**name),
    };
    has_changed(pool, query).await
}

/// Deletes a state machine with all that is published of it, of which nobody publishes more meanwhile. False when
/// there is none with that ARN.
pub(super) async fn delete_state_machine(pool: &Pool, arn: &str) -> Result<bool, Error> {
    while let Some(counters) = counters(pool, arn).await? {
        let query = sqlx::query(DELETE_STATE_MACHINE).bind(arn).bind(signed(counters.changes));
        if has_changed(pool, query).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn has_changed(pool: &Pool, query: Bound<'_>) -> Result<bool, Error> {
    let row = pool.write_returning(query).await?.pop();
    let count: Option<i64> = row.map(|row| row.try_get(0)).transpose().map_err(database_error)?;
    Ok(count == Some(1))
}

type Bound<'q> = Query<'q, Postgres, PgArguments>;

fn bind_version<'q>(query: Bound<'q>, version: &'q Version) -> Bound<'q> {
    query
        .bind(signed(version.number))
        .bind(version.revision)
        .bind(version.description.as_deref())
        .bind(version.created_at.0)
}

fn bind_alias<'q>(query: Bound<'q>, alias: &'q Alias) -> Bound<'q> {
    query
        .bind(&*alias.name)
        .bind(alias.description.as_deref())
        .bind(signed(alias.routing.first))
        .bind(signed(alias.routing.weight))
        .bind(alias.routing.second.map(signed))
        .bind(alias.created_at.0)
        .bind(alias.updated_at.0)
}
