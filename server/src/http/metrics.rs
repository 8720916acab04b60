//! Counters for Prometheus, in the OpenMetrics text format.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use stepyard_machine::ExecutionStatus;
use stepyard_runtime::{
    BUCKETS_MICROS, ExpressSnapshot, HistogramSnapshot, MetricsSnapshot, TargetSnapshot,
};

use crate::app::{App, UPLOADS_AT_ONCE};
use crate::telemetry::dropped_lines;
use crate::wire::{ApiError, Problem};

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Microseconds of a second.
const MICROS: f64 = 1e6;

pub(super) async fn metrics(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let uploads = UPLOADS_AT_ONCE.saturating_sub(app.uploads.available_permits());
    // A database that does not answer is told by other metrics.
    let oldest_transaction = app.store.oldest_transaction().await.ok().flatten();
    let shown = Snapshot { counted: app.runtime.metrics(), uploads, oldest_transaction };
    let page = render(shown).map_err(|error| ApiError::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], page).into_response())
}

fn render(snapshot: Snapshot) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("stepyard");
    registry.register_collector(Box::new(snapshot));
    let mut page = String::new();
    text::encode(&mut page, &registry)?;
    Ok(page)
}

/// The counters live in the runtime as plain numbers; they are collected when somebody asks.
#[derive(Debug, Default)]
struct Snapshot {
    counted: MetricsSnapshot,
    /// Uploads that are taken in.
    uploads: usize,
    /// For how long the oldest transaction in the database has been open.
    oldest_transaction: Option<Duration>,
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Snapshot { counted, uploads, oldest_transaction } = self;
        for (name, help, value) in [
            ("executions_started", "Executions started", counted.started),
            ("executions_redriven", "Executions redriven", counted.redriven),
            ("state_transitions", "States entered", counted.transitions),
            ("journal_events", "Events committed", counted.events),
            ("task_dispatches", "Tasks handed out", counted.dispatches),
            ("commits", "Transactions", counted.commits),
            ("commit_rows", "Rows written by transactions", counted.commit_rows),
            ("commit_retries", "Transactions of unknown outcome at first", counted.commit_retries),
            ("requests_forwarded", "Requests sent to other nodes", counted.forwarded),
            (
                "long_decisions",
                "Decisions made on threads of their own because their JSONata takes long",
                counted.long_decisions,
            ),
            (
                "executions_quarantined",
                "Executions with an unreadable journal",
                counted.quarantined,
            ),
            ("executions_removed", "Executions kept no longer", counted.removed),
            (
                "log_lines_dropped",
                "Log lines lost because standard error did not take them",
                dropped_lines(),
            ),
        ] {
            one(&mut encoder, name, help, &ConstCounter::new(value))?;
        }
        for (name, help, value) in [
            (
                "executions_in_memory",
                "Executions in memory: in progress and not asleep",
                counted.in_memory,
            ),
            ("shard_messages", "Messages that wait for their shard", size(counted.mailbox)),
            (
                "commit_batches_waiting",
                "Batches of shards that wait for the transaction before them",
                size(counted.batches),
            ),
            ("tasks_waiting", "Tasks that wait for a place to run", counted.tasks_waiting),
            ("tasks_running", "Tasks that run", counted.tasks_running),
            ("uploads_running", "Uploads that are taken in", size(*uploads)),
            ("shards_owned", "Shards that this node owns", size(counted.shards)),
            ("nodes_alive", "Nodes that are alive", size(counted.nodes)),
        ] {
            one(&mut encoder, name, help, &ConstGauge::new(value))?;
        }
        if let Some(age) = oldest_transaction {
            let (name, help) =
                ("database_oldest_transaction_seconds", "Age of the oldest transaction");
            one(&mut encoder, name, help, &ConstGauge::new(age.as_secs_f64()))?;
        }
        build(&mut encoder)?;
        closed(&mut encoder, "executions_closed", "Executions ended", &counted.closed)?;
        express(&mut encoder, &counted.express)?;
        events(&mut encoder, &counted.targets)?;
        let help = "Time that a transaction takes";
        histogram(&mut encoder, "commit_duration", help, &counted.commit_duration)?;
        let help = "How much later than it was due a timer has rung";
        histogram(&mut encoder, "timer_lateness", help, &counted.timer_lateness)
    }
}

fn one(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    metric: &impl EncodeMetric,
) -> Result<(), fmt::Error> {
    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
}

/// Express executions, which the other metrics of executions leave out.
fn express(
    encoder: &mut DescriptorEncoder<'_>,
    counted: &ExpressSnapshot,
) -> Result<(), fmt::Error> {
    for (name, help, value) in [
        ("started", "Express executions started", counted.started),
        (
            "throttled",
            "Express executions refused because too many run or hold too much data",
            counted.throttled,
        ),
        (
            "billed_milliseconds",
            "Time of Express executions that AWS would charge for",
            counted.billed_millis,
        ),
    ] {
        one(encoder, &format!("express_executions_{name}"), help, &ConstCounter::new(value))?;
    }
    for (name, help, value) in [
        ("kept", "Histories of Express executions written", counted.histories_kept),
        (
            "lost",
            "Histories of Express executions without room, or that the database did not take",
            counted.histories_lost,
        ),
    ] {
        one(encoder, &format!("express_histories_{name}"), help, &ConstCounter::new(value))?;
    }
    for (name, help, value) in [
        ("running", "Express executions that run", counted.running),
        ("data_bytes", "Bytes of data that Express executions hold", counted.data_bytes),
    ] {
        one(encoder, &format!("express_executions_{name}"), help, &ConstGauge::new(size(value)))?;
    }
    closed(encoder, "express_executions_closed", "Express executions ended", &counted.closed)?;
    let help = "Time that an Express execution takes";
    histogram(encoder, "express_execution_duration", help, &counted.duration)
}

/// How it stands with those who are told of status changes.
fn events(
    encoder: &mut DescriptorEncoder<'_>,
    targets: &[TargetSnapshot],
) -> Result<(), fmt::Error> {
    let sent = ("events_sent", "Status changes that a target was told of");
    by_target(encoder, sent, targets, |target| ConstCounter::new(target.told))?;
    let failures = ("event_failures", "Attempts to tell a target that have failed");
    by_target(encoder, failures, targets, |target| ConstCounter::new(target.failed))?;
    let dropped =
        ("events_dropped", "Status changes that a target has refused or that have become too old");
    by_target(encoder, dropped, targets, |target| ConstCounter::new(target.dropped))?;
    let lag = ("events_lag_seconds", "Age of the oldest change that a target waits for");
    by_target(encoder, lag, targets, |target| ConstGauge::new(target.lag.as_secs_f64()))
}

/// A metric by target; none, when there are no targets.
fn by_target<M: EncodeMetric>(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help): (&str, &str),
    targets: &[TargetSnapshot],
    metric: impl Fn(&TargetSnapshot) -> M,
) -> Result<(), fmt::Error> {
    let Some(first) = targets.first() else { return Ok(()) };
    let mut family = encoder.encode_descriptor(name, help, None, metric(first).metric_type())?;
    for target in targets {
        let label = [("target", &*target.name)];
        metric(target).encode(family.encode_family(&label)?)?;
    }
    Ok(())
}

fn size(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A counter by status.
fn closed(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    counted: &[(ExecutionStatus, u64)],
) -> Result<(), fmt::Error> {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    let ended = counted.iter().filter(|(status, _)| *status != ExecutionStatus::Running);
    for (status, count) in ended {
        let label = [("status", status.as_str())];
        ConstCounter::new(*count).encode(family.encode_family(&label)?)?;
    }
    Ok(())
}

/// What this program is: the value is always 1, the label tells.
fn build(encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let help = "Version of this program";
    let mut family = encoder.encode_descriptor("build_info", help, None, MetricType::Gauge)?;
    let label = [("version", env!("CARGO_PKG_VERSION"))];
    ConstGauge::new(1_i64).encode(family.encode_family(&label)?)
}

fn histogram(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    counted: &HistogramSnapshot,
) -> Result<(), fmt::Error> {
    let bounds = BUCKETS_MICROS.iter().map(|bound| *bound as f64 / MICROS);
    let buckets: Vec<_> = bounds.chain([f64::MAX]).zip(counted.counts.iter().copied()).collect();
    let mut histogram =
        encoder.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
    let sum = counted.micros as f64 / MICROS;
    let count = counted.counts.iter().sum();
    histogram.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use stepyard_machine::ExecutionStatus;
    use stepyard_runtime::{ExpressSnapshot, HistogramSnapshot, MetricsSnapshot, TargetSnapshot};

    use super::{Snapshot, render};

    #[test]
    fn counters_are_shown_with_their_names() {
        let counted = MetricsSnapshot {
            started: 7,
            closed: vec![(ExecutionStatus::Running, 0), (ExecutionStatus::Failed, 2)],
            commit_duration: HistogramSnapshot { counts: vec![0, 0, 1, 2], micros: 1_500_000 },
            timer_lateness: HistogramSnapshot { counts: vec![0, 4], micros: 800 },
            batches: 5,
            tasks_waiting: 6,
            targets: vec![TargetSnapshot {
                name: "log".into(),
                told: 4,
                failed: 3,
                dropped: 1,
                lag: Duration::from_millis(2_500),
            }],
            express: ExpressSnapshot {
                started: 9,
                closed: vec![(ExecutionStatus::TimedOut, 3)],
                running: 2,
                histories_kept: 3,
                histories_lost: 1,
                ..ExpressSnapshot::default()
            },
            ..MetricsSnapshot::default()
        };
        let page = render(Snapshot { counted, uploads: 2, oldest_transaction: None }).unwrap();
        for line in [
            "stepyard_executions_started_total 7",
            "stepyard_executions_closed_total{status=\"FAILED\"} 2",
            "stepyard_commit_duration_seconds_sum 1.5",
            "stepyard_commit_duration_seconds_bucket{le=\"0.001\"} 3",
            "stepyard_commit_duration_seconds_count 3",
            "stepyard_timer_lateness_seconds_bucket{le=\"0.00025\"} 4",
            "stepyard_commit_batches_waiting 5",
            "stepyard_tasks_waiting 6",
            "stepyard_uploads_running 2",
            "stepyard_events_sent_total{target=\"log\"} 4",
            "stepyard_event_failures_total{target=\"log\"} 3",
            "stepyard_events_dropped_total{target=\"log\"} 1",
            "stepyard_events_lag_seconds{target=\"log\"} 2.5",
            "stepyard_express_executions_started_total 9",
            "stepyard_express_executions_closed_total{status=\"TIMED_OUT\"} 3",
            "stepyard_express_executions_running 2",
            "stepyard_express_histories_kept_total 3",
            "stepyard_express_histories_lost_total 1",
            concat!("stepyard_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
            "# EOF",
        ] {
            assert!(page.lines().any(|shown| shown == line), "{line} is missing in\n{page}");
        }
    }
}
