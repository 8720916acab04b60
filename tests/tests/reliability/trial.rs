//! One server under a steady load, on a database to which something happens.

use std::process::ExitStatus;
use std::sync::Mutex;
use std::time::Duration;

use stepyard_asl::Random;
use stepyard_tests::{Deadline, LambdaStub, Reply, Server, ServerOptions, Stopwatch, TestDatabase};
use tempfile::TempDir;

use crate::journals::Execution;
use crate::load::{Load, MACHINES, Patience, create_machines};
use crate::{checks, journals, seeded};

/// A task takes at most so long, in milliseconds.
const TASK_MILLIS: u64 = 300;

/// Starts go on after a fault within that time, once it is over.
const RECOVERY_MAX: Duration = Duration::from_secs(30);

/// How to begin a trial.
pub(crate) struct Setup {
    /// Where executions are kept, as a test reaches it.
    pub(crate) database: TestDatabase,
    /// The same, as the server reaches it.
    pub(crate) reached_by: TestDatabase,
    /// The data directory of the server.
    pub(crate) data: TempDir,
    /// Environment variables of the server.
    pub(crate) environment: Vec<(String, String)>,
}

impl Setup {
    pub(crate) fn new(database: TestDatabase) -> Setup {
        let data = tempfile::tempdir().unwrap();
        Setup { reached_by: database.clone(), database, data, environment: Vec::new() }
    }
}

/// A server with its load.
pub(crate) struct Trial {
    pub(crate) random: Random,
    pub(crate) lambda: LambdaStub,
    pub(crate) load: Load,
    database: TestDatabase,
    data: TempDir,
    options: ServerOptions,
    server: Option<Server>,
}

impl Trial {
    pub(crate) fn start(setup: Setup) -> Trial {
        let mut random = seeded();
        let lambda = lambda(random.next_u64());
        let mut options = ServerOptions::default().with_a_port();
        options.environment = setup.environment;
        let options = options.with_lambda("*", &lambda.url()).with_database(&setup.reached_by);
        let server = Server::start(setup.data.path(), &options);
        let machines = create_machines(&server.client(), &MACHINES);
        let load = Load::start(machines, vec![server.client()], Patience::Endless);
        let (database, data, server) = (setup.database, setup.data, Some(server));
        Trial { random, lambda, load, database, data, options, server }
    }

    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// Waits until the server ends by itself.
    pub(crate) fn await_exit(&mut self) -> ExitStatus {
        self.server.take().unwrap().await_exit()
    }

    /// A time between these, in milliseconds.
    pub(crate) fn draw(&mut self, millis: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(millis.start + self.random.below(millis.end - millis.start))
    }

    /// `kill -9`, and a new start.
    pub(crate) fn kill(&mut self) {
        self.server.take().unwrap().kill();
        self.start_again();
    }

    /// The server has ended: a service manager starts it again.
    pub(crate) fn start_again(&mut self) {
        self.server = None;
        self.server = Some(Server::start(self.data.path(), &self.options));
        self.load.redirect(self.server().client());
        self.check_answers();
    }

    /// The database is elsewhere from now on, as a test reaches it.
    pub(crate) fn move_database(&mut self, database: TestDatabase) {
        self.database = database;
    }

    /// No client has got an answer that it must not get.
    pub(crate) fn check_answers(&self) {
        let faults = self.load.faults();
        assert!(faults.is_empty(), "{faults:?}\n{}", self.server().log());
    }

    /// Waits until starts are acknowledged again, and returns how long that took.
    pub(crate) fn await_progress(&self) -> Duration {
        let began = Stopwatch::start();
        let before = self.load.acknowledged();
        Deadline::after(RECOVERY_MAX).wait_for("a start that is acknowledged", || {
            (self.load.acknowledged() > before + 2).then_some(())
        });
        began.elapsed()
    }

    /// Ends the load and checks everything that has happened.
    pub(crate) fn finish(self) {
        self.finish_after(|_, _| {});
    }

    /// The same, after something that is still to happen once so many executions have ended, which are returned.
    pub(crate) fn finish_after(mut self, last: impl FnOnce(&Server, usize)) -> Vec<Execution> {
        self.check_answers();
        println!("slowest start {:.2?}", self.load.slowest());
        let acknowledged = self.load.stop();
        let server = self.server.take().unwrap();
        checks::await_rest(&server.client(), &MACHINES);
        last(&server, acknowledged.len());
        let log = server.log();
        assert!(server.terminate().success(), "the server does not shut down cleanly:\n{log}");
        let executions = journals::read(&self.database, self.data.path());
        checks::check_executions(&acknowledged, &executions);
        checks::check_runs(&executions, &self.lambda.runs());
        executions
    }
}

/// Functions that take a random time; `Flaky` fails at its first attempt.
pub(crate) fn lambda(seed: u64) -> LambdaStub {
    let random = Mutex::new(Random::from_seed(seed));
    LambdaStub::start(move |run| {
        let delay = random.lock().unwrap().below(TASK_MILLIS);
        let reply = if run.event["state"] == "Flaky" && run.event["retry"] == 0 {
            Reply::Raise { error: "Flaky".into(), message: "not yet".into() }
        } else {
            Reply::Return(run.event.clone())
        };
        (Duration::from_millis(delay), reply)
    })
}
