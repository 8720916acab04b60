//! Log lines.

mod lines;

use std::io::IsTerminal;

use lines::Lines;
pub(crate) use lines::{Flush, dropped_lines};
use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// Logs to standard error, which nobody waits for. `RUST_LOG` says how much; without it, what an operator wants to know. What
/// is left is written when the answer is dropped.
pub(crate) fn init(format: LogFormat, default: &str) -> std::io::Result<Flush> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let (lines, flush) = Lines::start(std::io::stderr())?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(lines)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    // A second initialisation is not an error: the first one stays.
    let _ = match format {
        LogFormat::Pretty => subscriber.try_init(),
        LogFormat::Json => subscriber.json().try_init(),
    };
    Ok(flush)
}
