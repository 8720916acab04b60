//! Connections whose answers are not waited for without end.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{Connection, Execute, Postgres};

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

/// SQLSTATEs with which a server breaks off connections: `admin_shutdown`, `crash_shutdown`, `cannot_connect_now` and
/// the class of connection exceptions (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
const BREAKS: [&str; 3] = ["57P01", "57P02", "57P03"];
const CONNECTION_EXCEPTIONS: &str = "08";

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

    /// The rows that a statement reads. A connection that turns out to be broken is replaced, as the server may have
    /// been restarted since it was last used: reading once more does no harm.
    pub(super) async fn read_all(
        &self,
        mut query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, Error> {
        let arguments =
            query.take_arguments().map_err(|error| Error::Unavailable(error.to_string()))?;
        let (arguments, sql) = (arguments.unwrap_or_default(), query.sql());
        // Each that is broken leaves the pool, so that the last attempt meets a new one.
        for _ in 0..self.0.options().get_max_connections() {
            let query = sqlx::query_with(sql.clone(), arguments.clone());
            match self.attempt(query).await {
                Err(Failure { is_broken: true, .. }) => {}
                answer => return Ok(answer?),
            }
        }
        Ok(self.attempt(sqlx::query_with(sql, arguments)).await?)
    }

    /// The first row that a statement reads, which is repeated as by [`Pool::read_all`].
    pub(super) async fn read_optional(
        &self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Option<PgRow>, Error> {
        Ok(self.read_all(query).await?.into_iter().next())
    }

    /// The rows that a statement returns of what it writes. It is not repeated: who knows whether it was carried out?
    pub(super) async fn write_returning(
        &self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, Error> {
        Ok(self.attempt(query).await?)
    }

    async fn attempt(
        &self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, Failure> {
        let mut connection = self.acquire().await?;
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, query.fetch_all(&mut *connection)).await;
        settle(connection, answer).await
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

/// Why there is no answer.
#[derive(Debug)]
struct Failure {
    error: Error,
    /// The connection did not last until the answer.
    is_broken: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure { error, is_broken: false }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        failure.error
    }
}

/// What an answer means. A connection that has failed is closed: what is left of its conversation must not
/// meet the next one.
async fn settle<T>(
    connection: PoolConnection<Postgres>,
    answer: Result<Result<T, sqlx::Error>, tokio::time::error::Elapsed>,
) -> Result<T, Failure> {
    let failure = match answer {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(error)) => {
            let is_broken = is_broken(&error);
            Failure { error: database_error(error), is_broken }
        }
        Err(_) => Error::Unavailable("the database gave no answer in time".into()).into(),
    };
    if matches!(failure.error, Error::Unavailable(_)) {
        drop(connection.detach().close_hard().await);
    }
    Err(failure)
}

fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) => true,
        sqlx::Error::Database(refused) => refused.code().is_some_and(|code| {
            BREAKS.contains(&&*code) || code.starts_with(CONNECTION_EXCEPTIONS)
        }),
        _ => false,
    }
}
