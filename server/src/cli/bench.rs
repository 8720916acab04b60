//! `stepyard bench`.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use stepyard_tasks::Route;
use stepyard_tasks::lambda::AwsLambda;

use super::{asynchronous, resolved};
use crate::bench::{self, EchoFunction, LambdaEndpoint, Plan, Workload};
use crate::boot::{Tasks, assemble, open_database, open_objects, registry};
use crate::config::{Flags, Settings};
use crate::own_api::OwnApi;
use crate::telemetry;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// What each execution does
    #[arg(long, value_enum, default_value = "chain")]
    workload: Workload,
    /// Executions in progress at a time
    #[arg(long, default_value = "64")]
    clients: NonZero<usize>,
    /// How long it is measured, after two seconds of load
    #[arg(long, default_value = "10")]
    seconds: NonZero<u64>,
    /// Size of the input
    #[arg(long, default_value = "1024")]
    payload_bytes: usize,
    /// Call the runtime directly instead of over HTTP
    #[arg(long)]
    in_process: bool,
    /// Closed executions to put into the database before
    #[arg(long, default_value = "0")]
    fill: usize,
    #[command(flatten)]
    flags: Flags,
}

/// Measures server, database and load together on this machine. Without a data directory it works in a
/// new one beside the working directory, which goes at the end.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let resolved = resolved(&arguments.flags)?;
    // Not in the system's folder for temporary files: that may be memory.
    let folder = tempfile::Builder::new().prefix("stepyard-bench-").tempdir_in(".")?;
    let settings = Settings::new(&resolved.with_defaults([
        ("data-dir", folder.path().display().to_string()),
        ("listen", "127.0.0.1:0".to_owned()),
    ]))?;
    let _flush = telemetry::init(settings.log_format, "warn")?;
    let plan = Plan {
        workload: arguments.workload,
        clients: arguments.clients.get(),
        duration: Duration::from_secs(arguments.seconds.get()),
        payload_bytes: arguments.payload_bytes,
        in_process: arguments.in_process,
        fill: arguments.fill,
    };
    let report = asynchronous()?.block_on(measure(&settings, &plan))?;
    println!("\n{report}");
    Ok(0)
}

async fn measure(settings: &Settings, plan: &Plan) -> anyhow::Result<bench::Report> {
    let (store, metadata) = open_database(settings).await?;
    let objects = open_objects(settings)?;
    let api = Arc::new(OwnApi::new());
    let runner = registry(settings, metadata.clone(), objects.clone(), &api)
        .with_function(EchoFunction::NAME, Arc::new(EchoFunction));
    let endpoint = match plan.workload {
        Workload::Lambda => Some(LambdaEndpoint::start().await?),
        _ => None,
    };
    let runner = match &endpoint {
        Some(endpoint) => runner
            .with_lambda(Arc::new(AwsLambda::at(endpoint.url(), &settings.identity.region)))
            .with_route(LambdaEndpoint::FUNCTION, Route::Lambda),
        None => runner,
    };
    let tasks = Tasks { runner: Arc::new(runner), api };
    let app = assemble(settings, store, metadata, objects, tasks, None, None).await?;
    let report = bench::run(app.clone(), settings, plan).await?;
    app.runtime.shutdown(Duration::from_secs(settings.shutdown_grace_seconds)).await;
    app.store.close().await;
    Ok(report)
}
