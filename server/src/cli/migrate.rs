//! `stepyard migrate`.

use super::{asynchronous, settings};
use crate::boot::open_database;
use crate::config::Flags;
use crate::telemetry;

/// Brings the database up to date, as every start does.
pub(super) fn run(flags: &Flags) -> anyhow::Result<u8> {
    let settings = settings(flags)?;
    let _flush = telemetry::init(settings.log_format, "warn")?;
    asynchronous()?.block_on(async {
        let (store, _) = open_database(&settings).await?;
        store.close().await;
        anyhow::Ok(())
    })?;
    println!("{} is up to date", settings.database);
    Ok(0)
}
