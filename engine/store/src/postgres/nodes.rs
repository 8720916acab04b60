//! Nodes and what belongs to them. All times are those of the database: the clocks of nodes decide
//! nothing.

use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::PgRow;

use super::pool::Pool;
use super::read::shard_numbers;
use crate::sql::{Columns, database_error, signed};
use crate::{Error, Membership, Node, NodeId, ShardId, ShardLease, ShardOwner, all_shards};

/// How long the row of a dead node is kept, in milliseconds.
const DEAD_KEPT_MILLIS: i64 = 3_600_000;

/// Ends the lease of an earlier node at the address, and forgets those that died long ago.
const FORGET: &str = "DELETE FROM node WHERE (address = $1 AND node_id <> $2) \
    OR alive_until < (extract(epoch FROM clock_timestamp()) * 1000)::bigint - $3";

const REGISTER: &str = "INSERT INTO node (node_id, address, alive_until, draining) \
    VALUES ($1, $2, (extract(epoch FROM clock_timestamp()) * 1000)::bigint + $3, 0) \
    ON CONFLICT (node_id) DO UPDATE SET alive_until = excluded.alive_until";

const RENEW: &str = "UPDATE node SET draining = $2, \
    alive_until = (extract(epoch FROM clock_timestamp()) * 1000)::bigint + $3 WHERE node_id = $1";

const DEREGISTER: &str = "DELETE FROM node WHERE node_id = $1";

const NODES: &str = "SELECT node_id, address, draining, \
    alive_until - (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS alive_for \
    FROM node WHERE alive_until > (extract(epoch FROM clock_timestamp()) * 1000)::bigint \
    ORDER BY node_id";

const SHARDS: &str = "SELECT shard_id, epoch, commit_seq, owner FROM shard ORDER BY shard_id";

/// Locks in the order of the commits, so that the two never deadlock.
const CLAIM: &str = "WITH free AS (SELECT shard_id FROM shard s WHERE shard_id = ANY($1) \
        AND (owner IS NULL OR owner = $2 OR NOT EXISTS (SELECT FROM node n WHERE n.node_id = s.owner \
            AND n.alive_until > (extract(epoch FROM clock_timestamp()) * 1000)::bigint)) \
        ORDER BY shard_id FOR UPDATE OF s) \
    UPDATE shard s SET epoch = epoch + 1, owner = $2 FROM free WHERE s.shard_id = free.shard_id \
    RETURNING s.shard_id, s.epoch, s.commit_seq";

const RELEASE: &str = "UPDATE shard s SET owner = $4 \
    FROM unnest($1::bigint[], $2::bigint[]) AS l (shard_id, epoch) \
    WHERE s.shard_id = l.shard_id AND s.epoch = l.epoch AND s.owner = $3";

/// Locks in the order of the commits, so that the two never deadlock.
const RAISE_EPOCHS: &str = "WITH locked AS (SELECT shard_id FROM shard WHERE shard_id = ANY($1) \
        ORDER BY shard_id FOR UPDATE) \
    UPDATE shard s SET epoch = epoch + $2 FROM locked WHERE s.shard_id = locked.shard_id";

pub(super) async fn raise_epochs(pool: &Pool, by: u64) -> Result<(), Error> {
    let raise = sqlx::query(RAISE_EPOCHS).bind(shard_numbers(&all_shards())).bind(signed(by));
    pool.execute(raise).await?;
    Ok(())
}

pub(super) async fn register(
    pool: &Pool,
    node: NodeId,
    address: &str,
    time_to_live: Duration,
) -> Result<(), Error> {
    let forget = sqlx::query(FORGET).bind(address).bind(node.0).bind(DEAD_KEPT_MILLIS);
    pool.execute(forget).await?;
    let register = sqlx::query(REGISTER).bind(node.0).bind(address).bind(millis(time_to_live));
    pool.execute(register).await?;
    Ok(())
}

pub(super) async fn renew(
    pool: &Pool,
    node: NodeId,
    draining: bool,
    time_to_live: Duration,
) -> Result<Option<Membership>, Error> {
    let renew =
        sqlx::query(RENEW).bind(node.0).bind(i64::from(draining)).bind(millis(time_to_live));
    if pool.execute(renew).await? == 0 {
        return Ok(None);
    }
    // Shards first: an owner that has come since is then among the nodes.
    let shards = pool.read_all(sqlx::query(SHARDS)).await?;
    let nodes = pool.read_all(sqlx::query(NODES)).await?;
    Ok(Some(Membership {
        shards: shards.iter().map(shard_owner).collect::<Result<_, _>>()?,
        nodes: nodes
            .iter()
            .map(living)
            .collect::<Result<_, sqlx::Error>>()
            .map_err(database_error)?,
    }))
}

pub(super) async fn deregister(pool: &Pool, node: NodeId) -> Result<(), Error> {
    pool.execute(sqlx::query(DEREGISTER).bind(node.0)).await?;
    Ok(())
}

pub(super) async fn claim(
    pool: &Pool,
    node: NodeId,
    shards: &[ShardId],
) -> Result<Vec<ShardLease>, Error> {
    let query = sqlx::query(CLAIM).bind(shard_numbers(shards)).bind(node.0);
    let rows = pool.write_returning(query).await?;
    let mut leases: Vec<_> =
        rows.iter().map(|row| Columns(row).lease()).collect::<Result<_, _>>()?;
    leases.sort_by_key(|lease| lease.shard);
    Ok(leases)
}

pub(super) async fn release(
    pool: &Pool,
    node: NodeId,
    leases: &[ShardLease],
    successor: Option<NodeId>,
) -> Result<(), Error> {
    let shards: Vec<_> = leases.iter().map(|lease| i64::from(lease.shard.0)).collect();
    let epochs: Vec<_> = leases.iter().map(|lease| signed(lease.epoch)).collect();
    let release = sqlx::query(RELEASE).bind(shards).bind(epochs).bind(node.0);
    pool.execute(release.bind(successor.map(|node| node.0))).await?;
    Ok(())
}

fn shard_owner(row: &PgRow) -> Result<ShardOwner, Error> {
    let owner: Option<_> = row.try_get("owner").map_err(database_error)?;
    Ok(ShardOwner { lease: Columns(row).lease()?, owner: owner.map(NodeId) })
}

fn living(row: &PgRow) -> Result<Node, sqlx::Error> {
    let alive_for: i64 = row.try_get("alive_for")?;
    Ok(Node {
        id: NodeId(row.try_get("node_id")?),
        address: row.try_get::<&str, _>("address")?.into(),
        draining: row.try_get::<i64, _>("draining")? != 0,
        alive_for: Duration::from_millis(u64::try_from(alive_for).unwrap_or(0)),
    })
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
