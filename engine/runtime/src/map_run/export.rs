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
    pub(super) ends: EndResults,
    pub(super) data: Arc<dyn MapRunData>,
    pub(super) plan: Arc<MapRunPlan>,
    pub(super) config: WriterConfig,
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
        match self.exported().await {
            Ok(output) => News::Exported(output.into()),
            Err(MapRunError { error, cause }) => {
                News::Failed { error: Some(error), cause: Some(cause) }
            }
        }
    }

    async fn exported(&self) -> Result<Json, MapRunError> {
        let mut sink = self.data.export(request(&self.plan, self.config)).await?;
        let written = self.ends.write(&mut *sink).await;
        complete(sink, written).await
    }
}

/// What is to be exported where.
pub(super) fn request(plan: &MapRunPlan, config: WriterConfig) -> ExportResults {
    ExportResults {
        map_run_arn: plan.arn.clone(),
        arguments: plan.export.clone().unwrap_or_else(Payload::empty_object),
        config,
    }
}

/// Completes what was written, or drops it when that has failed.
pub(super) async fn complete(
    sink: Box<dyn ResultSink>,
    written: Result<(), MapRunError>,
) -> Result<Json, MapRunError> {
    match written {
        Ok(()) => sink.finish().await,
        Err(error) => {
            sink.abort().await;
            Err(error)
        }
    }
}

/// The results of child executions whose ends the journal tells.
pub(super) struct EndResults {
    pub(super) source: Source,
    pub(super) plan: Arc<MapRunPlan>,
    pub(super) is_express: bool,
    /// Whether child executions may have ended more than once.
    pub(super) is_redriven: bool,
}

impl EndResults {
    pub(super) async fn write(&self, sink: &mut dyn ResultSink) -> Result<(), MapRunError> {
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
