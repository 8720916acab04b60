//! Simulations of the whole runtime: nodes, database, workers and clients, with faults, in simulated time.
//!
//! A seed decides everything: programs, clients, faults, the order of what happens at the same time. See
//! `docs/simulation.md`.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod bugs;
mod canceller;
mod checkers;
mod client;
mod database;
mod director;
mod faults;
mod host;
mod nesting;
mod network;
mod node;
mod outside;
mod redriver;
mod scenario;
mod seeds;
mod time;
mod witness;
mod worker;
mod world;

#[path = "../../../engine/machine/tests/sketch/mod.rs"]
mod sketch;

use bugs::Bug;
use faults::Fault;
use world::{Outcome, Plan, run};

/// Worlds that a change must pass; `STEPYARD_SEEDS` asks for more.
const SEEDS: u64 = 2_000;

/// Worlds in which executions are redriven.
const SEEDS_WITH_REDRIVES: u64 = 300;

/// How often each fault has struck in all of them, at least.
const STRIKES_MIN: u64 = 100;

/// Worlds in which somebody outside ends tasks.
const OUTSIDE: u64 = 600;

/// Worlds in which executions start others.
const FAMILIES: u64 = 300;

/// Worlds in which all of that happens: tasks are ended from outside, executions start others and are redriven.
const ALL_TOGETHER: u64 = 100;

/// Worlds of which each is run twice.
const TWICE: u64 = 100;

/// Worlds in which a planted mistake must be found.
const SEEDS_TO_FIND: u64 = 300;

/// Worlds that are crashed at each of their commits.
const CRASHED: u64 = 3;

#[test]
fn every_world_comes_to_its_end_as_it_should() {
    let wanted = seeds::wanted(SEEDS);
    let all = wanted.clone().count() as u64;
    let outcomes = seeds::run_all(wanted, Plan::default());
    let mut strikes = [0; Fault::ALL.len()];
    for outcome in &outcomes {
        strikes.iter_mut().zip(outcome.faults).for_each(|(all, these)| *all += these);
    }
    let executions: usize = outcomes.iter().map(|outcome| outcome.executions).sum();
    let commits: u64 = outcomes.iter().map(|outcome| outcome.commits).sum();
    let hours = outcomes.iter().map(|outcome| outcome.millis).sum::<i64>() / 3_600_000;
    println!("{all} worlds, {executions} executions, {commits} commits, {hours} hours");
    for (fault, count) in Fault::ALL.into_iter().zip(strikes) {
        println!("{count:>7} {fault:?}");
        assert!(all < SEEDS || count >= STRIKES_MIN, "{fault:?} has struck {count} times only");
    }
}

#[test]
fn what_is_redriven_comes_to_its_end_as_well() {
    let outcomes = seeds::run_all(
        seeds::wanted(SEEDS_WITH_REDRIVES),
        Plan { redrives: true, ..Plan::default() },
    );
    let redrives: u64 = outcomes.iter().map(|outcome| outcome.redrives).sum();
    println!("{redrives} redrives");
    assert!(redrives > outcomes.len() as u64, "{redrives} only");
}

#[test]
fn every_world_ends_in_which_others_end_tasks() {
    let plan = Plan { outside: true, ..Plan::default() };
    let outcomes = seeds::run_all(seeds::wanted(OUTSIDE), plan);
    let executions: usize = outcomes.iter().map(|outcome| outcome.executions).sum();
    println!("{} worlds, {executions} executions", outcomes.len());
}

#[test]
fn every_world_ends_in_which_executions_start_others() {
    let plan = Plan { families: true, ..Plan::default() };
    let outcomes = seeds::run_all(seeds::wanted(FAMILIES), plan);
    let executions: usize = outcomes.iter().map(|outcome| outcome.executions).sum();
    let started: usize = outcomes.iter().map(|outcome| outcome.started_by_others).sum();
    println!("{} worlds, {executions} executions, {started} started by others", outcomes.len());
    assert!(started > outcomes.len(), "{started} only");
}

#[test]
fn every_world_ends_in_which_all_of_that_happens() {
    let plan = Plan { families: true, outside: true, redrives: true, ..Plan::default() };
    let outcomes = seeds::run_all(seeds::wanted(ALL_TOGETHER), plan);
    let started: usize = outcomes.iter().map(|outcome| outcome.started_by_others).sum();
    let redrives: u64 = outcomes.iter().map(|outcome| outcome.redrives).sum();
    println!("{} worlds, {started} started by others, {redrives} redrives", outcomes.len());
    assert!(started > outcomes.len() && redrives > outcomes.len() as u64, "too few");
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let plan = Plan { keeps_trace: true, ..Plan::default() };
    compare_traces(plan);
    compare_traces(Plan { outside: true, ..plan });
    compare_traces(Plan { redrives: true, ..plan });
    compare_traces(Plan { families: true, ..plan });
}

fn compare_traces(plan: Plan) {
    let traces = || seeds::run_all(0..TWICE, plan);
    for (first, second) in traces().into_iter().zip(traces()) {
        let mut lines = first.trace.lines().zip(second.trace.lines());
        let differs = lines.find(|(first, second)| first != second);
        assert_eq!(differs, None, "seed {}", first.seed);
        assert_eq!(first.hash, second.hash, "seed {}", first.seed);
    }
}

#[test]
fn a_crash_at_any_commit_loses_and_repeats_nothing() {
    for seed in 0..CRASHED {
        let calm = |commit, when| {
            let plan = Plan { seed, only_crash: Some((commit, when)), ..Plan::default() };
            seeds::pass(plan)
        };
        let commits = calm(u64::MAX, Fault::Crash).commits;
        assert!(commits > 3, "seed {seed} has {commits} commits only");
        for commit in 1..=commits {
            calm(commit, Fault::CrashBeforeCommit);
            calm(commit, Fault::CrashAfterCommit);
        }
    }
}

#[test]
fn every_planted_mistake_is_found() {
    seeds::hide_expected_panics();
    let mut missed = Vec::new();
    for bug in Bug::all() {
        let found = |seed| run(Plan { seed, bug: Some(bug), ..bug.plan() });
        let found = (0..SEEDS_TO_FIND).map(found).find(|outcome| outcome.violation.is_some());
        match found {
            Some(Outcome { seed, violation: Some(violation), .. }) => {
                println!(
                    "{bug:?} is found by {:?} in seed {seed}: {}",
                    violation.checker, violation.text
                );
            }
            _ => missed.push(bug),
        }
    }
    assert!(missed.is_empty(), "not found: {missed:?}");
}
