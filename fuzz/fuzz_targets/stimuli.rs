//! Random stimuli on random programs: the first bytes draw a program and its input, each further one says what
//! happens next. After each stimulus the state is the fold of the journal, and what is pending is what is
//! outstanding; in the end the journal keeps all rules.

#![no_main]

#[path = "../../engine/machine/tests/sketch/mod.rs"]
#[allow(dead_code, reason = "shared with the tests of the machine")]
mod sketch;
#[path = "../../engine/machine/tests/support/mod.rs"]
#[allow(dead_code, reason = "shared with the tests of the machine")]
mod support;

use libfuzzer_sys::fuzz_target;
use stepyard_asl::Random;
use stepyard_json::{Json, Payload};
use stepyard_machine::{EventId, Stimulus, TaskId, Timer, TimerKind, audit};

use sketch::Sketch;
use support::World;

/// Bytes that draw the program.
const SEED_BYTES: usize = 3;

/// Stimuli in one run.
const STIMULI_MAX: usize = 400;

fuzz_target!(|bytes: &[u8]| {
    let Some((seed, stimuli)) = bytes.split_first_chunk::<SEED_BYTES>() else { return };
    let mut random = Random::from_seed(seed.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)));
    let sketch = Sketch::random(&mut random);
    let input = sketch::input(&mut random);
    let definition = match seed[0] % 2 {
        0 => sketch.definition(),
        _ => sketch::jsonata::definition(&sketch),
    };
    let program = support::program(&definition.to_string());
    let mut world = World::start(program, Payload::from(input));
    for byte in stimuli.iter().take(STIMULI_MAX) {
        let stimulus = stimulus(&mut world, *byte);
        world.deliver(stimulus);
    }
    assert_eq!(audit(&world.program, &world.journal), Ok(()));
});

/// The low bits say what happens, the high ones to which task or timer, known or not.
fn stimulus(world: &mut World, byte: u8) -> Stimulus {
    let which = usize::from(byte >> 3);
    match byte & 7 {
        0 if world.must_continue => Stimulus::Continue,
        0 | 1 => Stimulus::TaskStarted { task: task(world, which) },
        2 | 3 => {
            let output = match which % 4 {
                0 => Json::from("text"),
                1 => Json::from(which),
                2 => Json::Null,
                _ => Json::empty_object(),
            };
            Stimulus::TaskSucceeded { task: task(world, which), output: output.into() }
        }
        4 => {
            let errors = [None, Some("E"), Some("States.Timeout"), Some("States.HeartbeatTimeout")];
            let error = errors[which % errors.len()].map(Into::into);
            Stimulus::TaskFailed { task: task(world, which), error, cause: None }
        }
        7 if which == 31 => Stimulus::Stop { error: None, cause: None },
        7 if which == 30 => Stimulus::Redrive { client_token: None },
        _ => ring(world, which),
    }
}

fn task(world: &World, which: usize) -> TaskId {
    let outstanding = world.tasks.get(which % (world.tasks.len() + 1)).map(|task| task.task);
    let ever = world.tasks_ever.get(which % (world.tasks_ever.len() + 1)).copied();
    outstanding.or(ever).unwrap_or(TaskId(EventId(which as u64)))
}

fn ring(world: &mut World, which: usize) -> Stimulus {
    let outstanding = world.timers.get(which % (world.timers.len() + 1)).copied();
    if let Some((due, timer)) = outstanding {
        world.now = world.now.max(due);
        return Stimulus::TimerDue { timer };
    }
    let ever = world.timers_ever.get(which % (world.timers_ever.len() + 1)).copied();
    let unknown = Timer {
        frame: stepyard_machine::FrameId(which as u32),
        kind: TimerKind::Wait,
        armed_by: which as u64,
    };
    Stimulus::TimerDue { timer: ever.unwrap_or(unknown) }
}
