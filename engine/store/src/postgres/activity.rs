//! Activities.

use super::pool::Pool;
use super::read::collect;
use crate::sql::{Columns, row_limit, tags_text};
use crate::{Activity, Error, Tags};

const CREATE: &str = "INSERT INTO activity (arn, name, created_at, encryption, tags) \
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (arn) DO NOTHING";

const DELETE: &str = "DELETE FROM activity WHERE arn = $1";

const SET_TAGS: &str = "UPDATE activity SET tags = $1 WHERE arn = $2 AND tags = $3";

const GET: &str = "SELECT * FROM activity WHERE arn = $1";

const LIST: &str = "SELECT * FROM activity WHERE arn > $1 ORDER BY arn LIMIT $2";

/// Gives back the one that has that ARN already.
pub(super) async fn create(pool: &Pool, activity: &Activity) -> Result<Option<Activity>, Error> {
    loop {
        let query = sqlx::query(CREATE)
            .bind(&*activity.arn)
            .bind(&*activity.name)
            .bind(activity.created_at.0)
            .bind(&*activity.encryption)
            .bind(tags_text(&activity.tags));
        if pool.execute(query).await? == 1 {
            return Ok(None);
        }
        // It may have been deleted just now.
        if let Some(present) = get(pool, &activity.arn).await? {
            return Ok(Some(present));
        }
    }
}

/// False when there is none with that ARN.
pub(super) async fn delete(pool: &Pool, arn: &str) -> Result<bool, Error> {
    Ok(pool.execute(sqlx::query(DELETE).bind(arn)).await? == 1)
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

pub(super) async fn get(pool: &Pool, arn: &str) -> Result<Option<Activity>, Error> {
    let row = pool.read_optional(sqlx::query(GET).bind(arn)).await?;
    row.map(|row| Columns(&row).activity()).transpose()
}

pub(super) async fn list(
    pool: &Pool,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Activity>, Error> {
    let query = sqlx::query(LIST).bind(after.unwrap_or_default()).bind(row_limit(limit));
    let rows = pool.read_all(query).await?;
    collect(&rows, |row| row.activity())
}
