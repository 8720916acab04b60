//! Decisions that take long. JSONata may cost what it likes up to its limit; a shard gives it about a millisecond, so that
//! the other executions do not wait. A decision that needs more is made again, from its beginning, on a thread of its own.

use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use stepyard_asl::Program;
use stepyard_machine::{Decision, Execution, Moment, OutOfFuel, Stimulus, decide, decide_within};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn, spawn_blocking};

use crate::Clock;

/// Steps of JSONata that are taken at once: about a millisecond.
const FUEL: u64 = 50_000;

/// Decides what takes no long time.
///
/// # Errors
/// The stimulus, when deciding on it takes longer. Nothing has changed then.
pub(crate) fn decide_at_once(
    program: &Program,
    execution: &mut Execution,
    moment: Moment,
    stimulus: Stimulus,
    decision: &mut Decision,
) -> Result<(), Stimulus> {
    match decide_within(FUEL, program, execution, moment, stimulus, decision) {
        Ok(()) => Ok(()),
        // That it has started or goes on is told at once, whatever its first states cost.
        Err(OutOfFuel(opens @ (Stimulus::Start { .. } | Stimulus::Redrive { .. }))) => {
            decide_within(0, program, execution, moment, opens, decision)
                .map_err(|OutOfFuel(opens)| opens)
        }
        Err(OutOfFuel(stimulus)) => Err(stimulus),
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
    /// What has reached it.
    pub stimulus: Stimulus,
    /// What the decision is added to.
    pub decision: Decision,
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
        stimulus: Stimulus,
    ) -> Question {
        let (program, execution) = (program.clone(), execution.clone());
        Question { program, execution, moment, stimulus, decision: Decision::default() }
    }

    /// Decides at once, if that takes no long time.
    ///
    /// # Errors
    /// The question, when it does.
    pub(crate) fn answer_at_once(mut self) -> Result<Thought, Box<Question>> {
        let (execution, decision) = (&mut self.execution, &mut self.decision);
        match decide_at_once(&self.program, execution, self.moment, self.stimulus, decision) {
            Ok(()) => Ok(Thought { execution: self.execution, decision: self.decision }),
            Err(stimulus) => Err(Box::new(Question { stimulus, ..self })),
        }
    }

    fn think(mut self) -> Thought {
        let (execution, decision) = (&mut self.execution, &mut self.decision);
        decide(&self.program, execution, self.moment, self.stimulus, decision);
        Thought { execution: self.execution, decision: self.decision }
    }
}

/// The threads for such decisions, shared by all shards, Express executions and tests of states. One processor is left to
/// everything else, where there is more than one.
#[derive(Clone)]
pub(crate) struct Thinkers {
    places: Arc<Semaphore>,
    clock: Arc<dyn Clock>,
}

impl Thinkers {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Thinkers {
        let threads = available_parallelism().map_or(1, NonZero::get).saturating_sub(1).max(1);
        Thinkers { places: Arc::new(Semaphore::new(threads)), clock }
    }

    /// Decides with all that JSONata may cost, once a thread is free.
    ///
    /// # Errors
    /// When the machine panics.
    pub(crate) async fn think(self, mut question: Question) -> Result<Thought, JoinError> {
        let place = self.places.acquire_owned().await;
        // It may have waited for long.
        question.moment.now = question.moment.now.max(self.clock.now());
        // A program with one thread decides in its own order, which a simulation relies on.
        if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
            return spawn(async move { question.think() }).await;
        }
        spawn_blocking(move || {
            let _place = place;
            question.think()
        })
        .await
    }
}
