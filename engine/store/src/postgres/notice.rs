//! Reading and removing notices; the commit writes them.

use uuid::Uuid;

use super::pool::Pool;
use super::read::collect;
use crate::sql::{row_limit, signed};
use crate::{Error, Notice, NoticePlace, ShardId, TargetId, Told};

const NOTICES: &str = "SELECT * FROM notice WHERE shard_id = $1 AND target = $2 \
    AND (commit_seq, execution_id) > ($3, $4) ORDER BY commit_seq, execution_id LIMIT $5";

const REMOVE_TOLD: &str = "DELETE FROM notice n \
    USING unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::uuid[]) \
        AS t (shard_id, target, commit_seq, execution_id) \
    WHERE n.shard_id = t.shard_id AND n.target = t.target \
    AND (n.commit_seq, n.execution_id) <= (t.commit_seq, t.execution_id)";

const REMOVE_OF_OTHERS: &str =
    "DELETE FROM notice WHERE shard_id >= 0 AND target <> ALL ($1::bigint[])";

pub(super) async fn notices(
    pool: &Pool,
    (shard, target): (ShardId, TargetId),
    after: Option<NoticePlace>,
    limit: usize,
) -> Result<Vec<Notice>, Error> {
    // Before the first commit of a shard there is none.
    let (commit_seq, execution) = after.map_or((-1, Uuid::nil()), |(seq, id)| (signed(seq), id.0));
    let query = sqlx::query(NOTICES)
        .bind(i64::from(shard.0))
        .bind(i64::from(target.0))
        .bind(commit_seq)
        .bind(execution)
        .bind(row_limit(limit));
    collect(&pool.read_all(query).await?, |row| row.notice())
}

pub(super) async fn remove_told(pool: &Pool, told: &[Told]) -> Result<(), Error> {
    let query = sqlx::query(REMOVE_TOLD)
        .bind(told.iter().map(|told| i64::from(told.shard.0)).collect::<Vec<_>>())
        .bind(told.iter().map(|told| i64::from(told.target.0)).collect::<Vec<_>>())
        .bind(told.iter().map(|told| signed(told.up_to.0)).collect::<Vec<_>>())
        .bind(told.iter().map(|told| told.up_to.1.0).collect::<Vec<Uuid>>());
    pool.execute(query).await.map(drop)
}

pub(super) async fn remove_of_others(pool: &Pool, targets: &[TargetId]) -> Result<u64, Error> {
    let numbers: Vec<i64> = targets.iter().map(|target| i64::from(target.0)).collect();
    pool.execute(sqlx::query(REMOVE_OF_OTHERS).bind(numbers)).await
}
