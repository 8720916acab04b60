//! Histories and tables for the terminal.

mod table;
mod tree;

pub(crate) use table::Table;
pub(crate) use tree::{HistoryLine, Tree};
