//! Running the child executions of one Map Run.

use std::collections::BTreeMap;
use std::sync::Arc;

use stepyard_asl::{Program, StateId};
use stepyard_json::Payload;
use stepyard_machine::{EndedChild, ExecutionKind, ExecutionStatus, MapRunPlan, StartContext};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::children::{Child, Children};
use super::planning::{PLANNED_MAX, Plan, PlannedChild, Planner};
use super::{News, Reporter};

/// Child executions of one Map Run that run at once when nothing else is said, and at most (AWS quota).
const CHILDREN_MAX: u64 = 10_000;

/// Runs the child executions of one Map Run.
pub(super) struct Driver {
    pub(super) children: Arc<Children>,
    pub(super) family: Family,
    /// `MaxConcurrency`.
    pub(super) limit: watch::Receiver<u64>,
    pub(super) reporter: Reporter,
    /// Set when nothing more is to be started here.
    pub(super) leaving: CancellationToken,
    /// Set when the Map Run does not count any more.
    pub(super) cancelled: CancellationToken,
}

/// What the child executions of a Map Run have in common.
pub(super) struct Family {
    pub(super) plan: Arc<MapRunPlan>,
    pub(super) parent: Arc<StartContext>,
    pub(super) state: StateId,
    pub(super) program: Arc<Program>,
    pub(super) revision: Uuid,
    pub(super) kind: ExecutionKind,
    /// Whether the results show inputs also of those that succeed.
    pub(super) shows_inputs: bool,
}

impl Family {
    fn child(&self, number: u64, input: Payload) -> Child {
        let context = self.plan.child_context(&self.parent, self.state, number, self.kind);
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
}

impl Driver {
    pub(super) async fn run(mut self, planner: impl FnOnce(mpsc::Sender<Plan>) -> Planner) {
        let (sender, mut plans) = mpsc::channel(PLANNED_MAX);
        let mut planning = JoinSet::new();
        planning.spawn(planner(sender).run());
        let mut running = Running::default();
        let mut is_planned = false;
        let (cancelled, leaving) = (self.cancelled.clone(), self.leaving.clone());
        while !(running.tasks.is_empty() && (is_planned || leaving.is_cancelled())) {
            let has_room = (running.tasks.len() as u64) < self.room() && !leaving.is_cancelled();
            tokio::select! {
                biased;
                () = cancelled.cancelled() => {
                    let durable = running.durable.into_values().collect();
                    return self.children.stop(durable).await;
                }
                Some(ended) = running.tasks.join_next(), if !running.tasks.is_empty() => match ended {
                    Ok(Some(child)) => {
                        running.durable.remove(&child.number);
                        self.reporter.report(News::Ended(Arc::new(child))).await;
                    }
                    Ok(None) => return,
                    Err(_) => return self.reporter.fail("A child execution was lost.").await,
                },
                plan = plans.recv(), if has_room && !is_planned => match plan {
                    Some(Plan::Child(child)) => self.start(&mut running, child),
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

    /// How many may run at once.
    fn room(&self) -> u64 {
        match *self.limit.borrow() {
            0 => CHILDREN_MAX,
            limit => limit.min(CHILDREN_MAX),
        }
    }

    fn start(&self, running: &mut Running, planned: PlannedChild) {
        let PlannedChild { number, items, input } = planned;
        let child = self.family.child(number, input.clone());
        if !self.family.kind.is_express() {
            running.durable.insert(number, child.context.clone());
        }
        let (children, shows_inputs) = (self.children.clone(), self.family.shows_inputs);
        running.tasks.spawn(async move {
            let end = children.run(child).await?;
            let is_shown = shows_inputs || end.status != ExecutionStatus::Succeeded;
            Some(EndedChild { number, items, input: is_shown.then_some(input), end })
        });
    }
}
