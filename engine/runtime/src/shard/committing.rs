//! Handing over what has been decided, and what leaves when it is durable.

use std::sync::Arc;

use stepyard_machine::{Command, Event, InvokeTask, Stimulus, TimerKind};
use stepyard_store::ExecutionId;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{Reply, Shard};
use crate::active::{Active, Released};
use crate::awaiting::is_parsed;
use crate::committer::{Batch, Outcome, Rows};
use crate::map_run::MapRuns;
use crate::planted::{self, Planted, makes};
use crate::{Committed, Invocation};

/// A batch that is under way.
pub(super) struct UnderWay {
    outcome: oneshot::Receiver<Outcome>,
    released: Vec<Released>,
    replies: Vec<Reply>,
    /// Whether somebody is to be told of it.
    has_notices: bool,
    /// Places of ends of child executions, which others wait for until this is durable.
    _places: Vec<OwnedSemaphorePermit>,
}

impl UnderWay {
    /// The outcome of the batch under way; never, when there is none. A committer that has lost it
    /// does not know what became of it.
    pub(super) async fn outcome(under_way: &mut Option<UnderWay>) -> Outcome {
        match under_way {
            Some(under_way) => (&mut under_way.outcome).await.unwrap_or(Outcome::Refused),
            None => std::future::pending().await,
        }
    }
}

impl Shard {
    /// Hands to the committer what has gathered, as much as one transaction takes, unless a batch is
    /// under way.
    pub(super) async fn hand_over(&mut self) {
        if self.under_way.is_some() {
            return;
        }
        let (mut rows, mut released) = (Rows::default(), Vec::new());
        while !rows.is_full()
            && let Some(id) = self.dirty.pop_first()
        {
            let Some(active) = self.executions.get_mut(&id) else { continue };
            let (chunk, mut release) = active.hand_over(self.lease.shard);
            let update = active.update(self.lease.shard, self.loaded_to);
            let map_runs = active.changed_map_runs(self.lease.shard);
            if let Some(chunk) = &chunk {
                let Released { events, redrives, .. } = &release;
                rows.add_notices(self.shared.notices.of(self.lease, chunk, events, *redrives));
            }
            rows.add(self.starts.remove(&id), chunk, update, map_runs);
            if makes(Planted::EffectsBeforeCommit) {
                self.release_commands(id, std::mem::take(&mut release.commands));
            }
            released.push(release);
        }
        // What they tell is durable, or in this batch, unless their execution still waits.
        let (waiting, mut replies): (Vec<_>, Vec<_>) = std::mem::take(&mut self.replies)
            .into_iter()
            .partition(|reply| self.is_undecided(reply));
        self.replies = waiting;
        if released.is_empty() || makes(Planted::RepliesBeforeCommit) {
            replies.drain(..).for_each(Reply::send);
        }
        let places = self.map_runs.take_places();
        if released.is_empty() {
            return;
        }
        let (done, outcome) = oneshot::channel();
        let has_notices = rows.has_notices();
        self.under_way =
            Some(UnderWay { outcome, released, replies, has_notices, _places: places });
        // If the committer is gone, the outcome says so.
        let _ = self.committer.send(Batch { lease: self.lease, rows, done }).await;
    }

    /// Whether what a reply tells has not been handed over, or not even decided.
    fn is_undecided(&self, reply: &Reply) -> bool {
        let active = self.executions.get(&reply.execution);
        let is_thought = |thought| active.is_some_and(|active| active.waits_for(thought));
        self.dirty.contains(&reply.execution) || reply.thought.is_some_and(is_thought)
    }

    pub(super) async fn finish(&mut self, outcome: Outcome) {
        let Some(under_way) = self.under_way.take() else { return };
        match outcome {
            Outcome::Committed => {
                self.lease.commit_seq += 1;
                self.shared.seen.note(self.lease);
                self.setbacks = 0;
                self.release(under_way);
            }
            Outcome::Refused => {
                drop(under_way);
                self.start_over().await;
            }
        }
    }

    /// Everything that waited for this commit leaves.
    fn release(&mut self, under_way: UnderWay) {
        let UnderWay { mut released, replies, has_notices, .. } = under_way;
        // Clients ask for these, and may do so as soon as they have their reply.
        for view in released.iter_mut().filter_map(|released| released.view.take()) {
            let ended = view.row.status.is_end().then(|| view.context.execution_arn.clone());
            self.shared.recent.put(*view, self.lease.epoch);
            if let Some(arn) = ended {
                self.shared.end_watchers.tell(&arn);
            }
        }
        replies.into_iter().for_each(Reply::send);
        if has_notices {
            self.notice_news.announce();
        }
        for Released { execution, events, redrives, commands, .. } in released {
            self.shared.metrics.committed(&events);
            self.log(execution, redrives, &events);
            self.release_commands(execution, commands);
            self.tell(execution, events);
            self.forget_if_closed(execution);
            self.let_sleep(execution);
        }
    }

    pub(super) fn release_commands(&mut self, execution: ExecutionId, commands: Vec<Command>) {
        for command in commands {
            match command {
                Command::InvokeTask(invoke) => self.dispatch(execution, &invoke),
                Command::RunChildren { run } => {
                    self.serve_map_run(execution, |map_runs, active| {
                        map_runs.run_children(active, run);
                    });
                }
                Command::ExportResults { run } => {
                    self.serve_map_run(execution, |map_runs, active| {
                        map_runs.export_results(active, run);
                    });
                }
                Command::LimitChildren { run, max_concurrency } => {
                    self.map_runs.limit(execution, run, max_concurrency);
                }
                Command::CancelMapRun { run } => self.map_runs.cancel(execution, run),
                Command::AwaitExecution { task, state, execution_arn } => {
                    if let Some(active) = self.executions.get(&execution) {
                        let is_parsed = is_parsed(&active.program, state);
                        self.awaits.begin(execution, task, &execution_arn, is_parsed);
                    }
                }
                Command::CancelTask { task } => {
                    self.dispatches.cancel(execution, task);
                    self.awaits.cancel(execution, task);
                    self.offers.withdraw(execution, task);
                }
                Command::StartTimer { timer, .. } if timer.kind == TimerKind::Heartbeat => {
                    self.watch(execution, timer);
                }
                Command::StartTimer { timer, due } => {
                    if let Some(active) = self.executions.get_mut(&execution) {
                        active.armed.push((due, timer));
                        self.timers.arm(due, execution, timer);
                    }
                }
                // Of a shard that leaves it is pending, so the next owner goes on.
                Command::Continue if self.ends.leaving.is_cancelled() => {}
                Command::Continue => self.decide(execution, Stimulus::Continue),
            }
        }
    }

    /// Sees to a Map Run; of a shard that leaves it is pending, so the next owner does.
    fn serve_map_run(&mut self, execution: ExecutionId, serve: impl FnOnce(&mut MapRuns, &Active)) {
        if let Some(active) = self.executions.get(&execution)
            && !self.ends.leaving.is_cancelled()
        {
            serve(&mut self.map_runs, active);
        }
    }

    fn dispatch(&mut self, execution: ExecutionId, invoke: &InvokeTask) {
        if self.ends.leaving.is_cancelled() || self.offer(execution, invoke) {
            // It is pending, so the next owner hands it out; or a worker takes it.
            return;
        }
        let Some(active) = self.executions.get(&execution) else { return };
        let event = invoke.task.0.0 + planted::key_shift(self.lease.epoch);
        let key = format!("{}:{event}", execution.0);
        let made = Invocation::of(&active.program, active.execution(), invoke, key);
        if let Some(invocation) = made {
            self.dispatches.dispatch(execution, invoke.task, invocation);
        }
    }

    /// Logs committed events, as far as their state machine wants.
    fn log(&self, execution: ExecutionId, redrives: u32, events: &[Event]) {
        if let Some(active) = self.executions.get(&execution)
            && let Some(context) = active.context()
        {
            active.logging.write(&active.program, &context.execution_arn, redrives, events);
        }
    }

    /// Publishes committed events, when somebody listens.
    fn tell(&self, execution: ExecutionId, events: Vec<Event>) {
        if self.shared.news.receiver_count() == 0 {
            return;
        }
        if let Some(active) = self.executions.get(&execution)
            && let Some(context) = active.context()
        {
            let execution_arn = context.execution_arn.clone();
            let program = active.program.clone();
            // Nobody may be left to listen by now.
            let _ = self.shared.news.send(Arc::new(Committed { execution_arn, program, events }));
        }
    }

    fn forget_if_closed(&mut self, execution: ExecutionId) {
        let closed = self
            .executions
            .get(&execution)
            .is_some_and(|active| active.execution().is_closed() && !active.is_dirty());
        if !closed {
            return;
        }
        if let Some(active) = self.executions.remove(&execution) {
            self.forget(&active);
        }
    }
}
