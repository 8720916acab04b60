//! `stepyard doctor`.

use std::sync::Arc;

use stepyard_store::doctor::{Counts, Doctor, Finding, Inspect, Repair, repair_shard};
use stepyard_store::{
    PostgresInspector, PostgresRepairer, SqliteInspector, SqliteRepairer, all_shards,
};

use super::{asynchronous, settings};
use crate::config::{Database, Flags, Settings};
use crate::render::Diagnosis;
use crate::telemetry;

/// Progress is told after so many executions.
const PROGRESS_EXECUTIONS: u64 = 50_000;

/// Exit code when something was found.
const EXIT_FOUND: u8 = 1;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Rebuild the rows of executions and the indexes from the journals; no server may run on the database
    #[arg(long)]
    repair: bool,
    #[command(flatten)]
    flags: Flags,
}

/// Looks whether the database is as it must be, also while a server runs on it. The exit code is 0 when
/// nothing was found.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let settings = settings(&arguments.flags)?;
    let _flush = telemetry::init(settings.log_format, "warn")?;
    let repair = arguments.repair;
    // On a thread of the runtime, whose stack fits the deepest definitions.
    let diagnosis = asynchronous()?
        .block_on(async move { tokio::spawn(diagnose(settings, repair)).await })??;
    match arguments.json {
        true => println!("{}", diagnosis.to_json()),
        false => print!("{diagnosis}"),
    }
    Ok(if diagnosis.is_sound() { 0 } else { EXIT_FOUND })
}

async fn diagnose(settings: Settings, repair: bool) -> anyhow::Result<Diagnosis> {
    let mut diagnosis = Diagnosis::new(settings.database.to_string());
    if repair {
        let repairer = open_for_repair(&settings.database).await?;
        diagnosis.repaired_rows = Some(rebuild(&*repairer).await?);
        examine(repairer.inspector(), &mut diagnosis).await?;
    } else {
        examine(&*open(&settings.database).await?, &mut diagnosis).await?;
    }
    Ok(diagnosis)
}

async fn open(database: &Database) -> anyhow::Result<Arc<dyn Inspect>> {
    Ok(match database {
        Database::Sqlite(path) => Arc::new(SqliteInspector::open(path).await?),
        Database::Postgres(url) => Arc::new(PostgresInspector::open(url).await?),
    })
}

async fn open_for_repair(database: &Database) -> anyhow::Result<Arc<dyn Repair>> {
    Ok(match database {
        Database::Sqlite(path) => Arc::new(SqliteRepairer::open(path).await?),
        Database::Postgres(url) => Arc::new(PostgresRepairer::open(url).await?),
    })
}

async fn rebuild(repairer: &dyn Repair) -> anyhow::Result<usize> {
    eprintln!("rebuilding the indexes and the rows of executions");
    repairer.rebuild_indexes().await?;
    let mut rows = 0;
    for shard in all_shards() {
        rows += repair_shard(repairer, shard).await?;
    }
    Ok(rows)
}

async fn examine(database: &dyn Inspect, diagnosis: &mut Diagnosis) -> anyhow::Result<()> {
    let mut doctor = Doctor::new(database);
    diagnosis.add_findings(doctor.examine_whole().await?);
    let mut told = 0;
    for shard in all_shards() {
        let mut found: Vec<Finding> = Vec::new();
        let Counts { executions, events } =
            doctor.examine_shard(shard, |seen| found.extend(seen.findings)).await?;
        diagnosis.executions += executions;
        diagnosis.events += events;
        diagnosis.add_findings(found);
        if diagnosis.executions / PROGRESS_EXECUTIONS > told {
            told = diagnosis.executions / PROGRESS_EXECUTIONS;
            eprintln!("{} shards, {} executions looked at", shard.0 + 1, diagnosis.executions);
        }
    }
    Ok(())
}
