//! A Postgres that is killed and restarted, or that breaks connections off.

use std::thread::sleep;

use sqlx::{Connection, PgConnection};
use stepyard_tests::{PostgresCluster, TestDatabase, block_on};

use crate::setting;
use crate::trial::{Setup, Trial};

/// How often each thing happens, unless `STEPYARD_KILLS` says otherwise.
const TIMES: u64 = 3;

/// Load between two faults, in milliseconds.
const CALM_MILLIS: std::ops::Range<u64> = 200..1_500;

/// How long the database is away, in milliseconds.
const AWAY_MILLIS: std::ops::Range<u64> = 0..1_000;

/// Breaks all connections off but the one that asks.
const TERMINATE: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'";

/// What happens to the database.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Kill,
    HaltFast,
    HaltImmediate,
    Terminate,
}

const FAULTS: [Fault; 4] = [Fault::Kill, Fault::HaltFast, Fault::HaltImmediate, Fault::Terminate];

#[test]
fn nothing_is_lost_when_postgres_is_killed_and_restarted() {
    let Some(cluster) = PostgresCluster::start(&[]) else { return };
    let mut trial = Trial::start(Setup::new(TestDatabase::Postgres(cluster.url())));
    for _ in 0..setting("STEPYARD_KILLS").unwrap_or(TIMES) {
        for fault in FAULTS {
            sleep(trial.draw(CALM_MILLIS));
            let away = trial.draw(AWAY_MILLIS);
            match fault {
                Fault::Kill => cluster.kill(),
                Fault::HaltFast => cluster.halt("fast"),
                Fault::HaltImmediate => cluster.halt("immediate"),
                Fault::Terminate => terminate(&cluster.url()),
            }
            if !matches!(fault, Fault::Terminate) {
                sleep(away);
                cluster.run();
            }
            println!("{fault:?}: starts go on after {:.2?}", trial.await_progress());
            trial.check_answers();
        }
    }
    trial.finish();
}

fn terminate(url: &str) {
    block_on(async {
        let mut connection = PgConnection::connect(url).await.unwrap();
        sqlx::query(TERMINATE).execute(&mut connection).await.unwrap();
    });
}
