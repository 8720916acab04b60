//! Listening, until a signal comes.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpSocket;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::config::Settings;
use crate::door::Door;
use crate::http::{Guard, Starting, router, until_ready};

/// How long a node that has given its shards away still answers, so that clients find another one.
const LAME_DUCK: Duration = Duration::from_millis(500);

/// How long requests that have waited for what was cut off may take to be answered.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// How long a connection that came in last may take to send its request.
const LAST_REQUESTS: Duration = Duration::from_millis(250);

/// Exit code after a second signal.
const EXIT_AT_ONCE: i32 = 130;

/// Connections that the kernel takes in before they are accepted.
const BACKLOG: u32 = 1_024;

/// A server that has its port.
pub(crate) struct Serving {
    pub(crate) address: SocketAddr,
    /// Until it listens.
    socket: Option<TcpSocket>,
    ready: Starting,
    task: JoinSet<std::io::Result<()>>,
    stop: CancellationToken,
    /// Set when no more connections are to be accepted.
    close: CancellationToken,
}

/// Takes the port. A server that is alone with its database listens from now on, and says that it is not
/// ready; a node among others refuses connections until it is, so that clients go to the others.
pub(crate) fn listen(settings: &Settings, stop: CancellationToken) -> anyhow::Result<Serving> {
    let listen = settings.listen;
    let socket = bind(listen).with_context(|| {
        format!("cannot listen on {listen}; is another server there? --listen takes another port")
    })?;
    let address = socket.local_addr()?;
    tracing::info!(%address, "starting");
    if !address.ip().is_loopback() {
        tracing::warn!(
            "whoever reaches this port can start, read and delete executions: requests are not authenticated; keep it \
             within a network that is trusted, or behind a proxy that asks who they are"
        );
    }
    let mut serving = Serving {
        address,
        socket: Some(socket),
        ready: Arc::new(OnceLock::new()),
        task: JoinSet::new(),
        stop,
        close: CancellationToken::new(),
    };
    if !settings.database.is_shared() {
        serving.open()?;
    }
    Ok(serving)
}

fn bind(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // The port of a process that was killed a moment ago can be taken again.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

impl Serving {
    /// Listens, if it does not yet.
    fn open(&mut self) -> anyhow::Result<()> {
        let Some(socket) = self.socket.take() else { return Ok(()) };
        let address = self.address;
        let listener =
            socket.listen(BACKLOG).with_context(|| format!("cannot listen on {address}"))?;
        let closed = CancellationToken::new();
        let door = Door::new(listener, self.close.clone(), closed.clone())?;
        let serve = axum::serve(door, until_ready(self.ready.clone()));
        let serve = serve.with_graceful_shutdown(async move {
            closed.cancelled().await;
            // Those that have just come in are about to ask something.
            tokio::time::sleep(LAST_REQUESTS).await;
        });
        self.task.spawn(serve.into_future());
        Ok(())
    }

    /// Answers requests from now on.
    pub(crate) fn ready(&mut self, app: &Arc<App>, settings: &Settings) -> anyhow::Result<()> {
        let guard = Guard::new(self.address.ip(), &settings.allowed_hosts);
        self.ready.get_or_init(|| router(app.clone(), guard, settings.node_key.clone()));
        self.open()
    }

    /// Serves until the token is cancelled. A node that shares its database gives its shards away while it
    /// still answers; one that is alone first lets requests end.
    pub(crate) async fn run(mut self, app: Arc<App>, settings: &Settings) -> anyhow::Result<()> {
        let grace = Duration::from_secs(settings.shutdown_grace_seconds);
        let stop = self.stop.clone();
        tokio::select! {
            served = self.served() => served?,
            () = stop.cancelled() => {}
            () = keep_witness(&app) => {}
            () = app.end_deletions() => {}
        }
        if app.store.is_shared() {
            app.runtime.shutdown(grace).await;
            app.runtime.clock().sleep(LAME_DUCK).await;
            self.end(&app, grace).await?;
        } else {
            app.runtime.let_workers_go();
            // Those who wait for the end of an Express execution get their answer, whatever it is.
            let requests = self.end(&app, grace + LAST_ANSWERS);
            let (ended, ()) = tokio::join!(requests, app.runtime.end_express(grace));
            ended?;
            app.runtime.shutdown(grace).await;
        }
        if let Some(witness) = &app.witness {
            witness.write(&app.runtime);
        }
        app.store.close().await;
        Ok(())
    }

    /// Accepts no more connections and lets requests end. A client that keeps its connection open must not
    /// keep the process alive.
    async fn end(&mut self, app: &App, grace: Duration) -> anyhow::Result<()> {
        self.close.cancel();
        tokio::select! {
            served = self.served() => served?,
            () = app.runtime.clock().sleep(grace) => self.task.abort_all(),
        }
        Ok(())
    }

    /// Returns when nobody is served any more.
    async fn served(&mut self) -> anyhow::Result<()> {
        match self.task.join_next().await {
            Some(served) => Ok(served??),
            None => Ok(()),
        }
    }
}

async fn keep_witness(app: &App) {
    match &app.witness {
        Some(witness) => witness.keep(&app.runtime).await,
        None => std::future::pending().await,
    }
}

/// Cancelled by SIGINT or SIGTERM; a second signal ends the process at once, as a crash would.
pub(crate) fn stop_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = stop.clone();
    tokio::spawn(async move {
        let mut signalled = async || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        signalled().await;
        tracing::info!("shutting down; a second signal ends the process at once");
        token.cancel();
        signalled().await;
        std::process::exit(EXIT_AT_ONCE);
    });
    Ok(stop)
}
