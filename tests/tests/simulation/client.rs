//! Clients: they start, stop and look, ask again when they have no answer, and remember what they were told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use stepyard_asl::{Random, Timestamp};
use stepyard_json::Payload;
use stepyard_machine::{Event, Execution};
use stepyard_runtime::{ExecutionView, StartError, StartExecution, StopError, StopRequest};
use stepyard_store::{ExecutionId, ExecutionRow};

use crate::faults::Fault;
use crate::host::{Host, Running};
use crate::scenario::{self, Machine};
use crate::witness::Checker;
use crate::world::World;

/// An answer that takes longer is not waited for, in milliseconds.
const PATIENCE_MILLIS: i64 = 20_000;

/// What clients have been told.
#[derive(Clone, Default)]
pub(crate) struct Book(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    /// Executions that exist, by ARN, with what they were started with.
    started: BTreeMap<Arc<str>, (ExecutionId, Payload)>,
    /// Executions that have ended.
    ended: BTreeSet<ExecutionId>,
}

impl Book {
    /// The executions that clients know of.
    pub(crate) fn started(&self) -> BTreeMap<Arc<str>, (ExecutionId, Payload)> {
        self.0.lock().unwrap().started.clone()
    }

    pub(crate) fn knows(&self, arn: &str) -> bool {
        self.0.lock().unwrap().started.contains_key(arn)
    }

    fn has_ended(&self, id: ExecutionId) -> bool {
        self.0.lock().unwrap().ended.contains(&id)
    }

    fn note_end(&self, id: ExecutionId) {
        self.0.lock().unwrap().ended.insert(id);
    }
}

/// One client, with what it is going to do drawn from a seed of its own.
pub(crate) struct Client {
    pub(crate) world: World,
    pub(crate) number: u64,
    pub(crate) random: Random,
}

/// An execution that a client asks for.
pub(crate) struct Subject<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) name: Arc<str>,
    pub(crate) arn: Arc<str>,
}

impl Client {
    /// Does everything it wants to do, however long that takes.
    pub(crate) async fn run(mut self) {
        let world = self.world.clone();
        for made_up in 0..3 + self.random.below(8) {
            self.think(6_000).await;
            let machines = &world.scenario;
            let (machine, names) = &machines[self.random.below(machines.len() as u64) as usize];
            let name = names[self.random.below(names.len() as u64) as usize].clone();
            let subject = Subject::new(machine, name);
            match self.random.below(10) {
                0..5 => self.start(&subject).await,
                5 | 6 => {
                    let name = format!("made-up-{}-{made_up}", self.number).into();
                    self.start_once(&Subject::new(machine, name)).await;
                }
                7 => self.stop(&subject).await,
                _ => self.describe(&subject).await,
            }
        }
        world.witness.note(format_args!("client {} is done", self.number));
    }

    pub(crate) async fn think(&mut self, most: u64) {
        let millis = i64::try_from(self.random.below(most)).unwrap();
        self.world.time.sleep_millis(millis).await;
    }

    fn any_host(&mut self) -> Arc<Host> {
        let hosts = &self.world.hosts;
        hosts[self.random.below(hosts.len() as u64) as usize].clone()
    }

    /// Asks any node. `None`: there is no answer.
    pub(crate) async fn ask<T>(&mut self, question: impl AsyncFnOnce(&Running) -> T) -> Option<T> {
        let host = self.any_host();
        self.ask_there(&host, question).await
    }

    /// Asks a node, if it runs, and waits for its answer.
    async fn ask_there<T>(
        &self,
        host: &Host,
        question: impl AsyncFnOnce(&Running) -> T,
    ) -> Option<T> {
        let faults = &self.world.faults;
        // Nothing is drawn for one that is not there.
        host.running()?;
        let hurries = faults.strikes(Fault::ClientTimeout, 8);
        let patience = if hurries { faults.millis(1, 300) } else { PATIENCE_MILLIS };
        host.ask(&self.world, patience, question).await
    }
}

/// Starts.
impl Client {
    /// Asks until there is an answer.
    async fn start(&mut self, subject: &Subject<'_>) {
        let input = scenario::input(self.random.below(2));
        loop {
            let answer = self.ask_to_start(subject, &input, true).await;
            match answer {
                Some(Ok(row)) => return self.check_start(subject, &input, &row).await,
                Some(Err(StartError::AlreadyExists { .. })) => {
                    return self.check_refusal(subject, &input).await;
                }
                Some(Err(StartError::Throttled | StartError::Unavailable(_))) | None => {
                    self.think(3_000).await;
                }
            }
        }
    }

    /// A name that nobody else has is asked for once: without an answer nobody knows whether it began.
    async fn start_once(&mut self, subject: &Subject<'_>) {
        let input = scenario::input(self.random.below(4));
        match self.ask_to_start(subject, &input, false).await {
            Some(Ok(row)) => self.check_start(subject, &input, &row).await,
            Some(Err(StartError::AlreadyExists { arn })) => {
                let text = format!("{arn} was made up, and exists already");
                self.world.witness.violation(Checker::Replies, text);
            }
            Some(Err(StartError::Throttled | StartError::Unavailable(_))) | None => {}
        }
    }

    async fn ask_to_start(
        &mut self,
        subject: &Subject<'_>,
        input: &Payload,
        name_is_chosen: bool,
    ) -> Option<Result<ExecutionRow, StartError>> {
        let start = StartExecution {
            context: subject.machine.context(&subject.name),
            name_is_chosen,
            revision: subject.machine.revision,
            program: subject.machine.program.clone(),
            input: input.clone(),
        };
        let answer = self.ask(async move |node| node.runtime.start_execution(start).await).await;
        let shown = answer.as_ref().map(|answer| answer.as_ref().map(|row| row.id));
        let (number, name) = (self.number, &subject.name);
        self.world.witness.note(format_args!("client {number} starts {name}: {shown:?}"));
        answer
    }

    /// An acknowledged start is durable, and is the only one of its name.
    async fn check_start(&self, subject: &Subject<'_>, input: &Payload, row: &ExecutionRow) {
        let (world, arn) = (&self.world, &subject.arn);
        let stored = self.stored(subject).await;
        let holds =
            stored.is_some_and(|(id, execution)| id == row.id && execution.input() == Some(input));
        world.witness.must(Checker::Replies, holds, || {
            format!("the start of {arn} was acknowledged, and is not in the store")
        });
        let mut told = world.book.0.lock().unwrap();
        let known = told.started.entry(arn.clone()).or_insert((row.id, input.clone()));
        world.witness.must(Checker::Replies, known.0 == row.id, || {
            format!("{arn} was started twice: {:?} and {:?}", known.0, row.id)
        });
    }

    /// A start is refused only when the name is taken.
    async fn check_refusal(&self, subject: &Subject<'_>, input: &Payload) {
        let stored = self.stored(subject).await;
        let holds = stored.is_some_and(|(_, execution)| {
            // It may have been redriven since.
            let was_closed = execution.is_closed() || execution.redriven().is_some();
            was_closed || execution.input() != Some(input)
        });
        self.world.witness.must(Checker::Replies, holds, || {
            format!("{} cannot be started, though nothing has its name", subject.arn)
        });
    }
}

/// Stops and looks.
impl Client {
    pub(crate) async fn stop(&mut self, subject: &Subject<'_>) {
        loop {
            let was_known = self.world.book.knows(&subject.arn);
            let request = StopRequest {
                state_machine_arn: subject.machine.arn.clone(),
                name: subject.name.clone(),
                error: Some("Stopped".into()),
                cause: None,
            };
            let answer =
                self.ask(async move |node| node.runtime.stop_execution(request).await).await;
            let (number, name) = (self.number, &subject.name);
            self.world.witness.note(format_args!("client {number} stops {name}: {answer:?}"));
            match answer {
                Some(Ok(stopped_at)) => {
                    self.check_stop(subject, stopped_at).await;
                    return self.describe_everywhere(subject).await;
                }
                Some(Err(StopError::NotRunning)) => {
                    return self.check_not_running(subject, was_known).await;
                }
                Some(Err(StopError::SetAside | StopError::Unavailable(_))) | None => {
                    self.think(3_000).await;
                }
            }
        }
    }

    /// An acknowledged stop is durable.
    async fn check_stop(&self, subject: &Subject<'_>, stopped_at: Timestamp) {
        let journal = self.stored_journal(subject).await;
        let ends = journal.iter().filter(|event| event.kind.is_terminal());
        let ends: Vec<_> = ends.map(|event| event.at).collect();
        self.world.witness.must(Checker::Replies, ends.contains(&stopped_at), || {
            format!("the stop of {} at {stopped_at} is not in the store: {ends:?}", subject.arn)
        });
        if let Some((id, _)) = self.stored(subject).await {
            self.world.book.note_end(id);
        }
    }

    async fn check_not_running(&self, subject: &Subject<'_>, was_known: bool) {
        let stored = self.stored(subject).await;
        let runs = stored
            .is_some_and(|(_, execution)| !execution.is_closed() && execution.redriven().is_none());
        self.world.witness.must(Checker::Replies, !(was_known && runs), || {
            format!("{} is said not to run, and does", subject.arn)
        });
    }

    async fn describe(&mut self, subject: &Subject<'_>) {
        let host = self.any_host();
        self.describe_there(&host, subject).await;
    }

    /// What one node has told, no other one contradicts.
    async fn describe_everywhere(&self, subject: &Subject<'_>) {
        for host in &self.world.hosts {
            self.describe_there(host, subject).await;
        }
    }

    async fn describe_there(&self, host: &Host, subject: &Subject<'_>) {
        let was_known = self.world.book.knows(&subject.arn);
        let had_ended = match self.stored(subject).await {
            Some((id, _)) => self.world.book.has_ended(id),
            None => false,
        };
        let (machine, name, arn) =
            (subject.machine.arn.clone(), subject.name.clone(), subject.arn.clone());
        let answer = self
            .ask_there(host, async move |node| {
                node.runtime.describe_execution(&machine, &name, &arn).await
            })
            .await;
        let Some(Ok(view)) = answer else { return };
        let status = view.as_ref().map(|view| view.row.status);
        let (number, name) = (self.number, &subject.name);
        self.world.witness.note(format_args!("client {number} looks at {name}: {status:?}"));
        match view {
            Some(view) => self.check_view(subject, &view, had_ended).await,
            None => self.world.witness.must(Checker::Replies, !was_known, || {
                format!("{} was acknowledged, and is said not to exist", subject.arn)
            }),
        }
    }

    /// What is shown is what is stored, or was so before anybody was told of more.
    async fn check_view(&self, subject: &Subject<'_>, view: &ExecutionView, had_ended: bool) {
        let stored = self.stored(subject).await;
        let journal = self.stored_journal(subject).await;
        let holds = stored.is_some_and(|(id, execution)| {
            shows(view, &execution)
                || (!had_ended && is_earlier(view, id, &execution))
                || (execution.redriven().is_some() && was_so_once(view, &journal))
        });
        self.world.witness.must(Checker::Replies, holds, || {
            let status = view.row.status;
            format!("{} is shown as {status:?}, which is not what is stored", subject.arn)
        });
        if view.row.stopped_at.is_some() {
            self.world.book.note_end(view.row.id);
        }
    }

    /// The execution of that name, as it is durable.
    async fn stored(&self, subject: &Subject<'_>) -> Option<(ExecutionId, Execution)> {
        let row = self.row(subject).await?;
        Some((row.id, Execution::replay(self.world.journal(&row).await)))
    }

    /// Its events; none when there is no such execution.
    pub(crate) async fn stored_journal(&self, subject: &Subject<'_>) -> Vec<Event> {
        match self.row(subject).await {
            Some(row) => self.world.journal(&row).await,
            None => Vec::new(),
        }
    }

    async fn row(&self, subject: &Subject<'_>) -> Option<ExecutionRow> {
        let machine = subject.machine;
        let tables = &self.world.database.tables;
        let shard = machine.shard_of(&subject.name);
        use stepyard_store::Store;
        tables.find_execution(shard, &machine.arn, &subject.name).await.unwrap()
    }
}

impl Subject<'_> {
    pub(crate) fn new(machine: &Machine, name: Arc<str>) -> Subject<'_> {
        let arn = machine.context(&name).execution_arn.clone();
        Subject { machine, name, arn }
    }
}

/// Whether a view shows all that there is.
pub(crate) fn shows(view: &ExecutionView, execution: &Execution) -> bool {
    Some(view.row.status) == execution.status()
        && view.row.stopped_at == execution.stopped_at()
        && view.row.redriven == execution.redriven()
        && Some(&view.input) == execution.input()
        && view.output.as_ref() == execution.output()
        && view.error.as_ref() == execution.error()
        && view.cause.as_ref() == execution.cause()
}

/// Whether a view shows an execution that has ended as it was before.
fn is_earlier(view: &ExecutionView, id: ExecutionId, execution: &Execution) -> bool {
    view.row.id == id && view.row.stopped_at.is_none() && Some(&view.input) == execution.input()
}

/// Whether a view shows an execution as it was after one of its events.
fn was_so_once(view: &ExecutionView, journal: &[Event]) -> bool {
    let mut execution = Execution::new();
    journal.iter().any(|event| {
        execution.apply(event);
        shows(view, &execution)
    })
}
