//! Random programs, in a form that the reference evaluator can walk. The property tests of the machine and
//! the simulation of the whole runtime draw from the same ones.

pub(crate) mod families;
pub(crate) mod jsonata;
pub(crate) mod reference;

use stepyard_asl::Random;
use stepyard_json::{Json, Object};
use stepyard_machine::{Event, EventKind, TaskId};

/// The States of one scope in order; each goes on to the next, the last one ends the scope.
pub(crate) struct Sketch(pub(crate) Vec<Step>);

pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

pub(crate) enum Kind {
    Identity,
    Constant(Json),
    /// `Parameters` that wrap the input.
    Wrap,
    /// `ResultPath: null` with a `Result`.
    Discard,
    /// Its input becomes a variable, which the state that follows reads.
    ThroughVariable,
    /// To the step after the next one when the data is a string.
    SkipIfString,
    /// To a Fail state when the data is a number.
    FailIfNumber,
    Wait(Until),
    Task(Handling),
    Parallel(Vec<Sketch>, Handling),
    Map {
        body: Sketch,
        concurrency: u64,
        selector: bool,
        handling: Handling,
    },
    Succeed,
}

/// How long a Wait state waits.
pub(crate) enum Until {
    Seconds(u64),
    /// `SecondsPath`, from the input of the execution.
    SecondsPath,
    /// `Timestamp`: a time of day, which may have passed.
    Time(&'static str),
}

/// `Retry` and `Catch`.
pub(crate) struct Handling {
    pub(crate) attempts: Option<u64>,
    /// Whether time limits are retried, too.
    pub(crate) retries_all: bool,
    /// Seconds before the first retry.
    interval: u64,
    /// Whether errors are caught, and then whether the input is kept instead of the Error Output.
    pub(crate) catch: Option<bool>,
}

/// Tasks whose name begins so never answer; their state has a time limit.
const HANGING: &str = "hang";

/// The runner of tasks whose name begins so panics.
const PANICKING: &str = "panic";

/// How the names of steps end whose task is ended by its token, or done by the workers of an activity.
const BY_TOKEN: &str = "-token";
const BY_WORKER: &str = "-activity";

/// The activity.
pub(crate) const ACTIVITY: &str = "arn:aws:states:us-east-1:000000000000:activity:a";

/// Time limit of the tasks that never answer, in seconds.
const TIME_LIMIT: u64 = 7;

/// Why a state fails.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Failure {
    pub(crate) error: &'static str,
    pub(crate) cause: &'static str,
}

impl Failure {
    const TIMEOUT: Failure = Failure { error: "States.Timeout", cause: "" };
    const PLAIN: Failure = Failure { error: "E", cause: "" };
    const PANIC: Failure =
        Failure { error: "Lambda.Unknown", cause: "The task runner panicked: on purpose" };
}

/// What becomes of a task.
pub(crate) enum Answer {
    Succeeds(Json),
    Fails(Failure),
    /// Its runner panics; the task fails like this.
    Panics(Failure),
    /// There is none.
    Hangs,
}

/// What a task answers: a function of the state, its input and the number of the attempt. Where several
/// branches may fail there is but one error, so that it does not matter which of them is the first.
pub(crate) fn answer(name: &str, input: &Json, attempt: u64) -> Answer {
    if name.starts_with(HANGING) {
        return Answer::Hangs;
    }
    if name.starts_with(PANICKING) && attempt == 0 {
        return Answer::Panics(Failure::PANIC);
    }
    if families::is_nested(name) {
        return families::answer(input);
    }
    let text = format!("{name} {input} {attempt}");
    let hash = text.bytes().fold(7_u64, |hash, byte| {
        hash.wrapping_mul(0x100_0000_01b3).rotate_left(11) ^ u64::from(byte)
    });
    match Random::from_seed(hash).below(8) {
        0 | 1 => Answer::Fails(Failure::PLAIN),
        2 => Answer::Succeeds(Json::from(hash % 1_000)),
        3 => Answer::Succeeds(Json::from(format!("{name}.{attempt}"))),
        _ => {
            let members = [("task", name.into()), ("hash", (hash % 1_000_000).into())];
            Answer::Succeeds(object(members))
        }
    }
}

/// What a task of the step of that name works on: those that are ended from outside are given their token beside it.
pub(crate) fn data<'a>(name: &str, parameters: &'a Json) -> &'a Json {
    match token(name, parameters) {
        Some(_) => parameters.get("input").unwrap_or(parameters),
        None => parameters,
    }
}

/// The token that a task of the step of that name is given.
pub(crate) fn token<'a>(name: &str, parameters: &'a Json) -> Option<&'a str> {
    let is_outside = name.ends_with(BY_TOKEN) || name.ends_with(BY_WORKER);
    parameters.get("token").and_then(Json::as_str).filter(|_| is_outside)
}

/// How many tasks a visit of a state had handed out before this one.
pub(crate) fn attempt(journal: &[Event], task: TaskId) -> Option<u64> {
    let at = journal.iter().position(|event| event.id == task.0)?;
    let frame = journal[at].frame;
    let visit = journal[..at]
        .iter()
        .rev()
        .filter(|event| event.frame == frame)
        .take_while(|event| !matches!(event.kind, EventKind::StateEntered { .. }));
    Some(visit.filter(|event| matches!(event.kind, EventKind::TaskScheduled { .. })).count() as u64)
}

pub(crate) fn input(random: &mut Random) -> Json {
    let items = (0..random.below(5)).map(|at| match random.below(2) {
        0 => Json::from(at),
        _ => Json::from(format!("item{at}")),
    });
    let items = items.collect();
    object([("items", items), ("seconds", random.below(200).into())])
}

impl Sketch {
    pub(crate) fn random(random: &mut Random) -> Sketch {
        let mut names = 0;
        scope(random, 0, &mut names)
    }

    /// Some of its tasks are ended from outside from now on. What the program gives may be another thing, because what a
    /// task answers depends on its name.
    pub(crate) fn with_outside(mut self, random: &mut Random) -> Sketch {
        for step in &mut self.0 {
            match &mut step.kind {
                Kind::Task(_) => match random.below(3) {
                    0 => step.name.push_str(BY_TOKEN),
                    1 => step.name.push_str(BY_WORKER),
                    _ => {}
                },
                Kind::Parallel(branches, _) => {
                    let all = std::mem::take(branches).into_iter();
                    *branches = all.map(|branch| branch.with_outside(random)).collect();
                }
                Kind::Map { body, .. } => {
                    *body = Sketch(std::mem::take(&mut body.0)).with_outside(random);
                }
                _ => {}
            }
        }
        self
    }

    pub(crate) fn definition(&self) -> Json {
        let mut states = Object::new();
        for (at, step) in self.0.iter().enumerate() {
            let next = self.0.get(at + 1).map(|step| step.name.as_str());
            let over = self.0.get(at + 2).map(|step| step.name.as_str()).or(next);
            if matches!(step.kind, Kind::ThroughVariable) {
                let recall = format!("{}-recall", step.name);
                let mut reads = Object::new();
                reads.insert("Type", "Pass");
                reads.insert("InputPath", format!("${}", step.name));
                go_on(&mut reads, next);
                states.insert(step.name.as_str(), step.definition(Some(&recall), None));
                states.insert(recall, reads);
                continue;
            }
            states.insert(step.name.as_str(), step.definition(next, over));
            if matches!(step.kind, Kind::FailIfNumber) {
                let fail = object([("Type", "Fail".into()), ("Error", "E".into())]);
                states.insert(format!("{}-fail", step.name), fail);
            }
        }
        object([("StartAt", self.0[0].name.as_str().into()), ("States", states.into())])
    }
}

/// A scope always ends with a plain state, so that everything else has a next one.
fn scope(random: &mut Random, depth: u64, names: &mut u64) -> Sketch {
    let mut steps: Vec<Step> = (0..=random.below(3)).map(|_| step(random, depth, names)).collect();
    let kind = if random.below(2) == 0 { Kind::Succeed } else { Kind::Identity };
    steps.push(named(kind, names, depth));
    Sketch(steps)
}

fn step(random: &mut Random, depth: u64, names: &mut u64) -> Step {
    let kinds = if depth < 2 { 14 } else { 10 };
    let kind = match random.below(kinds) {
        // Nothing is drawn for it, so that seeds stand for the same programs as before there were variables.
        0 if names.is_multiple_of(2) => Kind::ThroughVariable,
        0 => Kind::Identity,
        1 => Kind::Constant(Json::from(random.below(9))),
        2 => Kind::Constant("text".into()),
        3 => Kind::Wrap,
        4 => Kind::Discard,
        5 => Kind::SkipIfString,
        6 => Kind::FailIfNumber,
        7 => Kind::Wait(until(random)),
        8 | 9 => Kind::Task(handling(random)),
        10 | 11 => {
            let branches = (0..=random.below(3)).map(|_| scope(random, depth + 1, names));
            Kind::Parallel(branches.collect(), handling(random))
        }
        _ => Kind::Map {
            body: scope(random, depth + 1, names),
            concurrency: random.below(4),
            selector: random.below(2) == 0,
            handling: handling(random),
        },
    };
    // These have errors of their own, so only where no other branch can fail.
    let mut step = named(kind, names, depth);
    if matches!(step.kind, Kind::Task(_)) && depth == 0 {
        match random.below(9) {
            0 => step.name.insert_str(0, HANGING),
            1 => step.name.insert_str(0, PANICKING),
            _ => {}
        }
    }
    step
}

/// From no time at all up to a year.
fn until(random: &mut Random) -> Until {
    match random.below(8) {
        0..3 => Until::Seconds(random.below(3)),
        3 | 4 => Until::Seconds(random.below(300)),
        5 => Until::Seconds(random.below(365 * 86_400)),
        6 => Until::SecondsPath,
        _ => Until::Time("2026-01-01T00:03:00Z"),
    }
}

fn named(kind: Kind, names: &mut u64, depth: u64) -> Step {
    *names += 1;
    Step { name: format!("s{names}d{depth}"), kind }
}

fn handling(random: &mut Random) -> Handling {
    Handling {
        attempts: (random.below(2) == 0).then(|| random.below(3)),
        retries_all: random.below(3) == 0,
        interval: 1 + random.below(90),
        catch: (random.below(3) > 0).then(|| random.below(2) == 0),
    }
}

impl Step {
    /// What its task calls.
    fn resource(&self) -> &'static str {
        match &self.name {
            name if name.ends_with(BY_TOKEN) => "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            name if name.ends_with(BY_WORKER) => ACTIVITY,
            name if families::is_nested(name) => families::resource(name),
            _ => "arn:aws:lambda:us-east-1:000000000000:function:f",
        }
    }

    /// Whether somebody outside ends its task.
    fn is_outside(&self) -> bool {
        self.name.ends_with(BY_TOKEN) || self.name.ends_with(BY_WORKER)
    }

    /// What ends its task when nobody does.
    fn limit(&self) -> &'static str {
        if self.name.ends_with(BY_TOKEN) { "HeartbeatSeconds" } else { "TimeoutSeconds" }
    }

    fn definition(&self, next: Option<&str>, over: Option<&str>) -> Json {
        let mut state = Object::new();
        let fields = match &self.kind {
            Kind::Identity => "Pass",
            Kind::Constant(value) => {
                state.insert("Result", value.clone());
                "Pass"
            }
            Kind::Wrap => {
                state.insert("Parameters", object([("w.$", "$".into())]));
                "Pass"
            }
            Kind::Discard => {
                state.insert("Result", "lost");
                state.insert("ResultPath", Json::Null);
                "Pass"
            }
            Kind::ThroughVariable => {
                state.insert("Assign", object([(format!("{}.$", self.name).as_str(), "$".into())]));
                // What is assigned is the result, which goes no further than that.
                state.insert("ResultPath", Json::Null);
                "Pass"
            }
            Kind::SkipIfString => return choice("IsString", over, next),
            Kind::FailIfNumber => {
                return choice("IsNumeric", Some(&format!("{}-fail", self.name)), next);
            }
            Kind::Wait(until) => {
                match until {
                    Until::Seconds(seconds) => state.insert("Seconds", *seconds),
                    Until::SecondsPath => {
                        state.insert("SecondsPath", "$$.Execution.Input.seconds");
                    }
                    Until::Time(time) => state.insert("Timestamp", *time),
                }
                "Wait"
            }
            Kind::Task(handling) => {
                state.insert("Resource", self.resource());
                if self.is_outside() {
                    let given = [("input.$", "$".into()), ("token.$", "$$.Task.Token".into())];
                    state.insert("Parameters", object(given));
                }
                if families::is_nested(&self.name) {
                    families::define_nested(&mut state, &self.name);
                }
                if self.name.starts_with(HANGING) {
                    state.insert(self.limit(), TIME_LIMIT);
                }
                handling.define(&mut state, next);
                "Task"
            }
            Kind::Parallel(branches, handling) => {
                state.insert("Branches", branches.iter().map(Sketch::definition).collect::<Json>());
                handling.define(&mut state, next);
                "Parallel"
            }
            Kind::Map { body, concurrency, selector, handling } => {
                state.insert("ItemProcessor", families::processor(&self.name, body.definition()));
                state.insert("ItemsPath", "$$.Execution.Input.items");
                state.insert("MaxConcurrency", *concurrency);
                if *selector {
                    let selector = [("i.$", "$$.Map.Item.Index"), ("v.$", "$$.Map.Item.Value")];
                    let mut members = selector.map(|(key, path)| (key, Json::from(path))).to_vec();
                    members.push(("d.$", "$".into()));
                    state.insert("ItemSelector", members.into_iter().collect::<Object>());
                }
                handling.define(&mut state, next);
                "Map"
            }
            Kind::Succeed => return object([("Type", "Succeed".into())]),
        };
        state.insert("Type", fields);
        go_on(&mut state, next);
        state.into()
    }
}

fn go_on(state: &mut Object, next: Option<&str>) {
    match next {
        Some(next) => state.insert("Next", next),
        None => state.insert("End", true),
    }
}

impl Handling {
    fn retrier(&self) -> Option<Json> {
        let attempts = self.attempts?;
        let errors = if self.retries_all { "States.ALL" } else { "States.TaskFailed" };
        Some(object([
            ("ErrorEquals", Json::from(vec![errors.into()])),
            ("MaxAttempts", attempts.into()),
            ("IntervalSeconds", self.interval.into()),
        ]))
    }

    fn define(&self, state: &mut Object, next: Option<&str>) {
        if let Some(retrier) = self.retrier() {
            state.insert("Retry", vec![retrier]);
        }
        if let Some(keep) = self.catch {
            let path = if keep { Json::Null } else { "$".into() };
            let catcher = object([
                ("ErrorEquals", Json::from(vec!["States.ALL".into()])),
                ("ResultPath", path),
                ("Next", next.unwrap_or_default().into()),
            ]);
            state.insert("Catch", vec![catcher]);
        }
    }
}

fn choice(operator: &str, then: Option<&str>, default: Option<&str>) -> Json {
    let rule = object([
        ("Variable", "$".into()),
        (operator, true.into()),
        ("Next", then.unwrap_or_default().into()),
    ]);
    object([
        ("Type", "Choice".into()),
        ("Choices", vec![rule].into()),
        ("Default", default.unwrap_or_default().into()),
    ])
}

pub(crate) fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    members.into_iter().collect::<Object>().into()
}
