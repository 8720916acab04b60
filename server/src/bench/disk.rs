//! What the disk can do: the bound of every durable commit.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use stepyard_runtime::{Clock, SystemClock};

/// How long the disk is measured.
const DURATION: Duration = Duration::from_secs(2);

/// Bytes between two syncs: about a small commit.
const BYTES: [u8; 4_096] = [0; 4_096];

/// Appends that were synced one after another, per second.
pub(super) fn syncs_per_second(folder: &Path) -> anyhow::Result<f64> {
    let path = folder.join("sync.probe");
    let mut file = File::create(&path)?;
    let clock = SystemClock::new();
    let mut syncs = 0_u32;
    while clock.monotonic() < DURATION {
        file.write_all(&BYTES)?;
        file.sync_data()?;
        syncs += 1;
    }
    let elapsed = clock.monotonic();
    std::fs::remove_file(&path)?;
    Ok(f64::from(syncs) / elapsed.as_secs_f64())
}
