//! Listening, until a signal comes.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::config::Settings;
use crate::door::Door;
use crate::http::{Guard, Starting, router, until_ready};

/// How long a node that has given its shards away still answers, so that clients find another one.
const LAME_DUCK: Duration = Duration::from_millis(500);

/// How long a connection that came in last may take to send its request.
const LAST_REQUESTS: Duration = Duration::from_millis(250);

/// Exit code after a second signal.
const EXIT_AT_ONCE: i32 = 130;

/// A server that listens. Until it is ready it says that it is not.
pub(crate) struct Serving {
    pub(crate) address: SocketAddr,
    ready: Starting,
    task: JoinHandle<std::io::Result<()>>,
    stop: CancellationToken,
    /// Set when no more connections are to be accepted.
    close: CancellationToken,
}

/// Takes the port and listens until the token is cancelled.
pub(crate) async fn listen(
    settings: &Settings,
    stop: CancellationToken,
) -> anyhow::Result<Serving> {
    let listen = settings.listen;
    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!("cannot listen on {listen}; is another server there? --listen takes another port")
    })?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "starting");
    let ready = Arc::new(OnceLock::new());
    let (close, closed) = (CancellationToken::new(), CancellationToken::new());
    let door = Door::new(listener, close.clone(), closed.clone())?;
    let serve = axum::serve(door, until_ready(ready.clone())).with_graceful_shutdown(async move {
        closed.cancelled().await;
        // Those that have just come in are about to ask something.
        tokio::time::sleep(LAST_REQUESTS).await;
    });
    Ok(Serving { address, ready, task: tokio::spawn(serve.into_future()), stop, close })
}

impl Serving {
    /// Answers requests from now on.
    pub(crate) fn ready(&self, app: &Arc<App>, settings: &Settings) {
        let guard = Guard::new(self.address.ip(), &settings.allowed_hosts);
        self.ready.get_or_init(|| router(app.clone(), guard, settings.node_key.clone()));
    }

    /// Serves until the token is cancelled. A node that shares its database gives its shards away while it
    /// still answers; one that is alone first lets requests end.
    pub(crate) async fn run(mut self, app: Arc<App>, settings: &Settings) -> anyhow::Result<()> {
        let grace = Duration::from_secs(settings.shutdown_grace_seconds);
        tokio::select! {
            served = &mut self.task => served??,
            () = self.stop.cancelled() => {}
        }
        if app.store.is_shared() {
            app.runtime.shutdown(grace).await;
            app.runtime.clock().sleep(LAME_DUCK).await;
            self.end(&app, grace).await?;
        } else {
            self.end(&app, grace).await?;
            app.runtime.shutdown(grace).await;
        }
        app.store.close().await;
        Ok(())
    }

    /// Accepts no more connections and lets requests end. A client that keeps its connection open must not
    /// keep the process alive.
    async fn end(&mut self, app: &App, grace: Duration) -> anyhow::Result<()> {
        self.close.cancel();
        tokio::select! {
            served = &mut self.task => served??,
            () = app.runtime.clock().sleep(grace) => self.task.abort(),
        }
        Ok(())
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
