//! Executions that others have started: somebody has asked for each, each has ended as its parent was told, and each goes
//! on only as long as its parent wants it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use stepyard_machine::{
    Command, EndedChild, Event, EventKind, Execution, ExecutionKind, ExecutionStatus, MapRunItems,
    MapRunPlan, StartContext, StartedBy,
};
use stepyard_store::doctor::Doctor;
use stepyard_store::{ExecutionRow, all_shards};

use crate::nesting;
use crate::scenario::arn_of;
use crate::witness::Checker;
use crate::world::World;

/// So long after nobody wants it any more an execution may still run.
const STOPPED_WITHIN: Duration = Duration::from_secs(15);

/// All executions by ARN, each with its journal.
type Family = BTreeMap<String, (ExecutionRow, Vec<Event>)>;

async fn family(world: &World) -> Family {
    let mut family = Family::new();
    for row in world.database.executions().await {
        let journal = world.journal(&row).await;
        family.insert(arn_of(&row), (row, journal));
    }
    family
}

/// Checks them when everything has ended.
pub(crate) async fn check_end(world: &World) {
    let family = family(world).await;
    let mut asked_for = BTreeSet::new();
    for (row, journal) in family.values() {
        asked_for.extend(tasks(world, row, journal));
        for run in map_runs(journal) {
            asked_for.extend(run.children());
            check_map_run(world, &family, &row.name, &run);
        }
    }
    for (arn, (row, _)) in &family {
        let has_parent = world.is_started_by_others(row);
        world.witness.must(Checker::Effects, !has_parent || asked_for.contains(arn), || {
            format!("{arn} has run, and nobody had asked for it")
        });
    }
    examine(world).await;
}

/// A Map Run, as a journal has it.
struct MapRun<'a> {
    plan: &'a MapRunPlan,
    parent: &'a StartContext,
    state: stepyard_asl::StateId,
    /// Child executions that have ended, in the order in which the parent was told, each with how often the Map Run
    /// had been redriven by then.
    told: Vec<(u32, &'a Arc<EndedChild>)>,
    redrive_count: u32,
    has_succeeded: bool,
}

fn map_runs(journal: &[Event]) -> Vec<MapRun<'_>> {
    let Some(EventKind::ExecutionStarted { context, .. }) =
        journal.first().map(|first| &first.kind)
    else {
        return Vec::new();
    };
    let started = journal.iter().enumerate().filter_map(|(at, event)| match &event.kind {
        EventKind::MapRunStarted { state, plan } => Some((&journal[at + 1..], event, *state, plan)),
        _ => None,
    });
    let read = started.map(|(rest, start, state, plan)| {
        // The next one of that frame is another one.
        let is_start = |event: &Event| matches!(event.kind, EventKind::MapRunStarted { .. });
        let of_frame = rest.iter().filter(|event| event.frame == start.frame);
        let events: Vec<&Event> = of_frame.take_while(|event| !is_start(event)).collect();
        let (mut told, mut redrives) = (Vec::new(), 0);
        for event in &events {
            match &event.kind {
                EventKind::MapRunChildEnded(child) => told.push((redrives, child)),
                EventKind::MapRunRedriven { redrive_count, .. } => redrives = *redrive_count,
                _ => {}
            }
        }
        let is_success = |event: &&Event| matches!(event.kind, EventKind::MapRunSucceeded { .. });
        MapRun {
            plan,
            parent: context,
            state,
            told,
            redrive_count: redrives,
            has_succeeded: events.iter().any(is_success),
        }
    });
    read.collect()
}

impl MapRun<'_> {
    fn items(&self) -> u64 {
        match &self.plan.items {
            MapRunItems::Given(items) => items.tree().as_array().unwrap().len() as u64,
            MapRunItems::Read { .. } => panic!("nobody reads items in a world"),
        }
    }

    /// ARNs of the child executions that it may have.
    fn children(&self) -> impl Iterator<Item = String> {
        (0..self.items()).map(|number| {
            let started_by = StartedBy { state: self.state, redrive_count: self.redrive_count };
            let kind = ExecutionKind::Standard;
            let context = self.plan.child_context(self.parent, started_by, (number, 1), kind);
            context.execution_arn.to_string()
        })
    }
}

/// The parent was told of each end once in each run of the Map Run, and of all of them when it has succeeded.
fn check_map_run(world: &World, family: &Family, parent: &str, run: &MapRun<'_>) {
    let witness = &world.witness;
    let (mut ends, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    for (redrives, child) in &run.told {
        numbers.insert(child.number);
        let arn = run.plan.result(false, child).execution_arn;
        witness.must(Checker::History, ends.insert((*redrives, child.number)), || {
            format!("{parent} was told twice of {arn}")
        });
        // What has ended badly may have gone on since.
        let is_last =
            *redrives == run.redrive_count || child.end.status == ExecutionStatus::Succeeded;
        let has_ended_so = family.get(&*arn).is_some_and(|(row, journal)| {
            let execution = Execution::replay(journal);
            row.status == child.end.status
                && execution.output() == child.end.output.as_ref()
                && execution.error() == child.end.error.as_ref()
        });
        witness.must(Checker::Effects, has_ended_so || !is_last, || {
            format!("{parent} was told that {arn} has ended with {:?}, which is not so", child.end)
        });
    }
    let is_whole = !run.has_succeeded || numbers.len() as u64 == run.items();
    witness.must(Checker::History, is_whole, || {
        format!("a Map Run of {parent} has succeeded with {numbers:?} of {}", run.items())
    });
}

/// ARNs of the executions that the tasks of an execution may have started.
fn tasks(world: &World, row: &ExecutionRow, journal: &[Event]) -> Vec<String> {
    let Some(inner) = world.inner() else { return Vec::new() };
    let is_task = |event: &&Event| matches!(event.kind, EventKind::TaskScheduled { .. });
    let started = journal.iter().filter(is_task).map(|event| {
        let key = format!("{}:{}", row.id.0, event.id.0);
        inner.context(&nesting::name_for(&key)).execution_arn.to_string()
    });
    started.collect()
}

/// What operators have finds nothing, either.
async fn examine(world: &World) {
    let mut doctor = Doctor::new(&world.database.tables);
    let mut findings = doctor.examine_whole().await.unwrap();
    for shard in all_shards() {
        let seen = |examined: stepyard_store::doctor::Examined| findings.extend(examined.findings);
        doctor.examine_shard(shard, seen).await.unwrap();
    }
    world.witness.must(Checker::History, findings.is_empty(), || format!("{findings:?}"));
}

/// Executions that run though nobody wants them any more.
#[derive(Default)]
pub(crate) struct Orphans {
    /// Since when; `None` for those that were there when the world became calm: who was to stop them may have died.
    known: Option<BTreeMap<String, Option<Duration>>>,
}

impl Orphans {
    /// Looks for them while the world is calm. They are stopped soon.
    pub(crate) async fn check(&mut self, world: &World) {
        let (now, found) = (world.time.elapsed(), orphans(world).await);
        let since = self.known.is_some().then_some(now);
        let known = self.known.get_or_insert_default();
        known.retain(|arn, _| found.contains(arn));
        for arn in found {
            let since = *known.entry(arn.clone()).or_insert(since);
            let late = since.is_some_and(|since| now - since > STOPPED_WITHIN);
            world.witness.must(Checker::Liveness, !late, || {
                format!("{arn} runs since {since:?}, and nobody wants it")
            });
        }
    }

    /// Something has happened to the nodes.
    pub(crate) fn forget(&mut self) {
        self.known = None;
    }
}

async fn orphans(world: &World) -> BTreeSet<String> {
    let mut open = world.database.executions().await;
    open.retain(|row| row.stopped_at.is_none());
    let started = open.iter().filter(|row| world.is_started_by_others(row)).map(arn_of);
    let mut orphans: BTreeSet<String> = started.collect();
    for row in open {
        if orphans.is_empty() {
            break;
        }
        for wanted in wanted(world, &row).await {
            orphans.remove(&wanted);
        }
    }
    orphans
}

/// ARNs of the executions that one waits for or may have started just now.
async fn wanted(world: &World, row: &ExecutionRow) -> Vec<String> {
    let journal = world.journal(row).await;
    let execution = Execution::replay(&journal);
    let runs = map_runs(&journal)
        .into_iter()
        .filter(|run| execution.map_runs().any(|running| running.plan().arn == run.plan.arn));
    let mut wanted: Vec<String> = runs.flat_map(|run| run.children().collect::<Vec<_>>()).collect();
    let waits = |command: &Command| {
        matches!(command, Command::AwaitExecution { .. } | Command::InvokeTask(_))
    };
    if execution.pending().iter().any(waits) {
        wanted.extend(tasks(world, row, &journal));
    }
    wanted
}
