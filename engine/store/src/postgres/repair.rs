//! Rebuilding rows and indexes of a database that no server works on.

use async_trait::async_trait;
use sqlx::postgres::{PgConnection, PgPool};

use super::commit::{bind_map_runs, bind_notices};
use super::inspect::PostgresInspector;
use super::machines::Machines;
use super::map_run::noting_wound_up;
use crate::doctor::{Inspect, Repair, RowChange, Rows};
use crate::sql::{database_error, signed, status_code};
use crate::{Error, ExecutionRow, ShardId};

/// A node that is alive, or a server that has not registered as one.
const SERVERS: &str = "SELECT (SELECT count(*) FROM node \
        WHERE alive_until > (extract(epoch FROM clock_timestamp()) * 1000)::bigint) \
    + (SELECT count(*) FROM pg_stat_activity \
        WHERE datname = current_database() AND application_name = 'stepyard')";

/// Whoever comes back while rows are written finds its shards taken.
const FENCE: &str = "UPDATE shard SET epoch = epoch + 1, owner = NULL";

const REMOVE_ROW: &str = "DELETE FROM execution WHERE shard_id = $1 AND execution_id = $2";

const REMOVE_MAP_RUNS: &str = "DELETE FROM map_run WHERE shard_id = $1 AND execution_id = $2";

const REMOVE_NOTICES: &str = "DELETE FROM notice WHERE shard_id = $1 AND execution_id = $2";

/// The arrays of [`bind_map_runs`].
const PUT_MAP_RUNS: &str = "INSERT INTO map_run (shard_id, execution_id, started_event, arn, status, \
        started_at, stopped_at, detail) \
    SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::bigint[], $4::text[], $5::bigint[], \
        $6::bigint[], $7::bigint[], $8::text[])";

/// The arrays of [`bind_notices`].
const PUT_NOTICES: &str = "INSERT INTO notice (shard_id, target, commit_seq, execution_id, first_event, \
        redrives) \
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::uuid[], $5::bigint[], $6::bigint[])";

/// Tables with indexes of what belongs to executions.
const REINDEX: [&str; 5] = [
    "REINDEX TABLE execution",
    "REINDEX TABLE journal",
    "REINDEX TABLE map_run",
    "REINDEX TABLE notice",
    "REINDEX TABLE express_execution",
];

const PUT_ROW: &str = "INSERT INTO execution (shard_id, execution_id, machine_id, name, revision_id, \
        status, started_at, stopped_at, resume_at, version, alias, redrive_count, redriven_at, \
        map_run, item_count) \
    VALUES ($1, $2, (SELECT machine_id FROM machine WHERE arn = $3), $4, $5, $6, $7, $8, $9, $10, $11, \
        $12, $13, $14, $15)";

/// A database whose shards belong to nobody.
pub struct PostgresRepairer {
    inspector: PostgresInspector,
    machines: Machines,
}

impl PostgresRepairer {
    /// Takes the shards away from everybody.
    ///
    /// # Errors
    /// [`Error::Unusable`] when a server works on it, and as [`PostgresInspector::open`].
    pub async fn open(url: &str) -> Result<PostgresRepairer, Error> {
        let inspector = PostgresInspector::open(url).await?;
        let servers: i64 = sqlx::query_scalar(SERVERS)
            .fetch_one(inspector.pool.unhurried())
            .await
            .map_err(database_error)?;
        if servers > 0 {
            let text = "the database is in use by a server; stop all of them first";
            return Err(Error::Unusable(text.into()));
        }
        sqlx::query(FENCE).execute(inspector.pool.unhurried()).await.map_err(database_error)?;
        Ok(PostgresRepairer { inspector, machines: Machines::default() })
    }

    fn pool(&self) -> &PgPool {
        self.inspector.pool.unhurried()
    }
}

#[async_trait]
impl Repair for PostgresRepairer {
    fn inspector(&self) -> &dyn Inspect {
        &self.inspector
    }

    async fn rebuild_indexes(&self) -> Result<(), Error> {
        for table in REINDEX {
            sqlx::query(table).execute(self.pool()).await.map_err(database_error)?;
        }
        Ok(())
    }

    async fn change_rows(&self, shard: ShardId, changes: &[RowChange]) -> Result<(), Error> {
        let rows = changes.iter().filter_map(RowChange::rows);
        self.machines
            .register(
                &self.inspector.pool,
                rows.clone().map(|rows| &rows.execution.state_machine_arn),
            )
            .await?;
        let mut transaction = self.pool().begin().await.map_err(database_error)?;
        // All go before some come back, so that no name is in the way of another.
        for change in changes {
            for remove in [REMOVE_ROW, REMOVE_MAP_RUNS, REMOVE_NOTICES] {
                let remove = sqlx::query(remove).bind(i64::from(shard.0)).bind(change.id().0);
                remove.execute(&mut *transaction).await.map_err(database_error)?;
            }
        }
        for rows in rows {
            put(&mut transaction, rows).await?;
        }
        transaction.commit().await.map_err(database_error)
    }
}

async fn put(connection: &mut PgConnection, rows: &Rows) -> Result<(), Error> {
    put_row(connection, &rows.execution).await?;
    let mut puts = vec![
        bind_map_runs(sqlx::query(PUT_MAP_RUNS), &rows.map_runs),
        bind_notices(sqlx::query(PUT_NOTICES), &rows.notices),
    ];
    let wound_up = rows.map_runs.iter().filter_map(|row| Some((row, row.wound_up?)));
    puts.extend(wound_up.map(|(row, wound_up)| noting_wound_up(row, wound_up)));
    for put in puts {
        put.execute(&mut *connection).await.map_err(database_error)?;
    }
    Ok(())
}

async fn put_row(connection: &mut PgConnection, row: &ExecutionRow) -> Result<(), Error> {
    let put = sqlx::query(PUT_ROW)
        .bind(i64::from(row.shard.0))
        .bind(row.id.0)
        .bind(&*row.state_machine_arn)
        .bind(&*row.name)
        .bind(row.revision)
        .bind(status_code(row.status))
        .bind(row.started_at.0)
        .bind(row.stopped_at.map(|time| time.0))
        .bind(row.resume_at.map(|time| time.0))
        .bind(row.qualifier.as_ref().map(|qualifier| signed(qualifier.version)))
        .bind(row.qualifier.as_ref().and_then(|qualifier| qualifier.alias.as_deref()))
        .bind(row.redriven.map(|redriven| i64::from(redriven.count)))
        .bind(row.redriven.map(|redriven| redriven.at.0))
        .bind(row.child.map(|child| child.map_run))
        .bind(row.child.map(|child| signed(child.items)));
    put.execute(connection).await.map_err(database_error)?;
    Ok(())
}
