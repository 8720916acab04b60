//! Small writes.

use sqlx::postgres::{PgConnection, PgPool};
use uuid::Uuid;

use super::read;
use crate::sql::{database_error, type_code};
use crate::{Error, MetadataItem, Revision, StateMachine};

const CREATE_STATE_MACHINE: &str = "INSERT INTO state_machine VALUES ($1, $2, $3, $4, $5, $6) \
    ON CONFLICT (arn) DO NOTHING";

const CREATE_REVISION: &str = "INSERT INTO revision VALUES ($1, $2, $3, $4, $5, $6)";

const UPDATE_STATE_MACHINE: &str =
    "UPDATE state_machine SET revision_id = $1 WHERE arn = $2 AND revision_id = $3";

const DELETE_STATE_MACHINE: &str = "DELETE FROM state_machine WHERE arn = $1";

const PUT_ITEM: &str = "INSERT INTO image_metadata VALUES ($1, $2, $3) \
    ON CONFLICT (image_id, \"timestamp\") DO UPDATE SET attributes = excluded.attributes";

/// Gives back the one that has that ARN already.
pub(super) async fn create_state_machine(
    pool: &PgPool,
    machine: &StateMachine,
) -> Result<Option<StateMachine>, Error> {
    loop {
        let mut transaction = pool.begin().await.map_err(database_error)?;
        let created = sqlx::query(CREATE_STATE_MACHINE)
            .bind(&*machine.arn)
            .bind(&*machine.name)
            .bind(type_code(machine.machine_type))
            .bind(machine.created_at.0)
            .bind(machine.revision.id)
            .bind(machine.retention_days.map(i64::from))
            .execute(&mut *transaction)
            .await
            .map_err(database_error)?
            .rows_affected();
        if created == 1 {
            create_revision(&mut transaction, &machine.arn, &machine.revision).await?;
            transaction.commit().await.map_err(database_error)?;
            return Ok(None);
        }
        // It may have been deleted just now.
        if let Some(present) = read::state_machine(&mut *transaction, &machine.arn).await? {
            return Ok(Some(present));
        }
    }
}

/// False when there is none with that ARN and that present revision.
pub(super) async fn update_state_machine(
    pool: &PgPool,
    arn: &str,
    present: Uuid,
    revision: &Revision,
) -> Result<bool, Error> {
    let mut transaction = pool.begin().await.map_err(database_error)?;
    let updated = sqlx::query(UPDATE_STATE_MACHINE)
        .bind(revision.id)
        .bind(arn)
        .bind(present)
        .execute(&mut *transaction)
        .await
        .map_err(database_error)?
        .rows_affected();
    if updated == 1 {
        create_revision(&mut transaction, arn, revision).await?;
    }
    transaction.commit().await.map_err(database_error)?;
    Ok(updated == 1)
}

async fn create_revision(
    connection: &mut PgConnection,
    arn: &str,
    revision: &Revision,
) -> Result<(), Error> {
    let query = sqlx::query(CREATE_REVISION)
        .bind(revision.id)
        .bind(arn)
        .bind(&*revision.definition)
        .bind(&*revision.role_arn)
        .bind(&*revision.configuration)
        .bind(revision.created_at.0);
    query.execute(connection).await.map_err(database_error)?;
    Ok(())
}

/// False when there is none with that ARN.
pub(super) async fn delete_state_machine(pool: &PgPool, arn: &str) -> Result<bool, Error> {
    let query = sqlx::query(DELETE_STATE_MACHINE).bind(arn);
    Ok(query.execute(pool).await.map_err(database_error)?.rows_affected() == 1)
}

/// Writes an item; one with the same key is replaced.
pub(super) async fn put_item(pool: &PgPool, item: &MetadataItem) -> Result<(), Error> {
    let query = sqlx::query(PUT_ITEM)
        .bind(&*item.image_id)
        .bind(item.timestamp)
        .bind(item.attributes.text().as_bytes().as_ref());
    query.execute(pool).await.map_err(database_error)?;
    Ok(())
}
