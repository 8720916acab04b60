//! Processor time and memory, as Linux tells them; elsewhere they are unknown.

use std::fs;
use std::time::Duration;

/// Ticks of `/proc/*/stat`: USER_HZ, the same on every Linux that Rust runs on.
const TICKS_PER_SECOND: u64 = 100;

/// What has been used so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Processor time of this process: server, load and SQLite.
    pub(crate) own: Option<Duration>,
    /// Processor time of all Postgres processes of this machine.
    pub(crate) postgres: Duration,
    /// Resident memory of this process, in bytes.
    pub(crate) resident: Option<u64>,
}

impl Usage {
    pub(crate) fn now() -> Usage {
        Usage {
            own: fs::read_to_string("/proc/self/stat").ok().and_then(|stat| times(&stat, 2)),
            postgres: postgres(),
            resident: resident(),
        }
    }
}

/// Servers come and go with their connections; the parent knows the time of those that have gone.
fn postgres() -> Duration {
    let Ok(processes) = fs::read_dir("/proc") else { return Duration::ZERO };
    processes
        .filter_map(|process| fs::read_to_string(process.ok()?.path().join("stat")).ok())
        .filter(|stat| stat.contains("(postgres)"))
        .filter_map(|stat| times(&stat, 4))
        .sum()
}

/// The first so many of utime, stime, cutime and cstime: they follow the command in parentheses, and
/// eleven more fields.
fn times(stat: &str, count: usize) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let times = fields.split_whitespace().skip(11).take(count);
    let ticks: u64 = times.map(|ticks| ticks.parse::<u64>().unwrap_or(0)).sum();
    Some(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
}

fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes << 10)
}
