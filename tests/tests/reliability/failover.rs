//! A Postgres whose primary dies, and whose standby takes its place.

use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use stepyard_tests::{Deadline, PostgresCluster, Proxy, Stopwatch, Target, TestDatabase, block_on};

use crate::setting;
use crate::trial::{Setup, Trial};

/// How often, unless `STEPYARD_KILLS` says otherwise.
const TIMES: u64 = 1;

/// Load before the primary dies.
const CALM: Duration = Duration::from_secs(2);

/// What the frozen standby misses.
const MISSED: Duration = Duration::from_secs(1);

/// What a loss is noticed within.
const NOTICED_MAX: Duration = Duration::from_secs(30);

/// A primary, its standby, and the address under which servers know whichever of them writes.
struct Pair {
    primary: PostgresCluster,
    standby: PostgresCluster,
    router: Proxy,
}

impl Pair {
    fn start(settings: &[&str]) -> Option<Pair> {
        let primary = PostgresCluster::start(settings)?;
        let standby = primary.standby();
        let router = Proxy::start(Target::Unix(primary.socket()), None);
        Some(Pair { primary, standby, router })
    }

    fn setup(&self) -> Setup {
        let address = self.router.address();
        let routed = format!("postgres://stepyard@{address}/postgres");
        let direct = TestDatabase::Postgres(self.primary.url());
        Setup { reached_by: TestDatabase::Postgres(routed), ..Setup::new(direct) }
    }

    /// The primary dies, the standby takes over.
    fn fail_over(&self, trial: &mut Trial) {
        self.primary.kill();
        self.standby.promote();
        self.router.redirect(Target::Unix(self.standby.socket()));
        trial.move_database(TestDatabase::Postgres(self.standby.url()));
    }
}

#[test]
fn a_synchronous_failover_loses_nothing() {
    for _ in 0..setting("STEPYARD_KILLS").unwrap_or(TIMES) {
        let Some(pair) = Pair::start(&["synchronous_standby_names = '*'"]) else { return };
        let mut trial = Trial::start(pair.setup());
        sleep(CALM);
        let began = Stopwatch::start();
        pair.fail_over(&mut trial);
        trial.await_progress();
        println!("starts go on {:.2?} after the primary has died", began.elapsed());
        sleep(CALM);
        trial.finish();
    }
}

#[test]
fn an_asynchronous_failover_that_loses_commits_is_noticed() {
    for _ in 0..setting("STEPYARD_KILLS").unwrap_or(TIMES) {
        let Some(pair) = Pair::start(&[]) else { return };
        let mut trial = Trial::start(pair.setup());
        sleep(CALM);
        freeze_replication(&pair.primary.url());
        let before = trial.load.acknowledged();
        sleep(MISSED);
        let missed = trial.load.acknowledged() - before;
        assert!(missed > 0, "nothing was acknowledged while the standby was frozen");
        let began = Stopwatch::start();
        pair.fail_over(&mut trial);
        let reason = Deadline::after(NOTICED_MAX).wait_for("the loss to be noticed", || {
            let ready = trial.server().client().get("/readyz").ok()?;
            let detail = ready["detail"].as_str()?.to_owned();
            detail.contains("gone back in time").then_some(detail)
        });
        println!("{missed} starts lost, noticed after {:.2?}: {reason}", began.elapsed());
        let before = trial.load.acknowledged();
        sleep(CALM);
        assert_eq!(trial.load.acknowledged(), before, "a start was acknowledged after a loss");
    }
}

/// Stops the process that sends to the standby: the primary does not know it.
fn freeze_replication(url: &str) {
    let process: i32 = block_on(async {
        let mut connection = PgConnection::connect(url).await.unwrap();
        let pid = "SELECT pid FROM pg_stat_replication";
        sqlx::query_scalar(pid).fetch_one(&mut connection).await.unwrap()
    });
    let frozen = Command::new("kill").args(["-STOP", &process.to_string()]).status();
    assert!(frozen.is_ok_and(|status| status.success()));
}
