//! Histories and tables for the terminal.

mod diagnosis;
mod table;
mod tree;

pub(crate) use diagnosis::Diagnosis;
pub(crate) use table::Table;
pub(crate) use tree::{HistoryLine, Tree};
