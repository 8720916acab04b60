//! What every history obeys.

use std::collections::BTreeMap;

use stepyard_asl::{MaxConcurrency, StateId, StateKind};
use stepyard_machine::{EventKind, FrameId};

use crate::support::World;

pub(crate) fn check(world: &World) {
    check_numbers(world);
    check_states(world);
    check_concurrency(world);
}

fn check_numbers(world: &World) {
    let mut last = 0;
    let mut clock = world.journal[0].at;
    for (at, event) in world.journal.iter().enumerate() {
        assert!(event.at >= clock, "time goes back");
        clock = event.at;
        if event.kind.is_visible() {
            last += 1;
            assert_eq!(event.id.0, last, "ids are dense");
            assert!(event.previous < event.id);
        } else {
            assert_eq!(event.id.0, 0);
        }
        let is_last = at + 1 == world.journal.len();
        assert_eq!(event.kind.is_terminal(), is_last, "exactly one end");
    }
}

fn check_states(world: &World) {
    let mut current: BTreeMap<FrameId, StateId> = BTreeMap::new();
    for event in &world.journal {
        match &event.kind {
            EventKind::StateEntered { state, .. } => {
                assert_eq!(current.insert(event.frame, *state), None, "entered before it left");
            }
            EventKind::StateExited { state, .. } => {
                assert_eq!(current.remove(&event.frame), Some(*state), "left without entering");
            }
            EventKind::TaskScheduled { state, .. } | EventKind::TaskStarted { state } => {
                assert_eq!(current.get(&event.frame), Some(state));
            }
            _ => {}
        }
    }
}

/// Which iterations run is told by the numbers that frames get: one for each branch and iteration.
fn check_concurrency(world: &World) {
    let mut frames = 1;
    let mut open: BTreeMap<FrameId, u64> = BTreeMap::new();
    let mut parents: BTreeMap<FrameId, FrameId> = BTreeMap::new();
    for event in &world.journal {
        match &event.kind {
            EventKind::ParallelStateStarted { branches, .. } => frames += branches,
            EventKind::MapStateStarted { .. } => {
                open.insert(event.frame, 0);
            }
            EventKind::MapIterationStarted { state, .. } => {
                parents.insert(FrameId(frames), event.frame);
                frames += 1;
                let running = open.get_mut(&event.frame).unwrap();
                *running += 1;
                assert!(*running <= limit(world, *state), "too many iterations at once");
            }
            EventKind::MapIterationSucceeded { .. } => {
                *open.get_mut(&parents[&event.frame]).unwrap() -= 1;
            }
            _ => {}
        }
    }
}

fn limit(world: &World, state: StateId) -> u64 {
    match &world.program.state(state).kind {
        StateKind::Map(map) => match map.max_concurrency {
            MaxConcurrency::Literal(0) | MaxConcurrency::Path(_) => 40,
            MaxConcurrency::Literal(limit) => u64::from(limit),
        },
        _ => unreachable!("only Map states have iterations"),
    }
}
