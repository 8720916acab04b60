//! The row against the journal.

use std::fmt::Display;

use stepyard_machine::{Execution, Qualifier, Redriven};

use crate::{ChildRow, ExecutionRow, ShardId};

pub(super) fn says_what_the_journal_says(
    row: &ExecutionRow,
    state: &Execution,
) -> Result<(), String> {
    let Some(context) = state.context() else { return Ok(()) };
    let time = |time: Option<stepyard_asl::Timestamp>| {
        time.map_or("none".to_owned(), |time| time.to_string())
    };
    let version = |qualifier: &Option<Qualifier>| {
        qualifier.as_ref().map_or("none".to_owned(), |qualifier| qualifier.version.to_string())
    };
    let alias = |qualifier: &Option<Qualifier>| {
        let name = qualifier.as_ref().and_then(|qualifier| qualifier.alias.as_deref());
        name.unwrap_or("none").to_owned()
    };
    let count =
        |redriven: Option<Redriven>| redriven.map_or(0, |redriven| redriven.count).to_string();
    let map_run = |child: Option<ChildRow>| {
        child
            .map_or("none".to_owned(), |child| format!("{} ({} items)", child.map_run, child.items))
    };
    let child = context.child_of.as_ref().and_then(ChildRow::of);
    let redrive = |redriven: Option<Redriven>| time(redriven.map(|redriven| redriven.at));
    let status = state.status().map_or("none", |status| status.as_str());
    let pairs = [
        ("state machine", row.state_machine_arn.to_string(), context.state_machine_arn.to_string()),
        ("name", row.name.to_string(), context.execution_name.to_string()),
        ("version", version(&row.qualifier), version(&context.qualifier)),
        ("alias", alias(&row.qualifier), alias(&context.qualifier)),
        ("Map Run", map_run(row.child), map_run(child)),
        ("status", row.status.as_str().to_owned(), status.to_owned()),
        ("start", row.started_at.to_string(), time(state.started_at())),
        ("end", time(row.stopped_at), time(state.stopped_at())),
        ("number of redrives", count(row.redriven), count(state.redriven())),
        ("last redrive", redrive(row.redriven), redrive(state.redriven())),
    ];
    pairs.iter().try_for_each(|(what, row, journal)| same(what, row, journal))
}

fn same(what: &str, row: &str, journal: &str) -> Result<(), String> {
    match row == journal {
        true => Ok(()),
        false => Err(format!(
            "the {what} is {} in the row, {} in the journal",
            shown(row),
            shown(journal)
        )),
    }
}

fn shown(text: &str) -> impl Display {
    if text.is_empty() { "unknown" } else { text }
}

pub(super) fn lies_in_its_shard(row: &ExecutionRow) -> Result<(), String> {
    let due = ShardId::of(&row.state_machine_arn, &row.name);
    match row.shard == due {
        true => Ok(()),
        false => Err(format!("it lies in shard {}, its name belongs to {}", row.shard.0, due.0)),
    }
}

/// A row without a time is loaded at every start; one with another time than that of the state would
/// wake too late, or for nothing.
pub(super) fn sleeps_until_its_deadline(
    row: &ExecutionRow,
    state: &Execution,
) -> Result<(), String> {
    let Some(resume_at) = row.resume_at else { return Ok(()) };
    match state.sleeps_until() {
        Some(due) if due == resume_at => Ok(()),
        Some(due) => Err(format!("its row sleeps until {resume_at}, its state until {due}")),
        None => Err(format!("its row sleeps until {resume_at}, but it does not sleep")),
    }
}
