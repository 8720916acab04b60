//! Connections whose answers are not waited for without end.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{Connection, Postgres};

use crate::Error;
use crate::sql::database_error;

/// How long a connection is waited for.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an answer is waited for. Later the connection is given up: the way to the server may be cut
/// without anybody having been told.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection that was not used for so long is tried before it is used.
const IDLE: Duration = Duration::from_secs(1);

/// How long that trial may take.
const TRIAL_TIMEOUT: Duration = Duration::from_secs(2);

/// Connections to one database.
#[derive(Clone, Debug)]
pub(super) struct Pool(PgPool);

impl Pool {
    /// At most so many, made when they are needed.
    pub(super) fn new(settings: &PgConnectOptions, connections: u32) -> Pool {
        let options = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for < IDLE {
                        return Ok(true);
                    }
                    let trial = tokio::time::timeout(TRIAL_TIMEOUT, connection.ping()).await;
                    Ok(matches!(trial, Ok(Ok(()))))
                })
            });
        Pool(options.connect_lazy_with(settings.clone()))
    }

    /// For what takes its time: transactions of a command, changes of the schema.
    pub(super) fn unhurried(&self) -> &PgPool {
        &self.0
    }

    pub(super) async fn acquire(&self) -> Result<PoolConnection<Postgres>, Error> {
        self.0.acquire().await.map_err(database_error)
    }

    pub(super) async fn fetch_all(
        &self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, Error> {
        let mut connection = self.acquire().await?;
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, query.fetch_all(&mut *connection)).await;
        settle(connection, answer).await
    }

    /// The first row.
    pub(super) async fn fetch_optional(
        &self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Option<PgRow>, Error> {
        Ok(self.fetch_all(query).await?.into_iter().next())
    }

    /// How many rows were changed.
    pub(super) async fn execute(
        &self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<u64, Error> {
        let mut connection = self.acquire().await?;
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, query.execute(&mut *connection)).await;
        Ok(settle(connection, answer).await?.rows_affected())
    }

    pub(super) async fn close(&self) {
        self.0.close().await;
    }
}

/// What an answer means. A connection that has failed is closed: what is left of its conversation must not
/// meet the next one.
async fn settle<T>(
    connection: PoolConnection<Postgres>,
    answer: Result<Result<T, sqlx::Error>, tokio::time::error::Elapsed>,
) -> Result<T, Error> {
    let error = match answer {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(error)) => database_error(error),
        Err(_) => Error::Unavailable("the database gave no answer in time".into()),
    };
    if matches!(error, Error::Unavailable(_)) {
        drop(connection.detach().close_hard().await);
    }
    Err(error)
}
