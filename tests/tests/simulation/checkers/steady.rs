//! What must hold whenever nothing is under way and nothing has gone wrong lately.

use std::sync::Arc;

use stepyard_machine::{Command, Execution};

use crate::witness::Checker;
use crate::world::World;

/// A timer that is due for longer than this has been forgotten, in milliseconds.
const LATE_MILLIS: i64 = 61_000;

/// What is stored says what must be outstanding: just those tasks are out, and no timer is overdue.
pub(crate) async fn check(world: &World) {
    if world.database.is_busy() {
        return;
    }
    let mut expected = Vec::new();
    for row in world.database.executions().await {
        if row.stopped_at.is_some() {
            continue;
        }
        let execution = Execution::replay(world.journal(&row).await);
        for command in execution.pending() {
            match command {
                // Those wait for a worker, whom they may be on their way to.
                Command::InvokeTask(invoke) if world.is_of_activity(&row, invoke.state) => {}
                Command::InvokeTask(invoke) => {
                    expected.push(Arc::from(format!("{}:{}", row.id.0, invoke.task.0.0)));
                }
                Command::StartTimer { due, timer } => {
                    let late = world.now().millis_since(due);
                    world.witness.must(Checker::Liveness, late < LATE_MILLIS, || {
                        format!("{timer:?} was due {late} ms ago: {row:?}")
                    });
                }
                Command::CancelTask { .. }
                | Command::Continue
                | Command::AwaitExecution { .. }
                | Command::RunChildren { .. }
                | Command::LimitChildren { .. }
                | Command::ExportResults { .. }
                | Command::CancelMapRun { .. } => {}
            }
        }
    }
    expected.sort();
    let out = world.works.keys();
    world.witness.must(Checker::Fold, expected == out, || {
        format!("these tasks are pending: {expected:?}; these are out: {out:?}")
    });
}

/// When all executions have ended, nothing is left of them in memory.
pub(crate) async fn check_end(world: &World) {
    let out = world.works.keys();
    world.witness.must(Checker::Fold, out.is_empty(), || format!("tasks are still out: {out:?}"));
    for running in world.hosts.iter().filter_map(|host| host.running()) {
        let metrics = running.runtime.metrics();
        let number = running.process.number;
        world.witness.must(Checker::Fold, metrics.in_memory == 0, || {
            format!("process {number} says that {} are in memory", metrics.in_memory)
        });
        world.witness.must(Checker::Fold, metrics.mailbox == 0, || {
            format!("process {number} has {} messages that nobody takes", metrics.mailbox)
        });
        world.witness.must(Checker::History, metrics.quarantined == 0, || {
            format!("process {number} has set {} executions aside", metrics.quarantined)
        });
    }
}
