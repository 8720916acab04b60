//! Planning child executions: items are read, picked from and grouped, ahead of what runs.

use std::sync::Arc;

use stepyard_asl::{Distributed, StateKind};
use stepyard_json::{Json, Payload};
use stepyard_machine::{
    Batch, Batcher, Item, Limits, MapRun, MapRunItems, MapRunTotals, Selection, Text,
};
use tokio::sync::mpsc;

use super::data::{ItemStream, MapRunData, MapRunError, ReadItems};
use crate::planted;
use crate::shard::Shared;

/// Child executions that are planned before there is room for them.
pub(super) const PLANNED_MAX: usize = 64;

/// Items from which inputs are made at a time.
const PAGE_ITEMS: usize = 64;

/// The same in JSONata, where each may take as long as a decision.
const PAGE_ITEMS_COMPUTED: usize = 4;

/// Bytes of items from which inputs are made at a time; the last one may go beyond that.
const PAGE_BYTES: usize = 1 << 20;

/// What is planned.
pub(super) enum Plan {
    /// A child execution.
    Child(PlannedChild),
    /// There will be so many.
    Known(MapRunTotals),
    /// There are no more than these.
    All(MapRunTotals),
    /// It does not go on.
    Failed(Text, Text),
}

/// A child execution before its start.
pub(super) struct PlannedChild {
    pub(super) number: u64,
    pub(super) items: u64,
    /// Whether it has ended before.
    pub(super) runs_again: bool,
    pub(super) input: Payload,
}

/// Plans the child executions of one Map Run, those that have not ended.
pub(super) struct Planner {
    pub(super) shared: Arc<Shared>,
    pub(super) data: Arc<dyn MapRunData>,
    pub(super) selection: Selection,
    /// As it was at the beginning.
    pub(super) map_run: MapRun,
    pub(super) plans: mpsc::Sender<Plan>,
}

type Failed = (Text, Text);

impl Planner {
    pub(super) async fn run(mut self) {
        if let Some(totals) = self.known_totals()
            && self.plans.send(Plan::Known(totals)).await.is_err()
        {
            return;
        }
        let plan = match self.plan().await {
            Ok(Some(totals)) => Plan::All(totals),
            Ok(None) => return,
            Err((error, cause)) => Plan::Failed(error, cause),
        };
        // Nobody waits for it if the Map Run does not count any more.
        let _ = self.plans.send(plan).await;
    }

    /// Plans all child executions; `None` when nobody wants them any more.
    async fn plan(&mut self) -> Result<Option<MapRunTotals>, Failed> {
        let (first, skip) = self.map_run.resume_at();
        let mut items = self.open(skip).await.map_err(told)?;
        let mut groups = Groups::of(&self.map_run, self.selection.limits());
        let most = match self.selection.may_take_long() {
            true => PAGE_ITEMS_COMPUTED,
            false => PAGE_ITEMS,
        };
        let mut totals = MapRunTotals { items: skip, children: first };
        loop {
            let page = next_page(&mut *items, most).await.map_err(told)?;
            let is_last = page.is_empty();
            let inputs = self.select(page).await?;
            for batch in groups.take(inputs, is_last) {
                let number = totals.children;
                totals.children += 1;
                totals.items += batch.items;
                let passes_over = number < first + planted::skipped(first);
                if passes_over || self.map_run.has_ended(number) {
                    continue;
                }
                let input = Payload::from(batch.input);
                self.selection.within_limit(&input)?;
                let runs_again = self.map_run.awaits_redrive(number);
                let child = PlannedChild { number, items: batch.items, runs_again, input };
                if self.plans.send(Plan::Child(child)).await.is_err() {
                    return Ok(None);
                }
            }
            if is_last {
                return Ok(Some(totals));
            }
        }
    }

    /// How many there are in all, if no item must be read for that.
    fn known_totals(&self) -> Option<MapRunTotals> {
        match (&self.map_run.plan().items, &self.map_run.plan().batches, self.map_run.totals()) {
            (MapRunItems::Given(items), None, None) => {
                let items = items.tree().as_array()?.len() as u64;
                Some(MapRunTotals { items, children: items })
            }
            _ => None,
        }
    }

    async fn open(&self, skip: u64) -> Result<Box<dyn ItemStream>, MapRunError> {
        let (arguments, max_items) = match &self.map_run.plan().items {
            MapRunItems::Given(items) => {
                return Ok(Box::new(Given { items: items.clone(), next: skip }));
            }
            MapRunItems::Read { arguments, max_items } => (arguments.clone(), *max_items),
        };
        let reader = self.distributed().and_then(|distributed| distributed.item_reader.as_ref());
        let Some(reader) = reader else { return Ok(Box::new(Given::none())) };
        let (source, config) = (reader.source, reader.config.clone());
        self.data.read(ReadItems { source, config, arguments, max_items, skip }).await
    }

    fn distributed(&self) -> Option<&Distributed> {
        match self.selection.state_kind() {
            Some(StateKind::Map(map)) => map.distributed.as_deref(),
            _ => None,
        }
    }

    /// What `ItemSelector` makes of items. In JSONata that may take long, so it has a thread of its own.
    async fn select(&self, items: Vec<Item>) -> Result<Vec<Json>, Failed> {
        let selection = self.selection.clone();
        let select = move || selection.select(&items);
        let inputs = match self.selection.may_take_long() {
            false => select()?,
            true => self.shared.thinkers.run(select).await.unwrap_or_else(|_| {
                Err((Some("States.Runtime".into()), Some("The inputs could not be made.".into())))
            })?,
        };
        Ok(inputs.into_iter().map(|input| input.tree().clone()).collect())
    }
}

fn told(error: MapRunError) -> Failed {
    (Some(error.error), Some(error.cause))
}

async fn next_page(items: &mut dyn ItemStream, most: usize) -> Result<Vec<Item>, MapRunError> {
    let (mut page, mut bytes) = (Vec::new(), 0);
    while page.len() < most && bytes < PAGE_BYTES {
        let Some(item) = items.next().await? else { break };
        bytes += item.value.text_len();
        page.push(item);
    }
    Ok(page)
}

/// Items in the input of the state.
struct Given {
    items: Payload,
    next: u64,
}

impl Given {
    fn none() -> Given {
        Given { items: Payload::empty_object(), next: 0 }
    }
}

#[async_trait::async_trait]
impl ItemStream for Given {
    async fn next(&mut self) -> Result<Option<Item>, MapRunError> {
        let index = usize::try_from(self.next).unwrap_or(usize::MAX);
        let item = self.items.tree().index(index).cloned();
        let item = item.map(|value| Item::of_array(self.next, value));
        self.next += 1;
        Ok(item)
    }
}

/// The inputs of child executions, one or several for each.
enum Groups {
    Single,
    Batched(Option<Batcher>),
}

impl Groups {
    fn of(map_run: &MapRun, limits: Limits) -> Groups {
        match &map_run.plan().batches {
            None => Groups::Single,
            Some(batches) => {
                let input = batches.input.as_ref().map(|input| input.tree().clone());
                Groups::Batched(Some(Batcher::new(batches.limits, input, limits.data_bytes)))
            }
        }
    }

    fn take(&mut self, inputs: Vec<Json>, is_last: bool) -> Vec<Batch> {
        match self {
            Groups::Single => inputs.into_iter().map(|input| Batch { input, items: 1 }).collect(),
            Groups::Batched(batcher) => {
                let mut batches = Vec::new();
                if let Some(batcher) = batcher {
                    batches.extend(inputs.into_iter().filter_map(|input| batcher.push(input)));
                }
                if is_last {
                    batches.extend(batcher.take().and_then(Batcher::finish));
                }
                batches
            }
        }
    }
}
