//! A long run of three nodes: does memory grow, does anything get slower?

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use stepyard_tests::Stopwatch;

use crate::cluster::Cluster;
use crate::load::Patience;
use crate::setting;

/// How long, unless `STEPYARD_SECONDS` says otherwise.
const SECONDS: u64 = 3_600;

/// How often figures are printed.
const PARTS: u64 = 20;

#[test]
#[ignore = "runs for an hour: scripts/reliability R14"]
fn three_nodes_stay_as_they_are() {
    let Some(cluster) = Cluster::start() else { return };
    let load = cluster.load(Patience::Endless);
    let part = Duration::from_secs(setting("STEPYARD_SECONDS").unwrap_or(SECONDS)) / PARTS as u32;
    let began = Stopwatch::start();
    for _ in 0..PARTS {
        sleep(part);
        let mut durations = load.take_durations();
        durations.sort();
        let at = |percent: usize| durations[(durations.len() - 1) * percent / 100];
        println!(
            "{:>7.0?}: {} starts, p50 {:.1?}, p99 {:.1?}, resident {:?} MiB",
            began.elapsed(),
            durations.len(),
            at(50),
            at(99),
            cluster.processes().into_iter().map(resident_mebibytes).collect::<Vec<_>>(),
        );
        assert!(load.faults().is_empty(), "{:?}", load.faults());
    }
    cluster.check(load);
}

/// What a process keeps in memory.
fn resident_mebibytes(process: u32) -> u64 {
    const PAGES_PER_MEBIBYTE: u64 = 256;
    let status = fs::read_to_string(format!("/proc/{process}/statm")).unwrap();
    status.split(' ').nth(1).unwrap().parse::<u64>().unwrap() / PAGES_PER_MEBIBYTE
}
