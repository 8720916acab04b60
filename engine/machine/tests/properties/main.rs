//! Random programs under random orders of events.
//!
//! `World` checks after each stimulus that the state is the fold of the journal and that what is
//! pending is what is outstanding. Here a program of a seed is run in both query languages, in the orders of
//! two other seeds, with hostile deliveries in between, and its end is compared with a naive evaluator.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../sketch/mod.rs"]
mod sketch;
#[path = "../support/mod.rs"]
mod support;

use proptest::prelude::*;
use stepyard_asl::{Random, Resource, StateKind};
use stepyard_json::{Json, Payload};
use stepyard_machine::{EventKind, ExecutionStatus, InvokeTask, Stimulus, TaskId, audit};

use sketch::{Answer, Sketch, reference};
use support::World;

/// More stimuli than any of the programs needs.
const STIMULI_MAX: usize = 20_000;

/// How often an execution that ends badly is redriven.
const REDRIVES_MAX: u32 = 6;

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn executions_end_as_the_reference_says(program: u64, first: u64, second: u64) {
        let sketch = Sketch::random(&mut Random::from_seed(program));
        let input = sketch::input(&mut Random::from_seed(program ^ 1));
        let expected = reference::run(&sketch, &input);
        let runs = [(sketch.definition(), first), (sketch::jsonata::definition(&sketch), second)];
        for (definition, order) in runs {
            let world = run(&definition, &input, &mut Random::from_seed(order));
            prop_assert_eq!(audit(&world.program, &world.journal), Ok(()));
            prop_assert_eq!(outcome(&world), expected.clone(), "{}", definition);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn executions_whose_tasks_others_end_do_so_too(program: u64, first: u64, second: u64) {
        let sketch = Sketch::random(&mut Random::from_seed(program));
        let sketch = sketch.with_outside(&mut Random::from_seed(program ^ 2));
        let input = sketch::input(&mut Random::from_seed(program ^ 1));
        let expected = reference::run(&sketch, &input);
        let runs = [(sketch.definition(), first), (sketch::jsonata::definition(&sketch), second)];
        for (definition, order) in runs {
            let world = run(&definition, &input, &mut Random::from_seed(order));
            prop_assert_eq!(audit(&world.program, &world.journal), Ok(()));
            prop_assert_eq!(outcome(&world), expected.clone(), "{}", definition);
        }
    }

    #[test]
    fn programs_that_start_executions_have_child_executions_where_they_should(program: u64) {
        let sketch = Sketch::random(&mut Random::from_seed(program));
        let mut random = Random::from_seed(program ^ 2);
        for sketch in [sketch.with_families(&mut random), Sketch::inner(&mut random)] {
            for definition in [sketch.definition(), sketch::jsonata::definition(&sketch)] {
                let compiled = support::program(&definition.to_string());
                for state in &compiled.states {
                    let is_distributed =
                        matches!(&state.kind, StateKind::Map(map) if map.distributed.is_some());
                    prop_assert_eq!(is_distributed, sketch.body_of(&state.name).is_some());
                }
            }
        }
    }

    /// What they end with depends on what was under way at the end before, which the reference does not know.
    #[test]
    fn executions_that_are_redriven_keep_the_rules(program: u64, order: u64) {
        let sketch = Sketch::random(&mut Random::from_seed(program));
        let input = sketch::input(&mut Random::from_seed(program ^ 1));
        for definition in [sketch.definition(), sketch::jsonata::definition(&sketch)] {
            let mut order = Random::from_seed(order);
            let mut runner = Runner::start(&definition, &input);
            runner.run_or_stop(&mut order);
            while runner.redrive() {
                runner.run_or_stop(&mut order);
            }
            let World { program, journal, execution, .. } = &runner.world;
            prop_assert_eq!(audit(program, journal), Ok(()), "{}", definition);
            prop_assert!(execution.is_closed());
        }
    }
}

fn outcome(world: &World) -> Result<String, String> {
    match world.execution.status() {
        Some(ExecutionStatus::Succeeded) => {
            Ok(world.execution.output().unwrap().text().to_string())
        }
        _ => Err(world.execution.error().map(ToString::to_string).unwrap_or_default()),
    }
}

fn run(definition: &Json, input: &Json, order: &mut Random) -> World {
    let mut runner = Runner::start(definition, input);
    for _ in 0..STIMULI_MAX {
        if !runner.go_on(order) {
            return runner.world;
        }
    }
    panic!("it does not end: {definition}");
}

/// An execution, and what happens to it next.
struct Runner {
    world: World,
    /// Tasks that have begun.
    begun: Vec<TaskId>,
}

impl Runner {
    fn start(definition: &Json, input: &Json) -> Runner {
        let program = support::program(&definition.to_string());
        let world = World::start(program, Payload::from(input.clone()));
        Runner { world, begun: Vec::new() }
    }

    /// False when it has ended.
    fn go_on(&mut self, order: &mut Random) -> bool {
        let Runner { world, begun } = self;
        if world.execution.is_closed() {
            be_hostile(world, order);
            return false;
        }
        if order.below(4) == 0 {
            be_hostile(world, order);
        }
        let stimulus = pick(world, begun, order);
        let made = world.deliver(stimulus);
        assert!(made > 0, "what is outstanding has an effect");
        true
    }

    /// To its end, or until somebody stops it.
    fn run_or_stop(&mut self, order: &mut Random) {
        for _ in 0..STIMULI_MAX {
            if !self.go_on(order) {
                return;
            }
            if order.below(40) == 0 {
                self.world.deliver(Stimulus::Stop { error: None, cause: None });
            }
        }
        panic!("it does not end");
    }

    /// False when it cannot be redriven, because it has succeeded or took more than a year, or has been often enough.
    fn redrive(&mut self) -> bool {
        let redrives = self.world.execution.redriven().map_or(0, |redriven| redriven.count);
        let may = self.world.execution.check_redrive(self.world.now).is_ok();
        let redrive = Stimulus::Redrive { client_token: None };
        if !may {
            self.world.expect_silence(redrive);
            return false;
        }
        redrives < REDRIVES_MAX && self.world.deliver(redrive) > 0
    }
}

/// One of the things that can happen next.
fn pick(world: &mut World, begun: &mut Vec<TaskId>, order: &mut Random) -> Stimulus {
    let timers = world.execution.pending().into_iter().filter_map(|command| match command {
        stepyard_machine::Command::StartTimer { timer, due } => Some((due, timer)),
        _ => None,
    });
    let timers: Vec<_> = timers.collect();
    let in_hand = world.tasks.iter().filter(|task| {
        !begun.contains(&task.task) || !hangs(world, task) || resource(world, task).gives_token()
    });
    let awaited = world.awaited.iter().filter(|task| !hangs(world, task));
    let answerable: Vec<InvokeTask> = in_hand.chain(awaited).cloned().collect();
    let count = timers.len() + answerable.len() + usize::from(world.must_continue);
    assert!(count > 0, "it hangs");
    let at = order.below(count as u64) as usize;
    if let Some(task) = answerable.get(at) {
        return advance(world, task, begun, order);
    }
    match timers.get(at - answerable.len()) {
        Some((due, timer)) => {
            world.now = world.now.max(*due);
            Stimulus::TimerDue { timer: *timer }
        }
        None => Stimulus::Continue,
    }
}

/// A task begins or ends; sometimes its end arrives without its beginning.
fn advance(
    world: &World,
    task: &InvokeTask,
    begun: &mut Vec<TaskId>,
    order: &mut Random,
) -> Stimulus {
    let is_awaited = world.awaited.contains(task);
    let resource = resource(world, task);
    if matches!(resource, Resource::Activity { .. }) && !is_awaited {
        return Stimulus::ActivityStarted { task: task.task, worker: None };
    }
    let has_begun = is_awaited || begun.contains(&task.task);
    let may_be_submitted = resource.gives_token() && !is_awaited;
    if may_be_submitted && (hangs(world, task) || order.below(2) == 0) {
        return Stimulus::TaskSubmitted { task: task.task, output: Payload::empty_object() };
    }
    if !has_begun && (hangs(world, task) || order.below(2) == 0) {
        begun.push(task.task);
        return Stimulus::TaskStarted { task: task.task };
    }
    match answer(world, task) {
        Answer::Succeeds(output) => {
            Stimulus::TaskSucceeded { task: task.task, output: output.into() }
        }
        Answer::Fails(failure) | Answer::Panics(failure) => {
            let (error, cause) = (Some(failure.error.into()), Some(failure.cause.into()));
            Stimulus::TaskFailed { task: task.task, error, cause }
        }
        Answer::Hangs => unreachable!("one that hangs is not advanced"),
    }
}

fn resource<'a>(world: &'a World, task: &InvokeTask) -> &'a Resource {
    match &world.program.state(task.state).kind {
        StateKind::Task(kind) => &kind.resource,
        _ => unreachable!("only Task states have tasks"),
    }
}

fn answer(world: &World, task: &InvokeTask) -> Answer {
    let name = &world.program.state(task.state).name;
    let attempt = sketch::attempt(&world.journal, task.task).unwrap();
    sketch::answer(name, sketch::data(name, task.parameters.tree()), attempt)
}

fn hangs(world: &World, task: &InvokeTask) -> bool {
    matches!(answer(world, task), Answer::Hangs)
}

/// Late, repeated and made-up stimuli have no effect.
fn be_hostile(world: &World, order: &mut Random) {
    let input = Payload::empty_object();
    world.expect_silence(Stimulus::Start { context: support::start_context(), input });
    if !world.must_continue {
        world.expect_silence(Stimulus::Continue);
    }
    if !world.tasks_ever.is_empty() {
        let task = world.tasks_ever[order.below(world.tasks_ever.len() as u64) as usize];
        if !world.tasks.iter().any(|other| other.task == task) {
            let output = Payload::empty_object();
            world.expect_silence(Stimulus::TaskStarted { task });
            world.expect_silence(Stimulus::TaskSubmitted { task, output });
            world.expect_silence(Stimulus::ActivityStarted { task, worker: None });
        }
        if !world.execution.waits_for(task) {
            let output = Payload::from(Json::from("late"));
            world.expect_silence(Stimulus::TaskSucceeded { task, output });
            world.expect_silence(Stimulus::TaskFailed { task, error: None, cause: None });
        }
    }
    for timer in &world.timers_ever {
        if !world.timers.iter().any(|(_, other)| other == timer) {
            world.expect_silence(Stimulus::TimerDue { timer: *timer });
        }
    }
    let begun = world.journal.iter().filter_map(|event| match event.kind {
        EventKind::TaskStarted { .. } => Some(TaskId(event.previous)),
        _ => None,
    });
    for task in begun {
        world.expect_silence(Stimulus::TaskStarted { task });
    }
    let task = TaskId(stepyard_machine::EventId(world.execution.last_event_id().0 + 1));
    world.expect_silence(Stimulus::TaskFailed { task, error: None, cause: None });
    if world.execution.is_closed() {
        world.expect_silence(Stimulus::Stop { error: None, cause: None });
    } else {
        world.expect_silence(Stimulus::Redrive { client_token: None });
    }
}
