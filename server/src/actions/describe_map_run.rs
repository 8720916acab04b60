//! DescribeMapRun.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepyard_machine::{EndCounts, ExecutionStatus, MapLimitsChange};
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
    #[serde(skip_serializing_if = "Option::is_none")]
    redrive_date: Option<EpochSeconds>,
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
    /// That were to run again after a redrive, and cannot.
    failures_not_redrivable: u64,
    /// That are to run again after a redrive.
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
    let Standing { progress, is_exported } = standing(app, row).await?;
    Ok(answer(progress, is_exported, execution_arn))
}

/// Of the execution that has started it.
async fn execution_arn(app: &App, row: &MapRunRow) -> Result<String, ApiError> {
    let execution = app.store.get_execution(row.shard, row.execution).await?;
    let execution = execution.ok_or_else(ApiError::resource_not_found)?;
    Arn::parse(&execution.state_machine_arn)?.execution(&execution.name)
}

/// How a Map Run stands.
struct Standing {
    progress: MapRunProgress,
    /// Whether its results were exported when it had ended badly.
    is_exported: bool,
}

async fn standing(app: &App, row: MapRunRow) -> Result<Standing, ApiError> {
    if row.record.stopped_at.is_some() {
        return ended(app, row).await;
    }
    match app.runtime.ask_map_run(question(&row, MapLimitsChange::default())).await {
        Ok(progress) => Ok(Standing { progress, is_exported: false }),
        // It has ended since.
        Err(MapRunRequestError::NotRunning) => {
            ended(app, app.map_run(&row.record.arn).await?).await
        }
        Err(MapRunRequestError::Unavailable(why)) => {
            Err(ApiError::new("ServiceUnavailable", &*why))
        }
    }
}

/// One that has ended. Its last event does not tell of the child executions that were cut off with it, but those that are
/// kept do: they are stopped, or about to be.
async fn ended(app: &App, row: MapRunRow) -> Result<Standing, ApiError> {
    let is_exported = row.wound_up.is_some_and(|wound_up| wound_up.is_exported);
    let mut record = row.record;
    let mut running = RunningChildren::default();
    let key = map_run_key(&record.arn).filter(|_| record.status != ExecutionStatus::Succeeded);
    if let Some(key) = key {
        for ChildrenOfStatus { status, executions, items } in app.store.count_children(key).await? {
            match status {
                ExecutionStatus::Running => {
                    running = RunningChildren { executions, items, ..RunningChildren::default() };
                }
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
    Ok(Standing { progress: MapRunProgress { record, running }, is_exported })
}

/// What its owner is asked.
pub(super) fn question(row: &MapRunRow, change: MapLimitsChange) -> MapRunRequest {
    let MapRunRow { shard, execution, record, .. } = row;
    MapRunRequest { shard: *shard, execution: *execution, run: record.id, change }
}

fn answer(
    progress: MapRunProgress,
    is_exported: bool,
    execution_arn: String,
) -> DescribeMapRunResponse {
    let MapRunProgress { record, running } = progress;
    // Results are written all at once, at the end; without a ResultWriter AWS counts them, too (recorded).
    let has_results = is_exported || record.status == ExecutionStatus::Succeeded;
    let executions = Subject {
        total: record.totals.map(|totals| totals.children),
        ended: record.executions,
        running: running.executions,
        running_again: running.again.children,
        to_redrive: record.pending_redrive.children,
        not_redrivable: record.not_redrivable.children,
    };
    let items = Subject {
        total: record.totals.map(|totals| totals.items),
        ended: record.items,
        running: running.items,
        running_again: running.again.items,
        to_redrive: record.pending_redrive.items,
        not_redrivable: record.not_redrivable.items,
    };
    DescribeMapRunResponse {
        execution_arn,
        status: record.status.as_str(),
        start_date: EpochSeconds(record.started_at),
        stop_date: record.stopped_at.map(EpochSeconds),
        max_concurrency: record.limits.max_concurrency,
        tolerated_failure_percentage: record.limits.tolerated_failure_percentage.unwrap_or(0.0),
        tolerated_failure_count: record.limits.tolerated_failure_count.unwrap_or(0),
        item_counts: items.counts(has_results),
        execution_counts: executions.counts(has_results),
        redrive_count: record.redriven.map_or(0, |redriven| redriven.count),
        redrive_date: record.redriven.map(|redriven| EpochSeconds(redriven.at)),
        map_run_arn: record.arn,
    }
}

/// What is counted: child executions, or their items.
struct Subject {
    total: Option<u64>,
    ended: EndCounts,
    running: u64,
    /// Those of them that had ended before.
    running_again: u64,
    /// Those that had ended and are to run again, or do.
    to_redrive: u64,
    not_redrivable: u64,
}

impl Subject {
    fn counts(self, has_results: bool) -> Counts {
        let EndCounts { succeeded, failed, timed_out, aborted } = self.ended;
        let pending_redrive = self.to_redrive.saturating_sub(self.running_again);
        let known = self.ended.ended() + self.running + pending_redrive;
        // Items are read ahead, but not all at once: until all have been, there are those that are known of.
        let total = self.total.unwrap_or(known);
        Counts {
            pending: total.saturating_sub(known),
            running: self.running,
            succeeded,
            failed,
            timed_out,
            aborted,
            total,
            results_written: if has_results { self.ended.ended() } else { 0 },
            failures_not_redrivable: self.not_redrivable,
            pending_redrive,
        }
    }
}
