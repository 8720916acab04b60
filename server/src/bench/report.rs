//! What came out, as a table.

use std::fmt;
use std::time::Duration;

use stepyard_runtime::MetricsSnapshot;

use super::Plan;
use super::process::Usage;

/// The figures of one run.
pub(crate) struct Report {
    pub(super) plan: Plan,
    pub(super) database: String,
    pub(super) elapsed: Duration,
    /// From start to visible end, sorted.
    pub(super) latencies: Vec<Duration>,
    pub(super) before: MetricsSnapshot,
    pub(super) after: MetricsSnapshot,
    pub(super) usage_before: Usage,
    pub(super) usage_after: Usage,
    pub(super) syncs_per_second: f64,
}

impl Report {
    fn rate(&self, counter: impl Fn(&MetricsSnapshot) -> u64) -> f64 {
        let count = counter(&self.after) - counter(&self.before);
        count as f64 / self.elapsed.as_secs_f64()
    }

    fn ratio(
        &self,
        counter: impl Fn(&MetricsSnapshot) -> u64,
        of: impl Fn(&MetricsSnapshot) -> u64,
    ) -> f64 {
        let difference = |counter: &dyn Fn(&MetricsSnapshot) -> u64| {
            (counter(&self.after) - counter(&self.before)) as f64
        };
        difference(&counter) / difference(&of).max(1.0)
    }

    fn percentile(&self, percent: usize) -> Duration {
        let at = (self.latencies.len() * percent / 100).min(self.latencies.len().saturating_sub(1));
        self.latencies.get(at).copied().unwrap_or_default()
    }

    /// Processor time of server, load and database for one state entered and left.
    fn processor_micros_per_transition(&self) -> Option<(f64, f64)> {
        let own = self.usage_after.own?.checked_sub(self.usage_before.own?)?;
        let postgres = self.usage_after.postgres.saturating_sub(self.usage_before.postgres);
        let transitions = (self.after.transitions - self.before.transitions).max(1) as f64;
        let each = |time: Duration| time.as_secs_f64() * 1e6 / transitions;
        Some((each(own), each(postgres)))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = &self.plan;
        let way = if plan.in_process { "in-process" } else { "over HTTP" };
        let (workload, clients) = (plan.workload.name(), plan.clients);
        let bytes = plan.payload_bytes;
        writeln!(f, "workload              {workload}, {clients} clients {way}, {bytes} bytes")?;
        writeln!(f, "database              {}", self.database)?;
        writeln!(
            f,
            "executions/s          {:.0}",
            self.latencies.len() as f64 / self.elapsed.as_secs_f64()
        )?;
        writeln!(f, "transitions/s         {:.0}", self.rate(|metrics| metrics.transitions))?;
        let millis = |percent| self.percentile(percent).as_secs_f64() * 1e3;
        writeln!(f, "start to end          p50 {:.2} ms, p99 {:.2} ms", millis(50), millis(99))?;
        writeln!(f, "commits/s             {:.0}", self.rate(|metrics| metrics.commits))?;
        let events = self.ratio(|metrics| metrics.events, |metrics| metrics.commits);
        writeln!(f, "events per commit     {events:.1}")?;
        match self.processor_micros_per_transition() {
            Some((own, postgres)) if postgres > 0.0 => {
                let all = own + postgres;
                writeln!(
                    f,
                    "CPU per transition    {all:.1} us, {postgres:.1} us of them Postgres"
                )?;
            }
            Some((own, _)) => writeln!(f, "CPU per transition    {own:.1} us")?,
            None => writeln!(f, "CPU per transition    unknown on this system")?,
        }
        if let Some(resident) = self.usage_after.resident {
            writeln!(f, "resident memory       {:.0} MiB", resident as f64 / f64::from(1 << 20))?;
        }
        write!(f, "fsyncs/s of the disk  {:.0}", self.syncs_per_second)
    }
}
