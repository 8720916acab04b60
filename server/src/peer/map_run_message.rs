//! What nodes ask each other of Map Runs, as JSON.

use serde::{Deserialize, Serialize};
use stepyard_asl::Timestamp;
use stepyard_machine::{
    EndCounts, EventId, MapLimits, MapLimitsChange, MapRunId, MapRunRecord, MapRunTotals, Redriven,
};
use stepyard_runtime::{MapRunProgress, MapRunRequest, MapRunRequestError, RunningChildren};
use stepyard_store::{ExecutionId, ShardId};
use uuid::Uuid;

use super::message::status_of;

/// A question that is forwarded, maybe with a change.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MapRunMessage {
    shard: u16,
    execution: Uuid,
    run: u64,
    max_concurrency: Option<u64>,
    tolerated_failure_count: Option<u64>,
    tolerated_failure_percentage: Option<f64>,
}

impl From<&MapRunRequest> for MapRunMessage {
    fn from(request: &MapRunRequest) -> MapRunMessage {
        MapRunMessage {
            shard: request.shard.0,
            execution: request.execution.0,
            run: request.run.0.0,
            max_concurrency: request.change.max_concurrency,
            tolerated_failure_count: request.change.tolerated_failure_count,
            tolerated_failure_percentage: request.change.tolerated_failure_percentage,
        }
    }
}

impl From<MapRunMessage> for MapRunRequest {
    fn from(message: MapRunMessage) -> MapRunRequest {
        MapRunRequest {
            shard: ShardId(message.shard),
            execution: ExecutionId(message.execution),
            run: MapRunId(EventId(message.run)),
            change: MapLimitsChange {
                max_concurrency: message.max_concurrency,
                tolerated_failure_count: message.tolerated_failure_count,
                tolerated_failure_percentage: message.tolerated_failure_percentage,
            },
        }
    }
}

/// What the owner says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MapRunReply {
    /// How it stands.
    Progress(Box<ProgressMessage>),
    /// It does not run.
    NotRunning,
    /// Whether it has changed is unknown.
    Unavailable(String),
}

/// How a Map Run stands. Times are milliseconds since the epoch; counts are those that have succeeded, failed, timed out and
/// were aborted.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ProgressMessage {
    run: u64,
    arn: String,
    status: String,
    started_at: i64,
    stopped_at: Option<i64>,
    max_concurrency: u64,
    tolerated_failure_count: Option<u64>,
    tolerated_failure_percentage: Option<f64>,
    children: Option<u64>,
    child_items: Option<u64>,
    executions: [u64; 4],
    items: [u64; 4],
    /// How often it was redriven, and when the last time. Nodes of an earlier version redrive none.
    #[serde(default)]
    redriven: Option<(u32, i64)>,
    /// Child executions that are to run again, and their items.
    #[serde(default)]
    pending_redrive: (u64, u64),
    /// The same of those that cannot run again.
    #[serde(default)]
    not_redrivable: (u64, u64),
    running_executions: u64,
    running_items: u64,
    /// Child executions among them that run again, and their items.
    #[serde(default)]
    running_again: (u64, u64),
}

impl From<Result<MapRunProgress, MapRunRequestError>> for MapRunReply {
    fn from(result: Result<MapRunProgress, MapRunRequestError>) -> MapRunReply {
        match result {
            Ok(progress) => MapRunReply::Progress(Box::new(progress.into())),
            Err(MapRunRequestError::NotRunning) => MapRunReply::NotRunning,
            Err(MapRunRequestError::Unavailable(why)) => MapRunReply::Unavailable(why.to_string()),
        }
    }
}

impl From<MapRunReply> for Result<MapRunProgress, MapRunRequestError> {
    fn from(reply: MapRunReply) -> Result<MapRunProgress, MapRunRequestError> {
        match reply {
            MapRunReply::Progress(progress) => Ok((*progress).into()),
            MapRunReply::NotRunning => Err(MapRunRequestError::NotRunning),
            MapRunReply::Unavailable(why) => Err(MapRunRequestError::Unavailable(why.into())),
        }
    }
}

impl From<MapRunProgress> for ProgressMessage {
    fn from(MapRunProgress { record, running }: MapRunProgress) -> ProgressMessage {
        let counts =
            |counts: EndCounts| [counts.succeeded, counts.failed, counts.timed_out, counts.aborted];
        ProgressMessage {
            run: record.id.0.0,
            arn: record.arn.to_string(),
            status: record.status.as_str().to_owned(),
            started_at: record.started_at.0,
            stopped_at: record.stopped_at.map(|time| time.0),
            max_concurrency: record.limits.max_concurrency,
            tolerated_failure_count: record.limits.tolerated_failure_count,
            tolerated_failure_percentage: record.limits.tolerated_failure_percentage,
            children: record.totals.map(|totals| totals.children),
            child_items: record.totals.map(|totals| totals.items),
            executions: counts(record.executions),
            items: counts(record.items),
            redriven: record.redriven.map(|redriven| (redriven.count, redriven.at.0)),
            pending_redrive: pair(record.pending_redrive),
            not_redrivable: pair(record.not_redrivable),
            running_executions: running.executions,
            running_items: running.items,
            running_again: pair(running.again),
        }
    }
}

/// Child executions and items.
fn pair(totals: MapRunTotals) -> (u64, u64) {
    (totals.children, totals.items)
}

impl From<ProgressMessage> for MapRunProgress {
    fn from(message: ProgressMessage) -> MapRunProgress {
        let counts = |[succeeded, failed, timed_out, aborted]: [u64; 4]| EndCounts {
            succeeded,
            failed,
            timed_out,
            aborted,
        };
        let totals = |(children, items)| MapRunTotals { items, children };
        let redriven = |(count, at)| Redriven { count, at: Timestamp(at) };
        let record = MapRunRecord {
            id: MapRunId(EventId(message.run)),
            arn: message.arn.into(),
            status: status_of(&message.status),
            started_at: Timestamp(message.started_at),
            stopped_at: message.stopped_at.map(Timestamp),
            limits: MapLimits {
                max_concurrency: message.max_concurrency,
                tolerated_failure_count: message.tolerated_failure_count,
                tolerated_failure_percentage: message.tolerated_failure_percentage,
            },
            totals: message.children.zip(message.child_items).map(totals),
            executions: counts(message.executions),
            items: counts(message.items),
            redriven: message.redriven.map(redriven),
            pending_redrive: totals(message.pending_redrive),
            not_redrivable: totals(message.not_redrivable),
        };
        let running = RunningChildren {
            executions: message.running_executions,
            items: message.running_items,
            again: totals(message.running_again),
        };
        MapRunProgress { record, running }
    }
}

#[cfg(test)]
mod tests {
    use stepyard_asl::Timestamp;
    use stepyard_machine::{
        EndCounts, EventId, ExecutionStatus, MapLimits, MapLimitsChange, MapRunId, MapRunRecord,
        MapRunTotals, Redriven,
    };
    use stepyard_runtime::{MapRunProgress, MapRunRequest, MapRunRequestError, RunningChildren};
    use stepyard_store::{ExecutionId, ShardId};
    use uuid::Uuid;

    use super::{MapRunMessage, MapRunReply};

    #[test]
    fn questions_and_answers_arrive_as_they_were_sent() {
        let request = MapRunRequest {
            shard: ShardId(3),
            execution: ExecutionId(Uuid::from_u128(7)),
            run: MapRunId(EventId(4)),
            change: MapLimitsChange {
                max_concurrency: Some(0),
                tolerated_failure_count: None,
                tolerated_failure_percentage: Some(0.1),
            },
        };
        let sent = serde_json::to_string(&MapRunMessage::from(&request)).unwrap();
        let came: MapRunMessage = serde_json::from_str(&sent).unwrap();
        assert_eq!(format!("{:?}", MapRunRequest::from(came)), format!("{request:?}"));

        let counts = EndCounts { succeeded: 1, failed: 2, timed_out: 3, aborted: 4 };
        let record = MapRunRecord {
            id: request.run,
            arn: "a".into(),
            status: ExecutionStatus::Failed,
            started_at: Timestamp(5),
            stopped_at: Some(Timestamp(6)),
            limits: MapLimits { tolerated_failure_count: Some(8), ..MapLimits::default() },
            totals: Some(MapRunTotals { items: 10, children: 9 }),
            executions: counts,
            items: EndCounts::default(),
            redriven: Some(Redriven { count: 13, at: Timestamp(14) }),
            pending_redrive: MapRunTotals { items: 16, children: 15 },
            not_redrivable: MapRunTotals { items: 18, children: 17 },
        };
        let running = RunningChildren {
            executions: 11,
            items: 12,
            again: MapRunTotals { items: 20, children: 19 },
        };
        for answer in [
            Ok(MapRunProgress { record, running }),
            Err(MapRunRequestError::NotRunning),
            Err(MapRunRequestError::Unavailable("why".into())),
        ] {
            let sent = serde_json::to_string(&MapRunReply::from(answer.clone())).unwrap();
            let came: MapRunReply = serde_json::from_str(&sent).unwrap();
            assert_eq!(Result::from(came), answer);
        }
    }
}
