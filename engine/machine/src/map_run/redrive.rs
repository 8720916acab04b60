//! Redriving a Map Run: which child executions run again, and what is counted of them meanwhile.

use super::{EndCounts, EndedChild, MapRun, MapRunTotals};
use crate::failure::{DATA_LIMIT_EXCEEDED, RUNTIME};
use crate::number_set::NumberSet;
use crate::{ExecutionStatus, Redriven, Text};

/// How often a Map Run can be redriven (AWS quota).
pub(crate) const MAP_RUN_REDRIVES_MAX: u32 = 1_000;

/// The client token by which a Map Run redrives its child executions: each of its redrives has one of its own.
pub fn child_redrive_token(redrive_count: u32) -> String {
    format!("map-run-redrive-{redrive_count}")
}

/// Child executions that have ended badly, by status.
#[derive(Clone, Debug, Default, PartialEq)]
struct Unsuccessful {
    failed: NumberSet,
    timed_out: NumberSet,
    aborted: NumberSet,
}

impl Unsuccessful {
    fn of(&mut self, status: ExecutionStatus) -> Option<&mut NumberSet> {
        match status {
            ExecutionStatus::Running | ExecutionStatus::Succeeded => None,
            ExecutionStatus::Failed => Some(&mut self.failed),
            ExecutionStatus::TimedOut => Some(&mut self.timed_out),
            ExecutionStatus::Aborted => Some(&mut self.aborted),
        }
    }

    fn contains(&self, number: u64) -> bool {
        [&self.failed, &self.timed_out, &self.aborted].iter().any(|set| set.contains(number))
    }

    fn first(&self) -> Option<u64> {
        [&self.failed, &self.timed_out, &self.aborted].iter().filter_map(|set| set.first()).min()
    }

    /// How it had ended, if it is one of them; it is no longer.
    fn remove(&mut self, number: u64) -> Option<ExecutionStatus> {
        ExecutionStatus::ALL
            .into_iter()
            .find(|status| self.of(*status).is_some_and(|set| set.remove(number)))
    }

    fn append(&mut self, other: Unsuccessful) {
        self.failed.append(other.failed);
        self.timed_out.append(other.timed_out);
        self.aborted.append(other.aborted);
    }
}

/// What a redrive of a Map Run has to do with.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Redrives {
    last: Option<Redriven>,
    /// How it has ended, with its error.
    end: Option<(ExecutionStatus, Text)>,
    /// Those that have ended badly, and do not run again before the next redrive.
    unsuccessful: Unsuccessful,
    /// Those that are to run again.
    pending: Unsuccessful,
    /// How these had ended.
    pending_executions: EndCounts,
    /// The same of their items.
    pending_items: EndCounts,
    /// Those that were to run again and cannot.
    refused: MapRunTotals,
}

impl Redrives {
    /// Whether a child execution that has ended is to run again.
    pub(super) fn awaits(&self, number: u64) -> bool {
        self.pending.contains(number)
    }

    /// The first one that is to run again.
    pub(super) fn first_pending(&self) -> Option<u64> {
        self.pending.first()
    }

    /// A child execution has ended, maybe once more.
    pub(super) fn note_end(&mut self, child: &EndedChild) {
        if let Some(before) = self.pending.remove(child.number) {
            self.pending_executions.uncount(before, 1);
            self.pending_items.uncount(before, child.items);
        }
        if let Some(set) = self.unsuccessful.of(child.end.status) {
            set.insert(child.number);
        }
        if child.end.redrive_refusal.is_some() {
            self.refused.children += 1;
            self.refused.items += child.items;
        }
    }
}

/// What it knows.
impl MapRun {
    /// How often and when it was redriven, if it was.
    pub fn redriven(&self) -> Option<Redriven> {
        self.redrives.last
    }

    /// How often it was redriven.
    pub fn redrive_count(&self) -> u32 {
        self.redrives.last.map_or(0, |last| last.count)
    }

    /// Whether a child execution has ended, and is to run again.
    pub fn awaits_redrive(&self, number: u64) -> bool {
        self.redrives.awaits(number)
    }

    /// Child executions that are to run again, and their items.
    pub(super) fn pending_redrive(&self) -> MapRunTotals {
        MapRunTotals {
            items: self.redrives.pending_items.ended(),
            children: self.redrives.pending_executions.ended(),
        }
    }

    /// Child executions that were to run again and cannot, and their items.
    pub(super) fn not_redrivable(&self) -> MapRunTotals {
        self.redrives.refused
    }

    /// The same, as it stands when it ends badly now: what was to run again has ended as it had before.
    #[must_use]
    pub fn given_up(&self) -> MapRun {
        let mut map_run = self.clone();
        map_run.end(ExecutionStatus::Aborted, None);
        map_run
    }

    /// Whether a redrive of its execution goes on with it. Otherwise the state starts a new one: also when the reason is
    /// too much data, or what the state itself computes (developer guide, "Redriving Map Runs").
    pub(crate) fn is_redrivable(&self) -> bool {
        match &self.redrives.end {
            None | Some((ExecutionStatus::Succeeded, _)) => false,
            Some((_, error)) => {
                ![Some(DATA_LIMIT_EXCEEDED), Some(RUNTIME)].contains(&error.as_deref())
            }
        }
    }
}

/// How it changes.
impl MapRun {
    /// It ends. What has not run again by then stays as it had ended before.
    pub(crate) fn end(&mut self, status: ExecutionStatus, error: Text) {
        let redrives = &mut self.redrives;
        redrives.end = Some((status, error));
        redrives.unsuccessful.append(std::mem::take(&mut redrives.pending));
        self.executions.put_back(std::mem::take(&mut redrives.pending_executions));
        self.items.put_back(std::mem::take(&mut redrives.pending_items));
    }

    /// It goes on: those that have ended badly are to run again, and are not counted as ended until they have.
    pub(crate) fn redrive(&mut self, redriven: Redriven) {
        self.redrives = Redrives {
            last: Some(redriven),
            pending: std::mem::take(&mut self.redrives.unsuccessful),
            pending_executions: self.executions.take_unsuccessful(),
            pending_items: self.items.take_unsuccessful(),
            ..Redrives::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{ExecutionStatus, Unsuccessful};

    #[test]
    fn what_has_ended_badly_is_known_by_its_status() {
        let mut ends = Unsuccessful::default();
        for (number, status) in [
            (7, ExecutionStatus::Failed),
            (5, ExecutionStatus::Aborted),
            (6, ExecutionStatus::TimedOut),
        ] {
            ends.of(status).unwrap().insert(number);
        }
        assert!(ends.of(ExecutionStatus::Succeeded).is_none());
        assert_eq!(ends.first(), Some(5));
        assert_eq!(ends.remove(5), Some(ExecutionStatus::Aborted));
        assert_eq!((ends.remove(5), ends.first()), (None, Some(6)));
        assert!(ends.contains(7) && !ends.contains(5));
    }
}
