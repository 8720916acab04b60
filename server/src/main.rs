//! The `stepyard` binary.

mod actions;
mod app;
mod arn;
mod bench;
mod boot;
mod cli;
mod client_environment;
mod config;
mod deletion;
mod demo;
mod door;
mod events;
mod fresh;
mod http;
mod machines;
mod own_api;
mod peer;
mod render;
mod serving;
mod target;
mod telemetry;
mod upload;
mod wire;
mod witness;

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Takes a sixth of the processor time of a transition away, measured against that of glibc (docs/performance.md).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    match cli::run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("stepyard: {error:#}");
            ExitCode::FAILURE
        }
    }
}
