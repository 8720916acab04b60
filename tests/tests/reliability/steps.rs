//! Deaths between any two calls that write: before and after a page of the log, a sync, a message to the database,
//! an answer to a client.

use stepyard_tests::{Shim, TestDatabase};

use crate::setting;
use crate::trial::{Setup, Trial};

/// How often, unless `STEPYARD_KILLS` says otherwise.
const DEATHS: u64 = 42;

/// A process dies after at most so many steps.
const STEPS_MAX: u64 = 2_000;

#[test]
fn a_death_at_any_step_loses_and_repeats_nothing_on_sqlite() {
    die(TestDatabase::Sqlite);
}

#[test]
fn a_death_at_any_step_loses_and_repeats_nothing_on_postgres() {
    if let Some(database) = TestDatabase::postgres() {
        die(database);
    }
}

fn die(database: TestDatabase) {
    let shim = Shim::new();
    let setup = Setup { environment: shim.environment(), ..Setup::new(database) };
    let mut trial = Trial::start(setup);
    for _ in 0..setting("STEPYARD_KILLS").unwrap_or(DEATHS) {
        trial.await_progress();
        let steps = 1 + trial.random.below(STEPS_MAX);
        shim.kill_after(i64::try_from(steps).unwrap());
        let status = trial.await_exit();
        assert_eq!(status.code(), None, "it has ended in another way: {status}");
        trial.start_again();
    }
    trial.finish();
}
