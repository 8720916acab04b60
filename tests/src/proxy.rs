//! A port before a database or a server, over which a test has power.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Bytes that are passed on at a time.
const PIECE: usize = 16 << 10;

/// Where a proxy leads.
#[derive(Clone, Debug)]
pub enum Target {
    /// A socket in the file system.
    Unix(PathBuf),
    /// An address.
    Tcp(SocketAddr),
}

/// How a proxy passes on what it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// At once.
    Open,
    /// Not at all, and nobody is told: packets are dropped. What is sent arrives when the way is open again.
    Silent {
        /// From the client.
        to_target: bool,
        /// To the client.
        to_client: bool,
    },
    /// Connections are closed, new ones too.
    Refused,
}

/// Which end of a connection sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// Who has connected to the proxy.
    Client,
    /// Where the proxy leads.
    Target,
}

/// Sees what is sent over one connection and decides what becomes of it.
pub trait Meddler: Send {
    /// Takes bytes of a sender; the answer says what to do now.
    fn take(&mut self, sender: Sender, bytes: &[u8]) -> Action;
}

/// What to do with a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Pass these bytes on, perhaps none.
    Pass(Vec<u8>),
    /// Pass these bytes on, then close both ends.
    Cut(Vec<u8>),
    /// Close the end of the client at once, and pass these bytes on later.
    PassLater(Vec<u8>, std::time::Duration),
}

/// Makes a [`Meddler`] for each connection.
pub type Meddlers = Box<dyn Fn() -> Box<dyn Meddler> + Send + Sync>;

/// A TCP port of the loopback interface that leads elsewhere.
#[derive(Clone)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    meddlers: Option<Meddlers>,
}

struct State {
    target: Target,
    way: Way,
    connections: Vec<Link>,
}

impl Proxy {
    /// A proxy on a free port.
    ///
    /// # Panics
    /// When no port is free.
    pub fn start(target: Target, meddlers: Option<Meddlers>) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = State { target, way: Way::Open, connections: Vec::new() };
        let shared = Shared { state: Mutex::new(state), changed: Condvar::new(), meddlers };
        let proxy = Proxy { address, shared: Arc::new(shared) };
        let shared = proxy.shared.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // One that cannot be led on is closed.
                let _ = shared.clone().lead(client);
            }
        });
        proxy
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on it leads elsewhere. Connections that are there stay as they are.
    pub fn redirect(&self, target: Target) {
        self.shared.state().target = target;
    }

    /// From now on it passes on in that way.
    pub fn set(&self, way: Way) {
        let mut state = self.shared.state();
        state.way = way;
        if way == Way::Refused {
            state.connections.drain(..).for_each(|link| link.close());
        }
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lead(self: Arc<Shared>, client: TcpStream) -> std::io::Result<()> {
        let mut state = self.state();
        if state.way == Way::Refused {
            return Ok(());
        }
        client.set_nodelay(true)?;
        let link = Link { client: End::Tcp(client), target: End::connect(&state.target)? };
        state.connections.retain(Link::is_open);
        state.connections.push(link.try_clone()?);
        drop(state);
        let meddler = self.meddlers.as_ref().map(|make| Arc::new(Mutex::new(make())));
        for sender in [Sender::Client, Sender::Target] {
            let (shared, link, meddler) = (self.clone(), link.try_clone()?, meddler.clone());
            thread::spawn(move || {
                // The end of a connection is its end, whatever the reason.
                let _ = shared.pass_on(sender, &link, meddler.as_deref());
                link.close();
            });
        }
        Ok(())
    }

    fn pass_on(
        &self,
        sender: Sender,
        link: &Link,
        meddler: Option<&Mutex<Box<dyn Meddler>>>,
    ) -> std::io::Result<()> {
        let (mut from, mut to) = match sender {
            Sender::Client => (link.client.try_clone()?, link.target.try_clone()?),
            Sender::Target => (link.target.try_clone()?, link.client.try_clone()?),
        };
        let mut piece = vec![0; PIECE];
        loop {
            let read = from.read(&mut piece)?;
            if read == 0 {
                return Ok(());
            }
            self.wait_until_open(sender);
            let bytes = &piece[..read];
            let action = match meddler {
                Some(meddler) => {
                    meddler.lock().unwrap_or_else(PoisonError::into_inner).take(sender, bytes)
                }
                None => Action::Pass(bytes.to_vec()),
            };
            match action {
                Action::Pass(bytes) => to.write_all(&bytes)?,
                Action::Cut(bytes) => return to.write_all(&bytes),
                Action::PassLater(bytes, delay) => {
                    link.client.close();
                    thread::sleep(delay);
                    return to.write_all(&bytes);
                }
            }
        }
    }

    fn wait_until_open(&self, sender: Sender) {
        let is_silent = |state: &mut State| match state.way {
            Way::Silent { to_target, to_client } => match sender {
                Sender::Client => to_target,
                Sender::Target => to_client,
            },
            Way::Open | Way::Refused => false,
        };
        drop(self.changed.wait_while(self.state(), is_silent));
    }
}

/// Both ends of a connection.
struct Link {
    client: End,
    target: End,
}

impl Link {
    fn try_clone(&self) -> std::io::Result<Link> {
        Ok(Link { client: self.client.try_clone()?, target: self.target.try_clone()? })
    }

    fn is_open(&self) -> bool {
        match &self.client {
            End::Tcp(stream) => stream.peer_addr().is_ok(),
            End::Unix(stream) => stream.peer_addr().is_ok(),
        }
    }

    fn close(&self) {
        self.client.close();
        self.target.close();
    }
}

enum End {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl End {
    fn connect(target: &Target) -> std::io::Result<End> {
        match target {
            Target::Unix(path) => Ok(End::Unix(UnixStream::connect(path)?)),
            Target::Tcp(address) => {
                let stream = TcpStream::connect(address)?;
                stream.set_nodelay(true)?;
                Ok(End::Tcp(stream))
            }
        }
    }

    fn try_clone(&self) -> std::io::Result<End> {
        match self {
            End::Tcp(stream) => stream.try_clone().map(End::Tcp),
            End::Unix(stream) => stream.try_clone().map(End::Unix),
        }
    }

    fn close(&self) {
        // One that is closed already is closed.
        let _ = match self {
            End::Tcp(stream) => stream.shutdown(Shutdown::Both),
            End::Unix(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

impl Read for End {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        match self {
            End::Tcp(stream) => stream.read(bytes),
            End::Unix(stream) => stream.read(bytes),
        }
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            End::Tcp(stream) => stream.write(bytes),
            End::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
