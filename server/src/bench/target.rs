//! How the load reaches the server.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use async_trait::async_trait;
use bytes::Bytes;
use serde_json::json;
use stepyard_asl::{Program, Random};
use stepyard_json::Payload;
use stepyard_machine::{ExecutionKind, StartContext};
use stepyard_runtime::{Committed, StartExecution};
use stepyard_store::StateMachine;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, oneshot};

use super::http_client::HttpClient;
use crate::app::App;
use crate::arn::Arn;

/// How long a client waits before it asks again whether an execution has ended. Each time it waits twice as long.
const PAUSE_FIRST: Duration = Duration::from_millis(1);
const PAUSE_MAX: Duration = Duration::from_millis(16);

/// What of a random id makes the names of one client unlike those of others.
const PREFIX_CHARS: usize = 28;

/// Something that runs executions.
#[async_trait]
pub(super) trait Target: Send + Sync {
    /// A client of it.
    async fn connect(&self) -> anyhow::Result<Box<dyn Client>>;
}

/// One client: it starts an execution when the one before has ended.
#[async_trait]
pub(super) trait Client: Send {
    /// Runs one execution from its start to its visible end.
    async fn run(&mut self) -> anyhow::Result<()>;
}

/// A server at an address, by the AWS protocol.
pub(super) struct HttpTarget {
    address: SocketAddr,
    start: Bytes,
    awaits_end: bool,
}

impl HttpTarget {
    pub(super) fn new(
        address: SocketAddr,
        state_machine_arn: &str,
        input: &Payload,
        awaits_end: bool,
    ) -> Self {
        let start = json!({ "stateMachineArn": state_machine_arn, "input": &**input.text() });
        HttpTarget { address, start: start.to_string().into(), awaits_end }
    }
}

#[async_trait]
impl Target for HttpTarget {
    async fn connect(&self) -> anyhow::Result<Box<dyn Client>> {
        let connection = HttpClient::connect(self.address).await?;
        let (start, awaits_end) = (self.start.clone(), self.awaits_end);
        Ok(Box::new(OverHttp { connection, start, awaits_end }))
    }
}

struct OverHttp {
    connection: HttpClient,
    start: Bytes,
    awaits_end: bool,
}

#[async_trait]
impl Client for OverHttp {
    async fn run(&mut self) -> anyhow::Result<()> {
        let started = self.connection.call("StartExecution", self.start.clone()).await?;
        if !self.awaits_end {
            return Ok(());
        }
        let arn = started["executionArn"].as_str().context("StartExecution answers no ARN")?;
        let describe = Bytes::from(json!({ "executionArn": arn }).to_string());
        let mut pause = PAUSE_FIRST;
        loop {
            let described = self.connection.call("DescribeExecution", describe.clone()).await?;
            match described["status"].as_str() {
                Some("SUCCEEDED") => return Ok(()),
                Some("RUNNING") => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                _ => bail!("an execution of the load did not succeed: {described}"),
            }
        }
    }
}

/// The runtime of this process, without the API before it.
pub(super) struct InProcessTarget {
    app: Arc<App>,
    machine: StateMachine,
    program: Arc<Program>,
    input: Payload,
    awaits_end: bool,
    waiting: Arc<Waiting>,
}

/// Those who wait for the end of an execution, by its ARN.
type Waiting = Mutex<HashMap<Arc<str>, oneshot::Sender<()>>>;

impl InProcessTarget {
    pub(super) async fn new(
        app: Arc<App>,
        machine: StateMachine,
        input: Payload,
        awaits_end: bool,
    ) -> anyhow::Result<Arc<Self>> {
        let program = app.runtime.program(machine.revision.id).await?;
        let waiting = Arc::<Waiting>::default();
        tokio::spawn(tell_ends(app.runtime.watch(), waiting.clone()));
        Ok(Arc::new(InProcessTarget { app, machine, program, input, awaits_end, waiting }))
    }
}

/// Wakes those whose execution has ended.
async fn tell_ends(mut news: broadcast::Receiver<Arc<Committed>>, waiting: Arc<Waiting>) {
    loop {
        match news.recv().await {
            Ok(committed) => {
                if !committed.events.last().is_some_and(|last| last.kind.is_terminal()) {
                    continue;
                }
                if let Some(waiter) = lock(&waiting).remove(&committed.execution_arn) {
                    // A load that has been stopped does not wait any more.
                    let _ = waiter.send(());
                }
            }
            Err(RecvError::Lagged(missed)) => tracing::warn!(missed, "ends of the load are missed"),
            Err(RecvError::Closed) => return,
        }
    }
}

fn lock(waiting: &Waiting) -> MutexGuard<'_, HashMap<Arc<str>, oneshot::Sender<()>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Target for InProcessTarget {
    async fn connect(&self) -> anyhow::Result<Box<dyn Client>> {
        let mut prefix = Random::from_entropy(self.app.runtime.entropy().draw()).uuid_v4();
        prefix.truncate(PREFIX_CHARS);
        Ok(Box::new(InProcess {
            app: self.app.clone(),
            machine: self.machine.clone(),
            arn: Arn::parse(&self.machine.arn).map_err(|error| anyhow!(error.message))?,
            program: self.program.clone(),
            input: self.input.clone(),
            awaits_end: self.awaits_end,
            waiting: self.waiting.clone(),
            prefix,
            number: 0,
        }))
    }
}

struct InProcess {
    app: Arc<App>,
    machine: StateMachine,
    arn: Arn,
    program: Arc<Program>,
    input: Payload,
    awaits_end: bool,
    waiting: Arc<Waiting>,
    /// With the number behind it, names are as long as the random ones of the server.
    prefix: String,
    number: u32,
}

impl InProcess {
    fn next(&mut self) -> anyhow::Result<StartExecution> {
        self.number += 1;
        let name = format!("{}{:08x}", self.prefix, self.number);
        let arn = self.arn.execution(&name).map_err(|error| anyhow!(error.message))?;
        let context = StartContext {
            execution_arn: arn.into(),
            execution_name: name.into(),
            state_machine_arn: self.machine.arn.clone(),
            state_machine_name: self.machine.name.clone(),
            role_arn: self.machine.revision.role_arn.clone(),
            qualifier: None,
            child_of: None,
            kind: ExecutionKind::Standard,
            limits: Default::default(),
        };
        Ok(StartExecution {
            context: Arc::new(context),
            // It is new by its prefix.
            name_is_chosen: false,
            revision: self.machine.revision.id,
            program: self.program.clone(),
            // Each start reads its own input, as it would come from outside.
            input: Payload::from_text(self.input.bytes())?,
        })
    }
}

#[async_trait]
impl Client for InProcess {
    async fn run(&mut self) -> anyhow::Result<()> {
        let start = self.next()?;
        if !self.awaits_end {
            self.app.runtime.start_execution(start).await?;
            return Ok(());
        }
        let (ended, end) = oneshot::channel();
        lock(&self.waiting).insert(start.context.execution_arn.clone(), ended);
        self.app.runtime.start_execution(start).await?;
        Ok(end.await?)
    }
}
