//! The real binary under a steady load, while things happen to it, to its database, its disk, its network and
//! its clock: nothing acknowledged may be lost, nothing may run twice. `docs/reliability.md` tells what each test
//! does and what came of it.
//!
//! `STEPYARD_SEED` repeats the moments of a run, `STEPYARD_KILLS` says how often things happen.

#![expect(clippy::unwrap_used, reason = "a test ends where an unwrap fails")]

mod asking;
mod callbacks;
mod checks;
mod clock;
mod cluster;
mod cuts;
mod database;
mod disk;
mod events;
mod failover;
mod features;
mod journals;
mod load;
mod map_runs;
mod network;
mod sleepers;
mod soak;
mod steps;
mod storm;
mod stranger;
mod trial;

use std::env;
use std::hash::{BuildHasher, RandomState};

use stepyard_asl::Random;

fn seed() -> u64 {
    setting("STEPYARD_SEED").unwrap_or_else(|| RandomState::new().hash_one(0))
}

/// Draws the moments of a run, and tells how to repeat them.
fn seeded() -> Random {
    let seed = seed();
    println!("STEPYARD_SEED={seed}");
    Random::from_seed(seed)
}

fn setting(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap())
}
