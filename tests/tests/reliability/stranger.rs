//! A transaction of somebody else that stays open and keeps Postgres from cleaning up.

use std::thread::sleep;
use std::time::Duration;

use sqlx::{Connection, PgConnection, Row};
use stepyard_tests::{TestDatabase, block_on};

use crate::setting;
use crate::trial::{Setup, Trial};

/// How long it stays open, unless `STEPYARD_SECONDS` says otherwise.
const SECONDS: u64 = 15;

/// What tells an operator.
const METRIC: &str = "stepyard_database_oldest_transaction_seconds";

/// Rows that nobody sees any more and that cannot be removed.
const DEAD: &str = "SELECT relname::text, n_live_tup, n_dead_tup FROM pg_stat_user_tables \
    WHERE n_dead_tup > 0 ORDER BY n_dead_tup DESC LIMIT 3";

#[test]
fn a_long_transaction_of_a_stranger_is_borne() {
    let Some(database) = TestDatabase::postgres() else { return };
    let TestDatabase::Postgres(url) = database.clone() else { return };
    let trial = Trial::start(Setup::new(database));
    let time = Duration::from_secs(setting("STEPYARD_SECONDS").unwrap_or(SECONDS));
    sleep(time);
    let before = trial.load.take_durations();
    let dead = block_on(async {
        let mut stranger = PgConnection::connect(&url).await.unwrap();
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ";
        sqlx::query(begin).execute(&mut stranger).await.unwrap();
        sqlx::query("SELECT count(*) FROM shard").fetch_one(&mut stranger).await.unwrap();
        sleep(time);
        let age = trial.server().client().metric(METRIC).unwrap();
        assert!(age >= Some(time.as_secs_f64()), "nobody is told of it: {age:?}");
        let mut observer = PgConnection::connect(&url).await.unwrap();
        sqlx::query(DEAD).fetch_all(&mut observer).await.unwrap()
    });
    let during = trial.load.take_durations();
    for (what, mut durations) in [("without", before), ("with", during)] {
        durations.sort();
        let at = |percent: usize| durations[(durations.len() - 1) * percent / 100];
        let (p50, p99) = (at(50), at(99));
        println!("{what} a stranger: {} starts, p50 {p50:.1?}, p99 {p99:.1?}", durations.len());
    }
    for row in dead {
        let (table, live, dead): (String, i64, i64) = (row.get(0), row.get(1), row.get(2));
        println!("{table}: {live} live rows, {dead} dead ones");
    }
    trial.finish();
}
