//! Limits: on the length of a decision, of a history, and on the size of data.

use crate::map_run::definition;
use crate::support::{self, World};
use stepyard_asl::{Program, StateId};
use stepyard_json::{Json, Payload};
use stepyard_machine::{
    Command, Decision, Event, EventKind, Execution, ExecutionKind, ExecutionStatus, Facts, Lack,
    Limits, MapLimits, MapRunItems, MapRunPlan, Moment, STEPS_MAX, Selection, StartedBy, Stimulus,
    decide, decide_within,
};

const DATA_BYTES_MAX: usize = Limits::AWS.data_bytes;

fn text_of_size(bytes: usize) -> Payload {
    let payload = Payload::from(Json::from("x".repeat(bytes - 2)));
    assert_eq!(payload.len(), bytes);
    payload
}

/// An execution of that program up to where it waits for something, without the checks of `World`, which grow with the
/// journal.
fn run(limits: Limits, program: &Program, input: Payload) -> (Execution, Vec<Vec<Event>>) {
    let mut execution = Execution::new();
    let mut made = Vec::new();
    let mut next = Some(Stimulus::Start { context: support::start_context_within(limits), input });
    while let Some(stimulus) = next.take() {
        let moment = Moment { now: support::EPOCH, entropy: [0; 16] };
        let mut decision = Decision::default();
        decide(program, &mut execution, moment, stimulus, &mut decision);
        made.push(decision.events);
        next = decision.commands.contains(&Command::Continue).then_some(Stimulus::Continue);
    }
    (execution, made)
}

#[test]
fn an_endless_loop_fails_with_the_last_event_that_is_allowed() {
    let definition = r#"{"StartAt":"A","States":{
        "A":{"Type":"Pass","Next":"B"},
        "B":{"Type":"Choice","Choices":[{"Variable":"$","IsNull":true,"Next":"Z"}],"Default":"A"},
        "Z":{"Type":"Succeed"}}}"#;
    for (limits, shown) in [(Limits::AWS, "(25000)"), (Limits::EXTENDED, "(1000000)")] {
        let program = support::program(definition);
        let (execution, made) = run(limits, &program, Payload::empty_object());
        assert!(made.len() > 2 && made.iter().all(|events| events.len() <= 2 * STEPS_MAX));
        assert_eq!(execution.status(), Some(ExecutionStatus::Failed));
        assert_eq!(execution.last_event_id().0, limits.history_events);
        assert_eq!(&**execution.error().unwrap(), "States.Runtime");
        assert!(execution.cause().unwrap().contains(shown), "{:?}", execution.cause());
    }
}

#[test]
fn a_decision_is_cut_by_the_bytes_of_its_results_only_beyond_the_limits_of_aws() {
    // Each state makes a result of its own out of its input.
    let definition = r#"{"StartAt":"A","States":{
        "A":{"Type":"Pass","Parameters":{"a.$":"$.a"},"Next":"B"},
        "B":{"Type":"Choice","Choices":[{"Variable":"$","IsNull":true,"Next":"Z"}],"Default":"A"},
        "Z":{"Type":"Succeed"}}}"#;
    let first_decision = |limits: Limits, bytes: usize| {
        let program = support::program(definition);
        let context = support::start_context_within(limits);
        let input =
            Payload::from(Json::parse(&format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - 8))).unwrap());
        assert_eq!(input.len(), bytes);
        let moment = Moment { now: support::EPOCH, entropy: [0; 16] };
        let (mut execution, mut decision) = (Execution::new(), Decision::default());
        decide(&program, &mut execution, moment, Stimulus::Start { context, input }, &mut decision);
        decision.events.len()
    };
    let most = first_decision(Limits::AWS, 10);
    assert_eq!(first_decision(Limits::AWS, DATA_BYTES_MAX), most);
    let large = first_decision(Limits::EXTENDED, Limits::EXTENDED.data_bytes);
    assert!((5..most / 10).contains(&large), "{large}");
}

/// A limit that is kept and one that is not, of both sets.
fn around(limit: fn(Limits) -> usize) -> [(Limits, usize, Option<&'static str>); 4] {
    const EXCEEDED: Option<&str> = Some("States.DataLimitExceeded");
    let (aws, extended) = (limit(Limits::AWS), limit(Limits::EXTENDED));
    [
        (Limits::AWS, aws, None),
        (Limits::AWS, aws + 1, EXCEEDED),
        (Limits::EXTENDED, extended, None),
        (Limits::EXTENDED, extended + 1, EXCEEDED),
    ]
}

#[test]
fn a_task_result_may_be_as_large_as_the_limit_and_no_larger() {
    let definition = r#"{"StartAt":"T","States":{"T":{"Type":"Task","End":true,
        "Resource":"arn:aws:lambda:us-east-1:000000000000:function:f"}}}"#;
    for (limits, bytes, error) in around(|limits| limits.data_bytes) {
        let program = support::program(definition);
        let mut world = World::start_within(limits, program, Payload::empty_object());
        let task = world.tasks[0].task;
        world.deliver(Stimulus::TaskSucceeded { task, output: text_of_size(bytes) });
        assert_eq!(world.execution.error().map(|error| &**error), error);
        let cause = "The state/task 'arn:aws:lambda:us-east-1:000000000000:function:f' returned a \
                     result with a size exceeding the maximum number of bytes service limit.";
        assert_eq!(world.execution.cause().map(|cause| &**cause), error.map(|_| cause));
    }
}

#[test]
fn a_decision_is_cut_when_much_data_has_come_together() {
    const STATES: usize = 7;
    let states: Vec<_> = (0..STATES)
        .map(|at| {
            let next = if at + 1 == STATES {
                r#""End":true"#.to_owned()
            } else {
                format!(r#""Next":"P{}""#, at + 1)
            };
            format!(r#""P{at}":{{"Type":"Pass","Parameters":{{"x.$":"$.x","n":{at}}},{next}}}"#)
        })
        .collect();
    let definition = format!(r#"{{"StartAt":"P0","States":{{{}}}}}"#, states.join(","));
    let program = support::program(&definition);
    let bytes = Limits::EXTENDED.data_bytes - 100;
    let input = Payload::from_text(format!(r#"{{"x":"{}"}}"#, "x".repeat(bytes))).unwrap();
    let (execution, made) = run(Limits::EXTENDED, &program, input);
    assert_eq!(execution.status(), Some(ExecutionStatus::Succeeded));
    let outputs = |events: &Vec<Event>| {
        events.iter().filter(|event| matches!(event.kind, EventKind::StateExited { .. })).count()
    };
    let outputs: Vec<_> = made.iter().map(outputs).collect();
    assert_eq!(outputs.iter().sum::<usize>(), STATES);
    assert!(outputs.iter().all(|count| *count <= 5), "{outputs:?}");
}

#[test]
fn child_executions_have_the_limits_of_their_parent() {
    let parent = support::start_context_within(Limits::EXTENDED);
    let plan = MapRunPlan {
        arn: "arn:aws:states:us-east-1:000000000000:mapRun:machine/l:run".into(),
        input: Payload::empty_object(),
        items: MapRunItems::Given(Payload::empty_object()),
        batches: None,
        export: None,
        limits: MapLimits::default(),
    };
    let started_by = StartedBy { state: StateId(0), redrive_count: 0 };
    let child = plan.child_context(&parent, started_by, (0, 1), ExecutionKind::Standard);
    assert_eq!(child.limits, Limits::EXTENDED);
}

#[test]
fn items_are_grouped_within_the_limits_of_their_execution() {
    let program = support::program(&definition(""));
    let input = Payload::from_text(r#"{"items":[1],"n":7}"#).unwrap();
    let (execution, _) = run(Limits::EXTENDED, &program, input);
    let map_run = execution.map_runs().next().unwrap().id();
    let selection = Selection::of(&program, &execution, map_run).unwrap();
    assert_eq!(selection.limits(), Limits::EXTENDED);
}

#[test]
fn a_state_output_may_not_exceed_the_limit() {
    let definition = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true,
        "Parameters":{"a.$":"$","b.$":"$"}}}}"#;
    let input = text_of_size(DATA_BYTES_MAX / 2);
    let world = World::start(support::program(definition), input);
    let cause = "The state/task 'P' returned a result with a size exceeding the maximum number of \
                 bytes service limit.";
    assert_eq!(world.execution.cause().map(|cause| &**cause), Some(cause));
}

#[test]
fn data_that_no_field_looks_into_passes_by_reference() {
    let definition = r#"{"StartAt":"A","States":{
        "A":{"Type":"Pass","Next":"W"},
        "W":{"Type":"Wait","Seconds":0,"Next":"T"},
        "T":{"Type":"Task","ResultPath":null,"End":true,
            "Resource":"arn:aws:lambda:us-east-1:000000000000:function:f"}}}"#;
    let input = Payload::from_trusted_text(r#"{ "n" : 1 }"#.into());
    let mut world = World::start(support::program(definition), input.clone());
    assert!(world.tasks[0].parameters.ptr_eq(&input));
    let task = world.tasks[0].task;
    world.deliver(Stimulus::TaskSucceeded { task, output: Payload::empty_object() });
    assert!(world.execution.output().unwrap().ptr_eq(&input));
}

#[test]
fn a_branch_that_never_rests_does_not_keep_the_others_waiting() {
    let definition = r#"{"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[
        {"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","Next":"A"}}},
        {"StartAt":"C","States":{"C":{"Type":"Pass","Next":"D"},"D":{"Type":"Pass","Next":"C"}}},
        {"StartAt":"T","States":{"T":{"Type":"Task","End":true,
            "Resource":"arn:aws:lambda:us-east-1:000000000000:function:f"}}}]}}}"#;
    let mut world = World::start(support::program(definition), Payload::empty_object());
    for _ in 0..3 {
        assert!(world.must_continue);
        world.deliver(Stimulus::Continue);
    }
    assert_eq!(world.tasks.len(), 1);
}

#[test]
fn data_that_multiplies_is_refused_before_it_is_written() {
    let level = r#"{"a.$":"$","b.$":"$","c.$":"$","d.$":"$"}"#;
    let nested = |inner: &str| format!(r#"{{"a":{inner},"b":{inner},"c":{inner},"d":{inner}}}"#);
    let parameters = nested(&nested(&nested(&nested(level))));
    for state in [
        r#""Type":"Pass""#,
        r#""Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:f""#,
        r#""Type":"Parallel","Branches":[{"StartAt":"Q","States":{"Q":{"Type":"Succeed"}}}]"#,
    ] {
        let definition = format!(
            r#"{{"StartAt":"P","States":{{"P":{{{state},"End":true,"Parameters":{parameters}}}}}}}"#
        );
        let input = text_of_size(DATA_BYTES_MAX);
        let world = World::start(support::program(&definition), input);
        assert_eq!(world.execution.error().map(|error| &**error), Some("States.DataLimitExceeded"));
    }
}

#[test]
fn an_item_that_is_selected_may_not_exceed_the_limit() {
    let definition = r#"{"StartAt":"M","States":{"M":{"Type":"Map","End":true,"ItemsPath":"$.items",
        "ItemSelector":{"a.$":"$.text","b.$":"$.text"},
        "ItemProcessor":{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}}}}"#;
    let input = format!(r#"{{"items":[1],"text":"{}"}}"#, "x".repeat(DATA_BYTES_MAX / 2));
    let world = World::start(support::program(definition), Payload::from_text(input).unwrap());
    assert_eq!(world.execution.error().map(|error| &**error), Some("States.DataLimitExceeded"));
}

#[test]
fn retries_that_no_event_shows_are_limited() {
    let definition = r#"{"StartAt":"T","States":{"T":{"Type":"Task","End":true,
        "Parameters":{"n.$":"States.MathAdd('no number', 1)"},
        "Retry":[{"ErrorEquals":["States.ALL"],"MaxAttempts":99999999,"BackoffRate":1}],
        "Resource":"arn:aws:lambda:us-east-1:000000000000:function:f"}}}"#;
    let program = support::program(definition);
    let mut execution = Execution::new();
    let context = support::start_context();
    let start = Stimulus::Start { context, input: Payload::empty_object() };
    // Like the retries of a state they begin anew with a redrive; AWS's history has room for it.
    for (count, stimulus) in [(1, start), (2, Stimulus::Redrive { client_token: None })] {
        retry_until_closed(&program, &mut execution, stimulus);
        assert_eq!(execution.error().map(|error| &**error), Some("States.Runtime"));
        assert_eq!(execution.event_count(), count * (2 * Limits::AWS.history_events + 1));
        assert_eq!(execution.check_redrive(support::EPOCH), Ok(()));
    }
}

/// Without the checks of `World`, which grow with the journal.
fn retry_until_closed(program: &Program, execution: &mut Execution, stimulus: Stimulus) {
    let mut stimulus = Some(stimulus);
    while let Some(next) = stimulus.take() {
        let moment = Moment { now: support::EPOCH, entropy: [0; 16] };
        let mut decision = Decision::default();
        decide(program, execution, moment, next, &mut decision);
        stimulus = decision.commands.into_iter().find_map(|command| match command {
            Command::StartTimer { timer, .. } => Some(Stimulus::TimerDue { timer }),
            _ => None,
        });
    }
    assert!(execution.is_closed());
}

#[test]
fn a_decision_that_costs_too_much_has_not_happened() {
    let definition = r#"{"QueryLanguage":"JSONata","StartAt":"A","States":{
        "A":{"Type":"Pass","Output":"{% $sum([1..10]) %}","Next":"B"},
        "B":{"Type":"Pass","Output":"{% $states.input + $sum($map([1..1000], function($x){ $x })) %}","End":true}}}"#;
    let program = support::program(definition);
    let (mut execution, mut decision) = (Execution::new(), Decision::default());
    let moment = Moment { now: support::EPOCH, entropy: [0; 16] };
    let start =
        || Stimulus::Start { context: support::start_context(), input: Payload::empty_object() };
    let within = |fuel, execution: &mut Execution, stimulus, decision: &mut Decision| {
        let facts = Facts::default();
        decide_within(Some(fuel), &facts, &program, execution, moment, stimulus, decision)
    };
    let refused = within(500, &mut execution, start(), &mut decision);
    let refused = refused.unwrap_err();
    assert!(matches!(refused.stimulus, Stimulus::Start { .. }));
    assert_eq!(refused.lack, Lack::Fuel);
    assert_eq!((&execution, &decision), (&Execution::new(), &Decision::default()));

    // With nothing to spend it starts, and what follows is left for later.
    within(0, &mut execution, start(), &mut decision).unwrap();
    assert_eq!(execution.event_count(), 1);
    assert_eq!(decision.commands, [Command::Continue]);

    let before = (execution.clone(), decision.clone());
    assert!(within(500, &mut execution, Stimulus::Continue, &mut decision).is_err());
    assert_eq!((execution.clone(), decision.clone()), before);

    // What would leave less than half for the rest is cut before the rest.
    within(1_000_000, &mut execution, Stimulus::Continue, &mut decision).unwrap();
    assert_eq!(execution.output().map(|output| output.text().to_string()), Some("500555".into()));
}

const VARIABLE_CAUSE: &str = "The state/task 'A' assigned variables with a size exceeding the maximum number of bytes \
                              service limit.";

#[test]
fn the_variables_of_a_state_may_be_as_large_as_the_limit_and_no_larger() {
    let definition = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Assign":{"x.$":"$"},"Next":"B"},
        "B":{"Type":"Pass","Result":1,"End":true}}}"#;
    let braces = r#"{"x":}"#.len();
    for (limits, bytes, error) in around(|limits| limits.variable_bytes) {
        let input = text_of_size(bytes - braces);
        let world = World::start_within(limits, support::program(definition), input);
        assert_eq!(world.execution.error().map(|error| &**error), error);
        assert_eq!(world.execution.cause().map(|cause| &**cause), error.map(|_| VARIABLE_CAUSE));
    }
}

/// A variable that is assigned again takes the place of what it was; another one comes on top.
#[test]
fn the_variables_of_an_execution_may_not_exceed_their_limit() {
    let assigned = |limits: Limits, name: &dyn Fn(usize) -> String| {
        let most = limits.variables_bytes / limits.variable_bytes;
        let states: Vec<_> = (0..most + 1)
            .map(|n| {
                let (name, next) = (name(n), n + 1);
                format!(r#""{n}":{{"Type":"Pass","Assign":{{"{name}.$":"$"}},"Next":"{next}"}}"#)
            })
            .collect();
        let states = states.join(",");
        let definition = format!(
            r#"{{"StartAt":"0","States":{{{states},"{}":{{"Type":"Pass","Result":1,"End":true}}}}}}"#,
            most + 1
        );
        let input = text_of_size(limits.variable_bytes - 64);
        let (execution, _) = run(limits, &support::program(&definition), input);
        execution.error().map(ToString::to_string)
    };
    for limits in [Limits::AWS, Limits::EXTENDED] {
        let fitting = limits.variables_bytes / limits.variable_bytes - 1;
        assert_eq!(assigned(limits, &|n| format!("v{}", n % fitting)), None);
        let exceeded = Some("States.DataLimitExceeded".into());
        assert_eq!(assigned(limits, &|n| format!("v{n}")), exceeded);
    }
}

/// What the variables take is given back with the branch or iteration that has them, however that ends.
#[test]
fn variables_are_held_as_long_as_their_scope() {
    let task = r#"{"Type":"Task","End":true,"Resource":"arn:aws:lambda:us-east-1:000000000000:function:f"}"#;
    let definition = r#"{"StartAt":"V","States":{
        "V":{"Type":"Pass","Assign":{"v":"0123456789"},"Next":"P"},
        "P":{"Type":"Parallel","ResultPath":null,"Catch":[{"ErrorEquals":["States.ALL"],"ResultPath":null,"Next":"Z"}],
            "Next":"Z","Branches":[
            {"StartAt":"A","States":{"A":{"Type":"Pass","Assign":{"a":"0123456789"},"Next":"AA"},"AA":TASK}},
            {"StartAt":"B","States":{"B":{"Type":"Pass","Assign":{"b":"0123456789"},"Next":"BB"},"BB":TASK}}]},
        "Z":TASK}}"#;
    let program = support::program(&definition.replace("TASK", task));
    let bytes_at_last = |ends: fn(&mut World)| {
        let mut world = World::start(program.clone(), Payload::empty_object());
        let both = world.execution.footprint().bytes;
        ends(&mut world);
        (both, world.execution.footprint().bytes)
    };
    let well: fn(&mut World) = |world| {
        for _ in 0..2 {
            let task = world.tasks[0].task;
            world.deliver(Stimulus::TaskSucceeded { task, output: Payload::empty_object() });
        }
    };
    let badly: fn(&mut World) = |world| {
        let task = world.tasks[0].task;
        world.deliver(Stimulus::TaskFailed { task, error: None, cause: None });
    };
    let variable = r#""0123456789""#.len();
    let (both, after_well) = bytes_at_last(well);
    let (_, after_badly) = bytes_at_last(badly);
    assert_eq!(both, 3 * variable + "{}".len());
    assert_eq!((after_well, after_badly), (variable + "{}".len(), variable + "{}".len()));
}
