//! `kill -9` of the only server, at random moments.

use std::thread::sleep;
use std::time::Duration;

use stepyard_tests::{Deadline, TestDatabase};

use crate::setting;
use crate::trial::{Setup, Trial};

/// How many kills, unless `STEPYARD_KILLS` says otherwise.
const KILLS: u64 = 30;

/// A server lives between these times under load before it is killed, in milliseconds.
const LIFE_MILLIS: std::ops::Range<u64> = 150..1_000;

#[test]
fn nothing_acknowledged_is_lost_and_nothing_runs_twice_on_sqlite() {
    storm(TestDatabase::Sqlite);
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_runs_twice_on_postgres() {
    if let Some(database) = TestDatabase::postgres() {
        storm(database);
    }
}

fn storm(database: TestDatabase) {
    let mut trial = Trial::start(Setup::new(database));
    for _ in 0..setting("STEPYARD_KILLS").unwrap_or(KILLS) {
        sleep(trial.draw(LIFE_MILLIS));
        let patience = Deadline::after(Duration::from_secs(20));
        patience.wait_for("a task in flight", || (trial.lambda.in_flight() > 0).then_some(()));
        trial.kill();
    }
    trial.finish();
}
