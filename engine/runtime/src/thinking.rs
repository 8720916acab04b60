//! Decisions that take long. JSONata may cost what it likes up to its limit; a shard gives it about a millisecond, so that
//! the other executions do not wait. A decision that needs more is made again, from its beginning, on a thread of its own.

use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use stepyard_asl::Program;
use stepyard_machine::{
    Decision, Execution, Facts, Lack, Moment, Stimulus, Undecided, decide_within,
};
use stepyard_store::Store;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn, spawn_blocking};

use crate::Clock;

/// Steps of JSONata that are taken at once: about a millisecond.
const FUEL: u64 = 50_000;

/// How long a store that does not answer is left alone before it is asked for a fact again.
const PAUSE: Duration = Duration::from_millis(500);

/// Decides what takes no long time and needs nothing from the store.
///
/// # Errors
/// When deciding on it does. Nothing has changed then.
pub(crate) fn decide_at_once(
    program: &Program,
    execution: &mut Execution,
    moment: Moment,
    stimulus: Stimulus,
    decision: &mut Decision,
) -> Result<(), Undecided> {
    let facts = Facts::default();
    match decide_within(Some(FUEL), &facts, program, execution, moment, stimulus, decision) {
        // That it has started or goes on is told at once, whatever its first states cost.
        Err(Undecided {
            stimulus: opens @ (Stimulus::Start { .. } | Stimulus::Redrive { .. }),
            ..
        }) => decide_within(Some(0), &facts, program, execution, moment, opens, decision),
        decided => decided,
    }
}

/// What is to be decided.
pub struct Question {
    /// The definition.
    pub program: Arc<Program>,
    /// The execution before the decision.
    pub execution: Execution,
    /// Time and chance.
    pub moment: Moment,
    /// What is known of the outside. What is missing is looked up.
    pub facts: Facts,
    /// What has reached it.
    pub stimulus: Stimulus,
    /// What the decision is added to.
    pub decision: Decision,
    /// What it has turned out to lack; nothing at first.
    pub lack: Option<Lack>,
}

/// What has been decided.
pub struct Thought {
    /// The execution after the decision.
    pub execution: Execution,
    /// The decision.
    pub decision: Decision,
}

impl Question {
    /// What is to be decided of an execution as it is now.
    pub(crate) fn of(
        program: &Arc<Program>,
        execution: &Execution,
        moment: Moment,
        Undecided { stimulus, lack }: Undecided,
    ) -> Question {
        let (program, execution) = (program.clone(), execution.clone());
        let (facts, decision) = (Facts::default(), Decision::default());
        Question { program, execution, moment, facts, stimulus, decision, lack: Some(lack) }
    }

    /// Decides at once, if that takes no long time.
    ///
    /// # Errors
    /// The question, when it does.
    pub(crate) fn answer_at_once(self) -> Result<Thought, Box<Question>> {
        self.answer_within(Some(FUEL))
    }

    fn answer_within(mut self, fuel: Option<u64>) -> Result<Thought, Box<Question>> {
        let (program, facts) = (&self.program, &self.facts);
        let (execution, decision) = (&mut self.execution, &mut self.decision);
        match decide_within(fuel, facts, program, execution, self.moment, self.stimulus, decision) {
            Ok(()) => Ok(Thought { execution: self.execution, decision: self.decision }),
            Err(Undecided { stimulus, lack }) => {
                Err(Box::new(Question { stimulus, lack: Some(lack), ..self }))
            }
        }
    }
}

/// The threads for such decisions, shared by all shards, Express executions and tests of states. One processor is left to
/// everything else, where there is more than one.
#[derive(Clone)]
pub(crate) struct Thinkers {
    places: Arc<Semaphore>,
    clock: Arc<dyn Clock>,
    store: Arc<dyn Store>,
}

impl Thinkers {
    pub(crate) fn new(clock: Arc<dyn Clock>, store: Arc<dyn Store>) -> Thinkers {
        let threads = available_parallelism().map_or(1, NonZero::get).saturating_sub(1).max(1);
        Thinkers { places: Arc::new(Semaphore::new(threads)), clock, store }
    }

    /// Decides with all that JSONata may cost, once a thread is free, and with what the store knows.
    ///
    /// # Errors
    /// When the machine panics.
    pub(crate) async fn think(self, mut question: Question) -> Result<Thought, JoinError> {
        loop {
            let thought = match question.lack.take() {
                Some(Lack::Activity(arn)) => {
                    let exists = self.has_activity(&arn).await;
                    question.facts.learn(arn, exists);
                    // A panic is told as one of a thread.
                    spawn(async move { question.answer_at_once() }).await?
                }
                Some(Lack::Fuel) | None => self.on_a_thread(question).await?,
            };
            match thought {
                Ok(thought) => return Ok(thought),
                Err(again) => question = *again,
            }
        }
    }

    async fn on_a_thread(
        &self,
        mut question: Question,
    ) -> Result<Result<Thought, Box<Question>>, JoinError> {
        let clock = self.clock.clone();
        self.run(move || {
            // It may have waited for long.
            question.moment.now = question.moment.now.max(clock.now());
            question.answer_within(None)
        })
        .await
    }

    /// Does something else that may take that long, once a thread is free.
    ///
    /// # Errors
    /// When it panics.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let place = self.places.clone().acquire_owned().await;
        // A program with one thread decides in its own order, which a simulation relies on.
        if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
            return spawn(async move { work() }).await;
        }
        spawn_blocking(move || {
            let _place = place;
            work()
        })
        .await
    }

    /// Whether there is an activity with that ARN, as soon as the store answers.
    async fn has_activity(&self, arn: &str) -> bool {
        loop {
            match self.store.get_activity(arn).await {
                Ok(found) => return found.is_some(),
                Err(error) => {
                    tracing::warn!(%error, activity = arn, "cannot look an activity up; trying again");
                    self.clock.sleep(PAUSE).await;
                }
            }
        }
    }
}
