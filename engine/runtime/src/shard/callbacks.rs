//! Tasks that somebody outside has: what is said of them, and workers that take them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;
use stepyard_asl::{Resource, StateKind};
use stepyard_machine::{InvokeTask, Stimulus, TaskId, Timer};
use stepyard_store::{Error, ExecutionId, ExecutionRow};

use super::Shard;
use super::message::{Answer, Callback, Message, Reply, Take};
use crate::active::Active;
use crate::planted::{Planted, makes};
use crate::{ActivityTask, CallbackError, CallbackRequest, TaskPlace};

/// Why nobody can say anything of a task or Map Run of an execution.
pub(super) const SET_ASIDE: &str = "the execution is set aside";

/// What the store has of executions whose tasks somebody speaks of.
pub(super) type Called = BTreeMap<ExecutionId, Result<Option<ExecutionRow>, Error>>;

impl Shard {
    /// Looks up the executions that somebody speaks of and that are not in memory.
    pub(super) async fn look_up_called(&self, messages: &[Message]) -> Called {
        let ids: BTreeSet<ExecutionId> = messages
            .iter()
            .filter_map(|message| match message {
                Message::Callback(callback) => Some(callback.request.place.execution),
                _ => None,
            })
            .filter(|id| !self.executions.contains_key(id))
            .collect();
        let look_up = |id: ExecutionId| async move {
            (id, self.shared.store.get_execution(self.id(), id).await)
        };
        join_all(ids.into_iter().map(look_up)).await.into_iter().collect()
    }

    /// Hears what is said of a task. The reply tells what may not be durable yet.
    pub(super) fn call_back(&mut self, callback: Box<Callback>, called: &Called) {
        if !self.shared.lease.is_valid(self.shared.clock.monotonic()) {
            // There may be another owner, who knows more: who gets no answer asks him.
            return;
        }
        let TaskPlace { execution, task, .. } = callback.request.place;
        let Some(active) = self.executions.get(&execution) else {
            let refusal = absent(called.get(&execution));
            // A client that has gone away does not want its answer.
            return drop(callback.reply.send(Err(refusal)));
        };
        if active.thought().is_some() {
            return self.postponed.push((execution, Message::Callback(callback)));
        }
        let waits = active.execution().waits_for(task);
        let Callback { request: CallbackRequest { word, .. }, reply, place } = *callback;
        match word.stimulus(task) {
            Some(stimulus) if waits && !makes(Planted::WordForgotten) => {
                self.decide(execution, stimulus);
                // Its call may still be under way, or nobody may have taken it yet.
                self.dispatches.cancel(execution, task);
                self.offers.withdraw(execution, task);
            }
            None if waits => self.show_life(execution, task),
            _ => {}
        }
        let is_heard = waits || makes(Planted::WordHeardTwice);
        let result = if is_heard { Ok(()) } else { Err(CallbackError::TimedOut) };
        self.reply(execution, Answer::CalledBack { reply, result, _place: place });
    }

    /// Replies when what is told is decided and durable.
    pub(super) fn reply(&mut self, execution: ExecutionId, answer: Answer) {
        let thought = self.executions.get(&execution).and_then(Active::thought);
        self.replies.push(Reply { execution, thought, answer });
    }

    /// A decision that is being made elsewhere does not count any more: what it is about was not heard.
    pub(super) fn give_up_thought(&mut self, execution: ExecutionId, thought: u64) {
        self.replies.retain_mut(|reply| {
            let is_about_it = reply.execution == execution && reply.thought == Some(thought);
            !is_about_it || reply.refuse()
        });
        self.resume_postponed(execution);
    }

    /// The time for the next sign of life begins anew.
    fn show_life(&mut self, execution: ExecutionId, task: TaskId) {
        let active = self.executions.get(&execution);
        let timer = active.and_then(|active| active.execution().heartbeat(task));
        if let Some(timer) = timer
            && !makes(Planted::SignOfLifeForgotten)
        {
            self.watch(execution, timer);
        }
    }

    /// Waits for the next sign of life of a task.
    pub(super) fn watch(&mut self, execution: ExecutionId, timer: Timer) {
        let active = self.executions.get(&execution);
        let seconds = active.and_then(|active| active.execution().heartbeat_seconds(timer));
        if let Some(seconds) = seconds
            && !makes(Planted::HeartbeatsForgotten)
        {
            let now = self.shared.clock.monotonic();
            self.watches.set(execution, timer, now.saturating_add(Duration::from_secs(seconds)));
        }
    }

    pub(super) fn miss_signs_of_life(&mut self) {
        let now = self.shared.clock.monotonic();
        while let Some((execution, timer)) = self.watches.pop_due(now) {
            self.decide(execution, Stimulus::TimerDue { timer });
        }
    }

    /// Gives a task to a worker, who gets it when that is durable.
    pub(super) fn take(&mut self, take: Box<Take>) {
        let (execution, task) = (take.execution, take.task);
        let Some(active) = self.executions.get(&execution) else { return };
        if active.thought().is_some() {
            return self.postponed.push((execution, Message::Take(take)));
        }
        let machine = active.execution();
        let (true, Some(token), Some(invoke)) =
            (machine.is_scheduled(task), machine.token(task), machine.invocation(task))
        else {
            return;
        };
        let input = invoke.parameters.clone();
        if take.reply.is_closed() {
            // The worker has gone away; the next one may have it.
            return self.offer_again(execution, task);
        }
        if !makes(Planted::TakeForgotten) {
            self.decide(execution, Stimulus::ActivityStarted { task, worker: take.worker });
        }
        self.offers.withdraw(execution, task);
        let task = ActivityTask { token: token.into(), input };
        self.reply(execution, Answer::Taken { reply: take.reply, task });
    }

    /// Offers a task to the workers of its activity, if it has one.
    pub(super) fn offer(&mut self, execution: ExecutionId, invoke: &InvokeTask) -> bool {
        let Some(active) = self.executions.get(&execution) else { return false };
        match &active.program.state(invoke.state).kind {
            StateKind::Task(task) => match &task.resource {
                Resource::Activity { arn } => {
                    self.offers.offer(arn, execution, invoke.task);
                    true
                }
                _ => false,
            },
            _ => false,
        }
    }

    fn offer_again(&mut self, execution: ExecutionId, task: TaskId) {
        let active = self.executions.get(&execution);
        let invocation = active.and_then(|active| active.execution().invocation(task)).cloned();
        if let Some(invoke) = invocation
            && !self.is_leaving
        {
            self.offer(execution, &invoke);
        }
    }

    /// Goes on with what has waited for a decision of this execution.
    pub(super) fn resume_postponed(&mut self, execution: ExecutionId) {
        let (due, waiting) =
            std::mem::take(&mut self.postponed).into_iter().partition(|(of, _)| *of == execution);
        self.postponed = waiting;
        let due: Vec<(ExecutionId, Message)> = due;
        for (_, message) in due {
            match message {
                Message::Callback(callback) => self.call_back(callback, &Called::new()),
                Message::Take(take) => self.take(take),
                Message::AskMapRun(ask) => self.ask_map_run(ask),
                Message::Start(_)
                | Message::Stop(_)
                | Message::Redrive(_)
                | Message::Report(_)
                | Message::MapRun(_)
                | Message::AwaitedEnd(_) => {}
            }
        }
    }
}

/// What is said to somebody who speaks of an execution that is not in memory.
fn absent(found: Option<&Result<Option<ExecutionRow>, Error>>) -> CallbackError {
    match found {
        Some(Err(error)) => CallbackError::Unavailable(error.to_string()),
        Some(Ok(None)) => CallbackError::DoesNotExist,
        Some(Ok(Some(row))) if row.stopped_at.is_none() => {
            CallbackError::Unavailable(SET_ASIDE.into())
        }
        // It has ended since it was looked up.
        Some(Ok(Some(_))) | None => CallbackError::TimedOut,
    }
}
