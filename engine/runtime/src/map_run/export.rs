//! Exporting the results of a Map Run: its journal, read once more from the start of the Map Run on.

use std::collections::BTreeSet;
use std::sync::Arc;

use stepyard_asl::WriterConfig;
use stepyard_json::{Json, Payload};
use stepyard_machine::MapRunPlan;
use tokio_util::sync::CancellationToken;

use super::data::{ExportResults, MapRunData, MapRunError, ResultSink};
use super::ends::Source;
use super::{News, Reporter};

/// Exports the results of one Map Run.
pub(super) struct Exporter {
    pub(super) source: Source,
    pub(super) data: Arc<dyn MapRunData>,
    pub(super) plan: Arc<MapRunPlan>,
    pub(super) config: WriterConfig,
    pub(super) is_express: bool,
    /// Whether child executions may have ended more than once.
    pub(super) is_redriven: bool,
    pub(super) reporter: Reporter,
    /// Set when the Map Run does not count any more.
    pub(super) cancelled: CancellationToken,
}

impl Exporter {
    pub(super) async fn run(self) {
        let cancelled = self.cancelled.clone();
        tokio::select! {
            biased;
            () = cancelled.cancelled() => {}
            news = self.export() => self.reporter.report(news).await,
        }
    }

    async fn export(&self) -> News {
        let request = ExportResults {
            map_run_arn: self.plan.arn.clone(),
            arguments: self.plan.export.clone().unwrap_or_else(Payload::empty_object),
            config: self.config,
        };
        let exported = match self.data.export(request).await {
            Ok(sink) => self.write(sink).await,
            Err(error) => Err(error),
        };
        match exported {
            Ok(output) => News::Exported(output.into()),
            Err(MapRunError { error, cause }) => {
                News::Failed { error: Some(error), cause: Some(cause) }
            }
        }
    }

    async fn write(&self, mut sink: Box<dyn ResultSink>) -> Result<Json, MapRunError> {
        match self.write_all(&mut *sink).await {
            Ok(()) => sink.finish().await,
            Err(error) => {
                sink.abort().await;
                Err(error)
            }
        }
    }

    async fn write_all(&self, sink: &mut dyn ResultSink) -> Result<(), MapRunError> {
        let superseded = match self.is_redriven {
            true => self.source.superseded().await?,
            false => BTreeSet::new(),
        };
        let mut ends = self.source.ends();
        while let Some((position, child)) = ends.next().await? {
            if !superseded.contains(&position) {
                sink.write(&self.plan.result(self.is_express, &child)).await?;
            }
        }
        Ok(())
    }
}
