//! Opening: connections, durability, schema.

use std::str::FromStr;

use sqlx::ConnectOptions;
use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgPool};

use super::machines::Machines;
use super::pool::Pool;
use super::{LANES, PostgresOptions, PostgresStore};
use crate::Error;
use crate::sql::{database_error, migrations};

/// Connections for single rows, and for lists and histories.
const LOOK_UPS_MAX: u32 = 4;
const READERS_MAX: u32 = 4;

/// Settings without which an acknowledged commit could be lost, and what they must not be.
const UNSAFE_SETTINGS: [(&str, &str); 3] =
    [("fsync", "off"), ("full_page_writes", "off"), ("synchronous_commit", "off")];

pub(super) async fn open(options: &PostgresOptions) -> Result<PostgresStore, Error> {
    let settings = PgConnectOptions::from_str(&options.url)
        .map_err(|error| Error::Unusable(format!("the database URL is wrong: {error}")))?
        .application_name("stepyard")
        .disable_statement_logging();
    let look_ups = Pool::new(&settings, LOOK_UPS_MAX);
    check_durability(look_ups.unhurried(), options.allow_unsafe).await?;
    migrations::POSTGRES.run(look_ups.unhurried()).await.map_err(cannot_migrate)?;
    Ok(PostgresStore {
        writers: Pool::new(&settings, LANES.into()),
        look_ups,
        readers: Pool::new(&settings, READERS_MAX),
        machines: Machines::default(),
    })
}

/// What the server is set to is read back: without it an acknowledged commit could be lost.
async fn check_durability(pool: &PgPool, allow_unsafe: bool) -> Result<(), Error> {
    for (name, unsafe_value) in UNSAFE_SETTINGS {
        let value: String = sqlx::query_scalar("SELECT current_setting($1)")
            .bind(name)
            .fetch_one(pool)
            .await
            .map_err(database_error)?;
        if value != unsafe_value {
            continue;
        }
        if !allow_unsafe {
            return Err(Error::Unusable(format!(
                "Postgres is set to {name} = {value}, which loses acknowledged executions when it crashes; switch it on, or accept the loss with --allow-unsafe-database"
            )));
        }
        tracing::warn!(setting = name, value, "acknowledged executions may be lost in a crash");
    }
    Ok(())
}

fn cannot_migrate(error: MigrateError) -> Error {
    match error {
        MigrateError::VersionMissing(version) => Error::Unusable(format!(
            "the database has schema version {version}, which is newer than this program; use a newer one"
        )),
        MigrateError::Execute(error) => database_error(error),
        error => Error::Unusable(format!("cannot bring the database up to date: {error}")),
    }
}
