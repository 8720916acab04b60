//! Small writes.

use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{Postgres, Row};
use stepyard_asl::Timestamp;
use uuid::Uuid;

use super::pool::Pool;
use super::read;
use crate::sql::{Columns, database_error, signed, tags_text, type_code};
use crate::{Error, MetadataItem, Revision, StateMachine, TOKEN_KEY_BYTES, Tags, Version};

/// A revision is written together with the state machine that it belongs to, or not at all; so is a first version.
const CREATE_STATE_MACHINE: &str = "WITH machine AS ( \
        INSERT INTO state_machine (arn, name, machine_type, created_at, revision_id, retention_days, \
            tags, last_version, changes) VALUES ($2, $7, $8, $9, $1, $10, $11, $12, $13) \
        ON CONFLICT (arn) DO NOTHING RETURNING 1 \
    ), version AS ( \
        INSERT INTO state_machine_version (state_machine_arn, version, revision_id, description, \
            created_at) SELECT $2, $12, $1, $14, $15 FROM machine WHERE $12 IS NOT NULL) \
    INSERT INTO revision (revision_id, state_machine_arn, definition, role_arn, configuration, \
        created_at) SELECT $1, $2, $3, $4, $5, $6 FROM machine";

const UPDATE_STATE_MACHINE: &str = "WITH machine AS ( \
        UPDATE state_machine SET revision_id = $1 WHERE arn = $2 AND revision_id = $7 RETURNING 1) \
    INSERT INTO revision (revision_id, state_machine_arn, definition, role_arn, configuration, \
        created_at) SELECT $1, $2, $3, $4, $5, $6 FROM machine";

const BEGIN_DELETION: &str =
    "UPDATE state_machine SET deleting_since = coalesce(deleting_since, $1) WHERE arn = $2";

const SET_TAGS: &str = "UPDATE state_machine SET tags = $1 WHERE arn = $2 AND tags = $3";

const PUT_ITEM: &str = "INSERT INTO image_metadata VALUES ($1, $2, $3) \
    ON CONFLICT (image_id, \"timestamp\") DO UPDATE SET attributes = excluded.attributes";

/// Whoever comes first names the database.
const NAME_DATABASE: &str =
    "INSERT INTO identity (place, database_id) VALUES (0, $1) ON CONFLICT (place) DO NOTHING";

const SET_TOKEN_KEY: &str =
    "INSERT INTO task_key (place, secret) VALUES (0, $1) ON CONFLICT (place) DO NOTHING";

const TOKEN_KEY: &str = "SELECT secret FROM task_key WHERE place = 0";

const DATABASE_ID: &str = "SELECT database_id FROM identity WHERE place = 0";

pub(super) async fn database_id(pool: &Pool, fresh: Uuid) -> Result<Uuid, Error> {
    pool.execute(sqlx::query(NAME_DATABASE).bind(fresh)).await?;
    let row = pool.read_optional(sqlx::query(DATABASE_ID)).await?;
    row.map_or(Ok(fresh), |row| row.try_get(0)).map_err(database_error)
}

/// The secret of the database, which is that of whoever comes first.
pub(super) async fn token_key(
    pool: &Pool,
    fresh: [u8; TOKEN_KEY_BYTES],
) -> Result<[u8; TOKEN_KEY_BYTES], Error> {
    pool.execute(sqlx::query(SET_TOKEN_KEY).bind(&fresh[..])).await?;
    let row = pool.read_optional(sqlx::query(TOKEN_KEY)).await?;
    row.map_or(Ok(fresh), |row| Columns(&row).token_key())
}

/// Gives back the one that has that ARN already.
pub(super) async fn create_state_machine(
    pool: &Pool,
    machine: &StateMachine,
    version: Option<&Version>,
) -> Result<Option<StateMachine>, Error> {
    loop {
        let query =
            bind_revision(sqlx::query(CREATE_STATE_MACHINE), &machine.arn, &machine.revision)
                .bind(&*machine.name)
                .bind(type_code(machine.machine_type))
                .bind(machine.created_at.0)
                .bind(machine.retention_days.map(i64::from))
                .bind(tags_text(&machine.tags))
                .bind(version.map(|version| signed(version.number)))
                .bind(version.map(|_| 1_i64))
                .bind(version.and_then(|version| version.description.as_deref()))
                .bind(version.map(|version| version.created_at.0));
        if pool.execute(query).await? == 1 {
            return Ok(None);
        }
        // It may have been deleted just now.
        if let Some(present) = read::state_machine(pool, &machine.arn).await? {
            return Ok(Some(present));
        }
    }
}

/// False when there is none with that ARN and those present tags.
pub(super) async fn set_tags(
    pool: &Pool,
    arn: &str,
    present: &Tags,
    tags: &Tags,
) -> Result<bool, Error> {
    let query = sqlx::query(SET_TAGS).bind(tags_text(tags)).bind(arn).bind(tags_text(present));
    Ok(pool.execute(query).await? == 1)
}

/// False when there is none with that ARN and that present revision.
pub(super) async fn update_state_machine(
    pool: &Pool,
    arn: &str,
    present: Uuid,
    revision: &Revision,
) -> Result<bool, Error> {
    let query = bind_revision(sqlx::query(UPDATE_STATE_MACHINE), arn, revision).bind(present);
    Ok(pool.execute(query).await? == 1)
}

/// False when there is none with that ARN.
pub(super) async fn begin_deletion(pool: &Pool, arn: &str, at: Timestamp) -> Result<bool, Error> {
    let query = sqlx::query(BEGIN_DELETION).bind(at.0).bind(arn);
    Ok(pool.execute(query).await? == 1)
}

fn bind_revision<'q>(
    query: Query<'q, Postgres, PgArguments>,
    arn: &'q str,
    revision: &'q Revision,
) -> Query<'q, Postgres, PgArguments> {
    query
        .bind(revision.id)
        .bind(arn)
        .bind(&*revision.definition)
        .bind(&*revision.role_arn)
        .bind(&*revision.configuration)
        .bind(revision.created_at.0)
}

/// Writes an item; one with the same key is replaced.
pub(super) async fn put_item(pool: &Pool, item: &MetadataItem) -> Result<(), Error> {
    let query = sqlx::query(PUT_ITEM)
        .bind(&*item.image_id)
        .bind(item.timestamp)
        .bind(item.attributes.text().as_bytes().as_ref());
    pool.execute(query).await?;
    Ok(())
}
