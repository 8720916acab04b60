//! What is known of a Map Run, also of one that has ended: what lists and descriptions show.

use std::sync::Arc;

use stepyard_asl::Timestamp;

use crate::{EndCounts, ExecutionStatus, MapLimits, MapRunId, MapRunTotals, Redriven};

/// A Map Run as far as the journal tells.
#[derive(Clone, Debug, PartialEq)]
pub struct MapRunRecord {
    /// Its id, unique in its execution.
    pub id: MapRunId,
    /// Its ARN.
    pub arn: Arc<str>,
    /// RUNNING, SUCCEEDED, FAILED or ABORTED.
    pub status: ExecutionStatus,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub stopped_at: Option<Timestamp>,
    /// The limits that counted last.
    pub limits: MapLimits,
    /// How many there are in all, if that was known.
    pub totals: Option<MapRunTotals>,
    /// Child executions that have ended.
    pub executions: EndCounts,
    /// Items of child executions that have ended.
    pub items: EndCounts,
    /// How often and when it was redriven, if it was.
    pub redriven: Option<Redriven>,
    /// Child executions that have ended and are to run again, with their items; none when it has ended.
    pub pending_redrive: MapRunTotals,
    /// Child executions that were to run again and cannot, with their items.
    pub not_redrivable: MapRunTotals,
}

impl MapRunRecord {
    /// The same, ended.
    pub(crate) fn ended(self, status: ExecutionStatus, at: Timestamp) -> MapRunRecord {
        MapRunRecord { status, stopped_at: Some(at), ..self }
    }
}

/// What `UpdateMapRun` changes; what is not named stays.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MapLimitsChange {
    /// `maxConcurrency`.
    pub max_concurrency: Option<u64>,
    /// `toleratedFailureCount`.
    pub tolerated_failure_count: Option<u64>,
    /// `toleratedFailurePercentage`.
    pub tolerated_failure_percentage: Option<f64>,
}

impl MapLimitsChange {
    /// Whether it names nothing.
    pub fn is_empty(&self) -> bool {
        *self == MapLimitsChange::default()
    }

    /// The limits with what changes. A limit of 0 stands for none as soon as the other one is named: by the API a limit
    /// that was not given is 0, too, so who raises one of them means that only that one counts.
    #[must_use]
    pub fn of(&self, limits: MapLimits) -> MapLimits {
        let (count, percentage) = (self.tolerated_failure_count, self.tolerated_failure_percentage);
        let kept_count =
            limits.tolerated_failure_count.filter(|most| *most > 0 || percentage.is_none());
        let kept_percentage =
            limits.tolerated_failure_percentage.filter(|most| *most > 0.0 || count.is_none());
        MapLimits {
            max_concurrency: self.max_concurrency.unwrap_or(limits.max_concurrency),
            tolerated_failure_count: count.or(kept_count),
            tolerated_failure_percentage: percentage.or(kept_percentage),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::MapLimitsChange;
    use crate::MapLimits;

    #[test]
    fn what_is_not_named_stays() {
        let limits = MapLimits {
            max_concurrency: 3,
            tolerated_failure_count: Some(2),
            tolerated_failure_percentage: None,
        };
        let change = MapLimitsChange { max_concurrency: Some(0), ..MapLimitsChange::default() };
        assert_eq!(change.of(limits), MapLimits { max_concurrency: 0, ..limits });
        assert_eq!(MapLimitsChange::default().of(limits), limits);
        assert!(MapLimitsChange::default().is_empty() && !change.is_empty());
    }

    #[test]
    fn none_tolerated_gives_way_to_the_other_limit() {
        let none = MapLimits { tolerated_failure_count: Some(0), ..MapLimits::default() };
        let half = MapLimitsChange {
            tolerated_failure_percentage: Some(50.0),
            ..MapLimitsChange::default()
        };
        let changed = half.of(none);
        assert_eq!(changed.tolerated_failure_count, None);
        assert_eq!(changed.tolerated_failure_percentage, Some(50.0));
        let two =
            MapLimitsChange { tolerated_failure_count: Some(2), ..MapLimitsChange::default() };
        let both = two.of(changed);
        assert_eq!(both.tolerated_failure_percentage, Some(50.0), "it was meant");
        let zero = MapLimits { tolerated_failure_percentage: Some(0.0), ..MapLimits::default() };
        assert_eq!(two.of(zero).tolerated_failure_percentage, None);
        for limits in [none, zero] {
            assert_eq!(MapLimitsChange::default().of(limits), limits, "the other one is not named");
        }
        let one = MapLimits { tolerated_failure_count: Some(1), ..MapLimits::default() };
        assert_eq!(half.of(one).tolerated_failure_count, Some(1), "it was meant");
    }
}
