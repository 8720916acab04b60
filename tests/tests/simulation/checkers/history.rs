//! What must hold of all that is stored, when everything has ended.

use std::collections::BTreeSet;

use stepyard_machine::{EventKind, Execution, ExecutionStatus, audit};
use stepyard_store::ExecutionRow;

use super::oracle;
use crate::client::shows;
use crate::scenario::arn_of;
use crate::witness::Checker;
use crate::world::World;

/// Checks every execution, and that each one a client knows of is there.
pub(crate) async fn check_all(world: &World) {
    let rows = world.database.executions().await;
    let names: BTreeSet<_> = rows.iter().map(|row| (&row.state_machine_arn, &row.name)).collect();
    world.witness.must(Checker::History, names.len() == rows.len(), || "a name twice".to_owned());
    for row in &rows {
        check(world, row).await;
    }
    for (arn, (id, _)) in world.book.started() {
        let is_there = rows.iter().any(|row| row.id == id);
        world.witness.must(Checker::Replies, is_there, || {
            format!("{arn} was acknowledged, and is not there")
        });
    }
}

async fn check(world: &World, row: &ExecutionRow) {
    let machine = world.machine(&row.state_machine_arn);
    let journal = world.journal(row).await;
    let execution = Execution::replay(&journal);
    let (witness, name) = (&world.witness, &row.name);
    if let Err(fault) = audit(&machine.program, &journal) {
        witness.violation(Checker::History, format!("journal of {name}, {fault}"));
    }
    let is_index = execution.status() == Some(row.status)
        && execution.stopped_at() == row.stopped_at
        && execution.redriven() == row.redriven
        && execution.started_at() == Some(row.started_at)
        && execution.is_closed()
        && row.resume_at.is_none();
    witness.must(Checker::History, is_index, || format!("{row:?} is not what its journal tells"));
    let status = execution.status();
    let was_stopped = journal.last().is_some_and(|last| {
        matches!(&last.kind, EventKind::ExecutionAborted { error, .. }
            if error.as_deref() == Some("Stopped"))
    });
    let is_aborted = status == Some(ExecutionStatus::Aborted);
    let holds = was_stopped == is_aborted || world.is_started_by_others(row);
    witness.must(Checker::History, holds, || format!("{name} was aborted, and nobody stopped it"));
    oracle::check(world, machine, name, &execution);
    check_shown(world, row, &execution).await;
}

/// Every node shows what is stored.
async fn check_shown(world: &World, row: &ExecutionRow, execution: &Execution) {
    let arn = arn_of(row);
    for running in world.hosts.iter().filter_map(|host| host.running()) {
        let view =
            running.runtime.describe_execution(&row.state_machine_arn, &row.name, &arn).await;
        let holds = matches!(&view, Ok(Some(view)) if shows(view, execution));
        world.witness.must(Checker::Fold, holds, || {
            let number = running.process.number;
            format!("process {number} does not show {} as it is stored: {view:?}", row.name)
        });
    }
}
