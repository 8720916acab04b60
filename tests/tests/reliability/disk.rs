//! Disks that are full, slow, or fail.

use std::thread::sleep;
use std::time::Duration;

use stepyard_tests::{Deadline, PostgresCluster, Shim, SmallDisk, Stopwatch, TestDatabase};

use crate::setting;
use crate::trial::{Setup, Trial};

/// How often each thing happens, unless `STEPYARD_KILLS` says otherwise.
const TIMES: u64 = 1;

/// Load before and between faults.
const CALM: Duration = Duration::from_secs(2);

/// What clients are told of a failure that lasts, they are told within that time.
const NOTICED_MAX: Duration = Duration::from_secs(30);

/// How long each sync of a slow disk takes.
const DELAYS: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];

/// What the server ends with when a sync has failed (EX_IOERR of sysexits.h).
const EXIT_DISK_FAILED: i32 = 74;

#[test]
fn a_full_disk_under_sqlite_stops_nothing_for_good() {
    let Some(disk) = SmallDisk::mount(64) else { return };
    let data = tempfile::tempdir_in(disk.path()).unwrap();
    let setup = Setup { data, ..Setup::new(TestDatabase::Sqlite) };
    fill_and_empty(Trial::start(setup), &disk, || {});
}

#[test]
fn a_full_disk_under_postgres_stops_nothing_for_good() {
    let Some(disk) = SmallDisk::mount(512) else { return };
    let settings = ["max_wal_size = 128MB", "min_wal_size = 32MB"];
    let folder = disk.path().join("postgres");
    std::fs::set_permissions(disk.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    let Some(cluster) = PostgresCluster::start_in(folder, &settings) else { return };
    let setup = Setup::new(TestDatabase::Postgres(cluster.url()));
    // A Postgres that could not write its log has ended.
    fill_and_empty(Trial::start(setup), &disk, || cluster.run_if_ended());
}

fn fill_and_empty(trial: Trial, disk: &SmallDisk, mend: impl Fn()) {
    for _ in 0..setting("STEPYARD_KILLS").unwrap_or(TIMES) {
        sleep(CALM);
        disk.fill();
        await_outage(&trial);
        disk.empty();
        mend();
        println!("starts go on after {:.2?}", trial.await_progress());
        trial.check_answers();
    }
    trial.finish();
}

fn await_outage(trial: &Trial) {
    let began = Stopwatch::start();
    let reason = Deadline::after(NOTICED_MAX).wait_for("the outage to be told", || {
        let ready = trial.server().client().get("/readyz").ok()?;
        (ready["status"] == 503).then(|| ready["detail"].to_string())
    });
    println!("told after {:.2?}: {reason}", began.elapsed());
}

#[test]
fn a_slow_disk_makes_groups_larger() {
    let shim = Shim::new();
    let setup = Setup { environment: shim.environment(), ..Setup::new(TestDatabase::Sqlite) };
    let trial = Trial::start(setup);
    for delay in DELAYS {
        shim.delay_syncs(delay);
        let before = trial.load.acknowledged();
        sleep(CALM.max(4 * delay));
        println!("{delay:?}: {} starts", trial.load.acknowledged() - before);
        trial.check_answers();
    }
    shim.delay_syncs(Duration::ZERO);
    trial.finish();
}

#[test]
fn a_sync_that_fails_ends_the_server_and_loses_nothing() {
    let shim = Shim::new();
    let setup = Setup { environment: shim.environment(), ..Setup::new(TestDatabase::Sqlite) };
    let mut trial = Trial::start(setup);
    for _ in 0..setting("STEPYARD_KILLS").unwrap_or(TIMES) {
        sleep(CALM);
        shim.fail_syncs(1);
        assert_eq!(trial.await_exit().code(), Some(EXIT_DISK_FAILED));
        trial.start_again();
        println!("starts go on {:.2?} after the new start", trial.await_progress());
    }
    trial.finish();
}
