//! Running the child executions of one Map Run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stepyard_asl::Program;
use stepyard_json::Payload;
use stepyard_machine::{
    EndedChild, ExecutionKind, ExecutionStatus, MapRunPlan, StartContext, StartedBy,
};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::children::{Child, Children};
use super::planning::{PLANNED_MAX, Plan, PlannedChild, Planner};
use super::{News, Reporter, RunningChildren};
use crate::planted::{Planted, makes};

/// Child executions of one Map Run that run at once when nothing else is said, and at most (AWS quota).
pub(super) const CHILDREN_MAX: u64 = 10_000;

/// Runs the child executions of one Map Run.
pub(super) struct Driver {
    pub(super) children: Arc<Children>,
    pub(super) family: Family,
    /// `MaxConcurrency`.
    pub(super) limit: watch::Receiver<u64>,
    /// Where it is told how many run.
    pub(super) running: watch::Sender<RunningChildren>,
    pub(super) reporter: Reporter,
    /// Set when nothing more is to be started here.
    pub(super) leaving: CancellationToken,
    /// Set when the Map Run does not count any more.
    pub(super) cancelled: CancellationToken,
    /// Ends Express executions.
    pub(super) express_cancellation: CancellationToken,
}

/// What the child executions of a Map Run have in common.
pub(super) struct Family {
    pub(super) plan: Arc<MapRunPlan>,
    pub(super) parent: Arc<StartContext>,
    pub(super) started_by: StartedBy,
    pub(super) program: Arc<Program>,
    pub(super) revision: Uuid,
    pub(super) kind: ExecutionKind,
    /// Whether the results show inputs also of those that succeed.
    pub(super) shows_inputs: bool,
}

impl Family {
    fn child(&self, (number, items): (u64, u64), input: Payload) -> Child {
        let (parent, started_by) = (&self.parent, self.started_by);
        let context = self.plan.child_context(parent, started_by, (number, items), self.kind);
        let (program, revision) = (self.program.clone(), self.revision);
        Child { context: Arc::new(context), revision, program, input }
    }
}

/// What runs.
#[derive(Default)]
struct Running {
    tasks: JoinSet<Option<EndedChild>>,
    /// Those that have to be stopped when the Map Run does not count any more.
    durable: BTreeMap<u64, Arc<StartContext>>,
    /// Those that had ended before.
    again: BTreeSet<u64>,
}

impl Driver {
    pub(super) async fn run(mut self, planner: impl FnOnce(mpsc::Sender<Plan>) -> Planner) {
        let (sender, mut plans) = mpsc::channel(PLANNED_MAX);
        let mut planning = JoinSet::new();
        planning.spawn(planner(sender).run());
        let mut running = Running::default();
        let mut is_planned = false;
        let (cancelled, leaving) = (self.cancelled.clone(), self.leaving.clone());
        // Express executions end with this driver, however it ends.
        let _end_express = self.express_cancellation.clone().drop_guard();
        while !self.is_over(&running, is_planned) {
            let has_room = (running.tasks.len() as u64) < self.room() && !leaving.is_cancelled();
            tokio::select! {
                biased;
                () = cancelled.cancelled() => {
                    // None of them may start after it was stopped.
                    running.tasks.shutdown().await;
                    if makes(Planted::ChildrenNotStopped) {
                        return;
                    }
                    let name = |context: Arc<StartContext>| {
                        (context.state_machine_arn.clone(), context.execution_name.clone())
                    };
                    // Whoever winds the Map Run up sees to those that could not be stopped.
                    self.children.stop(running.durable.into_values().map(name)).await;
                    return;
                }
                Some(ended) = running.tasks.join_next(), if !running.tasks.is_empty() => match ended {
                    Ok(Some(child)) => {
                        running.durable.remove(&child.number);
                        let runs_again = running.again.remove(&child.number);
                        self.count(child.items, runs_again, true);
                        self.reporter.report(News::Ended(Arc::new(child))).await;
                    }
                    // This process comes to its end: somebody else runs it.
                    Ok(None) => {}
                    Err(_) => return self.reporter.fail("A child execution was lost.").await,
                },
                plan = plans.recv(), if has_room && !is_planned => match plan {
                    Some(Plan::Child(child)) => self.start(&mut running, child),
                    Some(Plan::Known(totals)) => self.reporter.report(News::Totals(totals)).await,
                    Some(Plan::All(totals)) => {
                        is_planned = true;
                        self.reporter.report(News::Totals(totals)).await;
                    }
                    Some(Plan::Failed(error, cause)) => {
                        is_planned = true;
                        self.reporter.report(News::Failed { error, cause }).await;
                    }
                    None => return self.reporter.fail("The items could not be taken.").await,
                },
                Ok(()) = self.limit.changed() => {}
                () = leaving.cancelled(), if !leaving.is_cancelled() => {}
            }
        }
        self.reporter.report(News::Over).await;
    }

    /// Whether nothing is left to be done here. Of a shard that leaves only Express executions are waited for: the others
    /// go on without anybody who waits, and the next owner does.
    fn is_over(&self, running: &Running, is_planned: bool) -> bool {
        let is_leaving = self.leaving.is_cancelled();
        (running.tasks.is_empty() && (is_planned || is_leaving))
            || (is_leaving && !self.family.kind.is_express())
    }

    /// Tells that a child execution with so many items begins or is over.
    fn count(&self, items: u64, runs_again: bool, is_over: bool) {
        self.running.send_modify(|running| running.change(items, runs_again, is_over));
    }

    /// How many may run at once.
    fn room(&self) -> u64 {
        match *self.limit.borrow() {
            0 => CHILDREN_MAX,
            limit => limit.min(CHILDREN_MAX),
        }
    }

    fn start(&self, running: &mut Running, planned: PlannedChild) {
        let PlannedChild { number, items, runs_again, input } = planned;
        let child = self.family.child((number, items), input.clone());
        if !self.family.kind.is_express() {
            running.durable.insert(number, child.context.clone());
        }
        if runs_again {
            running.again.insert(number);
        }
        self.count(items, runs_again, false);
        let (children, shows_inputs) = (self.children.clone(), self.family.shows_inputs);
        let cancellation = self.express_cancellation.clone();
        running.tasks.spawn(async move {
            let end = children.run(child, &cancellation).await?;
            let is_shown = shows_inputs || end.status != ExecutionStatus::Succeeded;
            Some(EndedChild { number, items, input: is_shown.then_some(input), end })
        });
    }
}
