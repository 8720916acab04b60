//! Data-driven cases: a definition, its input, what its tasks answer, and the history to expect.
//!
//! A line of `history` is `id<-previousEventId Type`, optionally followed by the details as the API
//! writes them. `tasks` gives per state the answers to its attempts in order: `{"output": ..}`,
//! `{"error": .., "cause": ..}` or `{"timeout": true}` for none at all. One with `"submitted": ..`, too, says first
//! that the call was answered so. A task begins as soon as it is handed out (that of an activity, when the worker
//! `worker` takes it) and answers after everything else that can happen has happened. `redrives` says how often the
//! execution is redriven after it has ended badly, each time a minute later.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use stepyard_asl::{Resource, StateKind};
use stepyard_json::{Json, Payload};
use stepyard_machine::{InvokeTask, Stimulus, Timer, history};
use support::World;

#[test]
fn histories_are_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut failures: Vec<String> = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let case = Json::parse(&fs::read_to_string(&path).unwrap()).unwrap();
        count += 1;
        if let Err(failure) = run(&case) {
            failures.push(format!("{}:\n{failure}", path.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(count >= 15);
}

fn run(case: &Json) -> Result<(), String> {
    let definition = case.get("definition").unwrap().to_string();
    let input = Payload::from(case.get("input").cloned().unwrap_or_else(Json::empty_object));
    let mut answers = answers(case);
    let mut world = World::start(support::program(&definition), input);
    let mut begun: VecDeque<InvokeTask> = VecDeque::new();
    if case.get("stop").is_some() {
        world.deliver(Stimulus::Stop { error: Some("Why".into()), cause: None });
    }
    let mut redrives = case.get("redrives").and_then(Json::as_i64).unwrap_or(0);
    loop {
        if world.execution.is_closed() {
            if redrives == 0 {
                return compare(case, &world);
            }
            redrives -= 1;
            world.now = world.now.plus_seconds(60);
            if world.deliver(Stimulus::Redrive { client_token: None }) == 0 {
                return Err(format!("it cannot be redriven:\n{}", history_of(&world).join("\n")));
            }
            continue;
        }
        let fresh = world.tasks.iter().find(|task| !begun.iter().any(|b| b.task == task.task));
        if world.must_continue {
            world.deliver(Stimulus::Continue);
        } else if let Some(task) = fresh.cloned() {
            world.deliver(begin(&world, &task));
            begun.push_back(task);
        } else if let Some(task) = next_answer(&world, &mut begun, &mut answers) {
            world.deliver(task);
        } else if let Some(timer) = next_timer(&mut world) {
            world.deliver(Stimulus::TimerDue { timer });
        } else {
            return Err(format!("it hangs:\n{}", history_of(&world).join("\n")));
        }
    }
}

fn begin(world: &World, task: &InvokeTask) -> Stimulus {
    let StateKind::Task(kind) = &world.program.state(task.state).kind else { panic!("a Task") };
    match kind.resource {
        Resource::Activity { .. } => {
            Stimulus::ActivityStarted { task: task.task, worker: Some("worker".into()) }
        }
        _ => Stimulus::TaskStarted { task: task.task },
    }
}

type Answers = BTreeMap<String, VecDeque<Json>>;

fn answers(case: &Json) -> Answers {
    let mut answers = Answers::new();
    if let Some(tasks) = case.get("tasks") {
        for (name, list) in tasks.as_object().unwrap().iter() {
            answers.insert(name.to_string(), list.as_array().unwrap().iter().cloned().collect());
        }
    }
    answers
}

fn next_answer(
    world: &World,
    begun: &mut VecDeque<InvokeTask>,
    answers: &mut Answers,
) -> Option<Stimulus> {
    while let Some(task) = begun.pop_front() {
        if !world.execution.waits_for(task.task) {
            continue;
        }
        let all = answers.get_mut(state_name(world, &task)).expect("answers for every state");
        let submitted = all.front().and_then(|answer| answer.get("submitted"));
        if let Some(submitted) = submitted.filter(|_| world.tasks.contains(&task)) {
            let output = Payload::from(submitted.clone());
            let stimulus = Stimulus::TaskSubmitted { task: task.task, output };
            begun.push_back(task);
            return Some(stimulus);
        }
        let answer = all.pop_front().expect("an answer for every attempt");
        let text = |name| answer.get(name).and_then(Json::as_str).map(Arc::from);
        if let Some(output) = answer.get("output") {
            let output = Payload::from(output.clone());
            return Some(Stimulus::TaskSucceeded { task: task.task, output });
        }
        if answer.get("timeout").is_none() {
            let (error, cause) = (text("error"), text("cause"));
            return Some(Stimulus::TaskFailed { task: task.task, error, cause });
        }
    }
    None
}

/// The earliest timer, and the time goes on to it.
fn next_timer(world: &mut World) -> Option<Timer> {
    let (due, timer) = world.timers.iter().min().copied()?;
    world.now = world.now.max(due);
    Some(timer)
}

/// The history as AWS shows it, a line per event; without the members that say that data is whole.
fn history_of(world: &World) -> Vec<String> {
    let project = |event| history::project(&world.program, "us-east-1", event);
    let shown = world.journal.iter().filter_map(project);
    shown
        .map(|event| {
            let details = event.details.map(|details| details.to_json(true).to_string());
            let details = details.unwrap_or_default();
            let (id, previous) = (event.id.0, event.previous_event_id.0);
            format!("{id}<-{previous} {} {details}", event.event_type.as_str())
                .replace(r#","inputDetails":{"truncated":false}"#, "")
                .replace(r#","outputDetails":{"truncated":false}"#, "")
        })
        .collect()
}

fn compare(case: &Json, world: &World) -> Result<(), String> {
    let expected = case.get("history").unwrap().as_array().unwrap();
    let actual = history_of(world);
    let same = expected.len() == actual.len()
        && expected.iter().zip(&actual).all(|(expected, actual)| {
            let expected = expected.as_str().unwrap();
            let bare = actual.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" ");
            expected == actual.trim_end() || expected == bare
        });
    let status = case.get("status").and_then(Json::as_str);
    let right = status.is_none_or(|status| world.execution.status().unwrap().as_str() == status);
    if same && right { Ok(()) } else { Err(actual.join("\n")) }
}

fn state_name<'a>(world: &'a World, task: &InvokeTask) -> &'a str {
    &world.program.state(task.state).name
}
