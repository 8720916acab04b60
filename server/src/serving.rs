//! Listening, until a signal comes.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::config::Settings;
use crate::http::{HostGuard, router};

/// A server that has its port and does not answer yet.
pub(crate) struct Serving {
    listener: TcpListener,
    pub(crate) address: SocketAddr,
}

/// Takes the port.
pub(crate) async fn bind(settings: &Settings) -> anyhow::Result<Serving> {
    let listen = settings.listen;
    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!("cannot listen on {listen}; is another server there? --listen takes another port")
    })?;
    let address = listener.local_addr()?;
    Ok(Serving { listener, address })
}

impl Serving {
    /// Answers until the token is cancelled, then lets requests end and shuts the runtime down.
    pub(crate) async fn run(
        self,
        app: Arc<App>,
        settings: &Settings,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let guard = HostGuard::new(self.address.ip(), &settings.allowed_hosts);
        let router = router(app.clone(), guard);
        let grace = settings.shutdown_grace_seconds;
        let serve = axum::serve(self.listener, router)
            .with_graceful_shutdown(stop.clone().cancelled_owned());
        let clock = app.runtime.clock().clone();
        let patience = async {
            stop.cancelled().await;
            clock.sleep_until(clock.now().plus_seconds(grace)).await;
        };
        // A client that keeps its connection open must not keep the process alive.
        tokio::select! {
            served = serve => served?,
            () = patience => {}
        }
        app.runtime.shutdown(clock.now().plus_seconds(grace)).await;
        app.store.close().await;
        Ok(())
    }
}

/// Cancelled by SIGINT or SIGTERM.
pub(crate) fn stop_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("shutting down");
        token.cancel();
    });
    Ok(stop)
}
