//! Times of day that jump.

use std::thread::sleep;
use std::time::Duration;

use stepyard_tests::{Shim, TestDatabase};

use crate::trial::{Setup, Trial};

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;

/// By how much the clock is ahead, one after the other: it is set forward, back a little, and beyond the year
/// 2038. (What waits for a time waits longer when the clock is set back: by an hour, this test would, too.)
const AHEAD: [i64; 6] =
    [HOUR, HOUR - 5 * SECOND, DAY, DAY - 3 * SECOND, 15 * 365 * DAY, 16 * 365 * DAY];

/// Load between two jumps.
const CALM: Duration = Duration::from_millis(1_500);

#[test]
fn jumps_of_the_clock_lose_nothing_on_sqlite() {
    jump(TestDatabase::Sqlite);
}

#[test]
fn jumps_of_the_clock_lose_nothing_on_postgres() {
    if let Some(database) = TestDatabase::postgres() {
        jump(database);
    }
}

fn jump(database: TestDatabase) {
    let shim = Shim::new();
    let mut environment = shim.environment();
    // Years pass, and the checks want to see every execution.
    environment.push(("STEPYARD_RETENTION_DAYS".into(), "0".into()));
    let trial = Trial::start(Setup { environment, ..Setup::new(database) });
    for ahead in AHEAD {
        sleep(CALM);
        shim.set_clock_ahead(ahead);
        println!(
            "ahead by {} s: starts go on after {:.2?}",
            ahead / SECOND,
            trial.await_progress()
        );
        trial.check_answers();
    }
    trial.finish();
}
