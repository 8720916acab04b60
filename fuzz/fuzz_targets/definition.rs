//! Any text as a definition: it is compiled without a panic, and what compiles also runs.

#![no_main]

#[path = "../../engine/machine/tests/support/mod.rs"]
#[allow(dead_code, reason = "shared with the tests of the machine")]
mod support;

use libfuzzer_sys::fuzz_target;
use stepyard_asl::{Severity, compile};
use stepyard_json::Payload;
use stepyard_machine::{Stimulus, audit};

use support::World;

/// Tasks that are answered and timers that ring before a run is left alone.
const STIMULI_MAX: usize = 50;

fuzz_target!(|text: &str| {
    let compilation = compile(text);
    let mut severities = compilation.diagnostics.iter().map(|fault| fault.severity);
    assert_eq!(compilation.program.is_none(), severities.any(|found| found == Severity::Error));
    let Some(program) = compilation.program else { return };
    let mut world = World::start(program, Payload::empty_object());
    for _ in 0..STIMULI_MAX {
        let Some(stimulus) = next(&mut world) else { break };
        world.deliver(stimulus);
    }
    assert_eq!(audit(&world.program, &world.journal), Ok(()));
});

/// The first thing that the execution waits for happens.
fn next(world: &mut World) -> Option<Stimulus> {
    if world.must_continue {
        return Some(Stimulus::Continue);
    }
    if let Some(task) = world.tasks.first() {
        return Some(Stimulus::TaskSucceeded { task: task.task, output: task.parameters.clone() });
    }
    let (due, timer) = world.timers.iter().min().copied()?;
    world.now = world.now.max(due);
    Some(Stimulus::TimerDue { timer })
}
