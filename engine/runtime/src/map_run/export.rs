//! Exporting the results of a Map Run: its journal, read once more from the start of the Map Run on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use stepyard_asl::WriterConfig;
use stepyard_json::{Json, Payload};
use stepyard_machine::MapRunPlan;
use stepyard_store::Error;
use tokio_util::sync::CancellationToken;

use super::data::{ExportResults, MapRunData, MapRunError, ResultSink};
use super::ends::Source;
use super::{News, Reporter};

/// The pause before results are exported anew.
const PAUSE: Duration = Duration::from_secs(1);

/// Why results are not exported.
pub(super) enum ExportError {
    /// The store does not give what is to be exported; later it may.
    Unavailable(Error),
    /// Trying again would not help.
    Failed(MapRunError),
}

impl From<Error> for ExportError {
    fn from(error: Error) -> ExportError {
        match error {
            Error::Corrupt { .. } => ExportError::Failed(MapRunError {
                error: "States.Runtime".into(),
                cause: error.to_string().into(),
            }),
            error => ExportError::Unavailable(error),
        }
    }
}

impl From<MapRunError> for ExportError {
    fn from(error: MapRunError) -> ExportError {
        ExportError::Failed(error)
    }
}

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
        loop {
            match self.exported().await {
                Ok(output) => return News::Exported(output.into()),
                Err(ExportError::Failed(MapRunError { error, cause })) => {
                    return News::Failed { error: Some(error), cause: Some(cause) };
                }
                Err(ExportError::Unavailable(error)) => {
                    let Source { shared, execution, .. } = &self.ends.source;
                    tracing::warn!(%error, execution = %execution.0, "the results of a Map Run are not exported yet; trying again");
                    shared.clock.sleep(PAUSE).await;
                }
            }
        }
    }

    async fn exported(&self) -> Result<Json, ExportError> {
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
    written: Result<(), ExportError>,
) -> Result<Json, ExportError> {
    match written {
        Ok(()) => Ok(sink.finish().await?),
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
    pub(super) async fn write(&self, sink: &mut dyn ResultSink) -> Result<(), ExportError> {
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
