//! Activities.

use rusqlite::{Connection, params};
use sqlx::sqlite::SqlitePool;

use super::connection::write_error;
use crate::sql::{Columns, database_error, row_limit, tags_text};
use crate::{Activity, Error, Tags};

const CREATE: &str = "INSERT INTO activity (arn, name, created_at, encryption, tags) \
    VALUES (?, ?, ?, ?, ?) ON CONFLICT (arn) DO NOTHING";

const DELETE: &str = "DELETE FROM activity WHERE arn = ?";

const SET_TAGS: &str = "UPDATE activity SET tags = ? WHERE arn = ? AND tags = ?";

const GET: &str = "SELECT * FROM activity WHERE arn = ?";

const LIST: &str = "SELECT * FROM activity WHERE arn > ? ORDER BY arn LIMIT ?";

/// False when there is one with that ARN.
pub(super) fn create(connection: &mut Connection, activity: &Activity) -> Result<bool, Error> {
    let Activity { arn, name, created_at, encryption, tags } = activity;
    let row = params![arn, name, created_at.0, encryption, tags_text(tags)];
    Ok(connection.execute(CREATE, row).map_err(write_error)? == 1)
}

/// False when there is none with that ARN.
pub(super) fn delete(connection: &mut Connection, arn: &str) -> Result<bool, Error> {
    Ok(connection.execute(DELETE, [arn]).map_err(write_error)? == 1)
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

pub(super) async fn get(pool: &SqlitePool, arn: &str) -> Result<Option<Activity>, Error> {
    let row = sqlx::query(GET).bind(arn).fetch_optional(pool).await.map_err(database_error)?;
    row.map(|row| Columns(&row).activity()).transpose()
}

pub(super) async fn list(
    pool: &SqlitePool,
    after: Option<&str>,
    most: usize,
) -> Result<Vec<Activity>, Error> {
    let query = sqlx::query(LIST).bind(after.unwrap_or_default()).bind(row_limit(most));
    let rows = query.fetch_all(pool).await.map_err(database_error)?;
    rows.iter().map(|row| Columns(row).activity()).collect()
}
