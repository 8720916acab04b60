//! Rebuilding what follows from the journal.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use stepyard_asl::Timestamp;
use stepyard_machine::Execution;
use uuid::Uuid;

use super::inspect::StoredExecution;
use super::{Inspect, PAGE, chunks, map_runs, notices, row};
use crate::{ChildRow, Error, ExecutionId, ExecutionRow, MapRunRow, Notice, ShardId};

/// What is done to the rows of an execution.
#[derive(Clone, Debug, PartialEq)]
pub enum RowChange {
    /// They are written anew.
    Put(Box<Rows>),
    /// They go: there is no journal that they could be an index of.
    Remove(ExecutionId),
}

/// The rows of an execution.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// Its own.
    pub execution: ExecutionRow,
    /// Its Map Runs.
    pub map_runs: Vec<MapRunRow>,
    /// Its notices.
    pub notices: Vec<Notice>,
}

impl RowChange {
    /// The execution.
    pub(crate) fn id(&self) -> ExecutionId {
        match self {
            RowChange::Put(rows) => rows.execution.id,
            RowChange::Remove(id) => *id,
        }
    }

    /// What is written.
    pub(crate) fn rows(&self) -> Option<&Rows> {
        match self {
            RowChange::Put(rows) => Some(rows),
            RowChange::Remove(_) => None,
        }
    }
}

/// A database that nobody else writes to.
#[async_trait]
pub trait Repair: Send + Sync {
    /// Reads it.
    fn inspector(&self) -> &dyn Inspect;

    /// Builds all indexes anew.
    async fn rebuild_indexes(&self) -> Result<(), Error>;

    /// Changes rows of a shard in one transaction.
    async fn change_rows(&self, shard: ShardId, changes: &[RowChange]) -> Result<(), Error>;
}

/// Rebuilds the rows of a shard where they differ from their journals; returns how many.
///
/// # Errors
/// Those of the database.
pub async fn repair_shard(database: &dyn Repair, shard: ShardId) -> Result<usize, Error> {
    let (mut changed, mut after) = (0, None);
    let inspector = database.inspector();
    let mut revisions = Revisions { inspector, of_machine: BTreeMap::new() };
    loop {
        let page = inspector.executions(shard, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(changed) };
        after = Some(last.id);
        let mut changes = Vec::new();
        for stored in &page {
            changes.extend(change(stored, &mut revisions).await?);
        }
        if !changes.is_empty() {
            changed += changes.len();
            database.change_rows(shard, &changes).await?;
        }
    }
}

async fn change(
    stored: &StoredExecution,
    revisions: &mut Revisions<'_>,
) -> Result<Option<RowChange>, Error> {
    let (events, fault) = chunks::events(stored);
    if stored.chunks.is_empty() {
        return Ok(Some(RowChange::Remove(stored.id)));
    }
    let state = Execution::replay(&events);
    // A journal that cannot be read in full says nothing for certain.
    if fault.is_err() || stored.form_of_chunks().is_err() || state.context().is_none() {
        return Ok(None);
    }
    let present = stored.readable_row();
    let is_right = |present: &ExecutionRow| {
        row::says_what_the_journal_says(present, &state)
            .and_then(|()| row::sleeps_until_its_deadline(present, &state))
            .and_then(|()| map_runs::say_what_the_journal_says(stored, &state))
            .and_then(|()| notices::stand_for_changes(stored, &events))
            .is_ok()
    };
    if present.is_some_and(is_right) {
        return Ok(None);
    }
    let revision = match present {
        Some(present) => Some(present.revision),
        None => revisions.at_start(&state).await?,
    };
    let row = revision.and_then(|revision| derived(stored, &state, revision));
    let rows = |execution| Rows {
        execution,
        map_runs: map_runs::derived(stored, &state),
        notices: notices::derived(stored, &events),
    };
    Ok(row.map(|row| RowChange::Put(Box::new(rows(row)))))
}

/// The row that a journal leads to.
fn derived(stored: &StoredExecution, state: &Execution, revision: Uuid) -> Option<ExecutionRow> {
    let context = state.context()?;
    Some(ExecutionRow {
        shard: stored.shard,
        id: stored.id,
        state_machine_arn: context.state_machine_arn.clone(),
        name: context.execution_name.clone(),
        qualifier: context.qualifier.clone(),
        child: context.child_of.as_ref().and_then(ChildRow::of),
        revision,
        status: state.status()?,
        started_at: state.started_at()?,
        stopped_at: state.stopped_at(),
        redriven: state.redriven(),
        resume_at: state.sleeps_until(),
    })
}

/// Which revision a state machine had, which the journal does not tell.
struct Revisions<'a> {
    inspector: &'a dyn Inspect,
    of_machine: BTreeMap<Arc<str>, Vec<(Uuid, Timestamp)>>,
}

impl Revisions<'_> {
    /// That of the version with which an execution was started, or the latest one that there was then.
    async fn at_start(&mut self, state: &Execution) -> Result<Option<Uuid>, Error> {
        let Some((context, started)) = state.context().zip(state.started_at()) else {
            return Ok(None);
        };
        let arn = &context.state_machine_arn;
        if let Some(qualifier) = &context.qualifier {
            let version = self.inspector.version(arn, qualifier.version).await?;
            // A later one belongs to another state machine of that name.
            let version = version.filter(|version| version.created_at <= started);
            return Ok(version.map(|version| version.revision));
        }
        if !self.of_machine.contains_key(arn) {
            let revisions = self.inspector.revisions_of(arn).await?;
            self.of_machine.insert(arn.clone(), revisions);
        }
        let revisions = self.of_machine.get(arn).map(Vec::as_slice).unwrap_or_default();
        let before = revisions.iter().filter(|(_, created_at)| *created_at <= started);
        Ok(before.max_by_key(|(_, created_at)| *created_at).map(|(id, _)| *id))
    }
}
