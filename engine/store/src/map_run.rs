//! The rows of Map Runs, an index of the journals of their executions, and what ties child executions to them.

use serde_json::{Value, json};
use stepyard_asl::Timestamp;
use stepyard_machine::{
    ChildOf, EndCounts, ExecutionStatus, MapLimits, MapRunRecord, MapRunTotals, Redriven,
};
use uuid::Uuid;

use crate::{ExecutionId, ShardId};

/// One row of `map_run`.
#[derive(Clone, Debug, PartialEq)]
pub struct MapRunRow {
    /// Shard of its execution.
    pub shard: ShardId,
    /// The execution that has started it.
    pub execution: ExecutionId,
    /// What the journal tells of it.
    pub record: MapRunRecord,
    /// Set when it has ended badly and is wound up since. No journal tells that: it is written by
    /// [`crate::Store::note_wound_up`] only.
    pub wound_up: Option<WoundUp>,
}

impl MapRunRow {
    /// One that is not wound up.
    pub fn new(shard: ShardId, execution: ExecutionId, record: MapRunRecord) -> MapRunRow {
        MapRunRow { shard, execution, record, wound_up: None }
    }

    /// Whether it has ended badly and is not wound up: child executions may run, and results are not exported.
    pub fn is_to_be_wound_up(&self) -> bool {
        let has_ended_badly =
            matches!(self.record.status, ExecutionStatus::Failed | ExecutionStatus::Aborted);
        has_ended_badly && self.wound_up.is_none()
    }
}

/// That nothing is left to be done for a Map Run that has ended badly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WoundUp {
    /// Whether its results were exported.
    pub is_exported: bool,
}

/// What the row of a child execution says of its Map Run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChildRow {
    /// The UUID that ends the ARN of the Map Run.
    pub map_run: Uuid,
    /// How many items the child execution has.
    pub items: u64,
}

impl ChildRow {
    /// That of a child execution; `None` when the ARN of its Map Run does not end in a UUID.
    pub fn of(child_of: &ChildOf) -> Option<ChildRow> {
        let map_run = map_run_key(&child_of.map_run_arn)?;
        Some(ChildRow { map_run, items: child_of.items })
    }
}

/// Child executions of a Map Run that have the same status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChildrenOfStatus {
    /// The status.
    pub status: ExecutionStatus,
    /// How many they are.
    pub executions: u64,
    /// How many items they have.
    pub items: u64,
}

/// The UUID that ends the ARN of a Map Run, by which its child executions are found.
pub fn map_run_key(map_run_arn: &str) -> Option<Uuid> {
    map_run_arn.rsplit(':').next()?.parse().ok()
}

/// Limits and counts as one JSON text. Members may be added to it, and never get another meaning.
pub(crate) fn detail_text(record: &MapRunRecord) -> String {
    let counts = |counts: EndCounts| {
        json!([counts.succeeded, counts.failed, counts.timed_out, counts.aborted])
    };
    let mut detail = json!({
        "concurrency": record.limits.max_concurrency,
        "executions": counts(record.executions),
        "items": counts(record.items),
    });
    let totals = |totals: MapRunTotals| json!([totals.children, totals.items]);
    let some = |counted: MapRunTotals| (counted != MapRunTotals::default()).then_some(counted);
    let optional = [
        ("failures", record.limits.tolerated_failure_count.map(Value::from)),
        ("percentage", record.limits.tolerated_failure_percentage.map(Value::from)),
        ("total", record.totals.map(totals)),
        ("redriven", record.redriven.map(|redriven| json!([redriven.count, redriven.at.0]))),
        ("toRedrive", some(record.pending_redrive).map(totals)),
        ("notRedrivable", some(record.not_redrivable).map(totals)),
    ];
    for (member, value) in optional {
        if let Some(value) = value {
            detail[member] = value;
        }
    }
    detail.to_string()
}

/// What [`detail_text`] has written.
pub(crate) struct Detail {
    pub(crate) limits: MapLimits,
    pub(crate) totals: Option<MapRunTotals>,
    pub(crate) executions: EndCounts,
    pub(crate) items: EndCounts,
    pub(crate) redriven: Option<Redriven>,
    pub(crate) pending_redrive: MapRunTotals,
    pub(crate) not_redrivable: MapRunTotals,
}

impl Detail {
    /// # Errors
    /// What is wrong with the text.
    pub(crate) fn parse(text: &str) -> Result<Detail, String> {
        let detail: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let missing = |member: &str| format!("{member} is missing");
        let counts = |member: &str| {
            let counts: Option<[u64; 4]> = serde_json::from_value(detail[member].clone()).ok();
            let [succeeded, failed, timed_out, aborted] = counts.ok_or_else(|| missing(member))?;
            Ok::<_, String>(EndCounts { succeeded, failed, timed_out, aborted })
        };
        let totals = |member: &str| {
            let totals: Option<[u64; 2]> = serde_json::from_value(detail[member].clone())
                .map_err(|error| format!("{member}: {error}"))?;
            Ok::<_, String>(totals.map(|[children, items]| MapRunTotals { items, children }))
        };
        let redriven: Option<(u32, i64)> = serde_json::from_value(detail["redriven"].clone())
            .map_err(|error| format!("redriven: {error}"))?;
        Ok(Detail {
            limits: MapLimits {
                max_concurrency: detail["concurrency"]
                    .as_u64()
                    .ok_or_else(|| missing("concurrency"))?,
                tolerated_failure_count: detail["failures"].as_u64(),
                tolerated_failure_percentage: detail["percentage"].as_f64(),
            },
            totals: totals("total")?,
            executions: counts("executions")?,
            items: counts("items")?,
            redriven: redriven.map(|(count, at)| Redriven { count, at: Timestamp(at) }),
            pending_redrive: totals("toRedrive")?.unwrap_or_default(),
            not_redrivable: totals("notRedrivable")?.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use stepyard_asl::Timestamp;
    use stepyard_machine::{
        EndCounts, EventId, ExecutionStatus, MapLimits, MapRunId, MapRunRecord, MapRunTotals,
        Redriven,
    };
    use uuid::Uuid;

    use super::{Detail, detail_text, map_run_key};

    #[test]
    fn details_come_back_as_they_were() {
        let counts = EndCounts { succeeded: 1, failed: 2, timed_out: 3, aborted: u64::MAX };
        let bare = MapRunRecord {
            id: MapRunId(EventId(4)),
            arn: "arn".into(),
            status: ExecutionStatus::Running,
            started_at: Timestamp(1),
            stopped_at: None,
            limits: MapLimits::default(),
            totals: None,
            executions: EndCounts::default(),
            items: counts,
            redriven: None,
            pending_redrive: MapRunTotals::default(),
            not_redrivable: MapRunTotals::default(),
        };
        let full = MapRunRecord {
            limits: MapLimits {
                max_concurrency: 7,
                tolerated_failure_count: Some(0),
                tolerated_failure_percentage: Some(0.1),
            },
            totals: Some(MapRunTotals { items: 9, children: 8 }),
            executions: counts,
            redriven: Some(Redriven { count: 2, at: Timestamp(77) }),
            pending_redrive: MapRunTotals { items: 3, children: 2 },
            not_redrivable: MapRunTotals { items: 5, children: 1 },
            ..bare.clone()
        };
        for record in [bare, full] {
            let text = detail_text(&record);
            let detail = Detail::parse(&text).unwrap();
            assert_eq!(detail.limits, record.limits);
            assert_eq!(detail.totals, record.totals);
            assert_eq!((detail.executions, detail.items), (record.executions, record.items));
            assert_eq!(detail.redriven, record.redriven);
            assert_eq!(detail.pending_redrive, record.pending_redrive);
            assert_eq!(detail.not_redrivable, record.not_redrivable);
        }
        assert!(Detail::parse("{}").is_err());
        assert!(Detail::parse("no JSON").is_err());
    }

    #[test]
    fn the_key_of_a_map_run_is_the_end_of_its_arn() {
        let uuid = Uuid::from_u128(5);
        assert_eq!(map_run_key(&format!("arn:aws:states:r:a:mapRun:m/l:{uuid}")), Some(uuid));
        assert_eq!(map_run_key("arn:aws:states:r:a:mapRun:m/l:x"), None);
    }
}
