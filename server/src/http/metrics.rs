//! Counters in the text format of Prometheus.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use stepyard_runtime::{LATENCY_BUCKETS_MICROS, MetricsSnapshot};

use crate::app::App;

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], render(&app.runtime.metrics())).into_response()
}

/// The counters live in the runtime as plain numbers; writing the format takes a line each.
fn render(metrics: &MetricsSnapshot) -> String {
    let mut page = Page::default();
    page.counter("executions_started_total", "Executions started.", metrics.started);
    page.head("executions_closed_total", "counter", "Executions ended, by status.");
    for (status, count) in metrics.closed.iter().filter(|(status, _)| status.as_str() != "RUNNING")
    {
        page.sample(
            "executions_closed_total",
            &format!("{{status=\"{}\"}}", status.as_str()),
            count,
        );
    }
    page.gauge("executions_open", "Executions in progress.", metrics.open);
    page.counter("state_transitions_total", "States entered.", metrics.transitions);
    page.counter("journal_events_total", "Events committed.", metrics.events);
    page.counter("task_dispatches_total", "Tasks handed out.", metrics.dispatches);
    page.counter("commits_total", "Transactions.", metrics.commits);
    page.counter("commit_rows_total", "Rows written by transactions.", metrics.commit_rows);
    page.counter(
        "commit_retries_total",
        "Transactions whose outcome was unknown at first.",
        metrics.commit_retries,
    );
    page.counter(
        "executions_quarantined_total",
        "Executions set aside because their journal cannot be read.",
        metrics.quarantined,
    );
    page.gauge("shard_messages_waiting", "Messages waiting for a shard.", metrics.mailbox);
    page.latency(metrics);
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, "counter", help);
        self.sample(name, "", &value);
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl std::fmt::Display) {
        self.head(name, "gauge", help);
        self.sample(name, "", &value);
    }

    fn latency(&mut self, metrics: &MetricsSnapshot) {
        let name = "commit_duration_seconds";
        self.head(name, "histogram", "Time that a transaction takes.");
        let mut below = 0;
        for (bound, count) in LATENCY_BUCKETS_MICROS.iter().zip(&metrics.commit_latency) {
            below += count;
            let seconds = *bound as f64 / 1e6;
            self.sample(&format!("{name}_bucket"), &format!("{{le=\"{seconds}\"}}"), &below);
        }
        self.sample(&format!("{name}_bucket"), "{le=\"+Inf\"}", &metrics.commits);
        self.sample(&format!("{name}_sum"), "", &(metrics.commit_micros as f64 / 1e6));
        self.sample(&format!("{name}_count"), "", &metrics.commits);
    }

    // Writing to a string cannot fail.
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP stepyard_{name} {help}\n# TYPE stepyard_{name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: &dyn std::fmt::Display) {
        let _ = writeln!(self.0, "stepyard_{name}{labels} {value}");
    }
}
