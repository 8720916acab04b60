//! What the doctor has found, for people and for machines.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};
use stepyard_store::doctor::{Check, Finding};

/// So many findings are shown one by one; the rest is counted.
const SHOWN_MAX: usize = 1_000;

/// The report on one database.
#[derive(Debug, Default)]
pub(crate) struct Diagnosis {
    database: String,
    pub(crate) executions: u64,
    pub(crate) events: u64,
    /// Rows that were rebuilt, when that was asked for.
    pub(crate) repaired_rows: Option<usize>,
    shown: Vec<Finding>,
    by_check: BTreeMap<Check, u64>,
}

impl Diagnosis {
    pub(crate) fn new(database: String) -> Diagnosis {
        Diagnosis { database, ..Diagnosis::default() }
    }

    pub(crate) fn add_findings(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            *self.by_check.entry(finding.check).or_default() += 1;
            if self.shown.len() < SHOWN_MAX {
                self.shown.push(finding);
            }
        }
    }

    pub(crate) fn is_sound(&self) -> bool {
        self.by_check.is_empty()
    }

    fn total(&self) -> u64 {
        self.by_check.values().sum()
    }

    pub(crate) fn to_json(&self) -> Value {
        let counts = self.by_check.iter().map(|(check, count)| (check.as_str(), *count));
        json!({
            "database": self.database,
            "executions": self.executions,
            "events": self.events,
            "repairedRows": self.repaired_rows,
            "findingsByCheck": counts.collect::<BTreeMap<_, _>>(),
            "findings": self.shown.iter().map(as_json).collect::<Vec<_>>(),
        })
    }

    /// What to do about it.
    fn advice(&self) -> String {
        let mendable: u64 = self
            .by_check
            .iter()
            .filter(|(check, _)| check.is_repairable())
            .map(|(_, count)| count)
            .sum();
        let rest = self.total() - mendable;
        let mut advice = String::new();
        if mendable > 0 && self.repaired_rows.is_none() {
            advice += &format!(
                "{mendable} of them follow from the journals: stop the server and run `stepyard doctor --repair`.\n"
            );
        }
        if rest > 0 || self.repaired_rows.is_some() {
            advice += "What a journal itself lacks comes back from a backup only: see docs/backup.md. Keep a copy of the database as it is.\n";
        }
        advice
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Diagnosis { database, executions, events, .. } = self;
        writeln!(f, "{database}: {executions} executions, {events} events")?;
        if let Some(rows) = self.repaired_rows {
            writeln!(f, "rebuilt: all indexes, {rows} rows of executions")?;
        }
        if self.is_sound() {
            return writeln!(f, "nothing found");
        }
        writeln!(f, "\n{} findings", self.total())?;
        for (check, count) in &self.by_check {
            writeln!(f, "  {count:>8}  {}", check.as_str())?;
        }
        writeln!(f)?;
        self.shown.iter().try_for_each(|finding| writeln!(f, "{}", line(finding)))?;
        write!(f, "\n{}", self.advice())
    }
}

fn line(finding: &Finding) -> String {
    let mut place = String::new();
    if let Some(shard) = finding.shard {
        place += &format!(" shard {}", shard.0);
    }
    if let Some(execution) = finding.execution {
        place += &format!(" execution {}", execution.0);
    }
    if let Some((machine, name)) = &finding.name {
        place += &format!(" ({machine} {name})");
    }
    format!("{}:{place}: {}", finding.check.as_str(), finding.detail)
}

fn as_json(finding: &Finding) -> Value {
    let name = finding.name.as_ref();
    json!({
        "check": finding.check.as_str(),
        "shard": finding.shard.map(|shard| shard.0),
        "execution": finding.execution.map(|id| id.0.to_string()),
        "stateMachineArn": name.map(|(machine, _)| &**machine),
        "name": name.map(|(_, name)| &**name),
        "detail": finding.detail,
        "repairable": finding.check.is_repairable(),
    })
}

#[cfg(test)]
mod tests {
    use stepyard_store::ShardId;
    use stepyard_store::doctor::{Check, Finding};

    use super::{Diagnosis, SHOWN_MAX};

    fn finding(check: Check) -> Finding {
        let (shard, detail) = (Some(ShardId(7)), "it is so".to_owned());
        Finding { check, shard, execution: None, name: Some(("m".into(), "n".into())), detail }
    }

    #[test]
    fn findings_are_counted_and_say_what_to_do() {
        let mut diagnosis = Diagnosis::new("a.db".into());
        assert_eq!(diagnosis.to_string(), "a.db: 0 executions, 0 events\nnothing found\n");
        diagnosis.add_findings(vec![finding(Check::Row); SHOWN_MAX + 5]);
        diagnosis.add_findings(vec![finding(Check::Chunks)]);
        let shown = diagnosis.to_string();
        for text in [
            "1006 findings",
            "row: shard 7 (m n): it is so",
            "1005 of them follow from the journals",
            "What a journal itself lacks",
        ] {
            assert!(shown.contains(text), "{text} is missing in {shown}");
        }
        let json = diagnosis.to_json();
        assert_eq!(json["findings"].as_array().unwrap().len(), SHOWN_MAX);
        assert_eq!(json["findingsByCheck"]["chunks"], 1);
        assert_eq!(json["findings"][0]["repairable"], true);
    }
}
