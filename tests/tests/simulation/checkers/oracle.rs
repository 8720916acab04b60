//! The end of an execution, as a naive interpreter computes it that knows no events, no time and no faults.

use stepyard_machine::{Execution, ExecutionStatus};

use crate::scenario::Machine;
use crate::sketch::reference;
use crate::witness::Checker;
use crate::world::World;

/// Compares the end of an execution with that of the naive interpreter, unless it was cut short or redriven: then it
/// depends on how far it had come.
pub(crate) fn check(world: &World, machine: &Machine, name: &str, execution: &Execution) {
    let Some(input) = execution.input().filter(|_| execution.redriven().is_none()) else { return };
    let ended = match execution.status() {
        Some(ExecutionStatus::Succeeded) => Ok(execution.output()),
        Some(ExecutionStatus::Failed) => Err(execution.error()),
        Some(ExecutionStatus::TimedOut) => {
            let in_time = execution.times_out_at() <= execution.stopped_at();
            let may = in_time && machine.program.timeout_seconds.is_some();
            return world.witness.must(Checker::Oracle, may, || format!("{name} has timed out"));
        }
        _ => return,
    };
    let shown = ended
        .map(|output| output.map(|output| output.text().to_string()).unwrap_or_default())
        .map_err(|error| error.map(ToString::to_string).unwrap_or_default());
    let body = execution.context().and_then(|context| context.child_of.as_ref()).map(|child_of| {
        let state = machine.program.state(child_of.state);
        machine.sketch.body_of(&state.name).unwrap()
    });
    let expected = reference::run(body.unwrap_or(&machine.sketch), input.tree());
    world.witness.must(Checker::Oracle, shown == expected, || {
        format!("{name} has ended with {shown:?}, but should have with {expected:?}")
    });
}
