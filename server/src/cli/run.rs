//! `stepyard run`.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use stepyard_machine::history::project;
use stepyard_machine::{Event, EventKind};
use stepyard_runtime::Committed;
use stepyard_store::MemoryStore;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::{asynchronous, resolved};
use crate::actions::{
    CreateStateMachineRequest, StartExecutionRequest, StopExecutionRequest, create_state_machine,
    start_execution, stop_execution,
};
use crate::app::App;
use crate::arn::ANY_ROLE_ARN;
use crate::boot::{Tasks, assemble, open_objects, registry};
use crate::config::{Flags, LogFormat, Settings};
use crate::own_api::OwnApi;
use crate::render::{HistoryLine, Tree};
use crate::serving::stop_signal;
use crate::telemetry;

/// Name of the state machine.
const NAME: &str = "run";

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Definition in the Amazon States Language
    file: PathBuf,
    /// Input: JSON, or @FILE
    #[arg(long, default_value = "{}")]
    input: String,
    #[command(flatten)]
    flags: Flags,
}

/// Runs a definition without a server and prints its history while it runs. The exit code is 0 only
/// when it succeeds.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let resolved = resolved(&arguments.flags)?;
    let mut settings = Settings::new(&resolved)?;
    // Kept until the end; objects that nobody asked to keep go with it.
    let folder = tempfile::tempdir()?;
    if !resolved.is_given("data-dir") {
        settings.data_dir = folder.path().into();
    }
    let _flush = telemetry::init(LogFormat::Pretty, "error")?;
    let definition = std::fs::read_to_string(&arguments.file)
        .with_context(|| format!("cannot read {}", arguments.file.display()))?;
    let input = match arguments.input.strip_prefix('@') {
        Some(file) => {
            std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?
        }
        None => arguments.input.clone(),
    };
    asynchronous()?.block_on(execute(&settings, definition, input))
}

async fn execute(settings: &Settings, definition: String, input: String) -> anyhow::Result<u8> {
    let stop = stop_signal()?;
    let objects = open_objects(settings)?;
    let store = Arc::new(MemoryStore::new());
    let api = Arc::new(OwnApi::new());
    let runner = Arc::new(registry(settings, store.clone(), objects.clone(), &api));
    let tasks = Tasks { runner, api };
    let app = assemble(settings, store.clone(), store, objects, tasks, None, None).await?;
    let mut news = app.runtime.watch();
    let arn = start(&app, definition, input).await?;
    let mut tree = Tree::default();
    let mut stopping = std::pin::pin!(stopped(&app, &arn, &stop));
    loop {
        tokio::select! {
            committed = news.recv() => match committed {
                Ok(committed) if *committed.execution_arn == arn => {
                    if let Some(code) = show(&app, &mut tree, &committed) {
                        return Ok(code);
                    }
                }
                Ok(_) => {}
                Err(RecvError::Lagged(missed)) => println!("      ({missed} steps are not shown)"),
                Err(RecvError::Closed) => bail!("the runtime has ended"),
            },
            () = &mut stopping => {}
        }
    }
}

async fn start(app: &App, definition: String, input: String) -> anyhow::Result<String> {
    let machine = CreateStateMachineRequest {
        name: Some(NAME.into()),
        definition: Some(definition),
        role_arn: Some(ANY_ROLE_ARN.into()),
        ..CreateStateMachineRequest::default()
    };
    let refused = |error: crate::wire::ApiError| anyhow::anyhow!(error.message);
    let created = create_state_machine(app, machine).await.map_err(refused)?;
    let execution = StartExecutionRequest {
        state_machine_arn: Some(created.state_machine_arn.to_string()),
        name: None,
        input: Some(input),
        ..StartExecutionRequest::default()
    };
    let started = start_execution(app, execution).await.map_err(refused)?;
    Ok(started.execution_arn.to_string())
}

/// Ctrl-C stops the execution, which then ends as ABORTED.
async fn stopped(app: &App, arn: &str, stop: &CancellationToken) {
    stop.cancelled().await;
    let request = StopExecutionRequest {
        execution_arn: Some(arn.into()),
        error: None,
        cause: Some("Stopped from the terminal".into()),
    };
    if let Err(error) = stop_execution(app, request).await {
        eprintln!("stepyard: {}", error.message);
    }
    // The end comes as an event.
    std::future::pending::<()>().await;
}

/// Prints committed events; the exit code when the last one is among them.
fn show(app: &App, tree: &mut Tree, committed: &Committed) -> Option<u8> {
    for event in &committed.events {
        if let Some(shown) = project(&committed.program, &app.identity.region, event) {
            println!("{}", tree.line(&HistoryLine::from(&shown)));
        }
    }
    committed.events.last().and_then(end)
}

fn end(event: &Event) -> Option<u8> {
    let (status, data) = match &event.kind {
        EventKind::ExecutionSucceeded { output } => ("SUCCEEDED", output.to_string()),
        EventKind::ExecutionFailed { error, cause } => ("FAILED", failure(error, cause)),
        EventKind::ExecutionTimedOut { error, cause } => ("TIMED_OUT", failure(error, cause)),
        EventKind::ExecutionAborted { error, cause } => ("ABORTED", failure(error, cause)),
        _ => return None,
    };
    println!("\n{status}\n{data}");
    Some(u8::from(status != "SUCCEEDED"))
}

fn failure(error: &stepyard_machine::Text, cause: &stepyard_machine::Text) -> String {
    let parts = [error.as_deref(), cause.as_deref()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
}
