//! What the machine does in single situations.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod inspection;
mod limits;
mod map_run;
mod map_run_redrive;
mod outside;
mod redrive;
#[path = "../support/mod.rs"]
mod support;
