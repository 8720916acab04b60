//! The listening socket, closed so that no client loses a connection that the kernel has taken already.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// The pause after an error that is not of one connection, such as too many open files.
const ERROR_PAUSE: Duration = Duration::from_secs(1);

/// Accepts connections until it is told to close. Then it takes those that wait, and whoever comes later is
/// refused at once: a refused connection can be tried elsewhere, a broken one leaves a request in doubt.
pub(crate) struct Door {
    /// `None` when it is closed.
    listener: Option<TcpListener>,
    address: SocketAddr,
    waiting: VecDeque<(TcpStream, SocketAddr)>,
    close: CancellationToken,
    closed: CancellationToken,
}

impl Door {
    /// A door that closes when `close` is cancelled, and then cancels `closed`.
    pub(crate) fn new(
        listener: TcpListener,
        close: CancellationToken,
        closed: CancellationToken,
    ) -> io::Result<Door> {
        let address = listener.local_addr()?;
        Ok(Door { listener: Some(listener), address, waiting: VecDeque::new(), close, closed })
    }

    fn shut(&mut self) -> io::Result<()> {
        let Some(listener) = self.listener.take() else { return Ok(()) };
        let listener = listener.into_std()?;
        // Between the last one and the drop there is nothing that could wait.
        while let Ok((stream, address)) = listener.accept() {
            stream.set_nonblocking(true)?;
            self.waiting.push_back((TcpStream::from_std(stream)?, address));
        }
        Ok(())
    }
}

impl Listener for Door {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            if let Some(next) = self.waiting.pop_front() {
                return next;
            }
            let Some(listener) = &self.listener else {
                self.closed.cancel();
                return std::future::pending().await;
            };
            tokio::select! {
                biased;
                () = self.close.cancelled() => {
                    if let Err(error) = self.shut() {
                        tracing::warn!(%error, "a connection was lost while closing");
                    }
                }
                accepted = listener.accept() => match accepted {
                    Ok(next) => return next,
                    Err(error) if is_of_one_connection(&error) => {}
                    Err(error) => {
                        tracing::error!(%error, "cannot accept connections");
                        tokio::time::sleep(ERROR_PAUSE).await;
                    }
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Write};
    use std::net::TcpStream;

    use axum::serve::Listener;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;
    use tokio_util::sync::CancellationToken;

    use super::Door;

    #[tokio::test]
    async fn who_is_in_the_queue_is_let_in_and_who_comes_later_is_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (close, closed) = (CancellationToken::new(), CancellationToken::new());
        let mut door = Door::new(listener, close.clone(), closed.clone()).unwrap();
        let address = door.local_addr().unwrap();
        let mut queued: Vec<_> = (0..5).map(|_| TcpStream::connect(address).unwrap()).collect();
        close.cancel();
        for client in &mut queued {
            let (mut served, _) = door.accept().await;
            client.write_all(b"hello").unwrap();
            let mut heard = [0; 5];
            served.read_exact(&mut heard).await.unwrap();
            assert_eq!(&heard, b"hello");
        }
        assert!(futures::poll!(std::pin::pin!(door.accept())).is_pending());
        assert!(closed.is_cancelled());
        let refused = TcpStream::connect(address).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }
}
