//! `stepyard bench`: a load on this very machine, and what it costs.

mod disk;
mod http_client;
mod lambda;
mod load;
mod process;
mod report;
mod target;
mod workload;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use stepyard_json::Json;
use stepyard_store::StateMachine;
use stepyard_tasks::functions::{Function, FunctionCall, FunctionError};

use crate::actions::{CreateStateMachineRequest, create_state_machine};
use crate::app::App;
use crate::arn::ANY_ROLE_ARN;
use crate::config::Settings;
use crate::serving::{Serving, listen};
use crate::wire::ApiError;
pub(crate) use lambda::LambdaEndpoint;
use load::Load;
use process::Usage;
pub(crate) use report::Report;
use target::{HttpTarget, InProcessTarget, Target};
pub(crate) use workload::Workload;

/// Load before the measured time, so that connections, caches and the database's files are as they
/// stay.
const WARM_UP: Duration = Duration::from_secs(2);

/// Executions in progress at a time while the database is filled.
const FILL_AT_ONCE: usize = 512;

/// What to run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) workload: Workload,
    /// Executions in progress at a time.
    pub(crate) clients: usize,
    /// How long it is measured.
    pub(crate) duration: Duration,
    /// Size of the input.
    pub(crate) payload_bytes: usize,
    /// Calls the runtime directly instead of over HTTP.
    pub(crate) in_process: bool,
    /// Closed executions that are in the database before.
    pub(crate) fill: usize,
}

/// The task of the workload `task`: its input is its result.
pub(crate) struct EchoFunction;

impl EchoFunction {
    /// Its name in ARNs.
    pub(crate) const NAME: &str = "EchoFunction";
}

#[async_trait]
impl Function for EchoFunction {
    async fn call(&self, mut call: FunctionCall) -> Result<Json, FunctionError> {
        call.started.fire();
        Ok(call.event.tree().clone())
    }
}

/// Fills the database, drives the load, measures.
pub(crate) async fn run(app: Arc<App>, settings: &Settings, plan: &Plan) -> anyhow::Result<Report> {
    let machine = register(&app, plan.workload).await?;
    let (arn, input) = (machine.arn.clone(), plan.workload.input(plan.payload_bytes));
    let awaits_end = plan.workload.awaits_end();
    let in_process: Arc<dyn Target> =
        InProcessTarget::new(app.clone(), machine, input.clone(), awaits_end).await?;
    let resident_before = Usage::now().resident;
    fill(&in_process, plan.fill).await?;
    if let (Some(before), Some(after)) = (resident_before, Usage::now().resident) {
        let grown = after.saturating_sub(before) >> 20;
        println!("resident memory has grown by {grown} MiB while the database was filled");
    }
    let (target, serving): (Arc<dyn Target>, Option<Serving>) = if plan.in_process {
        (in_process, None)
    } else {
        let mut serving = listen(settings, tokio_util::sync::CancellationToken::new())?;
        serving.ready(&app, settings)?;
        (Arc::new(HttpTarget::new(serving.address, &arn, &input, awaits_end)), Some(serving))
    };
    let report = measure(&app, settings, plan, &target).await?;
    drop(serving);
    Ok(report)
}

async fn register(app: &App, workload: Workload) -> anyhow::Result<StateMachine> {
    let request = CreateStateMachineRequest {
        name: Some(format!("bench-{}", workload.name())),
        definition: Some(workload.definition()),
        role_arn: Some(ANY_ROLE_ARN.into()),
        ..CreateStateMachineRequest::default()
    };
    let refused = |error: ApiError| anyhow::anyhow!(error.message);
    let created = create_state_machine(app, request).await.map_err(refused)?;
    app.state_machine(&created.state_machine_arn).await.map_err(refused)
}

/// Puts closed executions into the database.
async fn fill(target: &Arc<dyn Target>, count: usize) -> anyhow::Result<()> {
    if count == 0 {
        return Ok(());
    }
    let load = Load::start(target, FILL_AT_ONCE);
    let mut shown = 0;
    while load.completed() < count {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let tenths = load.completed() * 10 / count;
        if tenths > shown {
            shown = tenths;
            println!("filling the database: {} of {count} executions", load.completed().min(count));
        }
        load.check()?;
    }
    load.stop().await?;
    Ok(())
}

async fn measure(
    app: &App,
    settings: &Settings,
    plan: &Plan,
    target: &Arc<dyn Target>,
) -> anyhow::Result<Report> {
    println!("measuring for {} s ...", plan.duration.as_secs());
    let load = Load::start(target, plan.clients);
    tokio::time::sleep(WARM_UP).await;
    load.forget();
    let (before, usage_before) = (app.runtime.metrics(), Usage::now());
    let started = app.runtime.clock().monotonic();
    tokio::time::sleep(plan.duration).await;
    let elapsed = app.runtime.clock().monotonic() - started;
    let (after, usage_after) = (app.runtime.metrics(), Usage::now());
    let latencies = load.stop().await?;
    let syncs_per_second = disk::syncs_per_second(&settings.data_dir)?;
    Ok(Report {
        plan: plan.clone(),
        database: settings.database.to_string(),
        elapsed,
        latencies,
        before,
        after,
        usage_before,
        usage_after,
        syncs_per_second,
    })
}
