//! Map Runs: the child executions of a Map state in DISTRIBUTED mode.
//!
//! The items of a Map Run are not part of an execution's state: there may be millions, and they lie where they were
//! found. An execution knows how each child execution has ended, and so which are still to be run. It asks for all of
//! them with one command, [`crate::Command::RunChildren`]; whoever carries that out reads the items, groups them, makes
//! the inputs ([`crate::Selection`]) and numbers the child executions in the order of their items, each time alike.

mod redrive;

use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use redrive::MAP_RUN_REDRIVES_MAX;
use redrive::Redrives;
pub use redrive::child_redrive_token;
use stepyard_asl::{Random, StateId, Timestamp, WriterConfig};
use stepyard_json::{Json, Payload};

use crate::{
    BatchLimits, ChildEnd, ChildOf, ChildResult, Command, EventId, ExecutionKind, ExecutionStatus,
    MapRunRecord, StartContext, Text, state_result,
};

/// A Map Run, named by its MapRunStarted event. A retry of the state is a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MapRunId(pub EventId);

/// What a Map Run is to do.
#[derive(Clone, Debug, PartialEq)]
pub struct MapRunPlan {
    /// Its ARN.
    pub arn: Arc<str>,
    /// The effective input of the state, from which `ItemSelector` picks.
    pub input: Payload,
    /// Where the items are.
    pub items: MapRunItems,
    /// `ItemBatcher`.
    pub batches: Option<Batches>,
    /// `Parameters` or `Arguments` of a `ResultWriter` that exports.
    pub export: Option<Payload>,
    /// What can be changed while it runs.
    pub limits: MapLimits,
}

/// Its items.
impl MapRunPlan {
    /// How many items there are, when they are in the input of the state.
    fn items_given(&self) -> Option<u64> {
        match &self.items {
            MapRunItems::Given(items) => Some(items.tree().as_array()?.len() as u64),
            MapRunItems::Read { .. } => None,
        }
    }
}

/// Its child executions.
impl MapRunPlan {
    /// What the child execution of that number, which has so many items, knows of itself. It has the same names whenever
    /// it is started; which redrive of the Map Run has started it, `started_by` tells.
    pub fn child_context(
        &self,
        parent: &StartContext,
        started_by: StartedBy,
        (number, items): (u64, u64),
        kind: ExecutionKind,
    ) -> StartContext {
        let (state_machine_arn, name) = (self.state_machine_arn(), self.child_name(number));
        let machine_name = state_machine_arn.rsplit(':').next().unwrap_or_default();
        let StartedBy { state, redrive_count } = started_by;
        StartContext {
            execution_arn: self.child_arn(&name, kind.is_express()).into(),
            execution_name: name.into(),
            state_machine_name: machine_name.into(),
            state_machine_arn: state_machine_arn.into(),
            role_arn: parent.role_arn.clone(),
            qualifier: None,
            child_of: Some(ChildOf { map_run_arn: self.arn.clone(), state, items, redrive_count }),
            kind,
            limits: parent.limits,
        }
    }

    /// What is written of a child execution.
    pub fn result(&self, is_express: bool, child: &EndedChild) -> ChildResult {
        let input = child.input.clone().unwrap_or_else(Payload::empty_object);
        self.result_of(is_express, child.number, input, Some(child.end.clone()))
    }

    /// The same of one that may never have been started.
    pub fn result_of(
        &self,
        is_express: bool,
        number: u64,
        input: Payload,
        end: Option<ChildEnd>,
    ) -> ChildResult {
        let name = self.child_name(number);
        ChildResult {
            execution_arn: self.child_arn(&name, is_express).into(),
            name: name.into(),
            state_machine_arn: self.state_machine_arn().into(),
            input,
            end,
        }
    }

    /// `arn:aws:states:REGION:ACCOUNT:stateMachine:NAME/LABEL`.
    fn state_machine_arn(&self) -> String {
        let labelled = self.arn.rsplit_once(':').map_or(&*self.arn, |(labelled, _)| labelled);
        labelled.replacen(":mapRun:", ":stateMachine:", 1)
    }

    fn child_arn(&self, name: &str, is_express: bool) -> String {
        let machine = self.state_machine_arn();
        match is_express {
            false => format!("{}:{name}", machine.replacen(":stateMachine:", ":execution:", 1)),
            true => format!("{}:{name}:{name}", machine.replacen(":stateMachine:", ":express:", 1)),
        }
    }

    /// A UUID, as AWS names child executions.
    fn child_name(&self, number: u64) -> String {
        Random::from_entropy(self.seed(number)).uuid_v4()
    }

    /// Chance for the item of that index, the same whenever its input is made.
    pub(crate) fn chance(&self, index: u64) -> Random {
        Random::from_entropy(self.seed(!index))
    }

    /// Drawn from the UUID of the Map Run and a number.
    fn seed(&self, number: u64) -> [u8; 16] {
        let run = self.arn.rsplit(':').next().unwrap_or_default();
        let mut seed = [0_u8; 16];
        for (at, byte) in run.bytes().enumerate() {
            let at = at % seed.len();
            seed[at] = seed[at].rotate_left(3) ^ byte;
        }
        let number = number.to_le_bytes();
        seed.iter_mut().zip(number).for_each(|(seed, byte)| *seed ^= byte);
        seed
    }
}

/// What starts a child execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartedBy {
    /// The Map state.
    pub state: StateId,
    /// How often its Map Run was redriven by then.
    pub redrive_count: u32,
}

/// Where the items of a Map Run are.
#[derive(Clone, Debug, PartialEq)]
pub enum MapRunItems {
    /// In the state's input: a JSON array, or an object whose members are the items.
    Given(Payload),
    /// Where the `ItemReader` of the state finds them.
    Read {
        /// `Parameters` or `Arguments` of the `ItemReader`.
        arguments: Payload,
        /// `MaxItems`; 0 as when absent stands for all. What is negative the reader refuses (recorded).
        max_items: i64,
    },
}

/// How items are grouped.
#[derive(Clone, Debug, PartialEq)]
pub struct Batches {
    /// How large a batch may be.
    pub limits: BatchLimits,
    /// `BatchInput`.
    pub input: Option<Payload>,
}

/// Limits of a Map state. Those of a Map Run can be changed while it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MapLimits {
    /// `MaxConcurrency`: how many child executions run at once; 0 stands for as many as possible.
    pub max_concurrency: u64,
    /// `ToleratedFailureCount`: how many items may fail.
    pub tolerated_failure_count: Option<u64>,
    /// `ToleratedFailurePercentage`: how many of a hundred items may fail.
    pub tolerated_failure_percentage: Option<f64>,
}

impl MapLimits {
    /// With what counts when nothing is said: no item may fail.
    pub(crate) fn or_none_tolerated(self) -> MapLimits {
        match (self.tolerated_failure_count, self.tolerated_failure_percentage) {
            (None, None) => MapLimits { tolerated_failure_count: Some(0), ..self },
            _ => self,
        }
    }

    /// Whether so many items are more than may fail. A limit that is not given does not count, nor does the percentage
    /// as long as it is not known how many items there are.
    pub(crate) fn are_exceeded_by(&self, failed: u64, items: Option<u64>) -> bool {
        let share = items.map(|items| failed as f64 * 100.0 / items.max(1) as f64);
        let is_exceeded = |most| share.is_some_and(|share| share > most);
        self.tolerated_failure_count.is_some_and(|most| failed > most)
            || self.tolerated_failure_percentage.is_some_and(is_exceeded)
    }
}

/// A child execution that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct EndedChild {
    /// Its number among the child executions, by the order of their items.
    pub number: u64,
    /// How many items it had.
    pub items: u64,
    /// Its input, where results show it.
    pub input: Option<Payload>,
    /// How it has ended.
    pub end: ChildEnd,
}

impl EndedChild {
    /// Length of its data as text.
    fn bytes(&self) -> usize {
        let text = |text: &Text| text.as_ref().map_or(0, |text| text.len());
        let data = [&self.input, &self.end.output].into_iter().flatten().map(Payload::len);
        data.sum::<usize>() + text(&self.end.error) + text(&self.end.cause)
    }
}

/// How many child executions, or items of them, have ended in what way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndCounts {
    /// SUCCEEDED.
    pub succeeded: u64,
    /// FAILED.
    pub failed: u64,
    /// TIMED_OUT.
    pub timed_out: u64,
    /// ABORTED.
    pub aborted: u64,
}

impl EndCounts {
    /// All of them.
    pub fn ended(&self) -> u64 {
        self.succeeded + self.failed + self.timed_out + self.aborted
    }

    fn count(&mut self, status: ExecutionStatus, number: u64) {
        match status {
            ExecutionStatus::Running => {}
            ExecutionStatus::Succeeded => self.succeeded += number,
            ExecutionStatus::Failed => self.failed += number,
            ExecutionStatus::TimedOut => self.timed_out += number,
            ExecutionStatus::Aborted => self.aborted += number,
        }
    }

    /// Takes so many back.
    fn uncount(&mut self, status: ExecutionStatus, number: u64) {
        let counted = match status {
            ExecutionStatus::Running => return,
            ExecutionStatus::Succeeded => &mut self.succeeded,
            ExecutionStatus::Failed => &mut self.failed,
            ExecutionStatus::TimedOut => &mut self.timed_out,
            ExecutionStatus::Aborted => &mut self.aborted,
        };
        *counted = counted.saturating_sub(number);
    }

    /// Leaves those only that have succeeded.
    fn take_unsuccessful(&mut self) -> EndCounts {
        let succeeded = EndCounts { succeeded: self.succeeded, ..EndCounts::default() };
        EndCounts { succeeded: 0, ..std::mem::replace(self, succeeded) }
    }

    /// Puts back what was taken of those that have not succeeded.
    fn put_back(&mut self, unsuccessful: EndCounts) {
        self.failed += unsuccessful.failed;
        self.timed_out += unsuccessful.timed_out;
        self.aborted += unsuccessful.aborted;
    }
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MapRunTotals {
    /// Items.
    pub items: u64,
    /// Child executions.
    pub children: u64,
}

/// A Map Run as far as it has come.
#[derive(Clone, Debug, PartialEq)]
pub struct MapRun {
    id: MapRunId,
    started_at: Timestamp,
    plan: Arc<MapRunPlan>,
    limits: MapLimits,
    totals: Option<MapRunTotals>,
    ended: Ended,
    executions: EndCounts,
    items: EndCounts,
    results: Results,
    redrives: Redrives,
}

/// Which child executions have ended.
#[derive(Clone, Debug, Default, PartialEq)]
struct Ended {
    /// All before this number have.
    all_before: u64,
    /// How many items those had.
    items_before: u64,
    /// Later ones that have, with how many items each had.
    beyond: BTreeMap<u64, u64>,
}

impl Ended {
    fn contains(&self, number: u64) -> bool {
        number < self.all_before || self.beyond.contains_key(&number)
    }

    fn insert(&mut self, number: u64, items: u64) {
        if number < self.all_before {
            return;
        }
        self.beyond.insert(number, items);
        while let Some(items) = self.beyond.remove(&self.all_before) {
            self.all_before += 1;
            self.items_before += items;
        }
    }
}

/// What a result takes besides its data, in bytes and at least.
const RESULT_BYTES: usize = 1;

/// What child executions have left, as far as it becomes the state's result.
#[derive(Clone, Debug, PartialEq)]
enum Results {
    /// By number, with the length of their texts in all.
    Kept(BTreeMap<u64, Arc<EndedChild>>, usize),
    /// They are more than a state may leave.
    TooLarge,
    /// They are exported.
    Exported,
}

impl Results {
    /// Keeps what a child has left, as long as all of it takes no more than so many bytes.
    fn keep(&mut self, child: &Arc<EndedChild>, bytes_max: usize) {
        let Results::Kept(by_number, bytes) = self else { return };
        *bytes += RESULT_BYTES + child.bytes();
        if let Some(before) = by_number.insert(child.number, child.clone()) {
            *bytes -= RESULT_BYTES + before.bytes();
        }
        if *bytes > bytes_max {
            *self = Results::TooLarge;
        }
    }
}

/// What it knows.
impl MapRun {
    /// Its id.
    pub fn id(&self) -> MapRunId {
        self.id
    }

    /// When it started.
    pub(crate) fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// What it is to do.
    pub fn plan(&self) -> &Arc<MapRunPlan> {
        &self.plan
    }

    /// The limits that count now.
    pub fn limits(&self) -> MapLimits {
        self.limits
    }

    /// How many there are in all, once that is known.
    pub fn totals(&self) -> Option<MapRunTotals> {
        self.totals
    }

    /// Child executions that have ended.
    pub fn executions(&self) -> EndCounts {
        self.executions
    }

    /// Items of child executions that have ended.
    pub fn items(&self) -> EndCounts {
        self.items
    }

    /// All of that, for those who look at Map Runs from outside.
    pub fn record(&self) -> MapRunRecord {
        MapRunRecord {
            id: self.id,
            arn: self.plan.arn.clone(),
            status: ExecutionStatus::Running,
            started_at: self.started_at,
            stopped_at: None,
            limits: self.limits,
            totals: self.totals,
            executions: self.executions,
            items: self.items,
            redriven: self.redriven(),
            pending_redrive: self.pending_redrive(),
            not_redrivable: self.not_redrivable(),
        }
    }

    /// Whether a child execution has ended, and is not to run again.
    pub fn has_ended(&self, number: u64) -> bool {
        self.ended.contains(number) && !self.redrives.awaits(number)
    }

    /// A child execution before which all have ended and are not to run again, and how many items those had.
    pub fn resume_at(&self) -> (u64, u64) {
        match self.redrives.first_pending() {
            Some(number) if number < self.ended.all_before => match self.plan.batches {
                None => (number, number),
                // It is not known how many items those before it had.
                Some(_) => (0, 0),
            },
            _ => (self.ended.all_before, self.ended.items_before),
        }
    }

    /// Whether all child executions have ended, and none is to run again.
    pub fn is_complete(&self) -> bool {
        self.totals.is_some_and(|totals| totals.children == self.ended.all_before)
            && self.redrives.first_pending().is_none()
    }

    /// What is to be done for it.
    pub(crate) fn command(&self) -> Command {
        match self.is_complete() {
            true => Command::ExportResults { run: self.id },
            false => Command::RunChildren { run: self.id },
        }
    }

    /// Whether nothing follows from the end of this child execution yet.
    pub(crate) fn goes_on_after(&self, child: &EndedChild) -> bool {
        let is_last = |totals: MapRunTotals| totals.children <= self.executions.ended() + 1;
        let mut items = self.items;
        items.count(child.end.status, child.items);
        !self.totals.is_some_and(is_last) && !self.is_exceeded_by(items)
    }

    /// Whether more items have failed than it tolerates.
    pub(crate) fn has_failed(&self) -> bool {
        self.is_exceeded_by(self.items)
    }

    fn is_exceeded_by(&self, items: EndCounts) -> bool {
        let total = self.totals.map(|totals| totals.items).or_else(|| self.plan.items_given());
        self.limits.are_exceeded_by(items.failed + items.timed_out, total)
    }

    /// Whether there can be so many and no more, after what has ended.
    pub(crate) fn admits(&self, totals: MapRunTotals) -> bool {
        let last = self.ended.beyond.keys().next_back();
        totals.children >= self.ended.all_before && last.is_none_or(|last| *last < totals.children)
    }

    /// What the child executions have left, in the order of their items; `None` when that is more than a state may
    /// leave, or exported.
    pub(crate) fn results(&self, is_express: bool, config: WriterConfig) -> Option<Json> {
        let Results::Kept(by_number, _) = &self.results else { return None };
        let results: Vec<ChildResult> =
            by_number.values().map(|child| self.plan.result(is_express, child)).collect();
        Some(state_result(&results, config))
    }

    /// The data that it holds.
    pub(crate) fn held(&self) -> impl Iterator<Item = &Payload> {
        let plan = &*self.plan;
        let arguments = match &plan.items {
            MapRunItems::Given(items) => items,
            MapRunItems::Read { arguments, .. } => arguments,
        };
        let batch_input = plan.batches.as_ref().and_then(|batches| batches.input.as_ref());
        let results = match &self.results {
            Results::Kept(by_number, _) => Some(by_number.values()),
            Results::TooLarge | Results::Exported => None,
        };
        [&plan.input, arguments]
            .into_iter()
            .chain(batch_input)
            .chain(&plan.export)
            .chain(results.into_iter().flatten().flat_map(|child| &child.end.output))
    }
}

/// How it changes.
impl MapRun {
    pub(crate) fn new(id: MapRunId, started_at: Timestamp, plan: &Arc<MapRunPlan>) -> MapRun {
        let results = match plan.export {
            None => Results::Kept(BTreeMap::new(), 0),
            Some(_) => Results::Exported,
        };
        MapRun {
            id,
            started_at,
            plan: plan.clone(),
            limits: plan.limits,
            totals: None,
            ended: Ended::default(),
            executions: EndCounts::default(),
            items: EndCounts::default(),
            results,
            redrives: Redrives::default(),
        }
    }

    /// A child has ended; the state may leave so many bytes.
    pub(crate) fn end_child(&mut self, child: &Arc<EndedChild>, bytes_max: usize) {
        self.ended.insert(child.number, child.items);
        self.redrives.note_end(child);
        self.executions.count(child.end.status, 1);
        self.items.count(child.end.status, child.items);
        self.results.keep(child, bytes_max);
    }

    pub(crate) fn know_totals(&mut self, totals: MapRunTotals) {
        self.totals = Some(totals);
    }

    pub(crate) fn set_limits(&mut self, limits: MapLimits) {
        self.limits = limits;
    }
}

#[cfg(test)]
mod tests {
    use super::{Ended, MapLimits};

    #[test]
    fn limits_are_exceeded_by_more_failures_than_tolerated() {
        for (count, percentage, failed, items, exceeded) in [
            (None, None, 0, Some(4), false),
            (None, None, 1, Some(4), true),
            (None, None, 1, None, true),
            (Some(1), None, 1, None, false),
            (Some(1), None, 2, None, true),
            (None, Some(50.0), 2, Some(4), false),
            (None, Some(50.0), 3, Some(4), true),
            (None, Some(50.0), 3, None, false),
            (Some(3), Some(10.0), 1, Some(4), true),
            (Some(0), Some(100.0), 1, Some(4), true),
        ] {
            let limits = MapLimits {
                max_concurrency: 0,
                tolerated_failure_count: count,
                tolerated_failure_percentage: percentage,
            };
            let limits = limits.or_none_tolerated();
            assert_eq!(limits.are_exceeded_by(failed, items), exceeded, "{limits:?} {failed}");
        }
    }

    #[test]
    fn what_has_ended_without_a_gap_is_a_number() {
        let mut ended = Ended::default();
        for number in [2, 0, 4, 1] {
            ended.insert(number, 10);
        }
        assert_eq!((ended.all_before, ended.items_before, ended.beyond.len()), (3, 30, 1));
        assert!([0, 1, 2, 4].iter().all(|number| ended.contains(*number)) && !ended.contains(3));
    }
}
