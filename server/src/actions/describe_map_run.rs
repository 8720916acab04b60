//! DescribeMapRun.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepyard_machine::{EndCounts, ExecutionStatus, MapLimitsChange, MapRunRecord};
use stepyard_runtime::{MapRunProgress, MapRunRequest, MapRunRequestError, RunningChildren};
use stepyard_store::{ChildrenOfStatus, MapRunRow, map_run_key};

use crate::app::App;
use crate::arn::Arn;
use crate::wire::{ApiError, EpochSeconds, required};

/// Request of DescribeMapRun.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescribeMapRunRequest {
    pub(crate) map_run_arn: Option<String>,
}

/// Answer of DescribeMapRun. A limit that was not set is 0.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescribeMapRunResponse {
    map_run_arn: Arc<str>,
    execution_arn: String,
    status: &'static str,
    start_date: EpochSeconds,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_date: Option<EpochSeconds>,
    max_concurrency: u64,
    tolerated_failure_percentage: f64,
    tolerated_failure_count: u64,
    item_counts: Counts,
    execution_counts: Counts,
    redrive_count: u32,
}

/// `MapRunItemCounts` or `MapRunExecutionCounts`.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    pending: u64,
    running: u64,
    succeeded: u64,
    failed: u64,
    timed_out: u64,
    aborted: u64,
    total: u64,
    results_written: u64,
    /// A redrive starts a new Map Run, so an old one has neither of these.
    failures_not_redrivable: u64,
    pending_redrive: u64,
}

/// Describes a Map Run. One that runs is asked how it stands.
pub(crate) async fn describe_map_run(
    app: &App,
    request: DescribeMapRunRequest,
) -> Result<DescribeMapRunResponse, ApiError> {
    let arn = required(request.map_run_arn.as_deref(), "mapRunArn")?;
    let row = app.map_run(arn).await?;
    let execution_arn = execution_arn(app, &row).await?;
    Ok(answer(progress(app, row).await?, execution_arn))
}

/// Of the execution that has started it.
async fn execution_arn(app: &App, row: &MapRunRow) -> Result<String, ApiError> {
    let execution = app.store.get_execution(row.shard, row.execution).await?;
    let execution = execution.ok_or_else(ApiError::resource_not_found)?;
    Arn::parse(&execution.state_machine_arn)?.execution(&execution.name)
}

async fn progress(app: &App, row: MapRunRow) -> Result<MapRunProgress, ApiError> {
    if row.record.stopped_at.is_some() {
        return ended(app, row.record).await;
    }
    match app.runtime.ask_map_run(question(&row, MapLimitsChange::default())).await {
        Ok(progress) => Ok(progress),
        // It has ended since.
        Err(MapRunRequestError::NotRunning) => {
            ended(app, app.map_run(&row.record.arn).await?.record).await
        }
        Err(MapRunRequestError::Unavailable(why)) => {
            Err(ApiError::new("ServiceUnavailable", &*why))
        }
    }
}

/// One that has ended. Its last event does not tell of the child executions that were cut off with it, but those that are
/// kept do: they are stopped, or about to be.
async fn ended(app: &App, mut record: MapRunRecord) -> Result<MapRunProgress, ApiError> {
    let mut running = RunningChildren::default();
    let key = map_run_key(&record.arn).filter(|_| record.status != ExecutionStatus::Succeeded);
    if let Some(key) = key {
        for ChildrenOfStatus { status, executions, items } in app.store.count_children(key).await? {
            match status {
                ExecutionStatus::Running => running = RunningChildren { executions, items },
                ExecutionStatus::Aborted => {
                    record.executions.aborted = record.executions.aborted.max(executions);
                    record.items.aborted = record.items.aborted.max(items);
                }
                ExecutionStatus::Succeeded
                | ExecutionStatus::Failed
                | ExecutionStatus::TimedOut => {}
            }
        }
    }
    Ok(MapRunProgress { record, running })
}

/// What its owner is asked.
pub(super) fn question(row: &MapRunRow, change: MapLimitsChange) -> MapRunRequest {
    let MapRunRow { shard, execution, record } = row;
    MapRunRequest { shard: *shard, execution: *execution, run: record.id, change }
}

fn answer(progress: MapRunProgress, execution_arn: String) -> DescribeMapRunResponse {
    let MapRunProgress { record, running } = progress;
    let total = |known: Option<u64>, ended: EndCounts, running| {
        // Items are read ahead, but not all at once: until all have been, there are those that are known of.
        known.unwrap_or(ended.ended() + running)
    };
    let executions =
        total(record.totals.map(|totals| totals.children), record.executions, running.executions);
    let items = total(record.totals.map(|totals| totals.items), record.items, running.items);
    DescribeMapRunResponse {
        execution_arn,
        status: record.status.as_str(),
        start_date: EpochSeconds(record.started_at),
        stop_date: record.stopped_at.map(EpochSeconds),
        max_concurrency: record.limits.max_concurrency,
        tolerated_failure_percentage: record.limits.tolerated_failure_percentage.unwrap_or(0.0),
        tolerated_failure_count: record.limits.tolerated_failure_count.unwrap_or(0),
        item_counts: counts(&record, record.items, running.items, items),
        execution_counts: counts(&record, record.executions, running.executions, executions),
        redrive_count: 0,
        map_run_arn: record.arn,
    }
}

fn counts(record: &MapRunRecord, ended: EndCounts, running: u64, total: u64) -> Counts {
    Counts {
        pending: total.saturating_sub(ended.ended() + running),
        running,
        succeeded: ended.succeeded,
        failed: ended.failed,
        timed_out: ended.timed_out,
        aborted: ended.aborted,
        total,
        // Results are written all at once, at the end; without a ResultWriter AWS counts them, too (recorded).
        results_written: match record.status {
            ExecutionStatus::Succeeded => ended.ended(),
            _ => 0,
        },
        failures_not_redrivable: 0,
        pending_redrive: 0,
    }
}
