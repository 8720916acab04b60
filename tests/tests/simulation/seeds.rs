//! Running many seeds, and telling how to repeat one.

use std::ops::Range;
use std::sync::Mutex;
use std::thread;

use crate::world::{Outcome, Plan, run};

/// The seeds to run: one, when it is named, or as many as are wanted.
pub(crate) fn wanted(usual: u64) -> Range<u64> {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    match number("STEPYARD_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("STEPYARD_SEEDS").unwrap_or(usual),
    }
}

/// Runs worlds on all processors. The outcomes in the order of the seeds.
pub(crate) fn run_all(seeds: impl Iterator<Item = u64> + Send, plan: Plan) -> Vec<Outcome> {
    hide_expected_panics();
    let seeds = Mutex::new(seeds);
    let outcomes = Mutex::new(Vec::new());
    let next = || seeds.lock().unwrap().next();
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().unwrap().get() {
            scope.spawn(|| {
                while let Some(seed) = next() {
                    let outcome = pass(Plan { seed, ..plan });
                    outcomes.lock().unwrap().push(outcome);
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap();
    outcomes.sort_by_key(|outcome| outcome.seed);
    outcomes
}

/// Runs a world and ends the test when it has gone wrong.
pub(crate) fn pass(plan: Plan) -> Outcome {
    let outcome = run(plan);
    let Some(violation) = &outcome.violation else { return outcome };
    let seed = outcome.seed;
    let trace = run(Plan { keeps_trace: true, ..plan }).trace;
    let test = match plan {
        Plan { redrives: true, families: true, .. } => "in_which_all_of_that_happens",
        Plan { redrives: true, .. } => "what_is_redriven",
        Plan { outside: true, .. } => "in_which_others_end_tasks",
        Plan { families: true, .. } => "in_which_executions_start_others",
        _ => "every_world_comes",
    };
    let path = std::env::temp_dir().join(format!("stepyard-simulation-{seed}.txt"));
    let kept = std::fs::write(&path, trace).is_ok();
    panic!(
        "seed {seed}, {:?}: {}\nto repeat it: STEPYARD_SEED={seed} cargo nextest run -p stepyard-tests --test simulation {test}{}",
        violation.checker,
        violation.text,
        if kept { format!("\nits trace: {}", path.display()) } else { String::new() }
    );
}

/// Workers panic on purpose, and nobody wants to read that.
pub(crate) fn hide_expected_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if panic.payload().downcast_ref::<&str>() != Some(&"on purpose") {
                usual(panic);
            }
        }));
    });
}
