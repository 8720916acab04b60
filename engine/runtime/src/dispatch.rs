//! Handing out tasks.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use stepyard_machine::{Stimulus, TaskId};
use stepyard_store::ExecutionId;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use crate::shard::Message;
use crate::{Invocation, Metrics, Started, TaskOutcome, TaskRunner};

/// The dispatches of one shard, or of one Express execution. Each carries a number of its own, which fences
/// the answers of an earlier dispatch of the same task.
pub(crate) struct Dispatches<M = Message> {
    runner: Arc<dyn TaskRunner>,
    /// Bounds the tasks that run at the same time in this process.
    places: Arc<Semaphore>,
    mailbox: mpsc::WeakSender<M>,
    metrics: Arc<Metrics>,
    running: BTreeMap<(ExecutionId, TaskId), Dispatch>,
    numbered: u64,
}

struct Dispatch {
    number: u64,
    task: AbortHandle,
    cancellation: CancellationToken,
}

/// What a dispatch reports.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) execution: ExecutionId,
    task: TaskId,
    number: u64,
    news: News,
}

#[derive(Debug)]
enum News {
    Started,
    Ended(TaskOutcome),
}

impl<M: From<Report> + Send + 'static> Dispatches<M> {
    pub(crate) fn new(
        runner: Arc<dyn TaskRunner>,
        places: Arc<Semaphore>,
        mailbox: mpsc::WeakSender<M>,
        metrics: Arc<Metrics>,
    ) -> Dispatches<M> {
        Dispatches { runner, places, mailbox, metrics, running: BTreeMap::new(), numbered: 0 }
    }

    /// Hands out a task. The invocation's signal and token are made here.
    pub(crate) fn dispatch(
        &mut self,
        execution: ExecutionId,
        task: TaskId,
        invocation: impl FnOnce(Started, CancellationToken) -> Invocation,
    ) {
        self.numbered += 1;
        self.metrics.dispatched();
        let (started, has_started) = Started::channel();
        let cancellation = CancellationToken::new();
        let run = Run {
            runner: self.runner.clone(),
            places: self.places.clone(),
            metrics: self.metrics.clone(),
            mailbox: self.mailbox.clone(),
            execution,
            task,
            number: self.numbered,
        };
        let invocation = invocation(started, cancellation.clone());
        let handle = tokio::spawn(run.run(invocation, has_started)).abort_handle();
        let dispatch = Dispatch { number: self.numbered, task: handle, cancellation };
        if let Some(earlier) = self.running.insert((execution, task), dispatch) {
            earlier.stop();
        }
    }

    /// Drops a task whose result does not count any more.
    pub(crate) fn cancel(&mut self, execution: ExecutionId, task: TaskId) {
        if let Some(dispatch) = self.running.remove(&(execution, task)) {
            dispatch.stop();
        }
    }

    /// What a report means to the execution; `None` when it comes from a dispatch that is over.
    pub(crate) fn receive(&mut self, report: Report) -> Option<Stimulus> {
        let Report { execution, task, number, news } = report;
        let key = (execution, task);
        if self.running.get(&key)?.number != number {
            return None;
        }
        match news {
            News::Started => Some(Stimulus::TaskStarted { task }),
            News::Ended(outcome) => {
                self.running.remove(&key);
                Some(match outcome {
                    TaskOutcome::Succeeded(output) => Stimulus::TaskSucceeded { task, output },
                    TaskOutcome::Submitted(output) => Stimulus::TaskSubmitted { task, output },
                    TaskOutcome::Failed { error, cause } => {
                        Stimulus::TaskFailed { task, error, cause }
                    }
                })
            }
        }
    }

    /// Whether no task is out.
    pub(crate) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }
}

impl<M> Dispatches<M> {
    /// Drops all tasks.
    pub(crate) fn stop_all(&mut self) {
        while let Some((_, dispatch)) = self.running.pop_first() {
            dispatch.stop();
        }
    }
}

impl<M> Drop for Dispatches<M> {
    fn drop(&mut self) {
        self.stop_all();
    }
}

impl Dispatch {
    fn stop(self) {
        self.cancellation.cancel();
        self.task.abort();
    }
}

/// One dispatch on its way.
struct Run<M> {
    runner: Arc<dyn TaskRunner>,
    places: Arc<Semaphore>,
    metrics: Arc<Metrics>,
    mailbox: mpsc::WeakSender<M>,
    execution: ExecutionId,
    task: TaskId,
    number: u64,
}

impl<M: From<Report>> Run<M> {
    async fn run(
        self,
        invocation: Invocation,
        mut has_started: tokio::sync::oneshot::Receiver<()>,
    ) {
        let waits = self.metrics.task_waits();
        // The semaphore is never closed.
        let Ok(_place) = self.places.clone().acquire_owned().await else { return };
        drop(waits);
        let _runs = self.metrics.task_runs();
        let runner = self.runner.clone();
        let mut work = AssertUnwindSafe(runner.run(invocation)).catch_unwind();
        let mut outcome = None;
        let started = tokio::select! {
            biased;
            signal = &mut has_started => signal.is_ok(),
            ended = &mut work => {
                outcome = Some(ended);
                has_started.try_recv().is_ok()
            }
        };
        if started {
            self.report(News::Started).await;
        }
        let ended = match outcome {
            Some(ended) => ended,
            None => work.await,
        };
        self.report(News::Ended(ended.unwrap_or_else(|panic| panicked(&*panic)))).await;
    }

    async fn report(&self, news: News) {
        let Run { execution, task, number, .. } = *self;
        if let Some(mailbox) = self.mailbox.upgrade() {
            // A shard that has stopped hands the task out again when it is taken up.
            let _ = mailbox.send(M::from(Report { execution, task, number, news })).await;
        }
    }
}

/// A runner that panics fails its task, not the process.
fn panicked(panic: &(dyn std::any::Any + Send)) -> TaskOutcome {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    tracing::error!(panic = %text, "a task runner panicked");
    TaskOutcome::Failed {
        error: Some("Lambda.Unknown".into()),
        cause: Some(format!("The task runner panicked: {text}").into()),
    }
}
