//! The inputs of child executions.

use std::sync::Arc;

use stepyard_asl::{Program, Random, StateId, StateKind, Template, Timestamp};
use stepyard_json::Payload;

use crate::budget::Budget;
use crate::context::Subject;
use crate::data_flow::within_limit;
use crate::decide::Run;
use crate::failure::Failure;
use crate::{Decision, Execution, Facts, FrameId, Item, Limits, MapRunId, MapRunPlan, Text};

/// What a Map state sees when `ItemSelector` picks from its items. Nothing of that changes while its Map Run runs, so
/// inputs can be made outside of the execution, at any time and by anybody.
#[derive(Clone, Debug)]
pub struct Selection {
    program: Arc<Program>,
    execution: Arc<Execution>,
    frame: FrameId,
    plan: Arc<MapRunPlan>,
    /// When the Map Run started: the time that inputs see, so that they are the same when they are made again.
    started_at: Timestamp,
}

impl Selection {
    /// That of a Map Run of an execution; `None` when it does not count any more.
    pub fn of(program: &Arc<Program>, execution: &Execution, run: MapRunId) -> Option<Selection> {
        let map_run = execution.map_run(run)?;
        let (plan, started_at) = (map_run.plan().clone(), map_run.started_at());
        let frame = execution.frame_of_map_run(run)?;
        let (program, execution) = (program.clone(), Arc::new(execution.clone()));
        Some(Selection { program, execution, frame, plan, started_at })
    }

    /// The Map state.
    pub fn state(&self) -> Option<StateId> {
        self.execution.frame(self.frame)?.state
    }

    /// Its fields.
    pub fn state_kind(&self) -> Option<&StateKind> {
        Some(&self.program.state(self.state()?).kind)
    }

    /// Whether inputs are computed in JSONata.
    pub fn may_take_long(&self) -> bool {
        self.program.has_jsonata && self.item_selector().is_some()
    }

    /// How much each child execution may hold.
    pub fn limits(&self) -> Limits {
        self.execution.limits()
    }

    /// What the Map Run is to do.
    pub fn plan(&self) -> &Arc<MapRunPlan> {
        &self.plan
    }

    /// What `ItemSelector` makes of each of these items; without one, the items themselves.
    ///
    /// # Errors
    /// Error name and cause, when it cannot be evaluated or when the input of a child execution is too large.
    pub fn select(&self, items: &[Item]) -> Result<Vec<Payload>, (Text, Text)> {
        self.selected(items).map_err(|failure| (failure.error, failure.cause))
    }

    fn selected(&self, items: &[Item]) -> Result<Vec<Payload>, Failure> {
        let Some(selector) = self.item_selector() else {
            return items.iter().map(|item| self.limited(item.input().into())).collect();
        };
        let mut execution = (*self.execution).clone();
        let (program, frame, mut out) = (&*self.program, self.frame, Decision::default());
        let facts = Facts::trusting();
        let (now, bounds) = (self.started_at, (Budget::full(), &facts));
        let mut run =
            Run::over(program, &mut execution, now, Random::from_seed(0), bounds, &mut out);
        let mut select = |item: &Item| {
            run.begin_anew(self.plan.chance(item.index));
            let input = Subject::Input(&self.plan.input);
            let json = run.evaluate_for_item(frame, input, item, |env| selector.eval(env))?;
            self.limited(run.payload(frame, json)?)
        };
        items.iter().map(&mut select).collect()
    }

    fn item_selector(&self) -> Option<&Template> {
        match self.state_kind()? {
            StateKind::Map(map) => map.item_selector.as_ref(),
            _ => None,
        }
    }

    /// What a child execution takes; what goes into a batch is measured with that.
    fn limited(&self, input: Payload) -> Result<Payload, Failure> {
        if self.plan.batches.is_none() {
            self.check(&input)?;
        }
        Ok(input)
    }

    /// # Errors
    /// When the input of a child execution is too large.
    pub fn within_limit(&self, input: &Payload) -> Result<(), (Text, Text)> {
        self.check(input).map_err(|failure| (failure.error, failure.cause))
    }

    fn check(&self, input: &Payload) -> Result<(), Failure> {
        let state = self.execution.frame(self.frame).and_then(|frame| frame.state);
        let name = state.map(|state| &*self.program.state(state).name).unwrap_or_default();
        within_limit(self.limits(), input, name)
    }
}
