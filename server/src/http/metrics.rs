//! Counters for Prometheus, in the OpenMetrics text format.

use std::fmt;
use std::sync::Arc;

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
use stepyard_runtime::{LATENCY_BUCKETS_MICROS, MetricsSnapshot};

use crate::app::App;
use crate::wire::{ApiError, Problem};

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Microseconds of a second.
const MICROS: f64 = 1e6;

pub(super) async fn metrics(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let page = render(app.runtime.metrics()).map_err(|error| ApiError::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], page).into_response())
}

fn render(snapshot: MetricsSnapshot) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("stepyard");
    registry.register_collector(Box::new(Snapshot(snapshot)));
    let mut page = String::new();
    text::encode(&mut page, &registry)?;
    Ok(page)
}

/// The counters live in the runtime as plain numbers; they are collected when somebody asks.
#[derive(Debug)]
struct Snapshot(MetricsSnapshot);

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Snapshot(counted) = self;
        for (name, help, value) in [
            ("executions_started", "Executions started", counted.started),
            ("state_transitions", "States entered", counted.transitions),
            ("journal_events", "Events committed", counted.events),
            ("task_dispatches", "Tasks handed out", counted.dispatches),
            ("commits", "Transactions", counted.commits),
            ("commit_rows", "Rows written by transactions", counted.commit_rows),
            ("commit_retries", "Transactions of unknown outcome at first", counted.commit_retries),
            ("requests_forwarded", "Requests sent to other nodes", counted.forwarded),
            (
                "executions_quarantined",
                "Executions with an unreadable journal",
                counted.quarantined,
            ),
            ("executions_removed", "Executions kept no longer", counted.removed),
        ] {
            one(&mut encoder, name, help, &ConstCounter::new(value))?;
        }
        let in_memory = ConstGauge::new(counted.in_memory);
        let help = "Executions in memory: in progress and not asleep";
        one(&mut encoder, "executions_in_memory", help, &in_memory)?;
        one(&mut encoder, "shard_messages", "Messages waiting", &gauge(counted.mailbox))?;
        let help = "Shards that this node owns";
        one(&mut encoder, "shards_owned", help, &gauge(counted.shards))?;
        one(&mut encoder, "nodes_alive", "Nodes that are alive", &gauge(counted.nodes))?;
        closed(&mut encoder, counted)?;
        latency(&mut encoder, counted)
    }
}

fn gauge(value: usize) -> ConstGauge<i64> {
    ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX))
}

fn one(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    metric: &impl EncodeMetric,
) -> Result<(), fmt::Error> {
    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
}

fn closed(
    encoder: &mut DescriptorEncoder<'_>,
    counted: &MetricsSnapshot,
) -> Result<(), fmt::Error> {
    let help = "Executions ended, by status";
    let mut family =
        encoder.encode_descriptor("executions_closed", help, None, MetricType::Counter)?;
    let ended = counted.closed.iter().filter(|(status, _)| *status != ExecutionStatus::Running);
    for (status, count) in ended {
        let label = [("status", status.as_str())];
        ConstCounter::new(*count).encode(family.encode_family(&label)?)?;
    }
    Ok(())
}

fn latency(
    encoder: &mut DescriptorEncoder<'_>,
    counted: &MetricsSnapshot,
) -> Result<(), fmt::Error> {
    let bounds = LATENCY_BUCKETS_MICROS.iter().map(|bound| *bound as f64 / MICROS);
    let buckets: Vec<_> =
        bounds.chain([f64::MAX]).zip(counted.commit_latency.iter().copied()).collect();
    let (help, unit) = ("Time that a transaction takes", Some(&Unit::Seconds));
    let mut histogram =
        encoder.encode_descriptor("commit_duration", help, unit, MetricType::Histogram)?;
    let sum = counted.commit_micros as f64 / MICROS;
    histogram.encode_histogram::<NoLabelSet>(sum, counted.commits, &buckets, None)
}

#[cfg(test)]
mod tests {
    use stepyard_machine::ExecutionStatus;
    use stepyard_runtime::MetricsSnapshot;

    use super::render;

    #[test]
    fn counters_are_shown_with_their_names() {
        let snapshot = MetricsSnapshot {
            started: 7,
            closed: vec![(ExecutionStatus::Running, 0), (ExecutionStatus::Failed, 2)],
            commits: 3,
            commit_micros: 1_500_000,
            commit_latency: vec![0, 0, 1, 2],
            ..MetricsSnapshot::default()
        };
        let page = render(snapshot).unwrap();
        for line in [
            "stepyard_executions_started_total 7",
            "stepyard_executions_closed_total{status=\"FAILED\"} 2",
            "stepyard_commit_duration_seconds_sum 1.5",
            "stepyard_commit_duration_seconds_bucket{le=\"0.001\"} 3",
            "# EOF",
        ] {
            assert!(page.lines().any(|shown| shown == line), "{line} is missing in\n{page}");
        }
    }
}
