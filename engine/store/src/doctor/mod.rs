//! Looking whether a database is as it must be.
//!
//! The doctor reads every execution as it lies there, folds its journal as the runtime does, and compares what
//! must agree: the invariants of ARCHITECTURE.md, seen from the disk. It may look while a server is at
//! work: what belongs together is read in one snapshot.

mod chunks;
mod express;
mod inspect;
mod map_runs;
mod notices;
mod repair;
mod revision;
mod row;
mod shards;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use stepyard_asl::{Program, compile_accepted};
use stepyard_machine::{Event, Execution, audit};
use uuid::Uuid;

pub(crate) use inspect::assemble;
pub use inspect::{Inspect, Keyed, StoredExecution};
pub use repair::{Repair, RowChange, Rows, repair_shard};

use crate::{Error, ExecutionId, ExecutionRow, ShardId, all_shards};

/// Executions that are read at a time, with all their events.
const PAGE: usize = 64;

/// Programs kept at the same time.
const PROGRAMS_MAX: usize = 256;

/// What is looked at. Each names the rule that it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// The database finds its own files and indexes sound.
    Database,
    /// All shards are there, and those with executions have commits.
    Shards,
    /// What is read at all: rows and chunks have the form that they are written in.
    Form,
    /// Chunks follow each other without gap and overlap, and count their events rightly.
    Chunks,
    /// The journal keeps the rules of [`stepyard_machine::audit`].
    Journal,
    /// The revision is there, compiles, and has the states of the journal.
    Revision,
    /// Versions and aliases belong to state machines, and what they lead to is there.
    Publication,
    /// The row says what the journal says.
    Row,
    /// An execution lies in the shard of its name.
    Shard,
    /// An execution that sleeps goes on at the time that its state names.
    Sleep,
    /// The rows of Map Runs say what the journal says.
    MapRun,
    /// Notices stand for changes of status in the journal.
    Notice,
    /// What is kept of an Express execution can be read, and its row says what its journal says.
    Express,
    /// Each row has a journal.
    RowWithoutJournal,
    /// Each journal has a row.
    JournalWithoutRow,
    /// Folding a journal gives the same state each time.
    Replay,
}

impl Check {
    /// Its word in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Check::Database => "database",
            Check::Shards => "shards",
            Check::Form => "form",
            Check::Chunks => "chunks",
            Check::Journal => "journal",
            Check::Revision => "revision",
            Check::Publication => "publication",
            Check::Row => "row",
            Check::Shard => "shard",
            Check::Sleep => "sleep",
            Check::MapRun => "map-run",
            Check::Notice => "notice",
            Check::Express => "express",
            Check::RowWithoutJournal => "row-without-journal",
            Check::JournalWithoutRow => "journal-without-row",
            Check::Replay => "replay",
        }
    }

    /// Whether it can be mended from what is there: the journal is the truth, the row and the indexes
    /// follow from it.
    pub fn is_repairable(self) -> bool {
        matches!(
            self,
            Check::Database
                | Check::Row
                | Check::Sleep
                | Check::MapRun
                | Check::Notice
                | Check::RowWithoutJournal
                | Check::JournalWithoutRow
        )
    }
}

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub check: Check,
    /// Where, if it belongs to a shard.
    pub shard: Option<ShardId>,
    /// Which execution, if it belongs to one.
    pub execution: Option<ExecutionId>,
    /// ARN of its state machine and its name, as far as they can be read.
    pub name: Option<(Arc<str>, Arc<str>)>,
    /// What is wrong.
    pub detail: String,
}

impl Finding {
    fn of_database(check: Check, detail: String) -> Finding {
        Finding { check, shard: None, execution: None, name: None, detail }
    }

    fn of_shard(check: Check, shard: ShardId, detail: String) -> Finding {
        Finding { shard: Some(shard), ..Finding::of_database(check, detail) }
    }

    fn of_execution(check: Check, stored: &StoredExecution, detail: String) -> Finding {
        let row = stored.readable_row();
        let name = row.map(|row| (row.state_machine_arn.clone(), row.name.clone()));
        let execution = Some(stored.id);
        Finding { execution, name, ..Finding::of_shard(check, stored.shard, detail) }
    }
}

/// An execution that was looked at.
pub struct Examined {
    /// Its row, where it can be read.
    pub row: Option<ExecutionRow>,
    /// Its events, as far as they can be read.
    pub events: Vec<Event>,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
}

/// What a look at a shard has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Executions.
    pub executions: u64,
    /// Their events.
    pub events: u64,
}

/// Looks at a database, a shard at a time.
pub struct Doctor<'a> {
    database: &'a dyn Inspect,
    programs: BTreeMap<Uuid, Result<Arc<Program>, String>>,
}

impl<'a> Doctor<'a> {
    /// A doctor for that database.
    pub fn new(database: &'a dyn Inspect) -> Doctor<'a> {
        Doctor { database, programs: BTreeMap::new() }
    }

    /// What does not belong to a single execution.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database cannot be read.
    pub async fn examine_whole(&self) -> Result<Vec<Finding>, Error> {
        let mut findings: Vec<_> = self
            .database
            .database_faults()
            .await?
            .into_iter()
            .map(|fault| Finding::of_database(Check::Database, fault))
            .collect();
        let leases = self.database.leases().await?;
        for shard in all_shards() {
            let has_executions = !self.database.executions(shard, None, 1).await?.is_empty();
            findings.extend(shards::fault(shard, &leases, has_executions));
        }
        let lost = self.database.machines_without_revision().await?;
        let lost = lost.into_iter().map(|arn| format!("{arn} has a revision that is not there"));
        findings.extend(lost.map(|text| Finding::of_database(Check::Revision, text)));
        let faults = self.database.publication_faults().await?;
        findings
            .extend(faults.into_iter().map(|text| Finding::of_database(Check::Publication, text)));
        Ok(findings)
    }

    /// Looks at every execution of a shard, one page in memory at a time. Gives each Standard one to `seen`, and what is
    /// wrong with an Express one.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database cannot be read; what is damaged is a finding.
    pub async fn examine_shard(
        &mut self,
        shard: ShardId,
        mut seen: impl FnMut(Examined),
    ) -> Result<Counts, Error> {
        let standard = self.examine_standard(shard, &mut seen).await?;
        let express = self.examine_express(shard, &mut seen).await?;
        Ok(Counts {
            executions: standard.executions + express.executions,
            events: standard.events + express.events,
        })
    }

    async fn examine_standard(
        &mut self,
        shard: ShardId,
        seen: &mut impl FnMut(Examined),
    ) -> Result<Counts, Error> {
        let (mut counts, mut after) = (Counts::default(), None);
        loop {
            let page = match self.database.executions(shard, after, PAGE).await {
                Err(Error::Corrupt { what, reason }) => {
                    seen(unreadable(shard, &what, &reason));
                    return Ok(counts);
                }
                page => page?,
            };
            let Some(last) = page.last() else { return Ok(counts) };
            after = Some(last.id);
            for stored in page {
                let examined = self.examine(stored).await?;
                counts.executions += 1;
                counts.events += examined.events.len() as u64;
                seen(examined);
            }
        }
    }

    /// Looks at one execution.
    async fn examine(&mut self, stored: StoredExecution) -> Result<Examined, Error> {
        let program = match stored.readable_row() {
            Some(row) => Some(self.program(row.revision).await?),
            None => None,
        };
        Ok(caught(|| examine(&stored, program.as_ref())).unwrap_or_else(|text| {
            let findings = vec![Finding::of_execution(Check::Replay, &stored, text)];
            Examined { row: stored.readable_row().cloned(), events: Vec::new(), findings }
        }))
    }

    async fn program(&mut self, revision: Uuid) -> Result<Result<Arc<Program>, String>, Error> {
        if let Some(known) = self.programs.get(&revision) {
            return Ok(known.clone());
        }
        let program = match self.database.revision(revision).await? {
            None => Err(format!("revision {revision} is not there")),
            Some(row) => compile_accepted(&row.definition)
                .ok_or_else(|| format!("revision {revision} cannot be run")),
        };
        if self.programs.len() >= PROGRAMS_MAX {
            self.programs.clear();
        }
        self.programs.insert(revision, program.clone());
        Ok(program)
    }
}

/// A panic is a fault of this program, or of what it reads: either is worth knowing.
fn caught<T>(look: impl FnOnce() -> T) -> Result<T, String> {
    let looked = catch_unwind(AssertUnwindSafe(look));
    looked.map_err(|_| "reading it makes this program panic".to_owned())
}

/// A page of executions that cannot be told from each other.
fn unreadable(shard: ShardId, what: &str, reason: &str) -> Examined {
    let text = format!("{what}: {reason}; the rest of the shard is not looked at");
    let findings = vec![Finding::of_shard(Check::Form, shard, text)];
    Examined { row: None, events: Vec::new(), findings }
}

/// All that one execution shows. What builds on something broken is not looked at: one fault, one finding.
fn examine(stored: &StoredExecution, program: Option<&Result<Arc<Program>, String>>) -> Examined {
    let mut findings = Vec::new();
    let mut found = |check, fault: Result<(), String>| {
        if let Err(detail) = fault {
            findings.push(Finding::of_execution(check, stored, detail));
        }
    };
    found(Check::Form, stored.form());
    let (events, fault) = chunks::events(stored);
    let is_whole = fault.is_ok() && !events.is_empty();
    found(Check::Chunks, fault);
    match (&stored.row, stored.chunks.is_empty()) {
        (None, true) => found(Check::MapRun, Err("a Map Run without an execution".into())),
        (None, false) => found(Check::JournalWithoutRow, Err("a journal without a row".into())),
        (Some(_), true) => found(Check::RowWithoutJournal, Err("a row without a journal".into())),
        (Some(_), false) => {}
    }
    let program = program.filter(|_| is_whole);
    let broken = match program.map(|program| revision::program_of(&events, program)) {
        Some(Ok(program)) => audit(program, &events).map_err(|fault| fault.to_string()),
        Some(Err(fault)) => {
            found(Check::Revision, Err(fault));
            Ok(())
        }
        None => Ok(()),
    };
    let is_sound = is_whole && broken.is_ok();
    found(Check::Journal, broken);
    if is_sound {
        let (state, again) = (Execution::replay(&events), Execution::replay(&events));
        let differs = if state == again { Ok(()) } else { Err("two folds differ".to_owned()) };
        found(Check::Replay, differs);
        found(Check::MapRun, map_runs::say_what_the_journal_says(stored, &state));
        found(Check::Notice, notices::stand_for_changes(stored, &events));
        if let Some(row) = stored.readable_row() {
            found(Check::Row, row::says_what_the_journal_says(row, &state));
            found(Check::Shard, row::lies_in_its_shard(row));
            found(Check::Sleep, row::sleeps_until_its_deadline(row, &state));
        }
    }
    Examined { row: stored.readable_row().cloned(), events, findings }
}
