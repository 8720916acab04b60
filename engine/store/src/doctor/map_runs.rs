//! The rows of Map Runs against the journal.

use stepyard_machine::{Execution, MapRunRecord};

use super::StoredExecution;
use crate::{MapRunRow, WoundUp};

/// The rows that a journal leads to, in the order of their starts.
pub(super) fn derived(stored: &StoredExecution, state: &Execution) -> Vec<MapRunRow> {
    let (shard, execution) = (stored.shard, stored.id);
    let mut records: Vec<_> = state.map_run_records().collect();
    records.sort_by_key(|record| record.id);
    let row = |record| MapRunRow { shard, execution, wound_up: wound_up(stored, &record), record };
    records.into_iter().map(row).collect()
}

/// Whether one is wound up since its end, no journal says: that stays as it is.
fn wound_up(stored: &StoredExecution, record: &MapRunRecord) -> Option<WoundUp> {
    let mut present = stored.map_runs.iter().flatten().map(|row| (&row.record, row.wound_up));
    let key = |record: &MapRunRecord| (record.id, record.stopped_at);
    present.find(|(present, _)| key(present) == key(record))?.1
}

/// A row that cannot be read says nothing.
pub(super) fn say_what_the_journal_says(
    stored: &StoredExecution,
    state: &Execution,
) -> Result<(), String> {
    let rows = stored.map_runs.iter().map(|row| row.as_ref().map_err(ToString::to_string));
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    let expected = derived(stored, state);
    if let Some(row) = rows.iter().find(|row| !expected.contains(row)) {
        return Err(format!("the row of {} is not what the journal says", row.record.arn));
    }
    match expected.iter().find(|row| !rows.contains(row)) {
        Some(row) => Err(format!("{} has no row", row.record.arn)),
        None => Ok(()),
    }
}
