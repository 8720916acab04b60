//! The program that a journal runs.

use std::sync::Arc;

use stepyard_asl::Program;
use stepyard_machine::{Event, EventKind};

/// The program, if it is there and has the states of the journal: one that lacks a state is another one
/// than the execution was started with.
pub(super) fn program_of<'a>(
    events: &[Event],
    program: &'a Result<Arc<Program>, String>,
) -> Result<&'a Program, String> {
    let program = program.as_ref().map_err(Clone::clone)?;
    for (at, event) in events.iter().enumerate() {
        if let EventKind::StateEntered { state, .. } = &event.kind
            && state.0 as usize >= program.states.len()
        {
            return Err(format!("event {at} enters state {}, which its revision lacks", state.0));
        }
    }
    Ok(program)
}
