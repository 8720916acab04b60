//! Executions that other executions start: by a task that waits for them, or as child executions of a Map Run.

use stepyard_asl::Random;
use stepyard_json::{Json, Object};

use super::{Answer, Failure, HANGING, Handling, Kind, Sketch, Step, Until, object};

/// How the names of steps end whose task starts an execution and waits for it; the second one gets its output parsed.
const AWAITS: &str = "-sync";
const AWAITS_PARSED: &str = "-sync2";

/// How the names of Map steps end whose items have child executions.
const DISTRIBUTED: &str = "-run";

/// The state machine of the executions that tasks start.
pub(crate) const INNER: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:inner";

/// Its only task.
const INNER_TASK: &str = "inner";

/// For how long its executions wait before that at most, in seconds.
const INNER_SECONDS_MAX: u64 = 600;

/// What a Map Run fails with, whatever its child executions have failed with.
const TOO_MANY_FAILED: Failure = Failure {
    error: "States.ExceedToleratedFailureThreshold",
    cause: "The specified tolerated failure threshold was exceeded",
};

impl Sketch {
    /// Some of its tasks start executions from now on, and some of its maps have child executions. Only in the outermost
    /// scope: these have errors of their own.
    pub(crate) fn with_families(mut self, random: &mut Random) -> Sketch {
        for step in &mut self.0 {
            let hangs = step.name.starts_with(HANGING);
            let ending = match &mut step.kind {
                Kind::Task(handling) if !hangs => match random.below(3) {
                    0 => Some(AWAITS),
                    1 => Some(AWAITS_PARSED),
                    _ => None,
                }
                .inspect(|_| handling.hide_cause()),
                Kind::Map { body, .. } if body.fits_a_child() => Some(DISTRIBUTED),
                _ => None,
            };
            step.name.push_str(ending.unwrap_or_default());
        }
        self
    }

    /// What executions do that tasks start.
    pub(crate) fn inner(random: &mut Random) -> Sketch {
        let handling = Handling { attempts: None, retries_all: false, interval: 1, catch: None };
        let step = |name: &str, kind| Step { name: name.to_owned(), kind };
        Sketch(vec![
            step("pause", Kind::Wait(Until::Seconds(random.below(INNER_SECONDS_MAX)))),
            step(INNER_TASK, Kind::Task(handling)),
        ])
    }

    /// What the child executions of the step of that name do.
    pub(crate) fn body_of(&self, name: &str) -> Option<&Sketch> {
        let step = self.0.iter().find(|step| step.name == name);
        step.filter(|step| step.name.ends_with(DISTRIBUTED)).and_then(|step| match &step.kind {
            Kind::Map { body, .. } => Some(body),
            _ => None,
        })
    }

    /// Whether it reads nothing of the input of the whole execution: that of a child execution is another one.
    fn fits_a_child(&self) -> bool {
        self.0.iter().all(|step| match &step.kind {
            Kind::Map { .. } | Kind::Wait(Until::SecondsPath) => false,
            Kind::Parallel(branches, _) => branches.iter().all(Sketch::fits_a_child),
            _ => true,
        })
    }
}

impl Handling {
    /// The cause of a nested execution's failure tells when it ran.
    fn hide_cause(&mut self) {
        self.catch = self.catch.map(|_| true);
    }
}

pub(crate) fn is_nested(name: &str) -> bool {
    name.ends_with(AWAITS) || name.ends_with(AWAITS_PARSED)
}

/// What comes of the task of a nested execution: of that input it makes what is answered to its only task.
pub(super) fn answer(input: &Json) -> Answer {
    match super::answer(INNER_TASK, &object([("data", input.clone())]), 0) {
        Answer::Succeeds(output) => Answer::Succeeds(object([("output", output)])),
        _ => Answer::Fails(Failure { error: "States.TaskFailed", cause: "" }),
    }
}

pub(super) fn resource(name: &str) -> &'static str {
    match name.ends_with(AWAITS_PARSED) {
        true => "arn:aws:states:::states:startExecution.sync:2",
        false => "arn:aws:states:::states:startExecution.sync",
    }
}

/// Completes a Task state in JSONPath.
pub(super) fn define_nested(state: &mut Object, name: &str) {
    let input = object([("data.$", "$".into())]);
    state.insert("Parameters", object([("StateMachineArn", INNER.into()), ("Input", input)]));
    let output = match name.ends_with(AWAITS_PARSED) {
        true => "$.Output",
        false => "States.StringToJson($.Output)",
    };
    state.insert("ResultSelector", object([("output.$", output.into())]));
}

/// `Arguments` in JSONata.
pub(super) fn arguments(input: &str) -> Json {
    let input = object([("data", input.into())]);
    object([("StateMachineArn", INNER.into()), ("Input", input)])
}

/// `Output` of a Task state in JSONata.
pub(super) fn output(name: &str) -> Json {
    if name.ends_with(AWAITS_PARSED) {
        return object([("output", "{% $states.result.Output %}".into())]);
    }
    if name.ends_with(AWAITS) {
        return object([("output", "{% $parse($states.result.Output) %}".into())]);
    }
    "{% $states.result %}".into()
}

/// `ItemProcessor` of the step of that name.
pub(super) fn processor(name: &str, body: Json) -> Json {
    if !name.ends_with(DISTRIBUTED) {
        return body;
    }
    let mut processor = body.as_object().cloned().unwrap_or_default();
    let config = [("Mode", "DISTRIBUTED".into()), ("ExecutionType", "STANDARD".into())];
    processor.insert("ProcessorConfig", object(config));
    processor.into()
}

/// What the Map step of that name fails with when an iteration fails.
pub(super) fn failure_of_map(name: &str, failure: Failure) -> Failure {
    if name.ends_with(DISTRIBUTED) { TOO_MANY_FAILED } else { failure }
}
