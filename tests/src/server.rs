//! The real binary, as a child process.

use std::ffi::OsString;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::{Client, Deadline, TestDatabase, binary};

/// Longest wait for the line that names the address, and for the end after a signal.
const PATIENCE: Duration = Duration::from_secs(30);

/// Ports for servers that start again: below those that clients get.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// How to start a server.
#[derive(Clone, Debug, Default)]
pub struct ServerOptions {
    /// Further arguments of `serve`.
    pub arguments: Vec<OsString>,
    /// Environment variables.
    pub environment: Vec<(String, String)>,
    /// Port of the loopback interface; 0 takes a free one.
    pub port: u16,
}

impl ServerOptions {
    /// Listens on a port that is free now, and again after each restart, as a server in production does.
    ///
    /// # Panics
    /// When no port is free.
    pub fn with_a_port(mut self) -> ServerOptions {
        let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
        let drawn = |_| {
            let draw = RandomState::new().hash_one(0) % u64::from(PORTS.end - PORTS.start);
            PORTS.start + u16::try_from(draw).unwrap_or(0)
        };
        self.port = (0..100).map(drawn).find(is_free).expect("a free port");
        self
    }

    /// Keeps executions there.
    pub fn with_database(mut self, database: &TestDatabase) -> ServerOptions {
        if let TestDatabase::Postgres(url) = database {
            self.arguments.extend(["--database-url".into(), url.into()]);
        }
        self
    }

    /// Sends the functions of these names (`*`: all of them) to the Lambda endpoint at that URL.
    pub fn with_lambda(mut self, functions: &str, url: &str) -> ServerOptions {
        self.arguments.extend(["--lambda-functions".into(), functions.into()]);
        let variables = [
            ("AWS_ENDPOINT_URL_LAMBDA", url),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", "us-east-1"),
        ];
        self.environment.extend(variables.map(|(name, value)| (name.into(), value.into())));
        self
    }
}

/// A running server on a free port of the loopback interface. Dropping it kills the process.
pub struct Server {
    child: Child,
    address: String,
    log: Arc<Mutex<String>>,
}

impl Server {
    /// Starts `stepyard serve` on a data directory and waits until it says where it listens.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(data_dir: &Path, options: &ServerOptions) -> Server {
        let mut child = Command::new(binary())
            .arg("serve")
            .args(["--listen", &format!("127.0.0.1:{}", options.port)])
            .arg("--data-dir")
            .arg(data_dir)
            .args(&options.arguments)
            .envs(options.environment.iter().map(|(name, value)| (name, value)))
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", binary().display()));
        let log = Arc::new(Mutex::new(String::new()));
        let (sender, addresses) = mpsc::channel();
        follow(child.stdout.take(), &log, sender.clone());
        follow(child.stderr.take(), &log, sender);
        let Ok(address) = addresses.recv_timeout(PATIENCE) else {
            let _ = child.kill();
            panic!("the server does not start:\n{}", text(&log));
        };
        Server { child, address, log }
    }

    /// A client for it.
    pub fn client(&self) -> Client {
        Client::new(&self.address)
    }

    /// A client that waits for an answer only so long.
    pub fn impatient_client(&self, timeout: Duration) -> Client {
        Client::with_timeout(&self.address, timeout)
    }

    /// Everything it has written to its standard output and error so far.
    pub fn log(&self) -> String {
        text(&self.log)
    }

    /// `kill -9`, and waits until the process is gone.
    ///
    /// # Panics
    /// When the process cannot be killed.
    pub fn kill(mut self) {
        self.child.kill().unwrap_or_else(|error| panic!("kill: {error}"));
        let _ = self.child.wait();
    }

    /// Its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal by its name, such as `STOP` or `CONT`.
    ///
    /// # Panics
    /// When that is not possible.
    pub fn signal(&self, name: &str) {
        let process = self.process().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &process]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill -{name} {process}");
    }

    /// Asks it to shut down, as a service manager does (SIGTERM), and waits for its end.
    ///
    /// # Panics
    /// When it does not end in time.
    pub fn terminate(self) -> ExitStatus {
        self.signal("TERM");
        self.await_exit()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end in time.
    pub fn await_exit(mut self) -> ExitStatus {
        Deadline::after(PATIENCE)
            .wait_for("the end of the server", || self.child.try_wait().ok().flatten())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads a stream to its end on a thread, so that the child never blocks on a full pipe.
fn follow(
    stream: Option<impl Read + Send + 'static>,
    log: &Arc<Mutex<String>>,
    found: Sender<String>,
) {
    let Some(stream) = stream else { return };
    let log = Arc::clone(log);
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if let Some(address) = address_in(&line) {
                // Only the first one is awaited.
                let _ = found.send(address);
            }
            if let Ok(mut log) = log.lock() {
                log.push_str(&line);
                log.push('\n');
            }
        }
    });
}

/// The server prints this line when it answers requests.
fn address_in(line: &str) -> Option<String> {
    line.strip_prefix("stepyard is listening on ").map(str::to_owned)
}

fn text(log: &Mutex<String>) -> String {
    log.lock().map(|log| log.clone()).unwrap_or_default()
}
