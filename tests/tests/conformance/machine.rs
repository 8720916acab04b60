//! The driver that runs a case against the machine alone, in virtual time.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use serde_json::{Value, json};
use stepyard_asl::{Pattern, Program, Resource, StateKind, Timestamp, compile};
use stepyard_json::{Json, Payload};
use stepyard_machine::history::project;
use stepyard_machine::{
    Command, Decision, Event, Execution, InvokeTask, Moment, StartContext, Stimulus, decide,
};
use stepyard_tests::Reply;

use crate::case::{Answer, Case};
use crate::{ACCOUNT, REGION, ROLE};

/// When executions start.
const START: Timestamp = Timestamp(1_780_000_000_000);

/// More stimuli than any case needs.
const STIMULI_MAX: u64 = 10_000;

/// An execution that has come to rest.
pub(crate) struct Run {
    pub(crate) execution: Execution,
    /// The whole journal.
    pub(crate) journal: Vec<Event>,
    /// As GetExecutionHistory shows it.
    pub(crate) history: Vec<Value>,
}

/// Runs a case until nothing is in flight any more.
pub(crate) fn run(case: &Case) -> Run {
    let compilation = compile(&case.definition.to_string());
    let program = compilation
        .program
        .unwrap_or_else(|| panic!("{}: {:?}", case.name, compilation.diagnostics));
    let mut driver = Driver::new(case, Arc::clone(&program));
    let input = Payload::from_text(case.input()).unwrap();
    driver.schedule(START, Stimulus::Start { context: context(case), input });
    while driver.step() {}
    for _ in 0..case.redrives {
        let at = driver.execution.stopped_at().unwrap();
        driver.schedule(at, Stimulus::Redrive { client_token: None });
        while driver.step() {}
    }
    let history = driver.journal.iter().filter_map(|event| shown(&program, event)).collect();
    Run { execution: driver.execution, journal: driver.journal, history }
}

struct Driver {
    program: Arc<Program>,
    execution: Execution,
    journal: Vec<Event>,
    /// What will reach the execution, by time and order of arrival.
    agenda: BTreeMap<(Timestamp, u64), Stimulus>,
    arrivals: u64,
    answers: HashMap<String, VecDeque<Answer>>,
}

impl Driver {
    fn new(case: &Case, program: Arc<Program>) -> Driver {
        let answers = case
            .tasks
            .iter()
            .map(|(function, answers)| (function.clone(), answers.iter().cloned().collect()));
        Driver {
            program,
            execution: Execution::new(),
            journal: Vec::new(),
            agenda: BTreeMap::new(),
            arrivals: 0,
            answers: answers.collect(),
        }
    }

    fn schedule(&mut self, at: Timestamp, stimulus: Stimulus) {
        self.arrivals += 1;
        assert!(self.arrivals < STIMULI_MAX, "the execution goes on for ever");
        self.agenda.insert((at, self.arrivals), stimulus);
    }

    /// Delivers the next stimulus; false when there is none.
    fn step(&mut self) -> bool {
        let Some(((now, arrival), stimulus)) = self.agenda.pop_first() else { return false };
        let moment = Moment { now, entropy: u128::from(arrival).to_le_bytes() };
        let mut decision = Decision::default();
        decide(&self.program, &mut self.execution, moment, stimulus, &mut decision);
        self.journal.extend(decision.events);
        for command in decision.commands {
            match command {
                Command::InvokeTask(task) => self.invoke(now, &task),
                Command::StartTimer { timer, due } => {
                    self.schedule(due, Stimulus::TimerDue { timer });
                }
                Command::Continue => self.schedule(now, Stimulus::Continue),
                // Its result comes nevertheless: late results must be silent.
                Command::CancelTask { .. } => {}
                other => panic!("the driver plays no {other:?}"),
            }
        }
        true
    }

    fn invoke(&mut self, now: Timestamp, command: &InvokeTask) {
        let task = command.task;
        self.schedule(now, Stimulus::TaskStarted { task });
        let StateKind::Task(state) = &self.program.state(command.state).kind else {
            panic!("{:?} is not a Task state", command.state)
        };
        let (function, wrapped) = match &state.resource {
            Resource::Lambda(function) => (function.name.to_string(), false),
            Resource::Service(call) if call.pattern == Pattern::RequestResponse => {
                let name = command.parameters.tree().get("FunctionName").and_then(Json::as_str);
                (name.unwrap_or_default().to_owned(), true)
            }
            other => panic!("the driver plays no {other:?}"),
        };
        let answers = self.answers.get_mut(&function);
        let answer = answers
            .and_then(VecDeque::pop_front)
            .unwrap_or_else(|| panic!("{function} has no answer left"));
        let done = now.plus_millis(i64::try_from(answer.delay().as_millis()).unwrap());
        let reply = answer.reply();
        let stimulus = match &reply {
            Reply::Return(value) if wrapped => {
                Stimulus::TaskSucceeded { task, output: Json::from(invoke_output(value)).into() }
            }
            Reply::Return(value) => {
                Stimulus::TaskSucceeded { task, output: Json::from(value).into() }
            }
            Reply::Raise { error, .. } => Stimulus::TaskFailed {
                task,
                error: Some(error.as_str().into()),
                cause: Some(reply.body().into()),
            },
        };
        self.schedule(done, stimulus);
    }
}

/// What `lambda:invoke` gives, without the metadata of the call.
fn invoke_output(value: &Value) -> Value {
    json!({ "ExecutedVersion": "$LATEST", "Payload": value, "StatusCode": 200 })
}

fn context(case: &Case) -> Arc<StartContext> {
    let name = &case.name;
    Arc::new(StartContext {
        execution_arn: format!("arn:aws:states:{REGION}:{ACCOUNT}:execution:{name}:{name}").into(),
        execution_name: name.as_str().into(),
        state_machine_arn: format!("arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}").into(),
        state_machine_name: name.as_str().into(),
        role_arn: ROLE.into(),
        qualifier: None,
        child_of: None,
        kind: Default::default(),
        limits: Default::default(),
    })
}

fn shown(program: &Program, event: &Event) -> Option<Value> {
    let event = project(program, REGION, event)?;
    let mut shown = json!({
        "id": event.id.0,
        "previousEventId": event.previous_event_id.0,
        "type": event.event_type.as_str(),
    });
    if let Some(details) = &event.details {
        shown[event.details_key()] = details.to_json(true).into();
    }
    Some(shown)
}
