//! The same programs, written in JSONata.

use stepyard_json::{Json, Object};

use super::families;
use super::{HANGING, Handling, Kind, Sketch, Step, TIME_LIMIT, Until, go_on, object};

const INPUT: &str = "{% $states.input %}";

/// A definition whose executions end as those of [`Sketch::definition`] do.
pub(crate) fn definition(sketch: &Sketch) -> Json {
    let mut whole = scope(sketch).as_object().cloned().unwrap_or_default();
    whole.insert("QueryLanguage", "JSONata");
    whole.into()
}

fn scope(sketch: &Sketch) -> Json {
    let mut states = Object::new();
    for (at, step) in sketch.0.iter().enumerate() {
        let next = sketch.0.get(at + 1).map(|step| step.name.as_str());
        let over = sketch.0.get(at + 2).map(|step| step.name.as_str()).or(next);
        if matches!(step.kind, Kind::ThroughVariable) {
            let recall = format!("{}-recall", step.name);
            let mut reads = pass(format!("{{% ${} %}}", step.name).into());
            go_on(&mut reads, next);
            states.insert(step.name.as_str(), state(step, Some(&recall), None));
            states.insert(recall, reads);
            continue;
        }
        states.insert(step.name.as_str(), state(step, next, over));
        if matches!(step.kind, Kind::FailIfNumber) {
            let fail = object([("Type", "Fail".into()), ("Error", "{% 'E' %}".into())]);
            states.insert(format!("{}-fail", step.name), fail);
        }
    }
    object([("StartAt", sketch.0[0].name.as_str().into()), ("States", states.into())])
}

fn state(step: &Step, next: Option<&str>, over: Option<&str>) -> Json {
    let mut state = match &step.kind {
        Kind::Identity => {
            object([("Type", "Pass".into())]).as_object().cloned().unwrap_or_default()
        }
        Kind::Constant(value) => pass(value.clone()),
        Kind::Wrap => pass(object([("w", INPUT.into())])),
        Kind::Discard => pass(INPUT.into()),
        Kind::ThroughVariable => {
            let mut state = pass("lost".into());
            state.insert("Assign", object([(step.name.as_str(), INPUT.into())]));
            state
        }
        Kind::SkipIfString => return choice("string", over, next),
        Kind::FailIfNumber => return choice("number", Some(&format!("{}-fail", step.name)), next),
        Kind::Wait(until) => wait(until),
        Kind::Task(handling) => task(step, handling, next),
        Kind::Parallel(branches, handling) => {
            let branches = branches.iter().map(scope).collect::<Json>();
            let mut state = worker("Parallel", handling, next);
            state.insert("Branches", branches);
            state
        }
        Kind::Map { body, concurrency, selector, handling } => {
            let mut state = worker("Map", handling, next);
            state.insert("ItemProcessor", families::processor(&step.name, scope(body)));
            state.insert("Items", "{% $states.context.Execution.Input.items %}");
            state.insert("MaxConcurrency", format!("{{% {concurrency} %}}"));
            if *selector {
                state.insert("ItemSelector", selected());
            }
            state
        }
        Kind::Succeed => return object([("Type", "Succeed".into()), ("Output", INPUT.into())]),
    };
    go_on(&mut state, next);
    state.into()
}

fn pass(output: Json) -> Object {
    [("Type", "Pass".into()), ("Output", output)].into_iter().collect()
}

fn wait(until: &Until) -> Object {
    let (field, value) = match until {
        Until::Seconds(seconds) => ("Seconds", format!("{{% {seconds} %}}")),
        Until::SecondsPath => ("Seconds", "{% $states.context.Execution.Input.seconds %}".into()),
        Until::Time(time) => ("Timestamp", format!("{{% '{time}' %}}")),
    };
    [("Type", "Wait".into()), (field, Json::from(value))].into_iter().collect()
}

fn task(step: &Step, handling: &Handling, next: Option<&str>) -> Object {
    let mut state = worker("Task", handling, next);
    state.insert("Resource", step.resource());
    let token = "{% $states.context.Task.Token %}";
    let arguments = match step.is_outside() {
        true => object([("input", INPUT.into()), ("token", token.into())]),
        false if families::is_nested(&step.name) => families::arguments(INPUT),
        false => INPUT.into(),
    };
    state.insert("Arguments", arguments);
    state.insert("Output", families::output(&step.name));
    if step.name.starts_with(HANGING) {
        state.insert(step.limit(), format!("{{% {TIME_LIMIT} %}}"));
    }
    state
}

fn worker(state_type: &str, handling: &Handling, next: Option<&str>) -> Object {
    let mut state = Object::new();
    state.insert("Type", state_type);
    if let Some(retrier) = handling.retrier() {
        state.insert("Retry", vec![retrier]);
    }
    if let Some(keep) = handling.catch {
        let output = if keep { INPUT } else { "{% $states.errorOutput %}" };
        let catcher = object([
            ("ErrorEquals", Json::from(vec!["States.ALL".into()])),
            ("Output", output.into()),
            ("Next", next.unwrap_or_default().into()),
        ]);
        state.insert("Catch", vec![catcher]);
    }
    state
}

fn selected() -> Json {
    object([
        ("i", "{% $states.context.Map.Item.Index %}".into()),
        ("v", "{% $states.context.Map.Item.Value %}".into()),
        ("d", INPUT.into()),
    ])
}

fn choice(data_type: &str, then: Option<&str>, default: Option<&str>) -> Json {
    let rule = object([
        ("Condition", format!("{{% $type($states.input) = '{data_type}' %}}").into()),
        ("Next", then.unwrap_or_default().into()),
    ]);
    object([
        ("Type", "Choice".into()),
        ("Choices", vec![rule].into()),
        ("Default", default.unwrap_or_default().into()),
    ])
}
