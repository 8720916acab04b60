//! Settings: flags, then environment, then `stepyard.toml`, then defaults.

mod settings;
mod source;

pub(crate) use settings::{LogFormat, Settings};
pub(crate) use source::{Flags, Resolved};
