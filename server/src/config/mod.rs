//! Settings: flags, then environment, then `stepyard.toml`, then defaults.

mod database;
mod settings;
mod source;

pub(crate) use database::{DATABASE_FILE, Database, without_password};
pub(crate) use settings::{LogFormat, Settings};
pub(crate) use source::{Flags, Resolved, is_setting, misspelled};
