//! Decisions of a shard's executions that are made elsewhere because they take long.

use std::panic;

use stepyard_store::ExecutionId;
use tokio::task::JoinError;

use super::Shard;
use crate::thinking::{Question, Thought};

/// What came of a decision.
pub(super) struct Thinking {
    execution: ExecutionId,
    /// Which of the execution's decisions it is.
    number: u64,
    thought: Result<Thought, JoinError>,
}

impl Shard {
    /// Has a decision made elsewhere. The shard goes on meanwhile.
    pub(super) fn think(&mut self, execution: ExecutionId, number: u64, question: Question) {
        self.shared.metrics.thought();
        let thinkers = self.shared.thinkers.clone();
        self.thoughts.spawn(async move {
            let thought = thinkers.think(question).await;
            Thinking { execution, number, thought }
        });
    }

    pub(super) fn take_in(&mut self, thinking: Result<Thinking, JoinError>) {
        // Only a program that ends cancels it.
        let Ok(Thinking { execution, number, thought }) = thinking else { return };
        let Some(active) = self.executions.get_mut(&execution) else { return };
        let waiting = match thought {
            Ok(thought) => active.take_in(number, thought),
            Err(_) if !active.waits_for(number) => return,
            Err(failed) => {
                let Ok(panicked) = failed.try_into_panic() else { return };
                // As if it had happened here: the execution is set aside.
                self.deciding = Some(execution);
                panic::resume_unwind(panicked);
            }
        };
        if active.is_dirty() {
            self.dirty.insert(execution);
        }
        for stimulus in waiting {
            self.decide(execution, stimulus);
        }
        self.resume_postponed(execution);
    }
}
