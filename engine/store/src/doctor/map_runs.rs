//! The rows of Map Runs against the journal.

use stepyard_machine::Execution;

use super::StoredExecution;
use crate::MapRunRow;

/// The rows that a journal leads to, in the order of their starts.
pub(super) fn derived(stored: &StoredExecution, state: &Execution) -> Vec<MapRunRow> {
    let (shard, execution) = (stored.shard, stored.id);
    let mut records: Vec<_> = state.map_run_records().collect();
    records.sort_by_key(|record| record.id);
    records.into_iter().map(|record| MapRunRow::new(shard, execution, record)).collect()
}

/// A row that cannot be read says nothing. Whether one is wound up, the journal does not say.
pub(super) fn say_what_the_journal_says(
    stored: &StoredExecution,
    state: &Execution,
) -> Result<(), String> {
    let rows = stored.map_runs.iter().map(|row| row.as_ref().map_err(ToString::to_string));
    let known = |row: &MapRunRow| MapRunRow { wound_up: None, ..row.clone() };
    let rows = rows.map(|row| row.map(known)).collect::<Result<Vec<_>, _>>()?;
    let expected = derived(stored, state);
    if let Some(row) = rows.iter().find(|row| !expected.contains(row)) {
        return Err(format!("the row of {} is not what the journal says", row.record.arn));
    }
    match expected.iter().find(|row| !rows.contains(row)) {
        Some(row) => Err(format!("{} has no row", row.record.arn)),
        None => Ok(()),
    }
}
